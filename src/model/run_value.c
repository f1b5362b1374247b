/* SPDX-License-Identifier: Apache-2.0 */
#include "model/run_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>

#include "base/cleanup.h"
#include "base/str.h"

#define DOMAIN_BYTES_MAX 255

static int check_size(const char *text, struct shale_err *e)
{
    return strlen(text) <= RUN_VALUE_BYTES
               ? 0
               : err_set(e, SHALE_LIMIT, "value of more than %d bytes", RUN_VALUE_BYTES);
}

static int give(char *s, char **ret, struct shale_err *e)
{
    if (!s)
        return err_nomem(e);
    *ret = s;
    return 0;
}

/* ---- names and addresses ---- */

static bool canonical_ip(const char *text, char ret[INET6_ADDRSTRLEN])
{
    unsigned char raw[sizeof(struct in6_addr)];
    const struct in6_addr *six = (const void *)raw;

    if (inet_pton(AF_INET, text, raw) == 1)
        return inet_ntop(AF_INET, raw, ret, INET6_ADDRSTRLEN) != NULL;
    if (inet_pton(AF_INET6, text, raw) != 1)
        return false;
    if (IN6_IS_ADDR_V4MAPPED(six))
        return inet_ntop(AF_INET, raw + 12, ret, INET6_ADDRSTRLEN) != NULL;
    return inet_ntop(AF_INET6, raw, ret, INET6_ADDRSTRLEN) != NULL;
}

static char *trimmed(const char *text, struct arena *a)
{
    struct str s = str_trim(str_of(text));

    return arena_strndup(a, s.p, s.n);
}

int run_extra_host(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    const char *sep = strchr(text, '=');
    char ip[INET6_ADDRSTRLEN], *address, *bare;
    size_t n;
    int r = check_size(text, e);

    if (r < 0)
        return r;
    if (!sep)
        sep = strchr(text, ':');
    if (!sep || sep == text)
        return err_set(e, SHALE_INVALID, "bad format for add-host: \"%.300s\"", text);
    address = arena_strdup(a, sep + 1);
    if (!address)
        return err_nomem(e);
    n = strlen(address);
    if (n > 2 && address[0] == '[' && address[n - 1] == ']') {
        address[n - 1] = 0;
        address++;
    }
    bare = trimmed(address, a);
    if (!bare)
        return err_nomem(e);
    if (!streq(address, RUN_HOST_GATEWAY) && !canonical_ip(bare, ip))
        return err_set(e, SHALE_INVALID, "invalid IP address in add-host: \"%.300s\"", address);
    return give(arena_printf(a, "%.*s:%s", (int)(sep - text), text, address), ret, e);
}

int run_dns(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    char ip[INET6_ADDRSTRLEN], *bare;
    int r = check_size(text, e);

    if (r < 0)
        return r;
    bare = trimmed(text, a);
    if (!bare)
        return err_nomem(e);
    if (!canonical_ip(bare, ip))
        return err_set(e, SHALE_INVALID, "IP address is not correctly formatted: %.300s", text);
    return give(arena_strdup(a, ip), ret, e);
}

static bool is_label(struct str s)
{
    if (s.n == 0 || s.p[0] == '-' || s.p[s.n - 1] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-')
            return false;
    return true;
}

static bool is_domain(struct str s)
{
    struct str one;
    bool letter = false;

    for (size_t i = 0; i < s.n; i++)
        letter = letter || isalpha((unsigned char)s.p[i]);
    if (s.n > 0 && s.p[s.n - 1] == '.')
        s.n--;
    if (!letter || s.n == 0 || s.n >= DOMAIN_BYTES_MAX || s.p[s.n - 1] == '.')
        return false;
    while (s.n > 0 && str_split(&s, '.', &one))
        if (!is_label(one))
            return false;
    return true;
}

int run_dns_search(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct str s = str_trim(str_of(text));
    int r = check_size(text, e);

    if (r < 0)
        return r;
    if (!str_eq(s, STR(".")) && !is_domain(s))
        return err_set(e, SHALE_INVALID, "%.300s is not a valid domain", text);
    return give(arena_strndup(a, s.p, s.n), ret, e);
}

/* ---- what the kernel keeps for each container ---- */

static const char *const sysctl_names[] = {
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
    "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
};
static const char *const sysctl_families[] = {"net.", "fs.mqueue."};

static bool sysctl_is_own(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(sysctl_names); i++)
        if (strlen(sysctl_names[i]) == n && memcmp(sysctl_names[i], name, n) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(sysctl_families); i++)
        if (str_has_prefix(name, sysctl_families[i]))
            return true;
    return false;
}

