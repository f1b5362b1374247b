#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""random_layers.py SEED: a stack of layers as mktar understands it ("---" between two layers), made
of all kinds of members over a small set of names, so that they meet: replaced, removed, hidden,
linked, turned from one kind into another. The same seed gives the same layers.

What tools do not agree about is left out: names below links and files, a whiteout of what the same
layer brings, hard links with other metadata than their target's. A folder is described again at the
end of each layer that changed something in it, since unpacking sets its time."""
import random
import sys

r = random.Random(int(sys.argv[1]))
NAMES = ["a", "b", "c", "dir", "e%0af", "%ff%fe", "!x", "-", "sp%20ace", "n" * 120, "..x", "x" * 255,
         "f.h", "%c3%a4"]
tree = {"": ("dir", None)}  # path: (kind, the layer's serial of an inode)
serial = 0


def parent(p):
    return p.rpartition("/")[0]


def below(p):
    return [q for q in tree if q.startswith(p + "/")] if p else [q for q in tree if q]


def is_dir(p):
    return p in tree and tree[p][0] == "dir"


def metadata(kind):
    s = ""
    if kind != "symlink":
        s += " mode=%04o" % r.choice([0o644, 0o755, 0o600, 0o4755, 0o2755, 0o1777, 0, 0o444, r.randrange(0o10000)])
    s += " uid=%d gid=%d" % (r.choice([0, 1, 1000, 65534, 2097152, 3000000000]), r.choice([0, 5, 4294967294, 2097151]))
    s += " mtime=%d.%09d" % (r.choice([0, 1, 1500000000, 4294967296, 8589934592]), r.choice([0, 1, 999999999, 500000000]))
    return s


def xattrs(kind):
    s = ""
    if kind in ("file", "dir") and r.random() < 0.2:
        for i in range(r.randrange(1, 4)):
            s += " xattr:user.k%d=%s" % (i, r.choice(["v", "%00%ff", "long" * r.randrange(1, 200)]))
    if kind == "file" and r.random() < 0.05:
        s += " xattr:security.capability=%01%00%00%02%00%20%00%00%00%00%00%00%00%00%00%00%00%00%00%00"
    return s


def content():
    k = r.random()
    if k < 0.2:
        return ""
    if k < 0.3:
        runs, at = [], 0
        for _ in range(r.randrange(1, 6)):
            at += r.randrange(1, 9000)
            n = r.randrange(1, 3000)
            runs.append("%d+%d" % (at, n))
            at += n
        return " sparse=%s size=%d map=%s seed=%d" % (r.choice(["0.0", "0.1", "1.0"]), at + r.randrange(5000),
                                                      ",".join(runs), r.randrange(1, 99))
    size = r.choice([1, 511, 512, 513, 4095, 4096, 4097, r.randrange(70000)])
    return " size=%d seed=%d" % (size, r.randrange(1, 1000))


def style():
    return r.choice(["", "", " long=gnu", " num=gnu"])


def free_path():
    dirs = [p for p in tree if is_dir(p) and p.count("/") < 6]
    d = r.choice(dirs)
    name = r.choice(NAMES)
    return d + "/" + name if d else name


def layer(n):
    global serial
    out, brought, touched = [], set(), {""}
    lower = dict(tree)

    def bring(p):
        for k in [p] + [q for q in _ways(p)]:
            brought.add(k)
        touched.add(parent(p))

    def _ways(p):
        while p:
            p = parent(p)
            yield p

    def forget(p):
        for q in below(p) + [p]:
            tree.pop(q, None)

    # what is hidden comes first: others read a layer in order
    for _ in range(r.randrange(0, 5) if n else 0):
        old = [p for p in lower if p and p in tree]
        if not old:
            break
        p = r.choice(old)
        if any(q == p or q.startswith(p + "/") for q in brought):
            continue
        d, name = parent(p), p.rpartition("/")[2]
        if is_dir(p) and r.random() < 0.5:
            out.append("file %s/.wh..wh..opq" % p)
            for q in below(p):
                tree.pop(q, None)
            touched.add(p)
        elif len(name) < 250:  # there is no room for the mark before longer ones
            out.append("file %s.wh.%s" % (d + "/" if d else "", name))
            forget(p)
            touched.add(d)
        if r.random() < 0.1:
            out.append("file %s.wh.nothing-of-this-name" % (d + "/" if d else ""))
            touched.add(d)
    for _ in range(r.randrange(5, 40)):
        p = free_path()
        kind = r.choice(["file"] * 6 + ["dir"] * 5 + ["symlink"] * 2 + ["hardlink"] * 3 + ["char", "block", "fifo"])
        if p in brought:
            continue
        if kind == "hardlink":
            targets = [q for q in tree if tree[q][0] not in ("dir", "symlink") and q != p and not q.startswith(p + "/")]
            if not targets:
                continue
            q = r.choice(targets)
            if is_dir(p) and any(b.startswith(p + "/") for b in brought):
                continue
            forget(p)
            tree[p] = tree[q]
            out.append("hardlink %s link=%s%s%s" % (p, q, tree[q][1], style()))
            bring(p)
            continue
        if kind != "dir" and is_dir(p) and any(b.startswith(p + "/") for b in brought):
            continue
        meta = metadata(kind)
        if not (kind == "dir" and is_dir(p)):
            forget(p)
        line = "%s %s%s" % (kind, p, meta)
        if kind == "file":
            line += content()
        elif kind == "symlink":
            line += " link=%s" % r.choice(["a", "../b", "/etc/passwd", "x" * 300, "%ff", "."])
        elif kind in ("char", "block"):
            line += " dev=%d,%d" % (r.choice([1, 8, 259, 4095 if kind == "block" else 10]), r.choice([1, 3, 255, 256, 1048575]))
        out.append(line + xattrs(kind) + style())
        serial += 1
        tree[p] = (kind, meta)
        if kind == "dir":
            touched.add(p)
        bring(p)
    for d in sorted(touched, key=lambda d: (-len(d), d)):
        if is_dir(d):
            out.append("dir %s%s" % (d or ".", metadata("dir")))
    return out


for n in range(r.randrange(1, 7)):
    if n:
        print("---")
    print("\n".join(layer(n)))
