/* SPDX-License-Identifier: Apache-2.0 */
#include "build/instr/foreign.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

#define BINFMT_MISC "/proc/sys/fs/binfmt_misc"
#define ENTRY_MAX   4096
#define HEAD_BYTES  20 /* of an ELF file, up to e_machine */

/* How programs of an architecture begin. */
static const struct arch {
    const char *name;
    unsigned char class, data;
    uint16_t machine;
} archs[] = {
    {"386", ELFCLASS32, ELFDATA2LSB, EM_386},       {"amd64", ELFCLASS64, ELFDATA2LSB, EM_X86_64},
    {"arm", ELFCLASS32, ELFDATA2LSB, EM_ARM},       {"arm64", ELFCLASS64, ELFDATA2LSB, EM_AARCH64},
    {"loong64", ELFCLASS64, ELFDATA2LSB, 258},      {"mips", ELFCLASS32, ELFDATA2MSB, EM_MIPS},
    {"mips64", ELFCLASS64, ELFDATA2MSB, EM_MIPS},   {"mips64le", ELFCLASS64, ELFDATA2LSB, EM_MIPS},
    {"mipsle", ELFCLASS32, ELFDATA2LSB, EM_MIPS},   {"ppc64le", ELFCLASS64, ELFDATA2LSB, EM_PPC64},
    {"riscv64", ELFCLASS64, ELFDATA2LSB, EM_RISCV}, {"s390x", ELFCLASS64, ELFDATA2MSB, EM_S390},
};

static void head_of(const struct arch *x, unsigned char ret[HEAD_BYTES])
{
    bool big = x->data == ELFDATA2MSB;
    const unsigned char head[HEAD_BYTES] = {
        0x7f,
        'E',
        'L',
        'F',
        x->class,
        x->data,
        EV_CURRENT,
        [16] = big ? 0 : ET_EXEC,
        [17] = big ? ET_EXEC : 0,
        [18] = (unsigned char)(big ? x->machine >> 8 : x->machine),
        [19] = (unsigned char)(big ? x->machine : x->machine >> 8),
    };

    memcpy(ret, head, sizeof head);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *p = c ? strchr(digits, c) : NULL;

    return p ? (int)(p - digits) : -1;
}

/* Bytes in hex, at most HEAD_BYTES of them; the rest stays as it was. */
static void read_hex(struct str text, unsigned char ret[HEAD_BYTES])
{
    for (size_t i = 0; i < HEAD_BYTES && 2 * i + 1 < text.n; i++) {
        int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return;
        ret[i] = (unsigned char)(high << 4 | low);
    }
}

static bool take_prefix(struct str *line, const char *prefix)
{
    size_t n = strlen(prefix);

    if (line->n < n || memcmp(line->p, prefix, n) != 0)
        return false;
    line->p += n;
    line->n -= n;
    return true;
}

struct search {
    const char *folder;
    unsigned char head[HEAD_BYTES];
};

static bool fits(const struct search *s, const char *text)
{
    unsigned char magic[HEAD_BYTES] = {0}, mask[HEAD_BYTES];
    bool enabled = false, fixed = false, has_magic = false, at_start = true;

    memset(mask, 0xff, sizeof mask);
    for (struct str rest = {text, strlen(text)}, l; str_split(&rest, '\n', &l);) {
        if (str_eq(l, STR("enabled")))
            enabled = true;
        else if (take_prefix(&l, "flags: "))
            fixed = memchr(l.p, 'F', l.n) != NULL;
        else if (take_prefix(&l, "offset "))
            at_start = str_eq(l, STR("0"));
        else if (take_prefix(&l, "magic ")) {
            has_magic = l.n >= (size_t)2 * HEAD_BYTES;
            read_hex(l, magic);
        } else if (take_prefix(&l, "mask "))
            read_hex(l, mask);
    }
    for (size_t i = 0; i < HEAD_BYTES && has_magic; i++)
        has_magic = ((s->head[i] ^ magic[i]) & mask[i]) == 0;
    return enabled && fixed && at_start && has_magic;
}

static int look_at(void *arg, const char *name, unsigned char d_type)
{
    const struct search *s = arg;
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(64u << 10);

    (void)d_type;
    if (streq(name, "register") || streq(name, "status"))
        return 0;
    const char *path = arena_printf(&a, "%s/%s", s->folder, name);
    const char *text = path ? fs_read_text(AT_FDCWD, path, &a, ENTRY_MAX, NULL) : NULL;
    return text ? fits(s, text) : 0;
}

bool foreign_is_emulated(const char *folder, const char *arch)
{
    struct search s = {.folder = folder};

    for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
        if (streq(archs[i].name, arch)) {
            head_of(&archs[i], s.head);
            return fs_each(AT_FDCWD, folder, look_at, &s, NULL) == 1;
        }
    return false;
}

static bool is_native(const char *host, const char *arch)
{
    return streq(host, arch) || (streq(host, "amd64") && streq(arch, "386")) ||
           (streq(host, "arm64") && streq(arch, "arm"));
}

int foreign_check(const struct platform *p, struct arena *a, struct shale_err *e)
{
    struct platform host = platform_host();
    const char *arch = p->arch ? p->arch : "", *os = p->os && *p->os ? p->os : "linux";

    if (streq(os, "linux") &&
        (!*arch || is_native(host.arch, arch) || foreign_is_emulated(BINFMT_MISC, arch)))
        return 0;
    const char *shown = platform_format(p, a);
    return err_set(e, SHALE_UNSUPPORTED,
                   "programs of %s do not run here (linux/%s): %sdo the step in a stage "
                   "FROM --platform=$BUILDPLATFORM",
                   shown ? shown : arch, host.arch,
                   streq(os, "linux")
                       ? "register an emulator (binfmt_misc, e.g. Debian's qemu-user-static), or "
                       : "");
}
