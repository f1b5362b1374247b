/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds every file of the folders named on the command line to a fuzz target, so that each crash
 * that was ever found stays an ordinary test. Fails when a folder is missing or empty. */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return -1;
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    /* Exactly n bytes, so that the sanitizer sees a read past the end. */
    uint8_t *p = malloc(n > 0 ? (size_t)n : 1);
    if (!p || fread(p, 1, (size_t)n, f) != (size_t)n) {
        fclose(f);
        free(p);
        return -1;
    }
    fclose(f);
    LLVMFuzzerTestOneInput(p, (size_t)n);
    free(p);
    return 0;
}

int main(int argc, char **argv)
{
    size_t n_run = 0;

    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        if (!d) {
            fprintf(stderr, "run_corpus: cannot open %s\n", argv[i]);
            return 1;
        }
        for (struct dirent *de; (de = readdir(d));) {
            char path[4096];
            if (de->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], de->d_name);
            if (run_file(path) < 0) {
                fprintf(stderr, "run_corpus: cannot read %s\n", path);
                return 1;
            }
            n_run++;
        }
        closedir(d);
    }
    printf("%zu inputs\n", n_run);
    return n_run ? 0 : 1;
}
