/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <signal.h>
#include <string.h>

int thread_start(pthread_t *ret, size_t stack_bytes, void *(*f)(void *arg), void *arg,
                 struct shale_err *e)
{
    pthread_attr_t attr;
    sigset_t all, old;
    pthread_t thread;
    int rc = pthread_attr_init(&attr);

    if (rc == 0) {
        if (stack_bytes)
            (void)pthread_attr_setstacksize(&attr, stack_bytes);
        if (!ret)
            (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        rc = pthread_create(&thread, &attr, f, arg);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        pthread_attr_destroy(&attr);
    }
    if (rc != 0)
        return err_set(e, SHALE_SYSTEM, "cannot start a thread: %s", strerror(rc));
    if (ret)
        *ret = thread;
    return 0;
}
