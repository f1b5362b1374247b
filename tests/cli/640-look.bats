#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ls, cat and tree: what an image shows, without a container and without mounting. umoci and podman tell
# independently what is in it.
# shellcheck disable=SC2154 # the libraries set status, output and lines

load lib
load images
load look

setup_file() {
    registry_with busybox debian
    layered "$BATS_FILE_TMPDIR/layout" 1
    push_tag "$BATS_FILE_TMPDIR/layout" 1 look:1
    export LOOK=$REGISTRY_HOST/look:1 DEBIAN=$REGISTRY_HOST/debian:1.0
    fresh_store_of_file
    shale pull -q "$LOOK" >/dev/null
    shale pull -q "$DEBIAN" >/dev/null
}
fresh_store_of_file() {
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
    mkdir -p "$DOCKER_CONFIG"
}
teardown_file() { registry_stop_all; }

@test "ls lists a directory, hides dots, and shows links as links" {
    run_ok shale ls "$LOOK"
    [ "$output" = "$(printf '%s\n' abs bin dangling etc loop1 loop2 srv usr var)" ]
    run_ok shale ls "$LOOK" /etc
    [ "$output" = "$(printf '%s\n' conf.d name three)" ]
    run_ok shale ls -a "$LOOK:/etc"
    [ "$output" = "$(printf '%s\n' .secret conf.d name three)" ]
    run_ok shale ls -l "$LOOK" usr/bin
    [[ ${lines[0]} == "MODE "*LINKS*UID*GID*SIZE*MODIFIED*NAME ]]
    [[ ${lines[1]} == "-rwsr-xr-x "*" 2 "*" 20 "*"tool" ]]
    run_ok shale ls -l "$LOOK" /bin
    [[ ${lines[1]} == "lrwxrwxrwx "*"bin -> usr/bin" ]]
    run_ok shale ls "$LOOK" /bin
    [ "$output" = "$(printf '%s\n' tool tool2)" ]
    run_ok shale ls -l "$LOOK" /bin/
    [ "${#lines[@]}" = 3 ]
    run_ok shale ls -d "$LOOK" /etc /var
    [ "$output" = "$(printf '%s\n' /etc /var)" ]
    run_ok shale ls "$LOOK" var/../../../etc/name
    [ "$output" = name ]
}

@test "whiteouts, opaque directories and the layer that a file is from" {
    run_ok shale ls -R -a "$LOOK"
    hasnt /gone
    hasnt /etc/conf.d/a
    hasnt .wh.
    hasnt /srv/data/old
    has /srv/data/new
    run_ok shale ls -R --layers --format '{{.Path}} {{.Layer}} {{.LayerDigest}}' "$LOOK"
    base=$(shale inspect -f '{{index .RootFS.Layers 0}}' "$LOOK")
    has "/usr/bin/tool 1 $base"
    has "/etc/name 2 sha256:"
    has "/etc/conf.d/b 1 sha256:"
    has "/var/sparse 3 sha256:"
    run_ok shale ls --layers "$LOOK" /etc
    [[ ${lines[0]} == LAYER*"LAYER DIGEST"*NAME ]]
    [[ ${lines[2]} == "2 "*name ]]
}

@test "cat follows links inside of the image, and reads hard links and sparse files" {
    for p in /etc/name etc/name /abs /var/up ../../etc/./name; do
        run_ok shale cat "$LOOK" "$p"
        [ "$output" = changed ]
    done
    run_ok shale cat "$LOOK:/etc/three" /etc/name
    [ "$output" = "$(printf 'three\nchanged')" ]
    run_ok shale cat "$LOOK" /bin/tool2
    [ "${lines[1]}" = "echo tool" ]
    shale cat "$LOOK" /var/sparse | cmp - "$BATS_FILE_TMPDIR/layered/3/var/sparse"
    shale cat "$LOOK" /var/log/big | cmp - "$BATS_FILE_TMPDIR/layered/1/var/log/big"
    shale cat "$LOOK" /var/log/big | head -c 10 | grep -q xxxxxxxxxx
}

@test "what cannot be read is told, the rest is written, the status is 1" {
    run_fails 1 "Error: /etc: is a directory" shale cat "$LOOK" /etc
    run_fails 1 "Error: /gone/file: no such file or directory" shale cat "$LOOK" /gone/file
    run_fails 1 "Error: /loop1: too many levels of symbolic links" shale cat "$LOOK" /loop1
    run_fails 1 "Error: /dangling: no such file or directory" shale cat "$LOOK" /dangling
    run_fails 1 "Error: /var/pipe: is not a regular file" shale cat "$LOOK" /var/pipe
    run_fails 1 "Error: /etc/name/x: not a directory" shale cat "$LOOK" /etc/name/x
    run_fails 1 "Error: /etc/name/: not a directory" shale cat "$LOOK" /etc/name/
    run_fails 1 "changed" shale cat "$LOOK" /none /etc/name
    has "Error: /none: no such file or directory"
    run_fails 125 "a path is needed: cat IMAGE PATH, or cat IMAGE:/PATH" shale cat "$LOOK"
    run_fails 1 "No such image: nosuch:latest" shale ls nosuch
    run_fails 1 "Error: /none: no such file or directory" shale ls "$LOOK" /none
    run_fails 1 "does not match the specified platform" shale ls --platform linux/s390x "$LOOK"
    run_fails 125 "--level must be from 1 to 1024, not 0" shale tree -L 0 "$LOOK"
    [ ! -w /dev/full ] || run_fails 1 "No space left on device" sh -c "'$SHALE_BIN' cat '$LOOK' /etc/name >/dev/full"
}

