/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: libmicrohttpd's responses with a count of their own, so that a cache may hold them. */
#include "base/mem.h"
#include "http/server_priv.h"

struct http_response {
    atomic_uint refs;
    const struct mhd_api *mhd;
    struct MHD_Response *m;
    uint64_t n; /* bytes of the body */
};

/* Takes m. */
static struct http_response *wrap(const struct mhd_api *mhd, struct MHD_Response *m, uint64_t n)
{
    struct http_response *p = m ? mem_alloc(sizeof *p) : NULL;

    if (!p) {
        if (m)
            mhd->destroy_response(m);
        return NULL;
    }
    p->mhd = mhd;
    p->m = m;
    p->n = n;
    atomic_init(&p->refs, 1);
    return p;
}

struct http_response *http_response_copy(const void *bytes, size_t n)
{
    const struct mhd_api *mhd;

    if (mhd_api_get(&mhd, NULL) < 0)
        return NULL;
    return wrap(mhd,
                mhd->create_response_from_buffer(n, n ? (void *)(uintptr_t)bytes : "",
                                                 MHD_RESPMEM_MUST_COPY),
                n);
}

struct http_response *http_response_mem(const void *bytes, size_t n, void (*release)(void *arg),
                                        void *arg)
{
    const struct mhd_api *mhd;
    struct http_response *p = NULL;

    if (mhd_api_get(&mhd, NULL) >= 0) {
        void *b = (void *)(uintptr_t)bytes;
        p = wrap(mhd,
                 release
                     ? mhd->create_response_from_buffer_with_free_callback_cls(n, b, release, arg)
                     : mhd->create_response_from_buffer(n, b, MHD_RESPMEM_PERSISTENT),
                 n);
    }
    return p;
}

struct http_response *http_response_file(int fd, uint64_t offset, uint64_t n)
{
    const struct mhd_api *mhd;
    struct MHD_Response *m = NULL;

    if (mhd_api_get(&mhd, NULL) >= 0)
        m = mhd->create_response_from_fd_at_offset64(n, fd, offset);
    if (!m) {
        close(fd);
        return NULL;
    }
    return wrap(mhd, m, n);
}

_Static_assert(HTTP_READ_FAIL == MHD_CONTENT_READER_END_WITH_ERROR, "as the library has it");

struct http_response *http_response_stream(uint64_t n, size_t block,
                                           ssize_t (*read)(void *arg, uint64_t pos, char *p,
                                                           size_t n),
                                           void (*release)(void *arg), void *arg)
{
    const struct mhd_api *mhd;
    struct MHD_Response *m = NULL;

    if (mhd_api_get(&mhd, NULL) >= 0)
        m = mhd->create_response_from_callback(n, block, read, arg, release);
    if (!m) {
        release(arg);
        return NULL;
    }
    return wrap(mhd, m, n); /* which releases too when it fails */
}

/* Never called: HEAD has no body. */
static ssize_t no_bytes(void *cls, uint64_t pos, char *p, size_t n)
{
    (void)cls, (void)pos, (void)p, (void)n;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

struct http_response *http_response_head(uint64_t n)
{
    const struct mhd_api *mhd;

    if (mhd_api_get(&mhd, NULL) < 0)
        return NULL;
    return wrap(mhd, mhd->create_response_from_callback(n, 1024, no_bytes, NULL, NULL), 0);
}

void http_response_header(struct http_response *p, const char *name, const char *value)
{
    if (p)
        (void)p->mhd->add_response_header(p->m, name, value);
}

struct http_response *http_response_ref(struct http_response *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void http_response_unref(struct http_response *p)
{
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    p->mhd->destroy_response(p->m);
    free(p);
}

void http_respond(struct http_req *q_, unsigned status, struct http_response *p)
{
    struct req *q = req_of(q_);

    if (q->response || q->status) { /* only the first counts */
        http_response_unref(p);
        return;
    }
    q->status = p ? status : 500;
    q->q.sent_status = q->status;
    q->response = p ? p : http_response_mem("", 0, NULL, NULL);
    if (q->response && q->q.method != HTTP_HEAD && q->status != 304 && q->status != 204)
        q->q.answer_bytes = q->response->n;
}

struct MHD_Response *response_raw(struct http_response *p)
{
    return p->m;
}
