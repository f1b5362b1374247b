#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --mount type=image: the files of an image in containers of others.
# shellcheck disable=SC2154 # image is container_setup's

bats_require_minimum_version 1.5.0
load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() {
    container_setup
    cd "$BATS_TEST_TMPDIR" || return 1
    # an image with files, links that lead out, a device and a file for every user
    mkdir -p d/sub d/etc && echo one >d/file && echo two >d/sub/file && ln -s / d/out && ln -s ../../../../etc d/up && ln -s sub d/in
    mknod d/null c 1 3 && chmod 666 d/null
    tar -C d -cf d.tar . && shale import d.tar data:1 >/dev/null
    data=$(shale images -q --no-trunc data)
}
teardown() { drop_store; }

run_with() { shale run --rm --network none --mount "$1" "$image" sh -c "$2"; }

@test "--mount type=image: its files, all or a part, read-only or with changes of the container's own; both drivers" {
    for driver in erofs dir; do
        export SHALE_ROOT=$PWD/$driver
        shale --storage-driver "$driver" pull -q "$image" && shale import d.tar data:1
        run_ok run_with type=image,source=data:1,target=/mnt 'cat /mnt/file /mnt/sub/file /mnt/in/file; ls -A /mnt; touch /mnt/x 2>&1 || true; cat /mnt/null 2>&1 || true'
        [ "$output" = "one
two
two
etc
file
in
null
out
sub
up
touch: /mnt/x: Read-only file system
cat: can't open '/mnt/null': Permission denied" ] || { echo "$output"; return 1; }
        run_ok run_with type=image,src="$(shale images -q data)",dst=/mnt,image-subpath=sub 'cat /mnt/file'
        [ "$output" = two ]
        run_ok run_with type=image,src=data:1,dst=/deep/down,subpath=/in/file 'cat /deep/down'
        [ "$output" = two ]
        # a path that leads up, or through a link to the root, ends in the image
        run_ok run_with type=image,src=data:1,dst=/mnt,subpath=up 'ls -A /mnt | wc -l'
        [ "$output" = 0 ]
        run_ok run_with type=image,src=data:1,dst=/mnt,subpath=../../out/sub 'cat /mnt/file'
        [ "$output" = two ]
        run_ok shale create --name job --network none --mount type=image,src=data:1,dst=/mnt,rw=true "$image" sh -c 'cat /mnt/file; echo mine >/mnt/file; rm -rf /mnt/sub'
        run_ok shale start -a job
        [ "$output" = one ]
        run_ok shale start -a job
        [ "$output" = mine ]
        run_ok shale cat data:1 /file /sub/file
        [ "$output" = "one
two" ]
        # what is in it is no change of the container, and cp sees it
        run_ok shale diff job
        [ "$output" = "A /mnt" ]
        run_ok shale cp job:/mnt/file seen
        [ "$(cat seen)" = mine ]
        run_ok shale create --name reader --mount type=image,src=data:1,dst=/mnt "$image" sleep 1
        run_fails 1 "mounted volume is marked read-only" shale cp d/file reader:/mnt
        run_ok shale rm job reader
        run ! grep "$SHALE_ROOT" /proc/self/mountinfo
        run_ok shale fsck --check
    done
}

@test "--mount type=image: the image counts as used by the container, stopped or running, and is kept when forced away" {
    run_ok shale create --name job --network none --mount type=image,src=data:1,dst=/mnt --mount type=image,src=data:1,dst=/mnt2,subpath=sub "$image" sh -c 'cat /mnt/file /mnt2/file; sleep 100'
    id=$output
    run_fails 1 "container ${id:0:12} is using its referenced image" shale rmi data:1
    run_fails 1 "image is being used by stopped container ${id:0:12}" shale rmi "$data"
    run_ok shale image prune -af
    run_ok shale images -q --no-trunc data
    [ "$output" = "$data" ]
    run_ok shale tag "$image" data:1
    run_ok shale image prune -f
    run_ok shale images -aq --no-trunc
    has "$data"
    run_ok shale start job
    run_fails 1 "cannot be forced" shale rmi -f "$data"
    run_ok shale inspect --format '{{range .Mounts}}{{.Type}} {{.Source}} {{.Destination}} {{.RW}};{{end}}' job
    [ "$output" = "image data:1 /mnt false;image data:1 /mnt2 false;" ]
    run_ok shale ps --format '{{.Mounts}}'
    [ "$output" = data:1,data:1 ]
    # one that has it by way of another container
    run_ok shale create --name heir --network none --volumes-from job "$image" cat /mnt2/file
    run_ok shale rm -f job
    run_ok shale rmi -f "$data"
    run_ok shale images -aq --no-trunc
    hasnt "$data"
    run_ok shale image prune -af
    run_ok shale start -a heir
    [ "$output" = two ]
    run_ok shale rm heir
    run_ok shale image prune -af
    [ "$(find "$SHALE_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" = 0 ]
    run_ok shale fsck --check
}

@test "--mount type=image: what is wrong is said, and nothing is left behind" {
    for m in "source=nope|No such image: nope:latest" "source=|field Source must not be empty" "source=data:1,subpath=none/x|cannot access image subpath"; do
        run_fails 125 "${m#*|}" shale run --rm --network none --mount "type=image,target=/mnt,${m%|*}" "$image" true
        run_ok shale ps -aq
        [ -z "$output" ]
    done
    run_fails 125 "cannot mix 'image-*' options with mount type 'bind'" shale create --mount type=bind,src=/,dst=/mnt,image-subpath=x "$image"
    run_fails 125 "target is required" shale create --mount type=image,src=data:1 "$image"
    run ! grep "$SHALE_ROOT" /proc/self/mountinfo
    # a container that is killed leaves no mount, whoever started it
    run_ok shale run -d --name job --network none --mount type=image,src=data:1,dst=/mnt "$image" sleep 100
    kill -9 "$(shale inspect --format '{{.State.Pid}}' job)"
    run_ok shale wait job
    for _ in $(seq 300); do grep -q "$SHALE_ROOT" /proc/self/mountinfo || break; sleep 0.1; done
    run ! grep "$SHALE_ROOT" /proc/self/mountinfo
}
