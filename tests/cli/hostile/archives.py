# SPDX-License-Identifier: Apache-2.0
"""Layer tars: TABLE[name]() makes one, member by member, since tar libraries refuse to make most of these."""
import random
import subprocess
import zlib

BLOCK = 512
TABLE = {}


def archive(f):
    TABLE[f.__name__.replace("_", "-")] = f
    return f


def pad(data):
    return data + b"\0" * (-len(data) % BLOCK)


def member(name, data=b"", kind=b"0", link=b"", size=None, mode=0o644, checksum=None):
    """A ustar header and its data."""
    name = name if isinstance(name, bytes) else name.encode()
    size = len(data) if size is None else size
    h = bytearray(BLOCK)
    h[0:100] = name[:100].ljust(100, b"\0")
    h[100:108], h[108:116], h[116:124] = b"%07o\0" % mode, b"0000000\0", b"0000000\0"
    h[124:136], h[136:148], h[148:156] = b"%011o\0" % size, b"14545000000\0", b" " * 8
    h[156:157], h[157:257], h[257:265] = kind, link[:100].ljust(100, b"\0"), b"ustar\00000"
    h[148:156] = b"%06o\0 " % (sum(h) if checksum is None else checksum)
    return bytes(h) + pad(data)


def pax(**records):
    body = b""
    for key, value in records.items():
        value = value if isinstance(value, bytes) else value.encode()
        rest = b" " + key.replace("__", ".").encode() + b"=" + value + b"\n"
        n = len(rest)
        while len(b"%d" % n) + len(rest) != n:
            n = len(b"%d" % n) + len(rest)
        body += b"%d" % n + rest
    return member("PaxHeaders/x", body, b"x")


def end():
    return b"\0" * 2 * BLOCK


def good(text=b"good\n"):
    return member("etc", kind=b"5", mode=0o755) + member("etc/good", text) + end()


# ---- compression ----


def gzipped(data, level=6):
    z = zlib.compressobj(level, zlib.DEFLATED, 31)
    return z.compress(data) + z.flush()


def bad_gzip(data):
    """The checksum at the end is wrong."""
    z = gzipped(data)
    return z[:-8] + bytes([z[-8] ^ 1]) + z[-7:]


def gzip_bomb(size):
    """Parts of zeros; the first holds the header of a member that they belong to."""
    part = gzipped(bytes(64 << 20), 9)
    return gzipped(member("zeros", size=0o77777777777)) + part * (size >> 26)


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


def zstded(data):
    return zstd(data, "-3")


def zstd_bomb(size):
    """Frames of zeros; the first holds the header of a member that they belong to."""
    frame = zstd(bytes(64 << 20), "-19")
    return zstd(member("zeros", size=0o77777777777)) + frame * (size >> 26)


def zstd_big_window():
    """A frame that asks for a window of 1 GiB."""
    header = b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([(30 - 10) << 3])
    return header + b"\x01\x00\x00"


# ---- accepted: odd, but harmless ----


@archive
def absolute():
    return member("/etc/absolute", b"inside\n") + end()


@archive
def duplicates():
    return member("a", b"first\n") + member("a", b"second\n") + member("d", kind=b"5") + member("d", b"a file\n") + end()


@archive
def whiteout_nothing():
    return member("dir/.wh.nothing") + member(".wh.gone") + member("dir/.wh..wh..opq") + good()


@archive
def symlinks():
    """Members below symbolic links that leave the root."""
    return (member("evil", kind=b"2", link=b"/tmp") + member("evil/shale-escape", b"out\n")
            + member("up", kind=b"2", link=b"../../../../../../tmp") + member("up/shale-escape", b"out\n") + good())


@archive
def noend():
    """Without the two blocks of zeros at the end."""
    return good()[: -2 * BLOCK]


@archive
def empty():
    return end()


@archive
def oddtype():
    return member("odd", b"data", b"Z") + good()


# ---- refused ----


@archive
def dotdot():
    return member("a/../../../tmp/shale-escape", b"out\n") + end()


@archive
def linkdotdot():
    return member("a", kind=b"1", link=b"../../etc/passwd") + end()


@archive
def linknowhere():
    return member("a", kind=b"1", link=b"not/there") + end()


@archive
def linkitself():
    return member("a", kind=b"1", link=b"a") + end()


@archive
def checksum():
    return member("a", b"x", checksum=0o12345) + end()


@archive
def hugepax():
    return pax(comment=b"x" * (3 << 20)) + good()


@archive
def paxpath():
    return pax(path="a/" * 3000 + "b") + good()


@archive
def paxnumber():
    return pax(size="99999999999999999999999") + member("a", b"x") + end()


@archive
def paxbad():
    return member("PaxHeaders/x", b"9999 path=a\n", b"x") + good()


@archive
def paxnul():
    return pax(path=b"a\0b") + member("a", b"x") + end()


@archive
def longname():
    return pax(path="n" * 300) + member("a", b"x") + end()


@archive
def deep():
    return pax(path="d/" * 1500 + "x") + member("a", b"x") + end()


@archive
def xattrs():
    return pax(**{"SCHILY__xattr__user__a%d" % i: "v" for i in range(100)}) + member("a", b"x") + end()


@archive
def truncated():
    """Ends in the middle of a member's data."""
    return member("a", b"x" * 5000)[:2000]


@archive
def cutheader():
    return member("a", b"x") + member("b", b"y")[:300]


@archive
def negative():
    m = bytearray(member("a", b"x"))
    m[124:136] = b"\xff" * 12
    m[148:156] = b" " * 8
    m[148:156] = b"%06o\0 " % sum(m[:BLOCK])
    return bytes(m) + end()


def entries():
    """More members than the limit of four millions; in a gzip of many parts, since it is large."""
    names = random.Random(1)
    part = b"".join(member("%x" % names.getrandbits(200), mode=names.getrandbits(9)) for _ in range(8192))
    return gzipped(part, 1) * 489
