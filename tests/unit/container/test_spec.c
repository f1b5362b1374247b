/* SPDX-License-Identifier: Apache-2.0 */
#include "container/spec.h"

#include "container/caps.h"
#include "container_test.h"

static const struct user root = {.home = "/root"};
static uint32_t bobs_groups[] = {10, 44};
static const struct user bob = {
    .uid = 1000, .gid = 1001, .groups = bobs_groups, .n_groups = 2, .home = "/home/bob"};

static char *plain_args[] = {(char *)"-c", (char *)"true"};

static struct conf plain_conf(void)
{
    return (struct conf){.hostname = "box",
                         .user = "",
                         .workdir = "",
                         .network = "none",
                         .path = "sh",
                         .args = {plain_args, 2, true},
                         .detach_keys = ""};
}

static struct spec_in plain_in(const struct conf *c)
{
    return (struct spec_in){
        .conf = c, .user = &root, .id = "abc", .dir = "/c/abc", .caps = caps_default()};
}

static json_t *build(const struct spec_in *in)
{
    json_t *j = NULL;

    assert_int_equal(spec_build(in, &j, NULL), 0);
    return j;
}

/* Member by a path like "process/user/uid". */
static const json_t *at(const json_t *j, const char *path)
{
    struct str rest = str_of(path), one;

    while (j && rest.n > 0 && str_split(&rest, '/', &one))
        j = json_object_getn(j, one.p, one.n);
    return j;
}

static const json_t *mount_at(const json_t *spec, const char *target, size_t *ret_index)
{
    const json_t *list = json_object_get(spec, "mounts");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *m = json_array_get(list, i);
        if (streq(json_string_value(json_object_get(m, "destination")), target)) {
            if (ret_index)
                *ret_index = i;
            return m;
        }
    }
    return NULL;
}

static bool has_namespace(const json_t *spec, const char *type)
{
    const json_t *list = at(spec, "linux/namespaces");

    for (size_t i = 0; i < json_array_size(list); i++)
        if (streq(json_string_value(json_object_get(json_array_get(list, i), "type")), type))
            return true;
    return false;
}

static void defaults(void **state)
{
    struct conf c = plain_conf();
    struct spec_in in = plain_in(&c);
    _cleanup_json_ json_t *j = build(&in);

    assert_string_equal(json_string_value(at(j, "root/path")), "merged");
    assert_true(json_is_false(at(j, "root/readonly")));
    assert_string_equal(json_string_value(at(j, "hostname")), "box");
    assert_string_equal(json_string_value(at(j, "process/cwd")), "/");
    assert_int_equal(json_array_size(at(j, "process/args")), 3);
    assert_string_equal(json_string_value(json_array_get(at(j, "process/args"), 0)), "sh");
    assert_true(json_list_has(at(j, "process/env"), "PATH=" SPEC_PATH_DEFAULT));
    assert_true(json_list_has(at(j, "process/env"), "HOSTNAME=box"));
    assert_true(json_list_has(at(j, "process/env"), "HOME=/root"));
    assert_false(json_list_has(at(j, "process/env"), "TERM=xterm"));
    assert_true(json_list_has(at(j, "process/capabilities/bounding"), "CAP_CHOWN"));
    assert_true(json_list_has(at(j, "process/capabilities/effective"), "CAP_CHOWN"));
    assert_null(at(j, "process/capabilities/ambient"));
    assert_null(at(j, "process/capabilities/inheritable"));
    assert_null(at(j, "process/noNewPrivileges"));
    assert_string_equal(json_string_value(at(j, "linux/cgroupsPath")), "/shale/abc");
    assert_true(json_list_has(at(j, "linux/maskedPaths"), "/proc/kcore"));
    assert_true(json_list_has(at(j, "linux/readonlyPaths"), "/proc/sys"));
    assert_null(at(j, "linux/seccomp"));
    for (const char *const *n =
             (const char *const[]){"mount", "uts", "pid", "ipc", "network", NULL};
         *n; n++)
        assert_true(has_namespace(j, *n));
    assert_false(has_namespace(j, "cgroup"));
    assert_false(has_namespace(j, "user"));
    /* devices: first none at all, then those that are allowed */
    const json_t *first = json_array_get(at(j, "linux/resources/devices"), 0);
    assert_true(json_is_false(json_object_get(first, "allow")));
    assert_string_equal(json_string_value(json_object_get(first, "access")), "rwm");
    assert_null(at(j, "linux/resources/memory"));
    assert_null(at(j, "linux/resources/cpu"));
    assert_null(at(j, "linux/resources/pids"));
    assert_true(json_list_has(json_object_get(mount_at(j, "/sys", NULL), "options"), "ro"));
    assert_string_equal(
        json_string_value(json_object_get(mount_at(j, "/etc/hosts", NULL), "source")),
        "/c/abc/hosts");
}

