/* SPDX-License-Identifier: Apache-2.0 */
#include "container/seccomp.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "container/caps.h"
#include "container/seccomp_table.h"

/* A child asks, which a filter that we stand under may end for that: then a container could not
 * make such calls either. */
static bool has_x32(void)
{
#if defined(__x86_64__) && defined(__LP64__)
    const long x32 = 0x40000000; /* __X32_SYSCALL_BIT of the kernel's <asm/unistd.h> */
    int status = 0, saved = errno;
    pid_t pid = fork();

    if (pid == 0)
        _exit(syscall(x32 | SYS_getppid) < 0);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    errno = saved;
    return pid < 0 || status == 0;
#else
    return false;
#endif
}

void seccomp_env_host(struct seccomp_env *env, struct utsname *uts)
{
    unsigned major = 0, minor = 0;

    if (uname(uts) < 0)
        memset(uts, 0, sizeof *uts);
    if (sscanf(uts->release, "%u.%u", &major, &minor) != 2)
        major = minor = 0;
    env->machine = uts->machine;
    env->kernel = SECCOMP_KERNEL(major, minor);
    env->no_x32 = !has_x32();
}

static const struct seccomp_arch *arch_of(const char *machine)
{
    for (size_t i = 0; i < seccomp_n_arches; i++)
        if (streq(seccomp_arches[i].machine, machine))
            return &seccomp_arches[i];
    return NULL;
}

static json_t *arch_list(const struct seccomp_arch *arch, bool no_x32)
{
    json_t *list = json_array();

    for (size_t i = 0; arch && i < ARRAY_SIZE(arch->scmp) && arch->scmp[i]; i++)
        if (!no_x32 || !streq(arch->scmp[i], "SCMP_ARCH_X32"))
            json_array_append_new(list, json_string(arch->scmp[i]));
    return list;
}

static bool rule_applies(const struct seccomp_rule *r, const struct seccomp_env *env,
                         unsigned arch_bit)
{
    if (r->caps && (env->caps & r->caps) != r->caps)
        return false;
    if (env->caps & r->no_caps)
        return false;
    if (r->arches && !(r->arches & arch_bit))
        return false;
    if (r->no_arches & arch_bit)
        return false;
    return env->kernel >= r->min_kernel;
}

static json_t *name_list(const char *names)
{
    json_t *list = json_array();
    struct str rest = str_of(names), one;

    while (rest.n > 0 && str_split(&rest, ' ', &one))
        if (one.n > 0)
            json_array_append_new(list, json_stringn_nocheck(one.p, one.n));
    return list;
}

