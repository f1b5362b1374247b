#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# What is mounted into steps of a build: never a part of their layers.
bats_require_minimum_version 1.5.0
load lib
load step

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() {
    container_setup
    src=$BATS_TEST_TMPDIR/src
    mkdir -p "$src/sub/deep"
    echo one >"$src/one"
    echo two >"$src/sub/two"
}
teardown() { drop_store; }

@test "bind: of a folder and of a stack, whole or a part; what is written is thrown away" {
    run_ok step --mount "type=bind,folder=$src,target=/ctx,ro" "$image" sh -c 'cat /ctx/one /ctx/sub/two; touch /ctx/new'
    has "one
two"
    has "Read-only file system"
    has "status 1"
    run_ok step --mount "type=bind,folder=$src,target=/a/b/ctx,ro" --mount "type=bind,folder=$src,source=one,target=file,ro" \
        --cwd /tmp "$image" sh -c 'cat /a/b/ctx/one file'
    [ "$output" = "one
one
status 0
empty" ] || { echo "$output"; return 1; }
    run_ok step --mount "type=bind,folder=$src,target=/ctx" "$image" sh -c 'echo x >/ctx/new; rm /ctx/one; ls /ctx; echo y >/y'
    has "new
sub"
    [ "$(members)" = y ]
    [ "$(ls "$src")" = "one
sub" ]
    run_ok step --mount "type=bind,from=$image,target=/img,ro" --mount "type=bind,from=$image,source=/etc,target=/imgetc" \
        scratch /img/bin/busybox ls /imgetc
    has passwd
    has empty
    run_fails 1 '"/nope": not found' step --mount "type=bind,folder=$src,source=/nope,target=/x" "$image" true
    run_fails 1 "it is the root" step --mount "type=bind,folder=$src,target=/" "$image" true
    run_fails 1 "not a directory" step --mount "type=bind,folder=$src,target=/etc/passwd" "$image" true
    no_leftovers
}

@test "bind: links in the source do not lead out of it" {
    echo secret >"$BATS_TEST_TMPDIR/outside"
    ln -s "$BATS_TEST_TMPDIR/outside" "$src/abs"
    ln -s ../../outside "$src/sub/rel"
    ln -s /one "$src/sub/in"
    for s in abs sub/rel; do
        run_fails 1 "not found" step --mount "type=bind,folder=$src,source=$s,target=/x,ro" "$image" cat /x
    done
    run_ok step --mount "type=bind,folder=$src,source=sub/in,target=/x,ro" "$image" cat /x
    has one
}

@test "cache: it outlives steps, begins with what it is told, and is of whom it is told" {
    run_ok step --mount type=cache,target=/c "$image" sh -c 'stat -c %a:%u /c; echo 1 >/c/f'
    has 755:0
    has empty
    run_ok step --mount type=cache,target=/other,id=/c "$image" cat /other/f
    has 1
    run_ok step --mount "type=cache,target=/c,id=x,folder=$src,source=sub,uid=5,gid=6,mode=0750" "$image" \
        sh -c 'stat -c %a:%u:%g /c; cat /c/two; rm /c/two'
    has "750:5:6
two"
    run_ok step --mount "type=cache,target=/c,id=x,folder=$src,source=sub,uid=5,gid=6,mode=0750" "$image" ls /c
    hasnt two
    run_ok step --mount "type=cache,target=/c,id=y,from=$image,source=etc" "$image" cat /c/passwd
    has root
    run_ok step --mount type=cache,target=/c,ro "$image" touch /c/x
    has "Read-only"
    run_ok step caches
    [ "$(wc -l <<<"$output")" = 3 ]
    for name in $(awk '{print $1}' <<<"$output"); do run_ok step uncache "$name"; done
    run_ok step caches
    [ -z "$output" ]
    run_ok step --mount type=cache,target=/c "$image" ls /c
    [ "$output" = "status 0
empty" ]
    no_leftovers
}

# Two steps at a time with the same cache: how many saw the other there.
seen() { # SHARING
    step --threads 2 --mount "type=cache,target=/c,sharing=$1,id=$1" "$image" \
        sh -c 'mkdir /c/$$-$(cat /proc/sys/kernel/random/uuid); i=0; while [ $i -lt '"$2"' ]; do [ $(ls /c | wc -l) = 2 ] && exit 9; i=$((i+1)); sleep 0.05; done; rm -r /c/*' 3>&1
}

@test "cache: shared by two at a time, locked, or each has its own" {
    run_ok seen shared 400
    [ "$(grep -c "status 9" <<<"$output")" -ge 1 ] || { echo "$output"; return 1; }
    run_ok seen locked 8
    [ "$(grep -c "status 0" <<<"$output")" = 2 ] || { echo "$output"; return 1; }
    run_ok seen private 8
    [ "$(grep -c "status 0" <<<"$output")" = 2 ] || { echo "$output"; return 1; }
    run_ok step caches
    [ "$(grep -c "private$" <<<"$output")" -ge 1 ]
    # two locked ones, named in another order by each: nobody waits for ever
    for _ in 1 2 3; do
        step --mount type=cache,target=/a,sharing=locked --mount type=cache,target=/b,sharing=locked "$image" true >"$BATS_TEST_TMPDIR/1" 3>&- &
        pid=$!
        step --mount type=cache,target=/b,sharing=locked --mount type=cache,target=/a,sharing=locked "$image" true >"$BATS_TEST_TMPDIR/2" 3>&- &
        wait $! || return 1
        wait "$pid"
    done
}

@test "tmpfs, secret and ssh" {
    run_ok step --mount type=tmpfs,target=/t,size=1048576 "$image" sh -c 'df -k /t | tail -n 1; cp /bin/busybox /t/ls; echo x >/t/f; ls /t; dd if=/dev/zero of=/t/big bs=1M count=2'
    has 1024
    has "No space left"
    hasnt sha256
    run_ok step --mount type=tmpfs,target=/t "$image" sh -c 'cp /bin/busybox /t/ls; /t/ls -d /t'
    has /t
    run_ok step --mount type=secret,target=/run/secrets/key,data=geheim --mount type=secret,target=/k2,data=zwei,uid=7,gid=8,mode=0440 "$image" \
        sh -c 'cat /run/secrets/key; stat -c %a:%u:%g /run/secrets/key /k2; echo >/run/secrets/key; echo done >/d'
    has geheim
    has "400:0:0
440:7:8"
    has "Read-only"
    [ "$(members)" = d ]
    run ! grep -rl geheim "$SHALE_ROOT"
    run_ok step --mount $'type=secret,target=/dev/pipes/EOF,mode=0755,data=#!/bin/sh\necho from a script' "$image" /dev/pipes/EOF
    has "from a script"
    run_ok step --mount $'type=secret,target=/s,data=#!/bin/sh\necho from a script' "$image" sh -c 'chmod 755 /s; /s'
    hasnt "from a script"
    run_fails 1 "there is no socket of an SSH agent" step --mount "type=ssh,target=/s,source=/nope" "$image" true
    no_leftovers
}

@test "ssh: users of the step reach the agent of ours" {
    need ssh-agent
    # shellcheck disable=SC2016 # for perl inside
    list='use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ENV{SSH_AUTH_SOCK})) or die $!; syswrite S, pack("NC", 1, 11);
        sysread S, $b, 9; @a = unpack("NCN", $b); print "type $a[1] keys $a[2]\n"'
    push "$SHALE_IMAGES/debian:1.0" debian:1.0
    shale pull -q "$REGISTRY_HOST/debian:1.0" >/dev/null
    ssh-agent -D -a "$BATS_TEST_TMPDIR/sock" >/dev/null 2>&1 3>&- &
    pid=$!
    for _ in $(seq 600); do [ -S "$BATS_TEST_TMPDIR/sock" ] && break; sleep 0.05; done
    run_ok step --user 1000:1000 --mount "type=ssh,target=/run/buildkit/ssh_agent.0,source=$BATS_TEST_TMPDIR/sock,uid=1000,gid=7,mode=0620" \
        "$REGISTRY_HOST/debian:1.0" sh -c "echo \$SSH_AUTH_SOCK; stat -c %a:%F:%u:%g \$SSH_AUTH_SOCK; for i in 1 2 3; do perl -e '$list'; done"
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    has "/run/buildkit/ssh_agent.0
620:socket:1000:7
type 12 keys 0
type 12 keys 0
type 12 keys 0
status 0
empty"
    no_leftovers
}