static void user_without_privileges(void **state)
{
    struct conf c = plain_conf();
    struct spec_in in = plain_in(&c);
    in.user = &bob;
    c.workdir = "/work";
    c.security_opt = STRV("no-new-privileges");
    _cleanup_json_ json_t *j = build(&in);
    const json_t *groups = at(j, "process/user/additionalGids");

    assert_int_equal(json_integer_value(at(j, "process/user/uid")), 1000);
    assert_int_equal(json_integer_value(at(j, "process/user/gid")), 1001);
    assert_int_equal(json_array_size(groups), 3);
    assert_int_equal(json_integer_value(json_array_get(groups, 0)), 1001);
    assert_null(at(j, "process/capabilities/effective"));
    assert_null(at(j, "process/capabilities/permitted"));
    assert_true(json_list_has(at(j, "process/capabilities/bounding"), "CAP_CHOWN"));
    assert_true(json_is_true(at(j, "process/noNewPrivileges")));
    assert_string_equal(json_string_value(at(j, "process/cwd")), "/work");
    c.security_opt = STRV("no-new-privileges=false");
    _cleanup_json_ json_t *off = build(&in);
    assert_null(at(off, "process/noNewPrivileges"));
}

static void limits(void **state)
{
    struct conf c = plain_conf();
    c.memory_bytes = 64 << 20;
    c.nano_cpus = 500000000;
    c.pids_limit = 20;
    struct spec_in in = plain_in(&c);
    in.swap_limit = true;
    _cleanup_json_ json_t *j = build(&in);

    assert_int_equal(json_integer_value(at(j, "linux/resources/memory/limit")), 64 << 20);
    assert_int_equal(json_integer_value(at(j, "linux/resources/memory/swap")), 128 << 20);
    assert_int_equal(json_integer_value(at(j, "linux/resources/cpu/quota")), 50000);
    assert_int_equal(json_integer_value(at(j, "linux/resources/cpu/period")), 100000);
    assert_int_equal(json_integer_value(at(j, "linux/resources/pids/limit")), 20);
    in.swap_limit = false;
    c.pids_limit = -1;
    _cleanup_json_ json_t *k = build(&in);
    assert_null(at(k, "linux/resources/memory/swap"));
    assert_null(at(k, "linux/resources/pids"));
}

static void without_cgroups(void **state)
{
    struct conf c = plain_conf();
    struct spec_in in = plain_in(&c);
    in.no_cgroups = in.own_cgroup = true;
    _cleanup_json_ json_t *j = build(&in);

    assert_null(at(j, "linux/cgroupsPath"));
    assert_null(at(j, "linux/resources"));
    assert_false(has_namespace(j, "cgroup"));
    assert_null(mount_at(j, "/sys/fs/cgroup", NULL));
    in.no_cgroups = false;
    _cleanup_json_ json_t *k = build(&in);
    assert_true(has_namespace(k, "cgroup"));
    assert_non_null(mount_at(k, "/sys/fs/cgroup", NULL));
}

/* The path of a namespace that is joined; NULL: it is of its own, or none. */
static const char *joined(const json_t *spec, const char *type)
{
    const json_t *list = at(spec, "linux/namespaces");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (streq(json_string_value(json_object_get(one, "type")), type))
            return json_string_value(json_object_get(one, "path"));
    }
    return NULL;
}

static const char *source_of(const json_t *spec, const char *target)
{
    return json_string_value(json_object_get(mount_at(spec, target, NULL), "source"));
}

