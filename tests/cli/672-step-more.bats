#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Steps of a build: networks, limits, confinement.
load lib
load step

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }


@test "network: none, the host's, and the default one, which is used again; hosts" {
    run_ok step "$image" sh -c 'ip -o link | wc -l; cat /etc/hosts'
    has "1
127.0.0.1"
    run_ok step --net host "$image" sh -c 'ip -o link | md5sum'
    [ "${lines[0]}" = "$(shale run --rm --network host "$image" sh -c 'ip -o link | md5sum')" ]
    run_ok step --host a.b:1.2.3.4 "$image" cat /etc/hosts
    has "1.2.3.4	a.b"
    run_fails 1 "bad format for add-host" step --host a.b "$image" true
    find /usr/lib/podman /usr/libexec/podman -name netavark 2>/dev/null | grep -q . || skip "netavark is not installed"
    run_ok step --net default --times 2 "$image" sh -c 'ip -o -4 addr show eth0 | grep -c . ; readlink /proc/self/ns/net'
    [ "$(grep -c '^net:' <<<"$output")" = 2 ]
    [ "$(grep '^net:' <<<"$output" | sort -u | wc -l)" = 1 ]
    run_ok step --net default --threads 2 "$image" sh -c 'ip -o -4 addr show eth0 | cut -d" " -f7; sleep 0.5'
    [ "$(grep -c '/16' <<<"$output")" = 2 ]
    [ "$(grep '/16' <<<"$output" | sort -u | wc -l)" = 2 ]
    no_leftovers
}

@test "limits: memory, ulimits, shared memory, the group above" {
    with_groups
    run_ok step --ulimit nofile=100:200 --shm 1048576 "$image" sh -c 'ulimit -n; df -k /dev/shm | tail -n 1'
    has "100
shm                       1024"
    run_ok step --memory 16777216 "$image" sh -c 'x=$(dd if=/dev/zero bs=1M count=64 2>/dev/null | tr "\0" x); echo survived'
    hasnt survived
    run_ok step --cgroup-parent /shale-test/deep "$image" cat /proc/self/cgroup
    has /shale-test/deep/
    run_fails 1 "invalid cgroup parent" step --cgroup-parent ../x "$image" true
    run_fails 1 "Minimum memory limit" step --memory 4096 "$image" true
    run_fails 1 "ulimit" step --ulimit nofile "$image" true
    find /sys/fs/cgroup -depth -type d -path '*/shale-test*' -exec rmdir {} + 2>/dev/null || true
}

@test "confinement: that of a container, and more only when it is insecure" {
    # shellcheck disable=SC2016 # for the shell inside
    look='grep -E "^(Cap|Seccomp:|NoNew)" /proc/self/status; cat /proc/self/mountinfo | cut -d" " -f5 | sort | grep -v cgroup; ls /dev | sort'
    run_ok step "$image" sh -c "$look"
    ours=${output%status 0*}
    run_ok shale run --rm --network none "$image" sh -c "$look"
    [ "${ours%$'\n'}" = "$output" ] || { diff <(echo "$ours") <(echo "$output"); return 1; }
    run_ok step "$image" sh -c 'mount -t tmpfs none /tmp; echo $?; unshare -U true; echo $?; mknod /dev/sdz b 8 0 2>/dev/null && cat /dev/sdz'
    hasnt "
0
"
    run_ok step --insecure "$image" sh -c 'mount -t tmpfs none /tmp && echo mounted; mount -o remount,rw /sys && echo rw'
    has mounted
    no_leftovers
}

@test "SOURCE_DATE_EPOCH: the same command makes the same layer" {
    for i in 1 2; do
        run_ok step --epoch 1000000000 "$image" sh -c 'mkdir -p /a/b; date >/dev/null; echo x >/a/b/c; touch -d "1999-01-01 00:00:00" /old; ln -s c /a/b/l'
        made[i]=$(layer)
        [ "$(tar -tvf "$(layer_tar)" --full-time --utc | awk '{print $4}' | sort -u | tr '\n' ' ')" = "1999-01-01 2001-09-09 " ] || { tar -tvf "$(layer_tar)"; return 1; }
        [ $i = 2 ] || run_ok step "$image" true
    done
    [ "${made[1]}" = "${made[2]}" ]
}

@test "a shell in the state before a step: with a terminal and without; nothing of it stays" {
    run_ok step --shell "$image" sh <<<'echo x >/x; cat /x; tty; exit 3'
    has "x
not a tty
status 3"
    cat >"$BATS_TEST_TMPDIR/talk" <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.dup2(1, 3)
    os.execv(sys.argv[1], sys.argv[1:])
os.write(fd, b"tty; stty size | wc -w; exit 4\n")
text = b""
while True:
    try:
        chunk = os.read(fd, 4096)
    except OSError:
        break
    if not chunk:
        break
    text += chunk
os.waitpid(pid, 0)
sys.stdout.write(text.decode().replace("\r", ""))
END
    run_ok timeout 120 python3 "$BATS_TEST_TMPDIR/talk" "$step_tool" --net none --shell --mount type=tmpfs,target=/t "$image" sh
    has "/dev/"
    has "status 4"
    no_leftovers
}
