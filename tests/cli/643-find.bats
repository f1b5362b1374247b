#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# find: which local images have a path, a content or a package. ls, and podman, tell independently what is in them.
# shellcheck disable=SC2154 # the libraries set status, output and lines

load lib
load images
load look

# over LAYOUT TAG NEW DIR COMMENT: one more layer over an image
over() {
    local m
    m=$(skopeo inspect --raw "oci:$1:$2")
    jq -c '.layers[]' <<<"$m" >"$1/.layers"
    jq -r '.rootfs.diff_ids[]' "$1/blobs/sha256/$(jq -r '.config.digest[7:]' <<<"$m")" >"$1/.diffs"
    : >"$1/.history"
    pack "$4" "$4.tar"
    oci_layer "$1" "$4.tar" gzip "$5"
    oci_tag "$1" "$3" "$(oci_image "$1" linux amd64)"
}

# a package manager's database of each kind
databases() {
    mkdir -p "$1/var/lib/dpkg" "$1/lib/apk/db"
    printf 'Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n\n' libx 1.9-1 tool 1:2.0-3 >"$1/var/lib/dpkg/status"
    printf 'Package: goner\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n' >>"$1/var/lib/dpkg/status"
    printf 'P:musl\nV:1.2.5-r0\nA:x86_64\n\n' >"$1/lib/apk/db/installed"
}

setup_file() {
    registry_with busybox debian
    local l=$BATS_FILE_TMPDIR/layout d=$BATS_FILE_TMPDIR
    layered "$l" 1
    push_tag "$l" 1 find:1
    databases "$d/pkgs"
    over "$l" 1 pkgs "$d/pkgs" "ADD databases"
    push_tag "$l" pkgs find:pkgs
    # one of the databases is gone, and so is /etc/name
    mkdir -p "$d/gone/var/lib/dpkg" "$d/gone/etc"
    : >"$d/gone/var/lib/dpkg/.wh.status"
    : >"$d/gone/etc/.wh.name"
    over "$l" pkgs gone "$d/gone" "RUN rm"
    push_tag "$l" gone find:gone
    export F=$REGISTRY_HOST/find DEBIAN=$REGISTRY_HOST/debian:1.0 BUSYBOX=$REGISTRY_HOST/busybox:1.0
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
    mkdir -p "$DOCKER_CONFIG"
    for t in "$F:1" "$F:pkgs" "$F:gone" "$DEBIAN"; do shale pull -q "$t" >/dev/null; done
}
teardown_file() { registry_stop_all; }

# found OPTION…: "IMAGE FOUND" of each line, sorted, without the registry
found() {
    run shale find --format '{{.Image}} {{if .Package}}{{.Package}} {{.Version}} {{.Arch}}{{else}}{{.Path}}{{end}}' "$@"
    output=$(printf '%s\n' "${lines[@]//$REGISTRY_HOST\//}" | LC_ALL=C sort)
}

@test "a path: the images that show it, not those where a later layer removed it" {
    found /etc/name
    [ "$status" = 0 ]
    [ "$output" = "$(printf '%s\n' 'find:1 /etc/name' 'find:pkgs /etc/name')" ]
    found --file etc/debian_version
    [ "$output" = "debian:1.0 /etc/debian_version" ]
    # a folder that only an opaque one hides, links themselves, and links on the way
    found /srv/data/old
    [ "$status" = 1 ]
    found /dangling
    [ "${#lines[@]}" = 3 ]
    found /bin/tool
    [ "$output" = "$(printf 'find:%s /usr/bin/tool\n' 1 gone pkgs)" ]
    # below a file, a loop, a link to nowhere
    for p in /etc/three/x /loop1/x /dangling/x; do
        found "$p"
        [ "$status" = 1 ]
    done
}

