#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Streams, terminals, signals and what is left when somebody is killed.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }
logs_have() { [[ $(shale logs "$1" 2>&1) == *"$2"* ]]; }
no_process() { ! grep -qsF "$SHALE_ROOT" /proc/[0-9]*/cmdline; }

@test "binary input and output pass unchanged, 20 MB each way" {
    head -c 20000000 /dev/urandom >"$BATS_TEST_TMPDIR/big"
    run_rm -i "$image" cat <"$BATS_TEST_TMPDIR/big" >"$BATS_TEST_TMPDIR/copy"
    cmp "$BATS_TEST_TMPDIR/big" "$BATS_TEST_TMPDIR/copy"
    shale run -d --name box --network none "$image" sleep 1000 >/dev/null
    shale exec -i box cat <"$BATS_TEST_TMPDIR/big" >"$BATS_TEST_TMPDIR/copy"
    cmp "$BATS_TEST_TMPDIR/big" "$BATS_TEST_TMPDIR/copy"
}

@test "the end of the input reaches the process, without -i there is none" {
    [ "$(echo a | run_rm -i "$image" sh -c 'cat; echo after')" = "$(printf 'a\nafter')" ]
    [ "$(echo a | run_rm "$image" sh -c 'cat; echo after')" = after ]
    [ "$(echo a | run_rm -i "$image" sh -c 'exec 0<&-; echo unread')" = unread ]
}

@test "a terminal: detach, attach again from two sides, leave with the shell's status" {
    run_ok timeout 60 python3 - "$SHALE_BIN" "$image" <<'PY'
import fcntl, os, pty, select, signal, struct, subprocess, sys, termios, time
shale, image = sys.argv[1:]
def start(*args, size=(24, 80)):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    p = subprocess.Popen([shale, *args], stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    return master, slave, p
def until(fd, text, seconds=15):
    seen, end = b"", time.time() + seconds
    while text not in seen:
        assert time.time() < end, (text, seen)
        if select.select([fd], [], [], 0.1)[0]:
            seen += os.read(fd, 65536)
    return seen
m, s, p = start("run", "-it", "--name", "term", "--network", "none", image, "sh", size=(33, 101))
until(m, b"# ")
os.write(m, b"stty size\n"); until(m, b"33 101")
fcntl.ioctl(m, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 132, 0, 0)); p.send_signal(signal.SIGWINCH)
time.sleep(0.3); os.write(m, b"stty size\n"); until(m, b"40 132")
os.write(m, b"\x10\x11")
assert p.wait(15) == 0
assert termios.tcgetattr(s)[3] & termios.ECHO and termios.tcgetattr(s)[3] & termios.ICANON
m1, s1, p1 = start("attach", "term")
m2, s2, p2 = start("attach", "--detach-keys", "ctrl-x,x", "term")
time.sleep(0.5)
os.write(m1, b"echo $((40+2))\n"); until(m1, b"\n42"); until(m2, b"\n42")
os.write(m2, b"\x18x"); until(m2, b"read escape sequence")
assert p2.wait(15) == 1
os.write(m1, b"exit 4\n")
assert p1.wait(15) == 4, p1.returncode
PY
    run_ok shale inspect -f '{{.State.Status}} {{.State.ExitCode}}' term
    [ "$output" = "exited 4" ]
}

@test "run -di: the input outlives those who attach" {
    shale run -di --name in --network none "$image" cat >/dev/null
    echo one | timeout -s KILL 2 "$SHALE_BIN" attach in || true
    echo two | timeout -s KILL 2 "$SHALE_BIN" attach in || true
    await logs_have in two
    logs_have in one
    run_ok shale inspect -f '{{.State.Running}}' in
    [ "$output" = true ]
}

