/* SPDX-License-Identifier: Apache-2.0 */
#include "container/runtime_try.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/jout.h"
#include "container/spawn.h"

#define WORDS_MAX (64u << 10)

/* What /bin/true needs of the host. */
static const char *const host_dirs[] = {"/bin", "/lib", "/lib64", "/lib32", "/usr"};

static json_t *probe_mounts(void)
{
    json_t *list = json_array();
    int bad = 0;

    jout_add(
        &bad, list,
        json_pack("{s:s, s:s, s:s}", "destination", "/proc", "type", "proc", "source", "proc"));
    for (size_t i = 0; i < ARRAY_SIZE(host_dirs); i++)
        if (access(host_dirs[i], X_OK) == 0)
            jout_add(&bad, list,
                     json_pack("{s:s, s:s, s:s, s:[s,s]}", "destination", host_dirs[i], "type",
                               "bind", "source", host_dirs[i], "options", "rbind", "ro"));
    if (bad)
        json_decref(list);
    return bad ? NULL : list;
}

static int probe_spec(const char *id, bool cgroups, struct arena *a, char **ret,
                      struct shale_err *e)
{
    _cleanup_json_ json_t *spec = NULL;
    json_t *linux_part, *args = json_pack("[s]", "/bin/true");

    linux_part = json_pack("{s:[{s:s},{s:s},{s:s},{s:s},{s:s}]}", "namespaces", "type", "pid",
                           "type", "mount", "type", "network", "type", "uts", "type", "ipc");
    if (linux_part && cgroups) {
        json_object_set_new(linux_part, "cgroupsPath", json_sprintf("/shale/%s", id));
        json_object_set_new(linux_part, "resources",
                            json_pack("{s:[{s:b, s:s}]}", "devices", "allow", 0, "access", "rwm"));
    }
    spec = json_pack("{s:s, s:{s:b, s:{s:i, s:i}, s:o, s:s}, s:{s:s}, s:s, s:o, s:o}", "ociVersion",
                     "1.0.2", "process", "terminal", 0, "user", "uid", 0, "gid", 0, "args", args,
                     "cwd", "/", "root", "path", "rootfs", "hostname", "probe", "mounts",
                     probe_mounts(), "linux", linux_part);
    if (!spec)
        return err_nomem(e);
    return jout_text(spec, JSON_COMPACT, a, ret, e);
}

/* Runs once; 1: it worked. The runtime's words into `words`. */
static int try_once(const struct runtime *rt, const char *dir, const char *id, bool cgroups,
                    struct arena *a, char *words, size_t n_words, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf errout = BUF_INIT(WORDS_MAX);
    const char *const rest[] = {"run", "--bundle", dir, id, NULL};
    const char **argv;
    char *spec;
    int r, status;

    r = probe_spec(id, cgroups, a, &spec, e);
    if (r < 0)
        return r;
    r = fs_write_atomic(AT_FDCWD, arena_printf(a, "%s/config.json", dir), spec, strlen(spec), 0600,
                        false, e);
    if (r < 0)
        return r;
    r = runtime_argv(rt, NULL, rest, a, &argv, e);
    if (r < 0)
        return r;
    r = spawn_run(argv, NULL, &errout, &status, e);
    if (r < 0)
        return r;
    if (status == 0)
        return 1;
    runtime_words(NULL, buf_str(&errout), errout.n, words, n_words);
    if (words[0] == 0)
        (void)snprintf(words, n_words, "exit status %d", status);
    return 0;
}

int runtime_try(struct runtime *rt, struct arena *a, char *verdict, size_t n_verdict,
                struct shale_err *e)
{
    char id[40] = "probe-", words[400] = "", later[400] = "";
    const char *state, *dir;
    int r;

    r = random_hex(id + strlen(id), 12, e);
    if (r >= 0)
        r = runtime_state_dir(a, &state, e);
    if (r < 0)
        return r;
    dir = arena_printf(a, "%s.%s", state, id);
    if (!dir)
        return err_nomem(e);
    r = fs_mkdir_p(AT_FDCWD, arena_printf(a, "%s/rootfs", dir), 0700, e);
    if (r < 0)
        return r;
    rt->level = RUNTIME_WORKS;
    r = try_once(rt, dir, id, true, a, words, sizeof words, e);
    (void)snprintf(verdict, n_verdict, "works");
    if (r == 0 && (strstr(rt->name, "crun") || !proc_is_root())) {
        rt->level = RUNTIME_NO_CGROUPS;
        r = try_once(rt, dir, id, false, a, later, sizeof later, e);
        (void)snprintf(verdict, n_verdict, "works without control groups only: %s", words);
    }
    if (r == 0) {
        rt->level = RUNTIME_FAILS;
        (void)snprintf(verdict, n_verdict, "fails: %s", words);
    }
    (void)fs_remove_tree(AT_FDCWD, dir, NULL);
    if (rt->level != RUNTIME_NO_CGROUPS && cgroup_mode() != CGROUP_NONE)
        (void)cgroup_remove(cgroup_mode(), arena_printf(a, "/shale/%s", id), NULL);
    return r < 0 ? r : 0;
}
