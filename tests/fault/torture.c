/* SPDX-License-Identifier: Apache-2.0 */
#include "torture.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define N_MAX       2000000ul
#define WRONG_SHOWN 5

struct outcome {
    char *text;
    size_t n;
    int r;
    unsigned long n_allocs;
    struct shale_err e;
};

static struct outcome once(const struct torture *t, unsigned long n)
{
    struct outcome o = {.e = SHALE_ERR_INIT};
    FILE *out = open_memstream(&o.text, &o.n);

    assert_non_null(out);
    if (t->before)
        t->before(t->arg);
    (void)mem_fault_arm(n);
    o.r = t->f(t->arg, out, &o.e);
    o.n_allocs = mem_fault_arm(0);
    (void)fclose(out);
    return o;
}

/* True if that is a right outcome of a run with the n-th allocation failing. */
static bool is_right(const struct outcome *o, const struct outcome *want)
{
    if (o->r == -SHALE_NO_MEMORY)
        return o->e.code == SHALE_NO_MEMORY && o->e.msg[0] && !strchr(o->e.msg, '\n');
    if (o->r < 0) /* what refuses its input goes on doing so; the words may come short */
        return o->r == want->r && o->e.code == want->e.code && o->e.msg[0];
    return o->r == want->r && strcmp(o->text, want->text) == 0;
}

unsigned long torture(const struct torture *t)
{
    struct outcome want, o;
    unsigned n_wrong = 0;
    bool failed = true;

    free(once(t, 0).text); /* what is made once for the process */
    want = once(t, 0);
    for (unsigned long n = 1; failed; n += t->dense && n > t->dense ? 1 + n / t->dense : 1) {
        assert_true(n < N_MAX);
        o = once(t, n);
        failed = o.n_allocs >= n; /* the n-th was reached */
        if (!is_right(&o, &want) && n_wrong++ < WRONG_SHOWN)
            print_error("%s: allocation %lu of %lu: %d (%s) \"%s\", output \"%s\"\n", t->name, n,
                        want.n_allocs, o.r, err_name(o.e.code), o.e.msg, o.text);
        free(o.text);
    }
    if (n_wrong)
        print_error("%s: %u wrong; without a failure: %d \"%s\", output \"%s\"\n", t->name, n_wrong,
                    want.r, want.e.msg, want.text);
    free(want.text);
    assert_int_equal(n_wrong, 0);
    return want.n_allocs;
}