int run_sysctl(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    const char *eq = strchr(text, '=');
    int r = check_size(text, e);

    if (r < 0)
        return r;
    if (!eq || !sysctl_is_own(text, (size_t)(eq - text)))
        return err_set(e, SHALE_INVALID, "sysctl '%.300s' is not allowed", text);
    return give(arena_strdup(a, text), ret, e);
}

static const char *const ulimit_names[] = {
    "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
    "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack",
};

static int number(struct str s, int64_t *ret, struct shale_err *e)
{
    char text[32];
    size_t digits = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
    bool fits = s.n<sizeof text, good = s.n> digits;

    for (size_t i = digits; i < s.n; i++)
        good = good && s.p[i] >= '0' && s.p[i] <= '9';
    if (good && fits) {
        size_t skip = s.p[0] == '+';
        memcpy(text, s.p + skip, s.n - skip);
        text[s.n - skip] = 0;
        fits = str_to_i64(text, ret);
    }
    if (good && fits)
        return 0;
    return err_set(e, SHALE_INVALID, "strconv.ParseInt: parsing \"%.*s\": %s",
                   (int)(s.n > 200 ? 200 : s.n), s.n ? s.p : "",
                   good ? "value out of range" : "invalid syntax");
}

int run_ulimit(const char *text, struct run_ulimit *ret, struct shale_err *e)
{
    const char *eq = strchr(text, '=');
    struct run_ulimit u = {.name = NULL};
    struct str rest, soft, hard;
    int r = check_size(text, e);

    if (r < 0)
        return r;
    if (!eq)
        return err_set(e, SHALE_INVALID, "invalid ulimit argument: %.300s", text);
    for (size_t i = 0; i < ARRAY_SIZE(ulimit_names); i++)
        if (str_eq((struct str){text, (size_t)(eq - text)}, str_of(ulimit_names[i])))
            u.name = ulimit_names[i];
    if (!u.name)
        return err_set(e, SHALE_INVALID, "invalid ulimit type: %.*s",
                       (int)(eq - text > 300 ? 300 : eq - text), text);
    rest = str_of(eq + 1);
    const char *colon = strchr(rest.p, ':');
    soft = (struct str){rest.p, colon ? (size_t)(colon - rest.p) : rest.n};
    hard = colon ? str_of(colon + 1) : soft;
    if (colon && strchr(colon + 1, ':'))
        return err_set(e, SHALE_INVALID,
                       "too many limit value arguments - %.200s, can only have up to two, "
                       "`soft[:hard]`",
                       rest.p);
    r = number(hard, &u.hard, e);
    if (r >= 0)
        r = number(soft, &u.soft, e);
    if (r < 0)
        return r;
    if (u.hard != -1 && u.soft == -1)
        return err_set(e, SHALE_INVALID,
                       "ulimit soft limit must be less than or equal to hard limit: soft: -1 "
                       "(unlimited), hard: %lld",
                       (long long)u.hard);
    if (u.hard != -1 && u.soft > u.hard)
        return err_set(e, SHALE_INVALID,
                       "ulimit soft limit must be less than or equal to hard limit: %lld > %lld",
                       (long long)u.soft, (long long)u.hard);
    if (u.hard < -1 || u.soft < -1)
        return err_set(e, SHALE_INVALID, "invalid ulimit value: %.300s", rest.p);
    *ret = u;
    return 0;
}

/* ---- devices ---- */

static bool is_access(const char *s)
{
    unsigned seen = 0;

    for (const char *p = s; *p; p++) {
        const char *at = strchr("rwm", *p);
        unsigned bit = at ? 1u << (unsigned)(at - "rwm") : 0;
        if (!bit || (seen & bit))
            return false;
        seen |= bit;
    }
    return seen != 0;
}

