/* SPDX-License-Identifier: Apache-2.0 */
#include "container/seccomp.h"

#include "container/caps.h"
#include "container/seccomp_table.h"
#include "container_test.h"

static json_t *build(const char *machine, unsigned kernel, uint64_t caps)
{
    struct seccomp_env env = {.machine = machine, .kernel = kernel, .caps = caps};
    json_t *j = NULL;

    assert_int_equal(seccomp_default(&env, &j, NULL), 0);
    return j;
}

/* Is there a rule that allows the call whatever its arguments are? */
static bool allows(const json_t *profile, const char *call)
{
    const json_t *calls = json_object_get(profile, "syscalls");

    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *rule = json_array_get(calls, i);
        if (json_list_has(json_object_get(rule, "names"), call) &&
            streq(json_string_value(json_object_get(rule, "action")), "SCMP_ACT_ALLOW") &&
            !json_object_get(rule, "args"))
            return true;
    }
    return false;
}

static void shape(void **state)
{
    _cleanup_json_ json_t *j = build("x86_64", SECCOMP_KERNEL(6, 1), caps_default());
    const json_t *calls = json_object_get(j, "syscalls");

    assert_string_equal(json_string_value(json_object_get(j, "defaultAction")), "SCMP_ACT_ERRNO");
    assert_int_equal(json_integer_value(json_object_get(j, "defaultErrnoRet")), 1);
    assert_true(json_list_has(json_object_get(j, "architectures"), "SCMP_ARCH_X86_64"));
    assert_true(json_list_has(json_object_get(j, "architectures"), "SCMP_ARCH_X86"));
    assert_true(json_array_size(calls) > 5);
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *rule = json_array_get(calls, i);
        assert_true(json_array_size(json_object_get(rule, "names")) > 0);
        assert_true(json_is_string(json_object_get(rule, "action")));
    }
}

/* What the kernel has no calls of need not be in the filter. */
static void x32(void **state)
{
    for (int no = 0; no < 2; no++) {
        const struct seccomp_env env = {.machine = "x86_64", .kernel = 0x60600, .no_x32 = no};
        _cleanup_json_ json_t *j = NULL;
        assert_int_equal(seccomp_default(&env, &j, NULL), 0);
        const json_t *list = json_object_get(j, "architectures");
        assert_int_equal(json_list_has(list, "SCMP_ARCH_X32"), !no);
        assert_true(json_list_has(list, "SCMP_ARCH_X86_64"));
        assert_true(json_list_has(list, "SCMP_ARCH_X86"));
    }
}

static const struct {
    const char *call;
    uint64_t caps; /* beside the default ones */
    bool with, without;
} rows[] = {
    {"read", 0, true, true},
    {"openat2", 0, true, true},
    {"mount", CAP_BIT(CAPS_SYS_ADMIN), true, false},
    {"setns", CAP_BIT(CAPS_SYS_ADMIN), true, false},
    {"unshare", CAP_BIT(CAPS_SYS_ADMIN), true, false},
    {"clone", CAP_BIT(CAPS_SYS_ADMIN), true, false}, /* without: only by its flags */
    {"reboot", CAP_BIT(CAPS_SYS_BOOT), true, false},
    {"init_module", CAP_BIT(CAPS_SYS_MODULE), true, false},
    {"open_by_handle_at", CAP_BIT(CAPS_DAC_READ_SEARCH), true, false},
    {"settimeofday", CAP_BIT(CAPS_SYS_TIME), true, false},
    {"kexec_load", CAP_BIT(CAPS_SYS_ADMIN), false, false},
    {"keyctl", 0, false, false},
    {"userfaultfd", CAP_BIT(CAPS_SYS_ADMIN), false, false},
};

static void by_capability(void **state)
{
    _cleanup_json_ json_t *without = build("x86_64", SECCOMP_KERNEL(6, 1), caps_default());

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_json_ json_t *with =
            build("x86_64", SECCOMP_KERNEL(6, 1), caps_default() | rows[i].caps);
        if (allows(with, rows[i].call) != rows[i].with ||
            allows(without, rows[i].call) != rows[i].without)
            fail_msg("%s", rows[i].call);
    }
}

