# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For benches that compare with podman and docker's engine: a folder, a fresh ext4 in it, and the three on that.
#   peers_begin           makes them -> work, gone when the script ends; sets engine
#   ours, pod, dock       the three
#   best WHO RESET CMD…   milliseconds of the best of $runs into best_ms; RESET WHO runs before each
#   compare WHAT RESET CMD…   all three, and the ratios

shale=$PWD/build/shale
engine='' runs=${BENCH_RUNS:-5}

peers_end() {
    [ -z "$engine" ] || { kill "$engine" 2>/dev/null; wait "$engine" 2>/dev/null; } || true
    awk -v r="$work/" 'index($5, r) == 1 {print $5}' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
    rm -rf "$work"
}

peers_begin() {
    work=$(mktemp -d /tmp/shale-bench.XXXXXX)
    trap peers_end EXIT
    truncate -s 24G "$work/disk"
    mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$work/disk"
    mkdir "$work/fs"
    mount -o loop "$work/disk" "$work/fs"
    engine_start
}

engine_start() {
    dockerd --bridge=none --iptables=false --ip-forward=false --data-root "$work/fs/docker" --exec-root "$work/docker-exec" \
        --pidfile "$work/docker.pid" -H "unix://$work/docker.sock" >"$work/docker.log" 2>&1 </dev/null &
    engine=$!
    for _ in $(seq 1200); do # it reads every container
        ! dock version >/dev/null 2>&1 || return 0
        kill -0 "$engine" || { cat "$work/docker.log" >&2; return 1; }
        sleep 0.1
    done
    return 1
}
engine_stop() {
    kill "$engine"
    wait "$engine" || true
    engine=''
}

ours() { "$shale" --root "$work/fs/shale" "$@"; }
pod() { podman --root "$work/fs/podman" --runroot "$work/podman-run" --storage-driver overlay "$@"; }
dock() { docker -H "unix://$work/docker.sock" "$@"; }

best() {
    local who=$1 reset=$2 begin end ms
    shift 2
    best_ms=
    for _ in $(seq "$runs"); do
        $reset "$who" >/dev/null
        sync
        begin=${EPOCHREALTIME/[.,]/} # the shell's own clock: date(1) takes two milliseconds
        "$who" "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; return 1; }
        end=${EPOCHREALTIME/[.,]/}
        ms=$(awk -v a="$begin" -v b="$end" 'BEGIN {printf "%.1f", (b - a) / 1e3}')
        best_ms=$(awk -v a="${best_ms:-9e9}" -v b="$ms" 'BEGIN {print a < b ? a : b}')
    done
}
compare() {
    local what=$1 mine who line
    shift
    best ours "$@"
    mine=$best_ms line="$what: shale $mine ms"
    for who in pod dock; do
        best "$who" "$@"
        line+=", $([ $who = pod ] && echo podman || echo docker) $best_ms ms ($(awk -v a="$best_ms" -v b="$mine" 'BEGIN {printf "%.1f", a / b}') x)"
    done
    echo "$line"
}
nothing() { :; }
