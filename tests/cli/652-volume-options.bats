#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# volume create -o: file systems that are mounted while containers use them.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }
mounts() { awk -v r="$SHALE_ROOT/" 'index($5, r) == 1 && $5 ~ /\/volumes\// {n++} END {print n + 0}' /proc/self/mountinfo; }
# no_mounts: all that volumes had is gone; looked at again, because who clears up may still be at it
no_mounts() {
    for _ in $(seq 600); do [ "$(mounts)" = 0 ] && return; sleep 0.05; done
    grep "$SHALE_ROOT" /proc/self/mountinfo
    return 1
}
running() { shale run -d --network none "$@"; }

@test "volume create -o: what docker takes, and what it says to the rest" {
    run_ok shale volume create -o type=tmpfs -o device=tmpfs --opt o=size=1m,uid=7 tt
    [ "$(shale volume inspect tt | jq -c '.[0].Options')" = '{"device":"tmpfs","o":"size=1m,uid=7","type":"tmpfs"}' ]
    [ "$(shale inspect -f '{{.Options.type}}' tt)" = tmpfs ]
    run_ok shale volume create tt
    [ "$(shale volume inspect -f '{{.Options.o}}' tt)" = "size=1m,uid=7" ]
    run_fails 1 'invalid option: "colour"' shale volume create -o colour=red xx
    run_fails 1 'missing required option: "device"' shale volume create -o type=tmpfs xx
    run_fails 1 'missing required option: "type"' shale volume create -o device=/tmp xx
    run_fails 1 'missing required option: "device"' shale volume create -o o=ro xx
    run_fails 1 'quota size requested but no quota support' shale volume create -o size=1g xx
    [ "$(shale volume ls -q | paste -sd' ')" = tt ]
    run_ok shale volume rm tt
    [ ! -e "$SHALE_ROOT/volumes/tt" ]
}

@test "tmpfs: shared by those who run, gone with the last of them" {
    shale volume create -o type=tmpfs -o device=tmpfs -o o=size=1m tt >/dev/null
    one=$(running -v tt:/data "$image" sh -c 'echo 1 >/data/one; sleep 600')
    two=$(running -v tt:/data -v tt:/again "$image" sleep 600)
    for _ in $(seq 600); do run shale exec "$two" cat /again/one; [ "$output" = 1 ] && break; sleep 0.05; done
    [ "$output" = 1 ]
    run_ok shale exec "$two" df -k /data
    has " 1024 "
    run_fails 1 "volume is in use" shale volume rm tt
    [ "$(mounts)" = 3 ]
    shale rm -f "$one" >/dev/null
    run_ok shale exec "$two" cat /data/one
    # cp goes where the container looks
    shale cp "$two:/data/one" - | tar -xO | grep -qx 1
    shale stop -t 0 "$two" >/dev/null
    no_mounts
    # the next time it is empty
    shale start "$two" >/dev/null
    run_fails 1 "No such file" shale exec "$two" cat /data/one
    shale rm -f "$two" >/dev/null
    no_mounts
    # docker's prune leaves volumes with options, too
    run_ok shale volume prune -af
    [ "$(shale volume ls -q)" = tt ]
    run_ok shale volume rm tt
}

@test "a folder of this host, and one of a file system's own; --rm" {
    mkdir "$BATS_TEST_TMPDIR/a folder"
    echo here >"$BATS_TEST_TMPDIR/a folder/file"
    shale volume create -o type=none -o "device=$BATS_TEST_TMPDIR/a folder" -o o=bind bb >/dev/null
    shale volume create -o type=none -o "device=$BATS_TEST_TMPDIR/a folder" -o o=bind,ro br >/dev/null
    run_ok shale run --rm --network none -v bb:/data -v br:/ro "$image" sh -c 'cat /data/file /ro/file; echo more >/data/new; echo no >/ro/no || true'
    [ "${lines[0]} ${lines[1]}" = "here here" ]
    has "Read-only file system"
    no_mounts
    [ "$(cat "$BATS_TEST_TMPDIR/a folder/new")" = more ]
    [ ! -e "$BATS_TEST_TMPDIR/a folder/no" ]
    # a container that does not run: its volume is what is mounted
    id=$(shale create --network none -v bb:/data "$image" true)
    shale cp "$id:/data/file" - | tar -xO | grep -qx here
    echo put >"$BATS_TEST_TMPDIR/put"
    shale cp "$BATS_TEST_TMPDIR/put" "$id:/data/put"
    [ "$(cat "$BATS_TEST_TMPDIR/a folder/put")" = put ]
    [ "$(mounts)" = 0 ]
    shale rm "$id" >/dev/null
    shale volume rm bb br >/dev/null
    [ "$(cat "$BATS_TEST_TMPDIR/a folder/file")" = here ]
}

