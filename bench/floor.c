/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor under a pull: download, SHA-256 of the compressed bytes, ISA-L inflate, SHA-256 of the
 * tar and both writes, one layer a thread, nothing else. No checks, no names, no index: what
 * hardware and libraries allow. A pull is measured against it in the same run.
 *
 *   floor OUTDIR THREADS BASEURL DIGEST...      BASEURL is http://HOST/v2/REPOSITORY/blobs
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUT_BYTES (256 << 10)

struct work {
    const char *dir, *base;
    char **digests;
    int n;
    atomic_int next;
};

struct stream {
    EVP_MD_CTX *gz_hash, *tar_hash;
    int gz_fd, tar_fd;
    struct inflate_state inflate;
    unsigned char *out;
};

static void put(int fd, const void *p, size_t n)
{
    const char *q = p;
    while (n > 0) {
        ssize_t k = write(fd, q, n);
        if (k < 0) {
            perror("write");
            exit(1);
        }
        q += k;
        n -= (size_t)k;
    }
}

static size_t on_data(char *p, size_t size, size_t count, void *arg)
{
    struct stream *s = arg;
    size_t n = size * count;

    EVP_DigestUpdate(s->gz_hash, p, n);
    put(s->gz_fd, p, n);
    s->inflate.next_in = (unsigned char *)p;
    s->inflate.avail_in = (uint32_t)n;
    do {
        s->inflate.next_out = s->out;
        s->inflate.avail_out = OUT_BYTES;
        if (isal_inflate(&s->inflate) != ISAL_DECOMP_OK) {
            fprintf(stderr, "floor: inflate failed\n");
            return 0;
        }
        size_t k = OUT_BYTES - s->inflate.avail_out;
        EVP_DigestUpdate(s->tar_hash, s->out, k);
        put(s->tar_fd, s->out, k);
        if (s->inflate.block_state == ISAL_BLOCK_FINISH)
            break;
    } while (s->inflate.avail_in > 0 || s->inflate.avail_out == 0);
    return n;
}

static int create(const char *dir, const char *digest, const char *suffix)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", dir, digest + 7, suffix);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (fd < 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

static void one_layer(CURL *curl, struct stream *s, const struct work *w, const char *digest)
{
    unsigned char md[EVP_MAX_MD_SIZE], hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned int n = 0;
    char url[4096];

    EVP_DigestInit_ex(s->gz_hash, EVP_sha256(), NULL);
    EVP_DigestInit_ex(s->tar_hash, EVP_sha256(), NULL);
    s->gz_fd = create(w->dir, digest, ".gz");
    s->tar_fd = create(w->dir, digest, ".tar");
    isal_inflate_init(&s->inflate);
    s->inflate.crc_flag = ISAL_GZIP;
    snprintf(url, sizeof url, "%s/%s", w->base, digest);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, s);
    if (curl_easy_perform(curl) != CURLE_OK) {
        fprintf(stderr, "floor: %s failed\n", url);
        exit(1);
    }
    EVP_DigestFinal_ex(s->gz_hash, md, &n);
    for (unsigned int i = 0; i < n; i++)
        snprintf((char *)hex + 2 * (size_t)i, 3, "%02x", md[i]);
    if (strcmp((char *)hex, digest + 7) != 0) {
        fprintf(stderr, "floor: digest of %s differs\n", digest);
        exit(1);
    }
    EVP_DigestFinal_ex(s->tar_hash, md, &n);
    close(s->gz_fd);
    close(s->tar_fd);
}

static void *worker(void *arg)
{
    struct work *w = arg;
    CURL *curl = curl_easy_init();
    struct stream *s = calloc(1, sizeof *s);
    int i;

    if (!curl || !s || !(s->out = malloc(OUT_BYTES)))
        exit(1);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 512L << 10);
    s->gz_hash = EVP_MD_CTX_new();
    s->tar_hash = EVP_MD_CTX_new();
    while ((i = atomic_fetch_add(&w->next, 1)) < w->n)
        one_layer(curl, s, w, w->digests[i]);
    EVP_MD_CTX_free(s->gz_hash);
    EVP_MD_CTX_free(s->tar_hash);
    free(s->out);
    free(s);
    curl_easy_cleanup(curl);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[16];
    if (argc < 5) {
        fprintf(stderr, "usage: floor OUTDIR THREADS BASEURL DIGEST...\n");
        return 2;
    }
    int n = (int)strtol(argv[2], NULL, 10);
    struct work w = {.dir = argv[1], .base = argv[3], .digests = argv + 4, .n = argc - 4};
    if (n < 1 || n > 16)
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (int i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, worker, &w) != 0)
            return 1;
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