static json_t *rule_json(const struct seccomp_rule *r)
{
    json_t *o = json_pack("{s:o, s:s}", "names", name_list(r->names), "action",
                          r->errno_ret ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW");

    if (!o)
        return NULL;
    if (r->errno_ret)
        json_object_set_new(o, "errnoRet", json_integer(r->errno_ret));
    if (r->has_arg) {
        bool masked = streq(r->arg_op, "SCMP_CMP_MASKED_EQ");
        json_t *arg = json_pack("{s:i, s:I, s:s}", "index", (int)r->arg_index, "value",
                                (json_int_t)r->arg_value, "op", r->arg_op);
        if (masked)
            json_object_set_new(arg, "valueTwo", json_integer(0));
        json_object_set_new(o, "args", json_pack("[o]", arg));
    }
    return o;
}

int seccomp_default(const struct seccomp_env *env, json_t **ret, struct shale_err *e)
{
    const struct seccomp_arch *arch = arch_of(env->machine);
    (void)json_lacked_memory();
    _cleanup_json_ json_t *calls = json_array();
    json_t *o;

    for (size_t i = 0; i < seccomp_default_n_rules; i++) {
        const struct seccomp_rule *r = &seccomp_default_rules[i];
        if (rule_applies(r, env, arch ? arch->bit : 0) &&
            json_array_append_new(calls, rule_json(r)) < 0)
            return err_nomem(e);
    }
    o = json_pack("{s:s, s:i, s:o, s:O}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet", 1,
                  "architectures", arch_list(arch, env->no_x32), "syscalls", calls);
    if (!o || json_lacked_memory()) { /* a rule that is missing something is another rule */
        json_decref(o);
        return err_nomem(e);
    }
    *ret = o;
    return 0;
}

/* ---- profile files ---- */

static bool list_has(const json_t *list, const char *s)
{
    size_t i;
    json_t *v;

    json_array_foreach((json_t *)list, i, v)
    {
        if (streq(json_string_value(v), s))
            return true;
    }
    return false;
}

static bool kernel_reaches(const json_t *text, unsigned kernel)
{
    unsigned major, minor;
    const char *s = json_string_value(text);

    if (!s)
        return true;
    if (sscanf(s, "%u.%u", &major, &minor) != 2)
        return false;
    return kernel >= SECCOMP_KERNEL(major, minor);
}

/* All of the capabilities of `includes`; any of those of `excludes`. */
static bool caps_match(const json_t *list, uint64_t caps, bool any)
{
    size_t i;
    json_t *v;

    json_array_foreach((json_t *)list, i, v)
    {
        const char *s = json_string_value(v);
        int cap = s ? caps_number(s) : -1;
        bool has = cap >= 0 && (caps & CAP_BIT((unsigned)cap));
        if (has == any)
            return any;
    }
    return !any;
}

static bool call_applies(const json_t *call, const struct seccomp_env *env, const char *go)
{
    const json_t *in = json_object_get(call, "includes");
    const json_t *ex = json_object_get(call, "excludes");
    const json_t *list;

    list = json_object_get(ex, "arches");
    if (json_array_size(list) > 0 && list_has(list, go))
        return false;
    list = json_object_get(ex, "caps");
    if (json_array_size(list) > 0 && caps_match(list, env->caps, true))
        return false;
    if (json_object_get(ex, "minKernel") &&
        kernel_reaches(json_object_get(ex, "minKernel"), env->kernel))
        return false;
    list = json_object_get(in, "arches");
    if (json_array_size(list) > 0 && !list_has(list, go))
        return false;
    list = json_object_get(in, "caps");
    if (json_array_size(list) > 0 && !caps_match(list, env->caps, false))
        return false;
    return kernel_reaches(json_object_get(in, "minKernel"), env->kernel);
}

static const char *const call_members[] = {"names", "action", "errnoRet", "args"};

static int copy_call(const json_t *call, json_t *calls, struct shale_err *e)
{
    json_t *o, *name = json_object_get(call, "name");

    if (!json_is_string(json_object_get(call, "action")))
        return err_set(e, SHALE_INVALID,
                       "Decoding seccomp profile failed: a system call rule has no action");
    o = json_object();
    if (json_array_append_new(calls, o) < 0)
        return err_nomem(e);
    if (name)
        json_object_set_new(o, "names", json_pack("[O]", name));
    for (size_t i = 0; i < ARRAY_SIZE(call_members); i++) {
        json_t *v = json_object_get(call, call_members[i]);
        if (v && !json_is_null(v))
            json_object_set(o, call_members[i], v);
    }
    if (!json_is_array(json_object_get(o, "names")))
        return err_set(e, SHALE_INVALID,
                       "Decoding seccomp profile failed: a system call rule has no names");
    return 0;
}

/* From archMap the entry whose architecture is this machine's; else "architectures" as it is. */
static json_t *profile_arches(const json_t *profile, const struct seccomp_arch *arch)
{
    const json_t *map = json_object_get(profile, "archMap");
    json_t *given = json_object_get(profile, "architectures"), *list, *v, *sub;
    size_t i, j;

    if (json_array_size(map) == 0)
        return json_is_array(given) ? json_incref(given) : json_array();
    list = json_array();
    json_array_foreach((json_t *)map, i, v)
    {
        json_t *name = json_object_get(v, "architecture");
        if (!arch || !streq(json_string_value(name), arch->scmp[0]))
            continue;
        json_array_append(list, name);
        json_array_foreach(json_object_get(v, "subArchitectures"), j, sub)
        {
            json_array_append(list, sub);
        }
    }
    return list;
}

static const char *const profile_members[] = {"defaultAction", "defaultErrnoRet", "flags",
                                              "listenerPath", "listenerMetadata"};

int seccomp_from_profile(const void *p, size_t n, const struct seccomp_env *env, json_t **ret,
                         struct shale_err *e)
{
    const struct seccomp_arch *arch = arch_of(env->machine);
    _cleanup_json_ json_t *profile = NULL;
    _cleanup_json_ json_t *o = json_object();
    json_t *calls = json_array(), *call;
    size_t i;
    int r;

    if (json_object_set_new(o, "syscalls", calls) < 0) /* takes `calls` also when it fails */
        return err_nomem(e);
    r = json_parse(p, n, SECCOMP_PROFILE_MAX, &profile, e);
    if (r < 0)
        return err_wrap(e, r, "Decoding seccomp profile failed");
    if (!json_is_string(json_object_get(profile, "defaultAction")))
        return err_set(e, SHALE_INVALID,
                       "Decoding seccomp profile failed: it has no defaultAction");
    for (i = 0; i < ARRAY_SIZE(profile_members); i++) {
        json_t *v = json_object_get(profile, profile_members[i]);
        if (v && !json_is_null(v))
            json_object_set(o, profile_members[i], v);
    }
    json_object_set_new(o, "architectures", profile_arches(profile, arch));
    json_array_foreach(json_object_get(profile, "syscalls"), i, call)
    {
        if (!call_applies(call, env, arch ? arch->go : ""))
            continue;
        r = copy_call(call, calls, e);
        if (json_lacked_memory())
            r = err_nomem(e);
        if (r < 0)
            return r;
    }
    if (json_lacked_memory())
        return err_nomem(e);
    *ret = TAKE_PTR(o);
    return 0;
}
