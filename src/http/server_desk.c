/* SPDX-License-Identifier: Apache-2.0 */
/* A thread with a daemon of libmicrohttpd, which we run ourselves: its own threads wait again when
 * exactly as many connections have spoken as they fetch at once (128), and all of those are served
 * no sooner than another one speaks. Run without waiting, it has no such hole. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/time.h"
#include "http/server_priv.h"

struct arrival { /* a connection on its way to the thread */
    struct arrival *next;
    int fd;
    struct peer_key peer;
    struct sockaddr_storage address;
    socklen_t n;
};

static void wake(struct desk *desk)
{
    /* No sys_write_all: it changes nothing on a disk, so no fault test shall let it fail. */
    if (!atomic_exchange(&desk->woken, true))
        (void)eventfd_write(desk->event_fd, 1);
}

static struct arrival *take_arrivals(struct desk *desk)
{
    pthread_mutex_lock(&desk->mutex);
    struct arrival *a = desk->arrivals;
    desk->arrivals = NULL;
    desk->arrivals_tail = &desk->arrivals;
    pthread_mutex_unlock(&desk->mutex);
    return a;
}

static void add_arrivals(struct desk *desk)
{
    struct http_server *s = desk->door->s;

    for (struct arrival *a = take_arrivals(desk), *next; a; a = next) {
        next = a->next;
        desk->noted = false;
        /* Takes the descriptor in any case. */
        if (s->mhd->add_connection(desk->d, a->fd, (struct sockaddr *)&a->address, a->n) !=
                MHD_YES &&
            !desk->noted) {
            peer_leave(s, &a->peer);
            atomic_fetch_sub(&desk->n_conns, 1);
        }
        free(a);
    }
}

static void wait_for_work(struct desk *desk)
{
    MHD_UNSIGNED_LONG_LONG ms;
    struct pollfd p[] = {{desk->epoll_fd, POLLIN, 0}, {desk->event_fd, POLLIN, 0}};
    int most = -1; /* ms */

    if (desk->door->s->mhd->get_timeout(desk->d, &ms) == MHD_YES)
        most = ms < INT_MAX ? (int)ms : INT_MAX;
    if (most != 0 && poll(p, ARRAY_SIZE(p), most) > 0 && p[1].revents)
        (void)eventfd_read(desk->event_fd, &(eventfd_t){0});
}

static void *desk_main(void *arg)
{
    struct desk *desk = arg;

    while (!atomic_load(&desk->stopping)) {
        wait_for_work(desk);
        if (atomic_exchange(&desk->woken, false))
            add_arrivals(desk);
        desk_run(desk);
    }
    return NULL;
}

void desk_run(struct desk *desk)
{
    (void)desk->door->s->mhd->run(desk->d);
}

void desk_give(struct desk *desk, int fd, const struct peer_key *k, const void *address,
               socklen_t n)
{
    struct arrival *a = mem_alloc(sizeof *a);

    if (!a) {
        close(fd);
        peer_leave(desk->door->s, k);
        return;
    }
    a->fd = fd;
    a->peer = *k;
    memcpy(&a->address, address, n < sizeof a->address ? n : sizeof a->address);
    a->n = n;
    atomic_fetch_add(&desk->n_conns, 1);
    pthread_mutex_lock(&desk->mutex);
    *desk->arrivals_tail = a;
    desk->arrivals_tail = &a->next;
    pthread_mutex_unlock(&desk->mutex);
    wake(desk);
}

void desk_resume(struct desk *desk, struct MHD_Connection *c)
{
    /* The connection may end, and the server stop, before this is over. */
    atomic_fetch_add(&desk->n_resuming, 1);
    desk->door->s->mhd->resume_connection(c);
    wake(desk);
    atomic_fetch_sub(&desk->n_resuming, 1);
}

int desk_start(struct desk *desk, struct shale_err *e)
{
    const union MHD_DaemonInfo *info =
        desk->door->s->mhd->get_daemon_info(desk->d, MHD_DAEMON_INFO_EPOLL_FD);

    if (!info)
        return err_set(e, SHALE_SYSTEM, "the HTTP server cannot be started");
    desk->epoll_fd = info->epoll_fd;
    desk->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (desk->event_fd < 0)
        return err_sys(e, "cannot wait for connections");
    int r = thread_start(&desk->thread, 0, desk_main, desk, e); /* no SIGPIPE of sendfile there */
    desk->runs = r >= 0;
    return r;
}

void desk_init(struct desk *desk, struct door *door)
{
    desk->door = door;
    desk->event_fd = -1;
    desk->arrivals_tail = &desk->arrivals;
    pthread_mutex_init(&desk->mutex, NULL);
}

void desk_halt(struct desk *desk)
{
    if (desk->runs) {
        atomic_store(&desk->stopping, true);
        wake(desk);
        pthread_join(desk->thread, NULL);
        desk->runs = false;
    }
    for (struct arrival *a = take_arrivals(desk), *next; a; a = next) {
        next = a->next;
        close(a->fd);
        peer_leave(desk->door->s, &a->peer);
        free(a);
    }
}

void desk_close(struct desk *desk)
{
    struct timespec pause = {.tv_nsec = NS_PER_MS};

    desk_halt(desk);
    if (desk->d)
        desk->door->s->mhd->stop_daemon(desk->d);
    while (atomic_load(&desk->n_resuming) > 0)
        nanosleep(&pause, NULL);
    if (desk->event_fd >= 0)
        close(desk->event_fd);
    pthread_mutex_destroy(&desk->mutex);
}
