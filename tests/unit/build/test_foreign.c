/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* then itself */
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "build/instr/foreign.h"

#define ARM64_MAGIC "7f454c460201010000000000000000000200b700"
#define ARM64_MASK  "ffffffffffffff00fffffffffffffffffeffffff"
#define S390X_MAGIC "7f454c4602020100000000000000000000020016"
#define S390X_MASK  "ffffffffffffff00fffffffffffffffffffeffff"

static char folder[] = "/tmp/shale-foreign-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return fs_remove_tree(AT_FDCWD, folder, NULL);
}

static void entry(const char *name, const char *state, const char *flags, const char *offset,
                  const char *magic, const char *mask)
{
    char path[128], text[512];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int n = snprintf(text, sizeof text,
                     "%s\ninterpreter /usr/bin/qemu\nflags: %s\noffset %s\nmagic %s\n%s%s%s", state,
                     flags, offset, magic, mask ? "mask " : "", mask ? mask : "", mask ? "\n" : "");
    assert_int_equal(fs_write_atomic(AT_FDCWD, path, text, (size_t)n, 0600, false, NULL), 0);
}

static void finds_emulators(void **state)
{
    (void)state;
    assert_false(foreign_is_emulated("/nonexistent", "arm64"));
    assert_false(foreign_is_emulated(folder, "arm64"));
    entry("a", "enabled", "OC", "0", ARM64_MAGIC, ARM64_MASK);
    assert_false(foreign_is_emulated(folder, "arm64")); /* its interpreter is not in the root */
    entry("a", "disabled", "F", "0", ARM64_MAGIC, ARM64_MASK);
    assert_false(foreign_is_emulated(folder, "arm64"));
    entry("a", "enabled", "F", "4", ARM64_MAGIC, ARM64_MASK);
    assert_false(foreign_is_emulated(folder, "arm64"));
    entry("a", "enabled", "F", "0", "7f454c46", NULL);
    assert_false(foreign_is_emulated(folder, "arm64"));
    entry("a", "enabled", "POCF", "0", ARM64_MAGIC, ARM64_MASK);
    assert_true(foreign_is_emulated(folder, "arm64"));
    assert_false(foreign_is_emulated(folder, "s390x"));
    entry("b", "enabled", "F", "0", S390X_MAGIC, S390X_MASK);
    assert_true(foreign_is_emulated(folder, "s390x"));
    assert_true(foreign_is_emulated(folder, "arm64"));
    assert_false(foreign_is_emulated(folder, "arm"));
    assert_false(foreign_is_emulated(folder, "riscv64"));
    assert_false(foreign_is_emulated(folder, "pdp11"));
}

static void checks(void **state)
{
    struct arena a = ARENA_INIT(1 << 16);
    struct shale_err e = SHALE_ERR_INIT;
    struct platform p = platform_host();

    (void)state;
    assert_int_equal(foreign_check(&p, &a, &e), 0);
    p = (struct platform){.os = "linux", .arch = "pdp11"};
    assert_int_equal(foreign_check(&p, &a, &e), -SHALE_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "programs of linux/pdp11 do not run here"));
    assert_non_null(strstr(e.msg, "binfmt_misc"));
    p = (struct platform){.os = "windows", .arch = platform_host().arch};
    assert_int_equal(foreign_check(&p, &a, NULL), -SHALE_UNSUPPORTED);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_emulators),
        cmocka_unit_test(checks),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