@test "tree draws levels, sums sizes, counts hard links once" {
    run_ok shale tree -L 1 "$LOOK"
    [ "${lines[0]}" = / ]
    has "├── bin -> usr/bin"
    has "└── var"
    [ "${lines[-1]}" = "4 directories, 5 files" ]
    run_ok shale tree "$LOOK:/usr"
    [ "$(printf '%s\n' "${lines[@]:0:4}")" = "$(printf '%s\n' /usr '└── bin' '    ├── tool' '    └── tool2')" ]
    run_ok shale tree -s "$LOOK" usr
    [ "${lines[0]}" = "[20B] /usr" ]
    run_ok shale tree -s -L 1 "$LOOK" /var
    has "[3.3MB] /var"
    run_ok shale tree --format json "$LOOK" /etc
    [ "$(jq -r 'select(.Path == "/etc/name") | .Size' <<<"$output")" = 8 ]
    [ "$(jq -r 'select(.Path == "/etc") | .TotalSize' <<<"$output")" = 23 ]
}

@test "names that could harm a terminal are escaped there, and exact elsewhere" {
    need script
    shale ls "$LOOK" /var | grep -qP '^a\tb$'
    run_ok script -qec "'$SHALE_BIN' ls '$LOOK' /var" /dev/null
    has 'a\tb'
}

# same_as ROOT REF EVERY: what we list, and one file out of EVERY, is what lies in ROOT
same_as() {
    local f n=0
    shale ls -aR --format '{{.Type}} {{.Mode}} {{.Uid}}:{{.Gid}} {{.Path}} {{if eq .Type "file"}}{{.Size}}{{end}} {{.Link}}' "$2" |
        sed 's/^\(file\|dir\|symlink\|fifo\|char\|block\) //' | LC_ALL=C sort >"$BATS_TEST_TMPDIR/ours"
    (cd "$1" && find . -mindepth 1 \( -type f -printf '%M %U:%G /%P %s \n' -o -type l -printf '%M %U:%G /%P  %l\n' -o \
        -printf '%M %U:%G /%P  \n' \)) | LC_ALL=C sort >"$BATS_TEST_TMPDIR/theirs"
    [ -s "$BATS_TEST_TMPDIR/ours" ] || return 1
    diff "$BATS_TEST_TMPDIR/ours" "$BATS_TEST_TMPDIR/theirs" || return 1
    while read -r f; do
        shale cat "$2" "$f" | cmp - "$1$f" || return 1
        n=$((n + 1))
    done < <(cd "$1" && find . -type f -printf '/%P\n' | LC_ALL=C sort | awk -v n="$3" 'NR % n == 1 || n == 1')
    [ $n -gt 0 ]
}

@test "every file is as umoci unpacks it" {
    need_root
    need umoci
    umoci unpack --image "$BATS_FILE_TMPDIR/layout:1" "$BATS_TEST_TMPDIR/u" >/dev/null
    same_as "$BATS_TEST_TMPDIR/u/rootfs" "$LOOK" 1
}

@test "a Debian image is as podman mounts it" {
    need_root
    need podman
    p() { env -u DOCKER_CONFIG podman --root "$BATS_TEST_TMPDIR/p" --runroot "$BATS_TEST_TMPDIR/pr" --storage-driver vfs "$@"; }
    p pull -q --tls-verify=false "$DEBIAN" >/dev/null
    dir=$(p image mount "$DEBIAN")
    same_as "$dir" "$DEBIAN" 97
    p image umount "$DEBIAN" >/dev/null
}

@test "an ordinary user looks into the images of a store of their own; nothing is mounted" {
    need_root
    home=$(mktemp -d "${TMPDIR:-/tmp}/look.XXXXXX")
    chown 65534:65534 "$home"
    as() { setpriv --reuid=65534 --regid=65534 --clear-groups env -u DOCKER_CONFIG "SHALE_ROOT=$home/store" HOME="$home" "$@"; }
    as test -x "$SHALE_BIN" || skip "the binary is in a folder that ordinary users cannot enter"
    run_ok as "$SHALE_BIN" pull -q "$LOOK"
    run_ok as "$SHALE_BIN" cat "$LOOK" /etc/name
    [ "$output" = changed ]
    run_ok shale ls "$LOOK"
    [ -z "$(grep -F -e " $SHALE_ROOT/" -e " $home/" /proc/self/mountinfo)" ]
    rm -rf "$home"
}

@test "only the bytes asked for are read of a layer" {
    need strace
    export ASAN_OPTIONS=detect_leaks=0 # the search for leaks does not work while strace looks on
    run_ok strace -f -e trace=pread64,read -o "$BATS_TEST_TMPDIR/trace" "$SHALE_BIN" cat "$DEBIAN" /etc/debian_version
    # the tar of the layer has 100 MB
    n=$(grep -E 'pread64\(' "$BATS_TEST_TMPDIR/trace" | awk -F'= ' '{s += $NF} END {print s + 0}')
    [ "$n" -lt 1000000 ]
}

@test "a damaged layer is an error, not wrong bytes" {
    fresh_store
    shale pull -q "$LOOK" >/dev/null
    hex=$(shale inspect -f '{{index .RootFS.Layers 0}}' "$LOOK" | cut -d: -f2)
    truncate -s 10000 "$SHALE_ROOT/layers/$hex/layer.tar"
    run_fails 1 "a layer ends within a file: run shale fsck" sh -c "'$SHALE_BIN' cat '$LOOK' /var/log/big >'$BATS_TEST_TMPDIR/out'"
    head -c 100 "$SHALE_ROOT/layers/$hex/toc" >"$BATS_TEST_TMPDIR/toc"
    cp "$BATS_TEST_TMPDIR/toc" "$SHALE_ROOT/layers/$hex/toc"
    run_fails 1 "damaged table of contents" shale ls "$LOOK"
}
