/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/thread.h"

#define BLOCK_BYTES (64u << 10)

struct pump {
    int (*work)(void *arg, int fd, struct shale_err *e);
    void *arg;
    int fd, r;
    struct shale_err e;
};

static void *run(void *arg)
{
    struct pump *p = arg;
    p->r = p->work(p->arg, p->fd, &p->e);
    close(p->fd);
    return NULL;
}

/* What the thread writes, until it ends or the client has gone. */
static int send_all(struct api_req *q, const char *content_type, int fd, void *block)
{
    for (;;) {
        ssize_t n = read(fd, block, BLOCK_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        int r = api_stream_begun(q) ? 0 : api_stream_begin(q, 200, content_type);
        if (r >= 0)
            r = api_stream_write(q, block, (size_t)n);
        if (r < 0)
            return r;
    }
}

int api_pump(struct api_req *q, const char *content_type,
             int (*work)(void *arg, int fd, struct shale_err *e), void *arg, struct shale_err *e)
{
    struct pump p = {.work = work, .arg = arg, .e = SHALE_ERR_INIT};
    _cleanup_free_ void *block = mem_alloc(BLOCK_BYTES);
    pthread_t thread;
    int fds[2];
    if (!block)
        return err_nomem(e);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    p.fd = fds[1];
    int r = thread_start(&thread, 0, run, &p, e);
    if (r < 0) {
        close(fds[0]);
        close(fds[1]);
        return r;
    }
    r = send_all(q, content_type, fds[0], block);
    close(fds[0]); /* who still writes is told */
    pthread_join(thread, NULL);
    if (p.r < 0) {
        *e = p.e;
        return p.r;
    }
    /* A client that has gone cares for nothing; one that gets no byte still gets an answer. */
    return r < 0 || api_stream_begun(q) ? r : api_stream_begin(q, 200, content_type);
}
