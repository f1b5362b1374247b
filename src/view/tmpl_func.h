/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The functions that templates may call. Private to view/tmpl*.c. */
#include "view/tmpl.h"

struct exec;

enum tmpl_param {              /* Go types of parameters */
                  PARAM_ANY,   /* interface {} */
                  PARAM_VALUE, /* reflect.Value: sees that there is no value */
                  PARAM_STRING,
                  PARAM_INT,
                  PARAM_STRINGS, /* []string */
};
#define TMPL_MAX_FIXED 3

struct tmpl_func {
    const char *name;
    enum tmpl_param params[TMPL_MAX_FIXED];
    unsigned n_fixed;
    bool variadic;      /* any number more, of the type params[n_fixed] */
    bool short_circuit; /* and, or: evaluated by the caller, fn is not called */
    bool header_inert;  /* in a header it gives its (last text) argument back */
    /* Arguments are of the types above. Fails through exec_fail_call. */
    int (*fn)(struct exec *x, const struct tmpl_val *args, size_t n, struct tmpl_val *ret);
};

const struct tmpl_func *tmpl_func_find(struct str name); /* NULL: none */
