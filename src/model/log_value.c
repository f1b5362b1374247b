/* SPDX-License-Identifier: Apache-2.0 */
#include "model/log_value.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/str.h"

#define DIGITS_MAX 15

enum option {
    OPT_MAX_SIZE,
    OPT_MAX_FILE,
    OPT_COMPRESS,
    OPT_MODE,
    OPT_LATER,
};
static const struct {
    const char *name;
    enum option option;
} options[] = {
    {"max-size", OPT_MAX_SIZE},     {"max-file", OPT_MAX_FILE},
    {"compress", OPT_COMPRESS},     {"mode", OPT_MODE},
    {"max-buffer-size", OPT_LATER}, {"labels", OPT_LATER},
    {"labels-regex", OPT_LATER},    {"env", OPT_LATER},
    {"env-regex", OPT_LATER},       {"tag", OPT_LATER},
};
static const char *const other_drivers[] = {"awslogs", "fluentd",    "gcplogs", "gelf",  "journald",
                                            "etwlogs", "logentries", "splunk",  "syslog"};

/* "10m": thousands, as docker counts sizes of files. */
static bool parse_size(const char *s, int64_t *ret)
{
    static const char units[] = "bkmgt";
    size_t n = strspn(s, "0123456789");
    int64_t v = 0;

    if (n == 0 || n > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (s[i] - '0');
    s += n + strspn(s + n, " ");
    const char *unit = *s ? strchr(units, *s | 0x20) : units;
    if (!unit || !*unit)
        return false;
    for (const char *u = units; u < unit; u++)
        if (__builtin_mul_overflow(v, (int64_t)1000, &v))
            return false;
    if (*s)
        s++;
    if (*s == 'b' || *s == 'B')
        s++;
    *ret = v;
    return !*s;
}

static int take_size(const char *text, struct log_value *v, struct shale_err *e)
{
    if (streq(text, "-1")) {
        v->max_bytes = 0;
        return 0;
    }
    if (!parse_size(text, &v->max_bytes))
        return err_set(e, SHALE_INVALID, "max-size: invalid size: '%.60s'", text);
    return v->max_bytes > 0 ? 0 : err_set(e, SHALE_INVALID, "max-size must be a positive number");
}

static int take_files(const char *text, struct log_value *v, struct shale_err *e)
{
    uint64_t n;

    if (!str_to_u64(text, &n))
        return err_set(e, SHALE_INVALID, "max-file: '%.60s' is no number", text);
    if (n < 1)
        return err_set(e, SHALE_INVALID, "max-file cannot be less than 1");
    if (n > LOG_MAX_FILES)
        return err_set(e, SHALE_LIMIT, "max-file: more than %d files", LOG_MAX_FILES);
    v->n_files = (unsigned)n;
    return 0;
}

static int take_option(const char *driver, const char *name, const char *text, struct log_value *v,
                       struct shale_err *e)
{
    size_t i = 0;

    while (i < ARRAY_SIZE(options) && !streq(options[i].name, name))
        i++;
    if (i == ARRAY_SIZE(options))
        return err_set(e, SHALE_INVALID, "unknown log opt '%.60s' for %s log driver", name, driver);
    switch (options[i].option) {
    case OPT_MAX_SIZE:
        return take_size(text, v, e);
    case OPT_MAX_FILE:
        return take_files(text, v, e);
    case OPT_COMPRESS:
        return streq(text, "false") ? 0
                                    : err_set(e, SHALE_UNSUPPORTED,
                                              "log opt 'compress': only false is supported yet");
    case OPT_MODE:
        return streq(text, "blocking") ? 0
                                       : err_set(e, SHALE_UNSUPPORTED,
                                                 "log opt 'mode': only blocking is supported yet");
    case OPT_LATER:
        break;
    }
    return err_set(e, SHALE_UNSUPPORTED, "log opt '%s' is not supported yet", name);
}

int log_value(const char *driver, const struct strmap *opts, struct log_value *ret,
              struct shale_err *e)
{
    const char *name = driver && *driver ? driver : "json-file";
    bool local = streq(name, "local");
    struct log_value v = {.none = streq(name, "none"),
                          .max_bytes = local ? LOG_LOCAL_BYTES : 0,
                          .n_files = local ? LOG_LOCAL_FILES : 1};
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(other_drivers); i++)
        if (streq(other_drivers[i], name))
            return err_set(e, SHALE_UNSUPPORTED, "logging driver \"%s\" is not supported yet",
                           name);
    if (!v.none && !local && !streq(name, "json-file") && !streq(name, "k8s-file"))
        return err_set(e, SHALE_INVALID, "logger: no log driver named '%.60s' is registered", name);
    for (size_t i = 0; r >= 0 && i < opts->n && !v.none; i++)
        r = take_option(name, opts->m[i].k, opts->m[i].v, &v, e);
    if (r >= 0)
        *ret = v;
    return r;
}
