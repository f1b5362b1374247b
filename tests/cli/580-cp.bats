#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Files copied into containers and out of them.
bats_require_minimum_version 1.5.0
load lib
load cp

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() {
    container_setup
    w=$BATS_TEST_TMPDIR
    cd "$w" || return 1
}
teardown() {
    drop_store
    docker_engine_stop
}

@test "cp: the rules, the words and the results are those of docker" {
    need dockerd
    need docker
    mkdir "$w/theirs" "$w/ours"
    docker_engine || skip "docker's engine does not come up here: $(tail -n 1 "$w/dockerd.log")"
    skopeo copy -q "oci:$SHALE_IMAGES/busybox:1.0" "docker-archive:$w/b.tar:b:1"
    engine() { docker -H "$ENGINE" "$@"; }
    engine load -qi "$w/b.tar"
    engine run -d --network none --name job b:1 sleep 300
    cp_matrix engine "$w/theirs" >"$w/theirs.txt" 2>&1
    engine kill job
    run_ok shale run --network none -d --name job "$image" sleep 300
    cp_matrix shale "$w/ours" >"$w/ours.txt" 2>&1
    diff "$w/theirs.txt" "$w/ours.txt"
    grep -q "^status 0" "$w/ours.txt"
    run_ok shale fsck --check
}

