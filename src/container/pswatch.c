/* SPDX-License-Identifier: Apache-2.0 */
#include "container/pswatch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"

struct shale_ps_watch {
    struct pollfd processes[PSWATCH_MAX];
    int files[PSWATCH_MAX];
    size_t n_processes, n_files;
    bool partly;
};

static void close_all(void *arg)
{
    struct shale_ps_watch *w = arg;

    for (size_t i = 0; i < w->n_processes; i++)
        close(w->processes[i].fd);
    for (size_t i = 0; i < w->n_files; i++)
        close(w->files[i]);
}

struct shale_ps_watch *pswatch_new(struct arena *a)
{
    struct shale_ps_watch *w = arena_alloc(a, sizeof *w);

    if (!w)
        return NULL;
    w->n_processes = w->n_files = 0;
    w->partly = false;
    return arena_defer(a, close_all, w) < 0 ? NULL : w;
}

bool pswatch_process(struct shale_ps_watch *w, const struct process *p)
{
    int fd = !w->partly && w->n_processes < PSWATCH_MAX ? process_open(p) : -1;

    w->partly |= fd < 0;
    if (fd >= 0)
        w->processes[w->n_processes++] = (struct pollfd){.fd = fd, .events = POLLIN};
    return fd >= 0;
}

bool pswatch_file(struct shale_ps_watch *w, const char *path)
{
    int fd = !w->partly && w->n_files < PSWATCH_MAX ? sys_openat(AT_FDCWD, path, O_PATH, 0) : -1;

    w->partly |= fd < 0;
    if (fd >= 0)
        w->files[w->n_files++] = fd;
    return fd >= 0;
}

bool pswatch_is_whole(const struct shale_ps_watch *w)
{
    return !w->partly;
}

bool pswatch_is_true(const struct shale_ps_watch *w)
{
    struct pollfd v[PSWATCH_MAX]; /* of this thread: poll writes into it */
    struct stat st;

    memcpy(v, w->processes, w->n_processes * sizeof *v);
    if (w->n_processes > 0 && poll(v, w->n_processes, 0) != 0)
        return false;
    for (size_t i = 0; i < w->n_files; i++)
        if (fstat(w->files[i], &st) < 0 || st.st_nlink == 0)
            return false;
    return true;
}