@test "signals: all that can be passed on are" {
    for sig in HUP USR2 TSTP WINCH ALRM RTMIN+3; do
        "$SHALE_BIN" run --rm --network none "$image" sh -c \
            'trap "exit 9" HUP USR2 TSTP WINCH ALRM 37; echo ready; while :; do sleep 0.05; done' >"$BATS_TEST_TMPDIR/out" 3>&- &
        local pid=$! status=0
        await grep -q ready "$BATS_TEST_TMPDIR/out"
        kill -s "$sig" $pid
        wait $pid || status=$?
        [ "$status" = 9 ] || { echo "$sig: $status"; return 1; }
        : >"$BATS_TEST_TMPDIR/out"
    done
}

@test "logs: tail, since, until, timestamps, details, follow" {
    shale run -d --name talk --network none "$image" sh -c 'echo 1; echo 2; echo 3 >&2; sleep 1; echo 4' >/dev/null
    run_ok timeout 20 "$SHALE_BIN" logs -f talk
    [ "${#lines[@]}" = 4 ]
    [ "$(shale logs -n 2 talk 2>&1)" = "$(printf '3\n4')" ]
    [ "$(shale logs -n 0 talk 2>&1)" = "" ]
    [ "$(shale logs talk 2>/dev/null)" = "$(printf '1\n2\n4')" ]
    [ "$(shale logs --details talk 2>/dev/null)" = "$(printf ' 1\n 2\n 4')" ]
    last=$(shale logs -t -n 1 talk)
    [[ $last =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z\ 4$ ]]
    [ "$(shale logs --since "${last% 4}" talk)" = 4 ]
    [ "$(shale logs --until "$(date -u -d "${last:0:19}Z - 1 hour" +%FT%TZ)" talk)" = "" ]
    run_fails 1 'invalid value for "since": failed to parse value as time or duration: "abc"' shale logs --since abc talk
    run_fails 1 'invalid value for "until": failed to parse value as time or duration: "abc"' shale logs --until abc talk
}

@test "conmon killed: the container goes on, its end is noticed" {
    shale run -d --name kk --network none "$image" sleep 1000 >/dev/null
    kill -KILL "$(cat "$SHALE_ROOT"/containers/*/conmon.pid)"
    run_ok shale exec kk echo alive
    [ "$output" = alive ]
    run_ok shale stop -t 1 kk
    run_ok shale ps -a --format '{{.State}}' -f name=kk
    [ "$output" = exited ]
    run_ok shale start kk
    run_ok shale rm -f kk
}

@test "clients killed at any moment: the next command clears up" {
    for ms in 005 010 015 020 030 040 050 060 080 100; do
        "$SHALE_BIN" run --rm --network none "$image" sleep 0.1 >/dev/null 2>&1 3>&- &
        local a=$!
        "$SHALE_BIN" run -d --network none "$image" sleep 0.1 >/dev/null 2>&1 3>&- &
        local b=$!
        sleep "0.$ms"
        kill -KILL $a $b 2>/dev/null || true
        wait $a $b 2>/dev/null || true
    done
    await bash -c "[ -z \"\$('$SHALE_BIN' ps -q)\" ]"
    run grep "$SHALE_ROOT/containers" /proc/self/mountinfo
    [ "$status" = 1 ]
    ids=$(shale ps -aq --no-trunc)
    # shellcheck disable=SC2086
    [ -z "$ids" ] || shale rm -f $ids >/dev/null
    [ -z "$(ls "$SHALE_ROOT/containers")" ]
    await no_process
    for id in $ids; do [ -z "$(find /sys/fs/cgroup -maxdepth 3 -name "$id")" ]; done
}

@test "a removal killed half-way is finished by the next command" {
    for ms in 000 001 002 003 004 006; do
        shale create --name "gone$ms" --network none "$image" true >/dev/null
        "$SHALE_BIN" rm "gone$ms" >/dev/null 2>&1 3>&- &
        local pid=$!
        sleep "0.$ms"
        kill -KILL $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
    done
    run_ok shale ps -a --format '{{.State}}'
    hasnt removing
}