static void by_machine_and_kernel(void **state)
{
    _cleanup_json_ json_t *x86 = build("x86_64", SECCOMP_KERNEL(6, 1), caps_default());
    _cleanup_json_ json_t *arm = build("aarch64", SECCOMP_KERNEL(6, 1), caps_default());
    _cleanup_json_ json_t *old = build("x86_64", SECCOMP_KERNEL(3, 10), caps_default());
    _cleanup_json_ json_t *other = build("vax", SECCOMP_KERNEL(6, 1), caps_default());

    assert_true(allows(x86, "arch_prctl"));
    assert_false(allows(arm, "arch_prctl"));
    assert_true(json_list_has(json_object_get(arm, "architectures"), "SCMP_ARCH_AARCH64"));
    assert_true(allows(x86, "ptrace"));
    assert_false(allows(old, "ptrace")); /* before 4.8 it gets around the filter */
    assert_int_equal(json_array_size(json_object_get(other, "architectures")), 0);
    assert_true(allows(other, "read"));
}

static const char profile[] =
    "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":["
    "{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]},"
    "{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[]}],\"syscalls\":["
    "{\"names\":[\"always\"],\"action\":\"SCMP_ACT_ALLOW\",\"comment\":\"x\"},"
    "{\"name\":\"single\",\"action\":\"SCMP_ACT_ALLOW\"},"
    "{\"names\":[\"admin\"],\"action\":\"SCMP_ACT_ALLOW\","
    "\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
    "{\"names\":[\"noadmin\"],\"action\":\"SCMP_ACT_ALLOW\","
    "\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
    "{\"names\":[\"armonly\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"arm64\"]}},"
    "{\"names\":[\"new\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"5.0\"}}]}";

static void profile_file(void **state)
{
    struct seccomp_env env = {.machine = "x86_64", .kernel = SECCOMP_KERNEL(4, 19)};
    _cleanup_json_ json_t *j = NULL, *admin = NULL;

    assert_int_equal(seccomp_from_profile(profile, strlen(profile), &env, &j, NULL), 0);
    assert_int_equal(json_array_size(json_object_get(j, "architectures")), 2);
    assert_true(allows(j, "always"));
    assert_true(allows(j, "single"));
    assert_true(allows(j, "noadmin"));
    assert_false(allows(j, "admin"));
    assert_false(allows(j, "armonly"));
    assert_false(allows(j, "new"));
    assert_null(json_object_get(j, "archMap")); /* runtimes know nothing of it */
    assert_null(json_object_get(json_array_get(json_object_get(j, "syscalls"), 0), "comment"));
    env = (struct seccomp_env){"aarch64", SECCOMP_KERNEL(5, 10), CAP_BIT(CAPS_SYS_ADMIN)};
    assert_int_equal(seccomp_from_profile(profile, strlen(profile), &env, &admin, NULL), 0);
    assert_true(allows(admin, "admin"));
    assert_false(allows(admin, "noadmin"));
    assert_true(allows(admin, "armonly"));
    assert_true(allows(admin, "new"));
}

static void bad_profiles(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"defaultAction\":1}",
        "{\"defaultAction\":\"A\",\"syscalls\":[{\"names\":[\"x\"]}]}",
        "{\"defaultAction\":\"A\",\"syscalls\":[{\"action\":\"A\"}]}",
        "{\"defaultAction\":\"A\",\"syscalls\":[7]}",
    };
    struct seccomp_env env = {.machine = "x86_64"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        json_t *j = NULL;
        assert_int_equal(seccomp_from_profile(bad[i], strlen(bad[i]), &env, &j, &e),
                         -SHALE_INVALID);
        assert_ptr_equal(strstr(e.msg, "Decoding seccomp profile failed"), e.msg);
        assert_null(j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape),         cmocka_unit_test(x32),
        cmocka_unit_test(by_capability), cmocka_unit_test(by_machine_and_kernel),
        cmocka_unit_test(profile_file),  cmocka_unit_test(bad_profiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