int run_device(const char *text, struct arena *a, struct run_device *ret, struct shale_err *e)
{
    char *part[3] = {NULL};
    size_t n = 0;
    struct run_device d = {.access = "rwm"};
    int r = check_size(text, e);

    if (r < 0)
        return r;
    char *rest = arena_strdup(a, text);
    if (!rest)
        return err_nomem(e);
    while (rest && n < ARRAY_SIZE(part)) {
        part[n++] = rest;
        rest = strchr(rest, ':');
        if (rest)
            *rest++ = 0;
    }
    if (rest || part[0][0] == 0)
        return err_set(e, SHALE_INVALID, "bad format for path: %.300s", text);
    d.host = d.inside = part[0];
    if (n == 2 && is_access(part[1]))
        d.access = part[1];
    else if (n >= 2)
        d.inside = part[1];
    if (n == 3) {
        if (!is_access(part[2]))
            return err_set(e, SHALE_INVALID, "bad mode specified: %.300s", part[2]);
        d.access = part[2];
    }
    if (d.inside[0] != '/')
        return err_set(e, SHALE_INVALID, "%.300s is not an absolute path", d.inside);
    *ret = d;
    return 0;
}

/* A number or "*" up to `end`. */
static bool device_number(const char *s, const char *end, int64_t *ret)
{
    *ret = -1;
    if (end - s == 1 && *s == '*')
        return true;
    if (s == end || end - s > 10)
        return false;
    *ret = 0;
    for (; s < end; s++) {
        if (!isdigit((unsigned char)*s))
            return false;
        *ret = *ret * 10 + (*s - '0');
    }
    return *ret <= UINT32_MAX;
}

int run_device_rule(const char *text, struct run_device_rule *ret, struct shale_err *e)
{
    struct run_device_rule d = {.type = text[0]};
    bool good = text[0] && strchr("abc", text[0]) && text[1] == ' ';
    const char *major = good ? text + 2 : "", *colon = strchr(major, ':');
    const char *space = colon ? strchr(colon, ' ') : NULL;

    good = good && space && device_number(major, colon, &d.major) &&
           device_number(colon + 1, space, &d.minor);
    d.access = space ? space + 1 : "";
    size_t n = strlen(d.access);
    if (!good || n < 1 || n > 3 || strspn(d.access, "rwm") != n)
        return err_set(e, SHALE_INVALID, "invalid device cgroup format '%.200s'", text);
    *ret = d;
    return 0;
}

/* ---- networks ---- */

#define MAC_DIGITS 12

int run_mac(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct str s = str_trim(str_of(text));
    char digits[MAC_DIGITS], sep = s.n > 2 ? s.p[2] : 0;
    size_t group = 2, n = 0;
    bool good = true;

    if (sep != ':' && sep != '-') { /* "0242.ac11.0002" */
        sep = '.';
        group = 4;
    }
    good = s.n == MAC_DIGITS + MAC_DIGITS / group - 1;
    for (size_t i = 0; good && i < s.n; i++) {
        bool between = i % (group + 1) == group;
        good = between ? s.p[i] == sep : isxdigit((unsigned char)s.p[i]) != 0;
        if (good && !between)
            digits[n++] = (char)tolower((unsigned char)s.p[i]);
    }
    if (!good)
        return err_set(e, SHALE_INVALID, "%.100s is not a valid mac address", text);
    if (strchr("13579bdf", digits[1]))
        return err_set(e, SHALE_INVALID, "%.100s is a mac address of many receivers", text);
    return give(arena_printf(a, "%.2s:%.2s:%.2s:%.2s:%.2s:%.2s", digits, digits + 2, digits + 4,
                             digits + 6, digits + 8, digits + 10),
                ret, e);
}

/* A word of a line of /etc/hosts. */
static bool is_host_word(const char *s)
{
    for (const char *p = s; *p; p++)
        if (isspace((unsigned char)*p) || iscntrl((unsigned char)*p) || strchr("#,/:", *p))
            return false;
    return *s != 0;
}

int run_link(const char *text, struct arena *a, struct run_link *ret, struct shale_err *e)
{
    bool shown = text[0] == '/'; /* as inspect has it */
    const char *name = text + shown, *colon = strchr(name, ':');
    const char *alias = colon ? colon + 1 : name;
    int r = check_size(text, e);

    if (r < 0)
        return r;
    if (!*text)
        return err_set(e, SHALE_INVALID, "empty string specified for links");
    if (colon && shown && strrchr(alias, '/'))
        alias = strrchr(alias, '/') + 1;
    ret->name = arena_strndup(a, name, colon ? (size_t)(colon - name) : strlen(name));
    ret->alias = arena_strdup(a, alias);
    if (!ret->name || !ret->alias)
        return err_nomem(e);
    if (!is_host_word(ret->name) || !is_host_word(ret->alias))
        return err_set(e, SHALE_INVALID, "bad format for links: %.200s", text);
    return 0;
}
