#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# stats: what the kernel counts of containers, as docker's columns.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() {
    container_setup
    [[ $(shale info --format '{{json .}}') != *"without control groups"* ]] || skip "no runtime with control groups here"
}
teardown() { drop_store; }
one() { shale stats --no-stream --format "$1" "${@:2}"; }

@test "processor, memory and its limit, processes, network: what there is shows" {
    id=$(shale run -d --name busy -m 64m --network none "$image" sh -c 'head -c 16777216 /dev/zero >/dev/shm/f; sleep 1000 & while :; do :; done')
    shale run -d --name idle --network none "$image" sleep 1000 >/dev/null
    for _ in $(seq 300); do [[ $(one '{{.PIDs}}' busy) != 2 ]] || break; sleep 0.1; done
    [ "$(one '{{.Container}} {{.Name}} {{.ID}} {{.PIDs}}' busy)" = "busy busy ${id:0:12} 2" ]
    [[ $(one '{{.MemUsage}}' busy) =~ ^(1[6-9]|2[0-9])(\.[0-9]+)?MiB\ /\ 64MiB$ ]]
    [[ $(one '{{.MemPerc}}' busy) =~ ^[2-4][0-9]\.[0-9]{2}%$ ]]
    [[ $(one '{{.MemUsage}}' idle) =~ ^[0-9.]+[KM]iB\ /\ [0-9.]+[GT]iB$ ]]
    used=$(one '{{.CPUPerc}}' busy)
    [[ $used =~ ^[0-9]+\.[0-9]{2}%$ ]] && [ "${used%.*}" -ge 2 ] && [ "${used%.*}" -le 130 ]
    [ "$(one '{{.NetIO}} {{.BlockIO}}' idle | cut -d' ' -f1-3)" = "0B / 0B" ]
    pid=$(shale inspect -f '{{.State.Pid}}' idle)
    nsenter -t "$pid" -n ip link add name v0 type veth peer name v1
    nsenter -t "$pid" -n sh -c 'ip addr add 10.99.0.1/24 dev v0; ip link set v1 up; ip link set v0 up'
    nsenter -t "$pid" -n python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x" * 1000, ("10.99.0.255", 9))' 2>/dev/null || true
    for _ in $(seq 300); do [ "$(one '{{.NetIO}}' idle)" = "0B / 0B" ] || break; sleep 0.1; done
    [ "$(one '{{.NetIO}}' idle)" != "0B / 0B" ]
    run_ok shale stats --no-stream
    [[ ${lines[0]} =~ ^CONTAINER\ ID\ +NAME\ +CPU\ %\ +MEM\ USAGE\ /\ LIMIT\ +MEM\ %\ +NET\ I/O\ +BLOCK\ I/O\ +PIDS$ ]]
    [[ ${lines[1]} == *" idle "* && ${lines[2]} == "${id:0:12}   busy "* ]] # newest first
    [ "${#lines[@]}" = 3 ]
}

@test "what was read and written on disks" {
    mkdir "$BATS_TEST_TMPDIR/disk"
    shale run -d --name io --network none -v "$BATS_TEST_TMPDIR/disk:/d" "$image" sh -c 'head -c 8388608 /dev/urandom >/d/f; sync /d/f; : >/d/done; sleep 1000' >/dev/null
    fs=$(stat -f -c %T "$BATS_TEST_TMPDIR")
    [[ $fs != tmpfs && $fs != overlayfs && $fs != zfs && $fs != btrfs ]] || skip "a $fs has no disk whose use is counted"
    pid=$(shale inspect -f '{{.State.Pid}}' io)
    for _ in $(seq 400); do [ ! -e "$BATS_TEST_TMPDIR/disk/done" ] || break; sleep 0.05; done
    counted=$(python3 - "$pid" <<'PY'
import sys
for line in open("/proc/%s/cgroup" % sys.argv[1]):
    _, names, path = line.strip().split(":", 2)
    if "blkio" in names.split(","):
        n = {"Read": 0, "Write": 0}
        for l in open("/sys/fs/cgroup/blkio%s/blkio.throttle.io_service_bytes_recursive" % path):
            w = l.split()
            if len(w) == 3 and w[1] in n: n[w[1]] += int(w[2])
        print(n["Write"]); break
else:
    print(sum(int(f.split("=")[1]) for l in open("/sys/fs/cgroup%s/io.stat" % path) for f in l.split() if f.startswith("wbytes=")))
PY
)
    # the kernel of this host may account for nothing: then shale shows nothing
    if [ "$counted" = 0 ]; then
        [[ $(one '{{.BlockIO}}' io) == *" / 0B" ]]
    else
        [[ $(one '{{.BlockIO}}' io) != *" / 0B" ]]
    fi
}

@test "which are shown: those that run, -a all, those that are named; --no-trunc; JSON; mistakes" {
    id=$(shale create --name made --network none "$image" true)
    run_ok shale stats --no-stream
    [ "${#lines[@]}" = 1 ]
    [ "$(one '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.MemPerc}} {{.NetIO}} {{.BlockIO}} {{.PIDs}}' -a)" = "made 0.00% 0B / 0B 0.00% 0B / 0B 0B / 0B 0" ]
    [ "$(one '{{.ID}}' --no-trunc made)" = "$id" ]
    run_ok shale container stats --no-stream --format json "${id:0:5}"
    [ "$output" = "{\"BlockIO\":\"0B / 0B\",\"CPUPerc\":\"0.00%\",\"Container\":\"${id:0:5}\",\"ID\":\"${id:0:12}\",\"MemPerc\":\"0.00%\",\"MemUsage\":\"0B / 0B\",\"Name\":\"made\",\"NetIO\":\"0B / 0B\",\"PIDs\":\"0\"}" ]
    [ "$(one 'table {{.Name}}\t{{.PIDs}}' -a | head -n 1)" = "NAME      PIDS" ]
    run_fails 1 "No such container: nope" shale stats --no-stream made nope
    run_fails 1 "can't evaluate field Nope in type *container.statsContext" shale stats --format '{{.Nope}}'
    echo '{"statsFormat": "{{.Name}}!"}' >"$DOCKER_CONFIG/config.json"
    [ "$(shale stats -a --no-stream)" = "made!" ]
}

@test "the stream: a sample a second, over the one before on a terminal; ends when the last one that was named is gone" {
    shale run -d --name box --network none "$image" sleep 1000 >/dev/null
    "$SHALE_BIN" stats --format '{{.Name}} {{.PIDs}}' box >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    stream=$!
    for _ in $(seq 600); do [ "$(grep -c '^box 1$' "$BATS_TEST_TMPDIR/out")" -lt 2 ] || break; sleep 0.05; done
    [ "$(grep -c '^box 1$' "$BATS_TEST_TMPDIR/out")" -ge 2 ]
    shale rm -f box >/dev/null
    for _ in $(seq 600); do kill -0 "$stream" 2>/dev/null || break; sleep 0.05; done
    wait "$stream"
    run_ok python3 - "$SHALE_BIN" <<'PY'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "stats", "-a"])
seen, end = b"", time.time() + 20
while seen.count(b"\x1b[J") < 2 and time.time() < end:
    seen += os.read(fd, 65536)
os.kill(pid, 15)
os.waitpid(pid, 0)
first = seen.split(b"\x1b[J")[0]
assert first.startswith(b"\x1b[H") and b"CONTAINER ID" in first and first.endswith(b"\x1b[K\r\n"), first
PY
}