static void shared_namespaces(void **state)
{
    struct conf c = plain_conf();
    struct spec_in in = plain_in(&c);
    in.namespaces[NS_PID].joins = "/proc/7/ns/pid";
    in.namespaces[NS_IPC].joins = "/proc/7/ns/ipc";
    in.shm = "/c/def/shm";
    c.domainname = "dom";
    _cleanup_json_ json_t *other = build(&in);
    in.namespaces[NS_PID].joins = in.namespaces[NS_IPC].joins = in.shm = NULL;
    in.namespaces[NS_PID].host = in.namespaces[NS_IPC].host = in.namespaces[NS_UTS].host = true;
    in.mqueue = in.mqueue_of_host = in.proc_of_host = in.no_shm = true;
    _cleanup_json_ json_t *host = build(&in);

    assert_string_equal(joined(other, "pid"), "/proc/7/ns/pid");
    assert_string_equal(joined(other, "ipc"), "/proc/7/ns/ipc");
    assert_true(has_namespace(other, "uts"));
    assert_string_equal(source_of(other, "/dev/shm"), "/c/def/shm");
    assert_string_equal(
        json_string_value(json_object_get(at(other, "linux/sysctl"), "kernel.domainname")), "dom");
    assert_false(has_namespace(host, "pid"));
    assert_false(has_namespace(host, "ipc"));
    assert_false(has_namespace(host, "uts"));
    assert_null(at(host, "hostname"));
    assert_null(json_object_get(at(host, "linux/sysctl"), "kernel.domainname"));
    assert_null(mount_at(host, "/dev/shm", NULL));
    assert_string_equal(source_of(host, "/dev/mqueue"), "/dev/mqueue");
    assert_string_equal(source_of(host, "/proc"), "/proc");
}

static void further_options(void **state)
{
    struct conf c = plain_conf();
    struct spec_in in = plain_in(&c);
    c.oom_score_adj = -5;
    c.has_swappiness = c.oom_kill_disable = true;
    c.cgroup_parent = "/mine";
    c.device_rules = STRV("c 10:*  bad", "b 8:* r");
    c.masked_paths = (struct strv){.set = true};
    c.readonly_paths = STRV("/proc/x");
    c.readonly_paths.set = true;
    _cleanup_json_ json_t *io = json_pack("{s:i}", "weight", 20);
    in.block_io = io;
    _cleanup_json_ json_t *j = build(&in);
    const json_t *rules = at(j, "linux/resources/devices");
    const json_t *last = json_array_get(rules, json_array_size(rules) - 1);

    assert_int_equal(json_integer_value(at(j, "process/oomScoreAdj")), -5);
    assert_int_equal(json_integer_value(at(j, "linux/resources/memory/swappiness")), 0);
    assert_true(json_is_integer(at(j, "linux/resources/memory/swappiness")));
    assert_true(json_is_true(at(j, "linux/resources/memory/disableOOMKiller")));
    assert_int_equal(json_integer_value(at(j, "linux/resources/blockIO/weight")), 20);
    assert_string_equal(json_string_value(at(j, "linux/cgroupsPath")), "/mine/abc");
    assert_int_equal(json_integer_value(json_object_get(last, "major")), 8);
    assert_null(json_object_get(last, "minor"));
    assert_string_equal(json_string_value(json_object_get(last, "access")), "r");
    assert_null(at(j, "linux/maskedPaths"));
    assert_int_equal(json_array_size(at(j, "linux/readonlyPaths")), 1);
}

static void host_network(void **state)
{
    struct conf c = plain_conf();
    struct spec_in in = plain_in(&c);
    in.sysctl_port = in.sysctl_ping = true;
    _cleanup_json_ json_t *none = build(&in);
    c.network = "host";
    _cleanup_json_ json_t *host = build(&in);

    assert_non_null(json_object_get(at(none, "linux/sysctl"), "net.ipv4.ping_group_range"));
    assert_false(has_namespace(host, "network"));
    assert_null(at(host, "linux/sysctl")); /* they would be the host's own */
}

static void privileged(void **state)
{
    static const struct spec_device device = {"/dev/vda", 'b', 254, 0, 0660, 0, 6};
    struct conf c = plain_conf();
    c.privileged = true;
    struct spec_in in = plain_in(&c);
    in.devices = &device;
    in.n_devices = 1;
    _cleanup_json_ json_t *j = build(&in);
    const json_t *d = json_array_get(at(j, "linux/devices"), 0);

    assert_null(at(j, "linux/maskedPaths"));
    assert_null(at(j, "linux/readonlyPaths"));
    assert_string_equal(json_string_value(json_object_get(d, "type")), "b");
    assert_int_equal(json_integer_value(json_object_get(d, "major")), 254);
    assert_int_equal(json_integer_value(json_object_get(d, "fileMode")), 0660);
    assert_int_equal(json_array_size(at(j, "linux/resources/devices")), 1);
    assert_true(json_is_true(
        json_object_get(json_array_get(at(j, "linux/resources/devices"), 0), "allow")));
    assert_false(json_list_has(json_object_get(mount_at(j, "/sys", NULL), "options"), "ro"));
}

