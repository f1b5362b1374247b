#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# The files of containers as plain tars.
bats_require_minimum_version 1.5.0
load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() {
    container_setup
    w=$BATS_TEST_TMPDIR
}
teardown() { drop_store; }

script='set -e; echo hi >/root/new; rm /etc/group; mkdir -p /a/b; echo c >/a/b/c; ln /a/b/c /a/hard; ln -s b/c /a/soft
mknod /null c 1 3; mkfifo /pipe; rm -r /home; mkdir /home; echo x >/home/x; chmod 4755 /a/b/c; chown 12:34 /root/new
truncate -s 8M /sparse; echo w >/.wh.kept'
look='cat /root/new /a/b/c /a/hard /a/soft /home/x; stat -c "%n %a %u:%g %h %s %F" /root/new /a/b/c /a/hard /null /pipe /sparse; [ ! -e /etc/group ] && echo gone; ls /home; grep -c root /etc/passwd'
# all that stat sees of a root, but what a runtime mounts over it
all='cd /; find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./etc/hosts -o -path ./etc/hostname -o -path ./etc/resolv.conf \) -prune -o ! -path . ! -path ./.wh.kept -exec stat -c "%n %a %u:%g %F %t:%T" {} + | sort'

@test "export: the files are those that the container sees, and come back by import; both drivers" {
    for driver in erofs dir; do
        export SHALE_ROOT=$w/$driver
        run_ok shale --storage-driver "$driver" pull -q "$image"
        run_ok shale --storage-driver "$driver" run -d --name job "$image" sh -c "$script; touch /ready; sleep 60"
        for _ in $(seq 300); do shale exec job test -e /ready 2>/dev/null && break; sleep 0.1; done
        run_ok shale exec job sh -c "$look"
        seen=$output
        run_ok shale exec job sh -c "$all"
        list=$output
        shale export job >"$w/running.tar"
        run_ok shale kill job
        run_ok shale wait job
        run_ok shale container export -o "$w/stopped.tar" job
        [ -z "$output" ]
        cmp "$w/running.tar" "$w/stopped.tar"
        [ "$(stat -c %a "$w/stopped.tar")" = 600 ]
        [ "$(tar -tf "$w/stopped.tar" | sort | uniq -d)" = "" ]
        mkdir "$w/$driver.out"
        tar -xpf "$w/stopped.tar" -C "$w/$driver.out"
        [ -e "$w/$driver.out/.wh.kept" ]
        run_ok chroot "$w/$driver.out" sh -c "$look"
        [ "$output" = "$seen" ] || { echo "$output"; return 1; }
        run_ok chroot "$w/$driver.out" sh -c "$all"
        [ "$output" = "$list" ] || { diff <(echo "$list") <(echo "$output"); return 1; }
        run_ok bash -c '"$1" export job | "$1" import -c "CMD [\"sh\"]" - flat:1' _ "$SHALE_BIN"
        run_ok shale run --network none --rm flat:1 sh -c "$look"
        [ "$output" = "$seen" ] || { echo "$output"; return 1; }
        run_ok shale fsck --check
        drop_store
    done
}

@test "export: one that never ran is its image; podman imports it" {
    plain_only
    run_ok shale create --name new "$image"
    run_ok shale export -o "$w/new.tar" new
    here() { podman --root "$w/p" --runroot "$w/p.run" --storage-driver vfs "$@"; }
    run_ok here import -q "$w/new.tar" new:1
    run_ok shale run --network none --rm "$image" sh -c 'md5sum /bin/busybox /etc/passwd'
    sums=$output
    mkdir "$w/new"
    tar -xf "$w/new.tar" -C "$w/new"
    run_ok chroot "$w/new" sh -c 'md5sum /bin/busybox /etc/passwd'
    [ "$output" = "$sums" ]
}

@test "export: what is wrong is said, and a file that is there stays" {
    run_ok shale create --name new "$image"
    echo precious >"$w/there"
    run_fails 1 "No such container: nobody" shale export -o "$w/there" nobody
    [ "$(cat "$w/there")" = precious ]
    run_fails 1 "invalid output path: stat $w/none: no such file or directory" shale export -o "$w/none/a.tar" new
    run_fails 1 "it is a folder" shale export -o "$w" new
    run -1 script -qec "'$SHALE_BIN' export new" /dev/null
    has "cowardly refusing to save to a terminal"
    run_fails 1 "write the tar" shale export -o /dev/full new
}
