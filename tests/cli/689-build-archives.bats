#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# `shale build`: ADD of archives, whose members go into the layer from where they lie, or are unpacked where they must be.
load lib

setup() {
    need_root
    fresh_store
    ctx=$BATS_TEST_TMPDIR/ctx
    mkdir -p "$ctx"
}
teardown() { drop_store; }
build() { shale build --network none --progress plain "$@" "$ctx" 2>&1; }
layer() { shale inspect -f '{{index .RootFS.Layers 0}}' "$1"; }

@test "members from where they lie are what unpacking them gives, however they are compressed" {
    python3 - "$ctx" <<'END2'
import io, sys, tarfile
ctx = sys.argv[1]


def member(tar, name, type=tarfile.REGTYPE, data=b"", **more):
    t = tarfile.TarInfo(name)
    t.type, t.size, t.mode, t.uid, t.gid, t.mtime = type, len(data), 0o644, 3, 4, 1700000000
    for k, v in more.items():
        setattr(t, k, v)
    tar.addfile(t, io.BytesIO(data))


def whole(path, more=()):
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        member(tar, "./", tarfile.DIRTYPE, mode=0o700)
        member(tar, "z/later", data=b"a folder that is told of last")
        member(tar, "a.b", data=b"stands behind what is in a")
        member(tar, "a/", tarfile.DIRTYPE, mode=0o2750)
        member(tar, "a/link", tarfile.SYMTYPE, linkname="../../etc/passwd")
        member(tar, "b/hard", data=b"x" * 70000, mode=0o4755, pax_headers={"SCHILY.xattr.user.one": "two", "SCHILY.xattr.trusted.overlay.opaque": "y"})
        member(tar, "a/name", tarfile.LNKTYPE, linkname="b/hard")
        member(tar, "a/deep/er/file", data=b"of folders that nobody names")
        member(tar, "a/null", tarfile.CHRTYPE, devmajor=1, devminor=3)
        member(tar, "a/pipe", tarfile.FIFOTYPE)
        member(tar, "z/", tarfile.DIRTYPE, mode=0o711, mtime=1600000000)
        member(tar, "odd\nname " + "n" * 150, data=b"1")
        for name in more:
            member(tar, name, data=b"stands behind what is in a")


whole(f"{ctx}/plain.tar")
whole(f"{ctx}/twice.tar", ["a.b"])
with tarfile.open(f"{ctx}/through.tar", "w") as tar:
    member(tar, "real/", tarfile.DIRTYPE, mode=0o755)
    member(tar, "way", tarfile.SYMTYPE, linkname="real")
    member(tar, "way/file", data=b"behind the link")
END2
    gzip -k "$ctx/plain.tar"
    zstd -q -k "$ctx/plain.tar"
    xz -k "$ctx/plain.tar"
    for f in twice.tar plain.tar plain.tar.gz plain.tar.zst plain.tar.xz; do
        printf 'FROM scratch\nADD %s /to/\n' "$f" >"$ctx/Dockerfile"
        run_ok build --no-cache --build-arg SOURCE_DATE_EPOCH=1800000000 -t "app:$f"
        [ "$(layer "app:$f")" = "$(layer app:twice.tar)" ] || { echo "$f"; return 1; }
    done
    run_ok shale export "$(shale create app:plain.tar.gz /x)" -o "$BATS_TEST_TMPDIR/tree.tar"
    run_ok tar --numeric-owner -tvf "$BATS_TEST_TMPDIR/tree.tar"
    [[ $output == *"-rwsr-xr-x 3/4"*"70000"*to/a/name* && $output == *"link to to/a/name"* ]] || { echo "$output"; return 1; }
    [[ $output == *"drwxr-s--- 3/4"*to/a/* && $output == *"drwxr-xr-x 0/0"*to/a/deep/er/* && $output == *"crw-r--r-- 3/4 "*1,3*to/a/null* ]] || { echo "$output"; return 1; }
    [[ $output == *"drwx--x--x 3/4"*2020-09-13*to/z/* ]] || { echo "$output"; return 1; }
    # Owner and time from outside.
    printf 'FROM scratch\nADD --chown=7:8 plain.tar.gz /\n' >"$ctx/Dockerfile"
    run_ok build --build-arg SOURCE_DATE_EPOCH=1650000000 -t own
    run_ok shale ls -l own /
    grep -qE "^-rw-r--r-- +1 +7 +8 +26 " <<<"$output" || { echo "$output"; return 1; }
    hasnt 2023

    # Behind a link of its own only unpacking tells where a file comes to lie.
    printf 'FROM scratch\nADD through.tar /\n' >"$ctx/Dockerfile"
    run_ok build -t through
    [ "$(shale cat through /real/file)" = "behind the link" ]
    # One that is cut off gives nothing.
    head -c 30000 "$ctx/plain.tar" >"$ctx/cut.tar"
    printf 'FROM scratch\nADD cut.tar /\n' >"$ctx/Dockerfile"
    run_fails 1 "cut.tar" build
    [ -z "$(find "$SHALE_ROOT/contexts" -mindepth 1 ! -name lock)" ]
}
