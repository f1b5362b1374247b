#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Steps of a build whose command, or whose base, means harm.
load lib
load step

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() {
    container_setup
    out=$BATS_TEST_TMPDIR/outside
    mkdir "$out"
}
teardown() { drop_store; }

@test "links at the places of mounts lead nowhere else" {
    run_ok step "$image" sh -c "rm -f /etc/resolv.conf /etc/hosts /etc/hostname
        ln -s ../../../../../..$out/resolv /etc/resolv.conf; ln -s $out/hosts /etc/hosts; ln -s /nowhere/deep/name /etc/hostname
        ln -s $out/dir /target; ln -s /loop /loop; ln -s ../../../../../../.. /up"
    evil=$(layer)
    run_ok step --layer "$evil" --mount type=cache,target=/target --mount type=tmpfs,target=/up/t --mount type=secret,target=/up/up/x/key,data=y \
        "$image" sh -c 'echo x >/target/file; cat /etc/hosts; touch /up/t/f; cat /x/key; echo done >/done'
    has localhost
    has y
    [ -z "$(ls -A "$out")" ]
    [ "$(members)" = "done" ] || { members; return 1; }
    run_ok step --mount type=tmpfs,target=/proc/../nowhere/../n2/t --mount type=cache,target=/../../n3 "$image" sh -c 'touch /n2/t/x /n3/x'
    has empty
    run_fails 1 "too many links" step --layer "$evil" --mount type=tmpfs,target=/loop/x "$image" true
    no_leftovers
}

@test "a cache whose content is links does not lead out either" {
    run_ok step --mount type=cache,target=/c "$image" ln -s "$out" /c/l
    run_ok step --mount type=cache,target=/c --mount type=tmpfs,target=/c/l/t "$image" true || true
    [ -z "$(ls -A "$out")" ]
    run_ok step --mount type=cache,target=/c "$image" sh -c 'ls -l /c/l | head -n 1; rm /c/l'
}

@test "processes that outlive the command are ended, output of megabytes comes whole" {
    run_ok step "$image" sh -c '(trap "" HUP TERM; while :; do sleep 1; done) & (sleep 500 >/dev/null 2>&1 &); echo left >/left'
    has "status 0"
    [ "$(members)" = left ]
    "$step_tool" --net none "$image" sh -c 'dd if=/dev/zero bs=1M count=8 2>/dev/null; dd if=/dev/zero bs=1M count=2 >&2 2>/dev/null' \
        >"$BATS_TEST_TMPDIR/o" 2>"$BATS_TEST_TMPDIR/e" 3>/dev/null
    [ "$(stat -c %s "$BATS_TEST_TMPDIR/o")" = 8388608 ]
    run_ok step "$image" sh -c 'i=0; while [ $i -lt 300 ]; do sleep 100 & i=$((i+1)); done; true'
    no_leftovers
}

@test "device nodes, set-user-ID files, odd names and sockets become what a layer can hold; nothing of the host shows" {
    run_ok step "$image" sh -c 'mknod /n c 1 3 2>/dev/null || echo none; touch "/a
b"; chmod 6755 /bin/busybox; nc -l -p 1 -s 127.0.0.1 & ls /proc/1/root >/dev/null; cat /proc/sysrq-trigger; echo b >/proc/sysrq-trigger; ls /sys/fs/cgroup 2>/dev/null | head -n 1; true'
    has "status 0"
    hasnt "$SHALE_ROOT"
    tar -tvf "$(layer_tar)" | grep -q 'a\\nb'
    run_ok step "$image" sh -c 'grep -c . /proc/self/mountinfo; grep " / / " /proc/self/mountinfo'
    has overlay
}

@test "a full disk: the step fails, the store stays whole" {
    mkdir "$BATS_TEST_TMPDIR/small"
    mount -t tmpfs -o size=48m small "$BATS_TEST_TMPDIR/small"
    export SHALE_ROOT=$BATS_TEST_TMPDIR/small/store
    shale pull -q "$image" >/dev/null
    run_ok step "$image" dd if=/dev/urandom of=/big bs=1M count=100
    has "No space left"
    has "status 1"
    run_fails 1 "" step "$image" sh -c 'dd if=/dev/urandom of=/big bs=1M count=30 2>/dev/null' # the layer has no room
    has "o space left"
    no_leftovers
    run_ok step "$image" sh -c 'echo x >/x'
    run_ok shale fsck --check
    drop_store
    umount "$BATS_TEST_TMPDIR/small"
}