@test "cp: containers that stand still, or never ran, in both drivers; nothing stays mounted" {
    echo new >file
    for driver in erofs dir; do
        export SHALE_ROOT=$w/$driver
        run_ok shale --storage-driver "$driver" pull -q "$image"
        run_ok shale --storage-driver "$driver" create --name job "$image" sh -c 'cat /root/file /d/x; echo ran >/ran'
        run_ok shale container cp file job:/root
        mkdir -p d && echo x >d/x
        run_ok shale cp d job:/
        [ "$output" = "" ]
        run_ok shale cp job:/bin/busybox "$driver.busybox"
        run_ok shale diff job
        [ "$output" = "A /d
A /d/x
C /root
A /root/file" ] || { echo "$output"; return 1; }
        run_ok shale start -a job
        [ "$output" = "new
x" ]
        run_ok shale cp job:/ran - --quiet
        run_ok shale cp job:/ran "$driver.ran"
        [ "$(cat "$driver.ran")" = ran ]
        run_ok shale run --network none --rm "$image" md5sum /bin/busybox
        [ "${output%% *}" = "$(md5sum <"$driver.busybox" | cut -d' ' -f1)" ]
        run ! grep "$SHALE_ROOT" /proc/self/mountinfo
        # a container that runs is not held up, and goes on seeing what comes
        run_ok shale run --network none -d --name live "$image" sleep 100
        run_ok shale cp file live:/tmp
        run_ok shale exec live cat /tmp/file
        [ "$output" = new ]
        run_ok shale pause live
        run_ok shale cp live:/tmp/file "$driver.paused"
        run_ok shale unpause live
        run_ok shale fsck --check
        drop_store
    done
}

@test "cp: volumes and bind mounts are seen, where they are read-only nothing is written" {
    mkdir bind ro && echo b >bind/b && echo r >ro/r && echo single >one
    run_ok shale create --name job -v vol:/vol -v "$w/bind:/bind" -v "$w/ro:/bind/ro:ro" -v "$w/one:/one:ro" -v vol:/rovol:ro "$image" sleep 100
    echo here >file
    for _ in created running; do
        run_ok shale cp file job:/vol
        run_ok shale cp job:/bind/b out
        [ "$(cat out)" = b ]
        run_ok shale cp file job:/bind/new
        [ "$(cat bind/new)" = here ]
        run_ok shale cp job:/one out
        [ "$(cat out)" = single ]
        run_ok shale cp job:/bind/ro/r out
        run_ok shale cp job:/rovol/file out
        run_fails 1 "mounted volume is marked read-only" shale cp file job:/bind/ro
        run_fails 1 "mounted volume is marked read-only" shale cp file job:/rovol/x
        rm -f bind/new
        run_ok shale start job
    done
    run_ok shale cp job:/etc/hosts hosts
    grep -q localhost hosts
    # a file with a mount over it takes the bytes
    echo 127.0.0.9 nine >>hosts
    run_ok shale cp hosts job:/etc/hosts
    run_ok shale exec job grep -e nine -e ' /etc/hosts ' /etc/hosts /proc/mounts
    [ "${#lines[@]}" = 2 ]
    ln -s hosts link
    run_fails 1 "Device or resource busy" bash -c "tar -cf - --transform s,link,hosts, link | '$SHALE_BIN' cp - job:/etc"
    run_fails 1 "Read-only file system" shale cp file job:/one
    [ "$(cat one)" = single ]
    run_ok shale run --network none --rm -v vol:/v "$image" cat /v/file
    [ "$output" = here ]
    # an image's own files are in a new volume before it is used
    run_ok shale create --name seeded -v /etc "$image" sleep 1
    run_ok shale cp file seeded:/etc/file
    run_ok shale cp seeded:/etc/passwd out
    grep -q root out
    run_ok shale create --name locked --read-only "$image" sleep 1
    run_fails 1 "container rootfs is marked read-only" shale cp file locked:/tmp
    run_ok shale cp locked:/etc/passwd out
    run ! grep "$SHALE_ROOT/.*merged" <(grep -v "$(shale ps -q --no-trunc -f name=job)" /proc/self/mountinfo)
}

@test "cp: links of a container never lead out of it, whatever stands in them" {
    echo secret >"$w/secret" && echo mine >file && mkdir dir && echo in >dir/in
    run_ok shale run --network none -d --name job "$image" sh -c "
        ln -s $w /abs; ln -s ../../../../../../../..$w /rel; ln -s /proc/1/root/$w /magic; ln -s /proc/self/root /self
        ln -s $w/secret /file; ln -s .. /up; ln -s a /b; ln -s b /a; mkdir /d; ln -s $w /d/dir; touch /ready; sleep 100"
    for _ in $(seq 300); do shale exec job test -e /ready 2>/dev/null && break; sleep 0.1; done
    for state in running stopped; do
        for p in /abs/secret /rel/secret /magic/secret /self/$w/secret /up/up/../../..$w/secret ../../..$w/secret /file/.; do
            run_fails 1 "" shale cp "job:$p" out
            run_fails 1 "" shale cp -L "job:$p" out
            [ ! -e out ]
        done
        run_fails 1 "Could not find the file /file" shale cp -L job:/file out
        run_fails 1 "too many levels" shale cp -L job:/a out
        run_fails 1 "" shale cp job:/a/x out
        for p in /abs/x /rel/x /magic/x /self$w/x /file/x; do
            run_fails 1 "" shale cp file "job:$p"
            [ ! -e "$w/x" ]
        done
        # a folder of that name is not put through the link, nor is a file of an archive
        run_fails 1 "cannot overwrite non-directory" shale cp dir job:/d
        tar -cf t.tar --transform 's,^dir,/d/dir,' -P dir/in
        run_fails 1 "" shale cp - job:/ <t.tar
        [ ! -e "$w/in" ]
        # links themselves are copied as they are
        run_ok shale cp job:/file "link.$state"
        [ "$(readlink "link.$state")" = "$w/secret" ]
        [ "$state" = stopped ] || run_ok shale kill job
        [ "$state" = stopped ] || run_ok shale wait job
    done
    [ "$(cat secret)" = secret ]
    # a destination through a link that leads up ends at the container's root
    run_ok shale cp file job:/up/up/up/top
    run_ok shale cp job:/top out
    [ ! -e /top ]
}

@test "cp: archives that are cut off, refused or hostile leave what was there; owners with -a; sparse files; --help" {
    run_ok shale run --network none -d --name job "$image" sleep 100
    echo old >big && run_ok shale cp big job:/tmp/big
    head -c 3000000 /dev/urandom >big && tar -cf big.tar big
    head -c 1000000 big.tar >cut.tar
    run_fails 1 "cut off" shale cp - job:/tmp <cut.tar
    run_ok shale exec job sh -c 'cat /tmp/big; ls -A /tmp'
    [ "$output" = "old
big" ] || { echo "$output"; return 1; }
    xz -0 -k big.tar
    head -c 1000000 big.tar.xz >cut.tar.xz
    run_fails 1 "" shale cp - job:/tmp <cut.tar.xz
    run_ok shale exec job cat /tmp/big
    [ "$output" = old ]
    run_ok shale exec job mkdir /tmp/xz
    run_ok shale cp - job:/tmp/xz <big.tar.xz
    run_ok shale cp job:/tmp/xz/big unpacked
    cmp big unpacked
    tar -cf up.tar -P --transform 's,^,../../,' big
    run_fails 1 "standard input" shale cp - job:/tmp <up.tar
    truncate -s 5M sparse && printf end >>sparse && tar --sparse -cf sparse.tar sparse
    run_ok shale cp - job:/tmp <sparse.tar
    run_ok shale cp job:/tmp/sparse back
    cmp sparse back
    run_ok shale exec job chown 12:34 /tmp/sparse
    run_ok shale cp job:/tmp/sparse plain
    run_ok shale cp -a job:/tmp/sparse owned
    [ "$(stat -c %u:%g plain) $(stat -c %u:%g owned)" = "0:0 12:34" ]
    setfattr -n user.note -v hello big && setcap cap_net_raw=ep big
    run_ok shale cp big job:/tmp/withattr
    run_ok shale cp job:/tmp/withattr attr
    [ "$(getfattr --only-values -n user.note attr) $(getcap attr)" = "hello attr cap_net_raw=ep" ]
    run_ok bash -c "script -qec \"'$SHALE_BIN' cp job:/tmp/big here\" /dev/null </dev/null"
    has "Successfully copied 2.05kB to $w/here"
    run_ok bash -c "script -qec \"'$SHALE_BIN' cp -q job:/tmp/big here\" /dev/null </dev/null"
    [ -z "$output" ]
    run_fails 1 "write the tar" bash -c "'$SHALE_BIN' cp job:/tmp/sparse - >/dev/full"
    run_fails 1 "source can not be empty" shale cp "" job:/x
    run_fails 1 "destination can not be empty" shale cp job:/x ""
    run_fails 1 "path in the container is empty" shale cp job: out
    mkdir small
    mount -t tmpfs -o size=1m none small
    run_fails 1 "No space left on device" shale cp job:/tmp/sparse small
    [ -z "$(ls -A small)" ] || { umount small; return 1; }
    umount small
}