@test "names and globs, as ls lists them" {
    for glob in tool 't*l?' '/usr/*/tool*' '/etc/**' '**/b' '**/*.conf' '/e?c/*' '/var/lib/dpkg/*'; do
        found "$glob"
        printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/ours"
        : >"$BATS_TEST_TMPDIR/theirs"
            for i in "$F:1" "$F:pkgs" "$F:gone" "$DEBIAN"; do
            shale ls -aR --format '{{.Path}}' "$i" | GLOB=$glob IMAGE=${i#"$REGISTRY_HOST"/} python3 -c '
import os, re, sys
g = os.environ["GLOB"]
rx = re.sub(r"\\\*\\\*|\\\*|\\\?", lambda m: {"\\*\\*": ".*", "\\*": "[^/]*", "\\?": "[^/]"}[m[0]], re.escape(g.lstrip("/")))
rx = rx.replace(".*/", "(?:.*/)?", 1) if g.startswith("**/") else rx
for line in sys.stdin:
    p = line.rstrip("\n").lstrip("/")
    if re.fullmatch(rx, p if "/" in g else p.rsplit("/", 1)[-1], re.S):
        print(os.environ["IMAGE"], line.rstrip("\n"))' >>"$BATS_TEST_TMPDIR/theirs"
        done
        LC_ALL=C sort -o "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/theirs"
        [ -s "$BATS_TEST_TMPDIR/theirs" ]
        diff "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs"
    done
}

@test "a checksum: every name of the file, also of sparse ones, in every image that shares the layer" {
    tool=$(sha256sum <"$BATS_FILE_TMPDIR/layered/1/usr/bin/tool" | cut -d' ' -f1)
    found --sha256 "$tool"
    [ "$output" = "$(for t in 1 gone pkgs; do printf "find:$t /usr/bin/%s\n" tool tool2; done)" ]
    found --sha256 "sha256:$(sha256sum <"$BATS_FILE_TMPDIR/layered/3/var/sparse" | cut -d' ' -f1)"
    [ "$output" = "$(printf 'find:%s /var/sparse\n' 1 gone pkgs)" ]
    # what the image does not show any more
    found --sha256 "$(echo base | sha256sum | cut -d' ' -f1)"
    [ "$status" = 1 ]
    [ "$output" = "" ]
    # the database of packages was read before its checksum is asked for
    found --package musl --sha256 "$(sha256sum <"$BATS_FILE_TMPDIR/pkgs/lib/apk/db/installed" | cut -d' ' -f1)"
    [ "$output" = "$(for t in gone pkgs; do printf "find:$t %s\n" /lib/apk/db/installed 'musl 1.2.5-r0 x86_64'; done)" ]
}

@test "packages and versions, of databases that the image shows" {
    found --package 'libx'
    [ "$output" = "find:pkgs libx 1.9-1 amd64" ]
    for v in '<1.10' '<=1.9-1' '=1.9-1' '>1.9~rc1' '>=1.9'; do
        found --package "libx$v"
        [ "$status" = 0 ]
    done
    for v in '>=1.10' '<1.9-1' '=1.9' '>1.9-1'; do
        found --package "libx$v"
        [ "$status" = 1 ]
    done
    # an epoch counts first, as dpkg --compare-versions says
    dpkg --compare-versions 1:2.0-3 gt 3
    found --package 'tool>3'
    [ "$output" = "find:pkgs tool 1:2.0-3 amd64" ]
    found --package 'tool>1:3'
    [ "$status" = 1 ]
    found --package goner
    [ "$status" = 1 ]
    found --package 'mus?'
    [ "$output" = "$(printf 'find:%s musl 1.2.5-r0 x86_64\n' gone pkgs)" ]
}

@test "the packages of a Debian image are those that dpkg lists there" {
    need_root
    need podman
    p() { env -u DOCKER_CONFIG podman --root "$BATS_TEST_TMPDIR/p" --runroot "$BATS_TEST_TMPDIR/pr" --storage-driver vfs "$@"; }
    p pull -q --tls-verify=false "$DEBIAN" >/dev/null
    dir=$(p image mount "$DEBIAN")
    dpkg-query --admindir="$dir/var/lib/dpkg" -W -f '${db:Status-Status} ${Package} ${Version} ${Architecture}\n' |
        sed -n 's/^installed //p' | LC_ALL=C sort >"$BATS_TEST_TMPDIR/theirs"
    shale find --package '*' --format '{{.Image}} {{.Package}} {{.Version}} {{.Arch}}' |
        sed -n "s|^$DEBIAN ||p" | LC_ALL=C sort >"$BATS_TEST_TMPDIR/ours"
    [ -s "$BATS_TEST_TMPDIR/theirs" ]
    diff "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs"
    # and one file by its bytes
    sum=$(sha256sum <"$dir/bin/sh" | cut -d' ' -f1)
    (cd "$dir" && find . -type f -size "$(stat -Lc %s bin/sh)c" -exec sha256sum {} +) | sed -n "s|^$sum  \\.||p" | LC_ALL=C sort >"$BATS_TEST_TMPDIR/theirs"
    shale find --sha256 "$sum" --format '{{.Path}}' | LC_ALL=C sort >"$BATS_TEST_TMPDIR/ours"
    [ -s "$BATS_TEST_TMPDIR/theirs" ]
    diff "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs"
    p image umount "$DEBIAN" >/dev/null
}

@test "all criteria must be true; the table, --quiet, --no-trunc, json" {
    found --file /etc/name --package musl tool2
    [ "$output" = "$(printf 'find:pkgs %s\n' /etc/name /usr/bin/tool2 'musl 1.2.5-r0 x86_64')" ]
    found --file /etc/name --file /etc/debian_version
    [ "$status" = 1 ]
    run_ok shale find /etc/debian_version
    [[ ${lines[0]} == IMAGE*"IMAGE ID"*LAYER*FOUND ]]
    [[ ${lines[1]} == "$DEBIAN "*" 1 "*/etc/debian_version ]]
    run_ok shale find -q 'tool*'
    [ "$(sort <<<"$output")" = "$(for t in 1 pkgs gone; do shale images -q "$F:$t"; done | sort)" ]
    run_ok shale find -q --no-trunc /etc/debian_version
    [ "$output" = "$(shale inspect -f '{{.Id}}' "$DEBIAN")" ]
    run_ok shale find --format json --package libx
    [ "$(jq -r '[.Image, .Package, .Version, .Arch, .Path, .Layer] | join(" ")' <<<"$output")" = "$F:pkgs libx 1.9-1 amd64 /var/lib/dpkg/status 4" ]
}

@test "nothing found is the status 1 and prints nothing; bad criteria say what is wrong" {
    run shale find /no/such/file
    [ "$status" = 1 ]
    [ -z "$output" ]
    run_fails 125 "a path, --file, --package or --sha256 is needed" shale find
    run_fails 2 "sha256: 64 hex characters are expected" shale find --sha256 abc
    run_fails 2 "package: NAME or NAME>=VERSION (= < <= > >=) is expected" shale find --package 'x<'
    run_fails 2 "file: the path of a file is expected" shale find /etc/
    run_fails 2 "file: a path that ends in a name is expected" shale find /etc/..
    run_fails 2 "file: it is empty" shale find ""
    run_fails 2 "at most 8 of them" shale find a b c d e f g h i
    run_fails 2 "template parsing error" shale find --format '{{' /etc/name
}

@test "a layer that is shared is read once: its bytes are hashed for one image only" {
    need strace
    bytes() {
        strace -f -y -e trace=pread64 -o "$BATS_TEST_TMPDIR/trace" "$SHALE_BIN" find --sha256 "$(printf '%064d' 1)" >/dev/null || [ $? = 1 ]
        awk -F'= ' '/layer\.tar>/ {s += $NF} END {print s + 0}' "$BATS_TEST_TMPDIR/trace"
    }
    fresh_store
    shale pull -q "$F:1" >/dev/null
    one=$(bytes)
    [ "$one" -gt 300000 ]
    shale pull -q "$F:pkgs" >/dev/null
    shale pull -q "$F:gone" >/dev/null
    all=$(bytes)
    [ $((all - one)) -lt 100000 ]
}

@test "an image that cannot be looked into is told, the others are still searched, the status is 2" {
    fresh_store
    shale pull -q "$F:1" >/dev/null
    shale pull -q "$BUSYBOX" >/dev/null
    hex=$(shale inspect -f '{{index .RootFS.Layers 0}}' "$F:1" | cut -d: -f2)
    head -c 100 "$SHALE_ROOT/layers/$hex/toc" >"$BATS_TEST_TMPDIR/toc"
    cp "$BATS_TEST_TMPDIR/toc" "$SHALE_ROOT/layers/$hex/toc"
    run shale find --format '{{.Image}} {{.Path}}' /bin/busybox
    [ "$status" = 2 ]
    has "Error: $F:1: "
    has "damaged table of contents"
    has "$BUSYBOX /"
}
