#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cp IMAGE:/PATH: files out of a local image. umoci tells independently what is in it.
# shellcheck disable=SC2154 # the libraries set status, output and lines

bats_require_minimum_version 1.5.0
load lib
load look

setup_file() {
    local l=$BATS_FILE_TMPDIR/layout
    layered "$l" 1
    umoci unpack --image "$l:1" "$BATS_FILE_TMPDIR/u" >/dev/null
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker R=$BATS_FILE_TMPDIR/u/rootfs
    mkdir -p "$DOCKER_CONFIG"
    tar -C "$l" -cf "$BATS_FILE_TMPDIR/l.tar" .
    shale load -qi "$BATS_FILE_TMPDIR/l.tar"
    img=$(shale images -q --no-trunc)
    shale tag "$img" look:1
}
setup() {
    need_root
    cd "$BATS_TEST_TMPDIR" || return 1
}

@test "cp out of an image: all of it is what umoci unpacks, as files and as a tar; nothing is mounted or made" {
    run_ok shale cp -a look:1:/ all
    same_files "$R" all
    shale cp look:1:/ - >t.tar
    mkdir t && tar -xpf t.tar -C t
    same_files "$R" t
    cmp t.tar <(shale cp "look:1:/." -)
    run_ok shale ps -aq
    [ -z "$output" ]
    run ! grep "$SHALE_ROOT" /proc/self/mountinfo
    run_ok shale fsck --check
}

@test "cp out of an image: docker's rules for paths; links are followed inside of the image only" {
    run_ok shale cp look:1:/etc/name .
    [ "$(cat name)" = changed ]
    run_ok shale cp look:1:/etc/name other
    cmp name other
    run_ok shale cp look:1:/abs link
    [ "$(readlink link)" = /etc/name ]
    run_ok shale cp -L look:1:/abs followed
    cmp name followed
    run_ok shale cp -L look:1:/var/up followed
    cmp name followed
    run_ok shale cp look:1:/usr/bin bins
    [ "$(stat -c '%a %h' bins/tool bins/tool2)" = "4755 2
4755 2" ]
    run_ok shale cp look:1:/bin/ .
    [ -x bin/tool ]
    run_ok shale cp look:1:/etc/. etc2
    [ "$(ls -A etc2)" = ".secret
conf.d
name
three" ]
    run_ok shale cp look:1:/var/sparse .
    cmp sparse "$R/var/sparse"
    [ "$(shale cp look:1:/usr/bin - | tar -tf - | paste -sd,)" = bin/,bin/tool,bin/tool2 ]
    run_fails 1 "Could not find the file /nope in image look:1" shale cp look:1:/nope x
    run_fails 1 "Could not find the file /dangling in image look:1" shale cp -L look:1:/dangling x
    run_fails 1 "too many levels" shale cp -L look:1:/loop1 x
    run_fails 1 "not a directory" shale cp look:1:/etc/name/ x
    run_fails 1 "not a directory" shale cp look:1:/etc/name/x x
    run_fails 1 "cannot copy directory" shale cp look:1:/etc name
    mkdir tool && run_fails 1 'cannot overwrite directory' shale cp look:1:/usr/bin/tool .
    run_fails 1 "directory \"$PWD/none\" does not exist" shale cp look:1:/etc/name none/x
    run_fails 1 "No such image: look:2" shale cp look:2:/etc x
    run_fails 1 "No such container: look" shale cp look:/etc x
    run_fails 1 "does not match the specified platform" shale cp --platform linux/s390x look:1:/etc x
    run_fails 1 "No such container: look" shale cp name look:1:/etc
    [ ! -e x ]
    # by ID, and by a name with a port
    run_ok shale tag look:1 localhost:5000/a/b:1
    run_ok shale cp localhost:5000/a/b:1:/etc/name x
    run_ok shale cp "$(shale images -q look:1):/etc/name" x
    cmp name x
}

@test "cp: a container comes before an image of that name" {
    run_ok shale tag look:1 both
    run_ok shale cp both:/etc/name x
    [ "$(cat x)" = changed ]
    run_ok shale create --name both look:1
    echo mine >y
    run_ok shale cp y both:/etc/name
    run_ok shale cp both:/etc/name x
    [ "$(cat x)" = mine ]
    run_fails 1 "Could not find the file latest:/etc/name in container both" shale cp both:latest:/etc/name x
    run_ok shale rm both
}