@test "what cannot be mounted is said in docker's words, and leaves nothing" {
    shale volume create -o type=none -o device=/no/such -o o=bind xx >/dev/null
    at=$(shale volume inspect -f '{{.Mountpoint}}' xx)
    id=$(shale create --network none -v xx:/data "$image" true)
    run_fails 1 "error while mounting volume '$at': failed to mount local volume: mount /no/such:$at, flags: 0x1000: no such file or directory" shale start "$id"
    shale volume create -o type=tmpfs -o device=tmpfs -o o=size=much,ro yy >/dev/null
    at=$(shale volume inspect -f '{{.Mountpoint}}' yy)
    run_fails 125 "mount tmpfs:$at, flags: 0x1, data: size=much: invalid argument" shale run --rm --network none -v yy:/data "$image" true
    shale volume create -o type=nonsense -o device=x zz >/dev/null
    at=$(shale volume inspect -f '{{.Mountpoint}}' zz)
    run_fails 125 "mount x:$at: no such device" shale run --rm --network none -v zz:/data "$image" true
    [ "$(mounts)" = 0 ]
    shale rm "$id" >/dev/null
    run_ok shale volume rm xx yy zz
}

@test "nfs and cifs: names become addresses, a password is not shown, the kernel has the last word" {
    # said TYPE DEVICE O: what is said of what the kernel was asked for. It may know the type, but nobody serves.
    said() {
        shale volume create -o "type=$1" -o "device=$2" -o "o=$3" vv >/dev/null
        at=$(shale volume inspect -f '{{.Mountpoint}}' vv)
        run shale run --rm --network none -v vv:/data "$image" true
        [ "$status" = 125 ]
        shale volume rm vv >/dev/null
        [ "$(mounts)" = 0 ]
    }
    local lo
    lo=$(python3 -c 'import socket; print(socket.gethostbyname("localhost"))')
    said nfs :/srv addr=localhost,ro,proto=tcp,port=1,soft
    has "mount :/srv:$at, flags: 0x1, data: addr=$lo,proto=tcp,port=1,soft: "
    said nfs4 :/srv proto=tcp,port=1,soft,addr=127.0.0.7
    has "mount :/srv:$at, data: proto=tcp,port=1,soft,addr=127.0.0.7: "
    said cifs //localhost/share username=u,password=se=cret,port=1
    has "mount //$lo/share:$at, data: username=u,password=********,port=1: "
    hasnt cret
    said cifs //127.0.0.9/share addr=localhost,port=1
    has "mount //127.0.0.9/share:$at, data: addr=$lo,port=1: "
    said nfs :/srv addr=no.such.invalid
    has "error while mounting volume '$at': error resolving passed in network volume address: lookup no.such.invalid: "
    # shown as it was given
    shale volume create -o type=nfs -o device=:/srv -o o=addr=localhost vv >/dev/null
    [ "$(shale volume inspect -f '{{.Options.o}}' vv)" = addr=localhost ]
    shale volume rm vv >/dev/null
}

@test "kill -9 of all that watches: the next command clears the mounts" {
    shale volume create -o type=tmpfs -o device=tmpfs tt >/dev/null
    # a foreground run, and its container
    "$SHALE_BIN" run --rm --name box --network none -v tt:/data "$image" sleep 600 >/dev/null 2>&1 3>&- &
    pid=$!
    for _ in $(seq 400); do [ "$(shale inspect -f '{{.State.Status}}' box 2>/dev/null)" = running ] && break; sleep 0.05; done
    kill -KILL "$pid"
    wait "$pid" || true
    kill -KILL "$(shale inspect -f '{{.State.Pid}}' box)"
    for _ in $(seq 600); do [ -z "$(shale ps -aq)" ] && break; sleep 0.05; done
    no_mounts
    # conmon and its container
    id=$(running -v tt:/data "$image" sleep 600)
    init=$(shale inspect -f '{{.State.Pid}}' "$id")
    kill -KILL "$(cat "$SHALE_ROOT/containers/$id"/conmon.pid 2>/dev/null || awk '/^PPid:/ {print $2}' "/proc/$init/status")"
    kill -KILL "$init"
    for _ in $(seq 600); do [ "$(shale ps -q)" = "" ] && break; sleep 0.05; done
    no_mounts
    # somebody mounted it and got no further
    mount -t tmpfs left "$(shale volume inspect -f '{{.Mountpoint}}' tt)"
    [ "$(mounts)" = 1 ]
    run_ok shale volume ls
    no_mounts
    shale rm "$id" >/dev/null
    run_ok shale volume rm tt
}