static void user_mounts(void **state)
{
    struct conf_mount m[] = {
        {"bind", "", "/src", "/a/b", "", "rslave", 0, true, false},
        {"volume", "v", "/vol/v/_data", "/a", "", "", 0, false, false},
        {"tmpfs", "", "", "/run", "mode=700,exec", "", 4096, true, false},
        {"bind", "", "/my", "/etc/hosts", "", "", 0, false, false},
    };
    struct conf c = plain_conf();
    c.mounts = m;
    c.n_mounts = ARRAY_SIZE(m);
    struct spec_in in = plain_in(&c);
    _cleanup_json_ json_t *j = build(&in);
    size_t outer = 0, inner = 0, dev = 0;
    const json_t *bind = mount_at(j, "/a/b", &inner), *volume = mount_at(j, "/a", &outer);
    const json_t *tmpfs = mount_at(j, "/run", NULL), *hosts = mount_at(j, "/etc/hosts", NULL);

    assert_true(json_list_has(json_object_get(bind, "options"), "rbind"));
    assert_true(json_list_has(json_object_get(bind, "options"), "rslave"));
    assert_true(json_list_has(json_object_get(bind, "options"), "ro"));
    assert_true(json_list_has(json_object_get(volume, "options"), "rprivate"));
    assert_false(json_list_has(json_object_get(volume, "options"), "ro"));
    assert_string_equal(json_string_value(json_object_get(volume, "source")), "/vol/v/_data");
    assert_non_null(mount_at(j, "/dev", &dev));
    assert_true(dev < outer && outer < inner); /* none hides another */
    assert_string_equal(json_string_value(json_object_get(tmpfs, "type")), "tmpfs");
    for (const char *const *o =
             (const char *const[]){"nosuid", "mode=700", "exec", "size=4096", "ro", NULL};
         *o; o++)
        assert_true(json_list_has(json_object_get(tmpfs, "options"), *o));
    assert_string_equal(json_string_value(json_object_get(hosts, "source")), "/my");
    size_t n_hosts = 0;
    for (size_t i = 0; i < json_array_size(json_object_get(j, "mounts")); i++)
        n_hosts += streq(json_string_value(json_object_get(
                             json_array_get(json_object_get(j, "mounts"), i), "destination")),
                         "/etc/hosts");
    assert_int_equal(n_hosts, 1);
}

static void init_and_terminal(void **state)
{
    struct conf c = plain_conf();
    c.tty = c.read_only = true;
    c.env = STRV("PATH=/x", "HOME=/y", "A=1");
    struct spec_in in = plain_in(&c);
    in.init_path = "/usr/libexec/init";
    _cleanup_json_ json_t *j = build(&in);
    const json_t *args = at(j, "process/args"), *env = at(j, "process/env");

    assert_true(json_is_true(at(j, "process/terminal")));
    assert_true(json_is_true(at(j, "root/readonly")));
    assert_string_equal(json_string_value(json_array_get(args, 0)), SPEC_INIT_TARGET);
    assert_string_equal(json_string_value(json_array_get(args, 1)), "--");
    assert_string_equal(json_string_value(json_array_get(args, 2)), "sh");
    assert_non_null(mount_at(j, SPEC_INIT_TARGET, NULL));
    assert_true(json_list_has(env, "TERM=xterm"));
    assert_true(json_list_has(env, "A=1"));
    assert_true(json_list_has(env, "HOME=/y"));
    assert_false(json_list_has(env, "HOME=/root"));
    assert_int_equal(json_array_size(env), 5);
}

static void env_get(void **state)
{
    struct strv env = STRV("A=1", "AB=2", "A=3", "B");

    assert_string_equal(spec_env_get(&env, "A"), "3");
    assert_string_equal(spec_env_get(&env, "AB"), "2");
    assert_null(spec_env_get(&env, "B"));
    assert_null(spec_env_get(&env, "C"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),        cmocka_unit_test(user_without_privileges),
        cmocka_unit_test(limits),          cmocka_unit_test(without_cgroups),
        cmocka_unit_test(host_network),    cmocka_unit_test(privileged),
        cmocka_unit_test(user_mounts),     cmocka_unit_test(init_and_terminal),
        cmocka_unit_test(env_get),         cmocka_unit_test(shared_namespaces),
        cmocka_unit_test(further_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
