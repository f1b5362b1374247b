# SPDX-License-Identifier: Apache-2.0
# What all command tests share: the binary under test, a fresh store, a registry on loopback: ours, or Debian's
# docker-registry where REGISTRY_KIND=docker.
# Set by tools/run-tests: SHALE_BIN, SHALE_IMAGES (OCI layouts of tools/make-images), SHALE_BUILD.
# shellcheck disable=SC2154 # bats sets status, output and lines

SHALE_BIN=${SHALE_BIN:-$PWD/build/shale}
SHALE_IMAGES=${SHALE_IMAGES:-$PWD/build/images}
export SHALE_BIN
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tools/lib/registry.bash
. "$top/tools/lib/registry.bash"
# shellcheck source=tools/lib/oci.bash
. "$top/tools/lib/oci.bash"

shale() { "$SHALE_BIN" "$@"; }

fresh_store() {
    export SHALE_ROOT=$BATS_TEST_TMPDIR/store DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker
    mkdir -p "$DOCKER_CONFIG"
}

# store_by COMMAND…: the fresh store is one in which `shale COMMAND…` has run: once a file, then the store is copied
store_by() {
    local seed=$BATS_FILE_TMPDIR/seed
    if [ ! -d "$seed" ]; then
        SHALE_ROOT=$seed.new "$SHALE_BIN" "$@" >/dev/null || return 1
        mv "$seed.new" "$seed"
    fi
    cp -a --reflink=auto "$seed" "$SHALE_ROOT"
}

# Removes all containers of the store and whatever is still mounted under it. One that never ran has nothing outside of it.
drop_store() {
    [ -d "${SHALE_ROOT:-/nonexistent}" ] || return 0
    local ids=
    [ -z "$(ls -A "$SHALE_ROOT/containers" 2>/dev/null)" ] || ids=$(shale ps -aq --no-trunc 2>/dev/null) || true
    # shellcheck disable=SC2086
    [ -z "$ids" ] || shale rm -f $ids >/dev/null 2>&1 || true
    awk -v r="$SHALE_ROOT/" 'index($5, r) == 1 {print $5}' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
}

# push LAYOUT NAME:TAG [OPTION…]: an image that skopeo puts into the running registry
push() { skopeo copy --quiet --all --dest-tls-verify=false "${@:3}" "oci:$1" "docker://$REGISTRY_HOST/$2"; }

# registry_with NAME…: for setup_file: a registry with these of SHALE_IMAGES, as NAME:1.0; REGISTRY_DIR is its folder.
# In a run of many files they are pushed once, and the folder is copied: SHALE_SEEDS keeps it.
registry_with() {
    local seed=${SHALE_SEEDS:-$BATS_FILE_TMPDIR}/registry-${REGISTRY_KIND:-shale}${*/#/-}
    seed=${seed// /}
    export REGISTRY_DIR=$BATS_FILE_TMPDIR/registry
    if [ $# -gt 0 ]; then
        (flock 9 && { [ -d "$seed" ] || registry_seed "$seed" "$@"; }) 9>"$seed.lock" || return 1
        mkdir -p "$REGISTRY_DIR"
        cp -a --reflink=auto "$seed" "$REGISTRY_DIR/data"
    fi
    registry_start plain "$REGISTRY_DIR"
}
# registry_seed DIR NAME…: the folder of such a registry, looked into and stopped
registry_seed() {
    local dir=$1.new name REGISTRY_PIDS='' REGISTRY_LOGS=''
    registry_start plain "$dir" 9>&- || return 1
    for name in "${@:2}"; do push "$SHALE_IMAGES/$name:1.0" "$name:1.0" || return 1; done
    registry_stop_all || return 1
    [ "${REGISTRY_KIND:-shale}" != shale ] || shale registry index --storage "$dir/data" >/dev/null || return 1
    mv "$dir/data" "$1"
}
# registry_doors KIND…: further registries that want this or that, with busybox:1.0 and team/app:v1 -> KIND (in capitals)
# is the address, $BATS_FILE_TMPDIR/KIND the folder
registry_doors() {
    local kind name dir
    for kind in "$@"; do
        dir=$BATS_FILE_TMPDIR/$kind
        registry_start "$kind" "$dir"
        if [ "$kind" = mtls ]; then
            mkdir -p "$dir/certs"
            cp "$dir"/client.{cert,key} "$dir/ca.crt" "$dir/certs/"
        fi
        for name in busybox:1.0 team/app:v1; do
            case $kind in
            mtls) push "$SHALE_IMAGES/busybox:1.0" "$name" --dest-cert-dir "$dir/certs" ;;
            *) push "$SHALE_IMAGES/busybox:1.0" "$name" --dest-creds user:secret ;;
            esac
        done
        export "${kind^^}=$REGISTRY_HOST"
    done
}
# container_setup: for setup: a store of its own with busybox -> image
container_setup() {
    need_root
    fresh_store
    image=$REGISTRY_HOST/busybox:1.0
    store_by pull -q "$image"
}
run_rm() { shale run --rm --network none "$@"; }
with_groups() { [[ $(shale info --format '{{json .}}') != *"without control groups"* ]] || skip "no runtime with control groups here"; }

# net_setup: for setup: a network namespace for shale, `ns`, and the world outside of it, `out` (192.0.2.1 and .2), so that
# rules and devices of this machine are left alone. net_archive, for setup_file: an image without a registry, box:1 -> ARCHIVE
net_archive() {
    need_root
    export ARCHIVE=$BATS_FILE_TMPDIR/busybox.tar
    skopeo copy --quiet "oci:$SHALE_IMAGES/busybox:1.0" "docker-archive:$ARCHIVE:box:1"
}
net_setup() {
    ns=shale-$$-$BATS_TEST_NUMBER out=shale-$$-$BATS_TEST_NUMBER-out
    ip netns add "$ns"
    ip netns add "$out"
    ip -n "$ns" link set lo up
    ip -n "$ns" link add outside type veth peer name inside netns "$out"
    ip -n "$ns" addr add 192.0.2.1/24 dev outside
    ip -n "$ns" link set outside up
    ip -n "$out" addr add 192.0.2.2/24 dev inside
    ip -n "$out" link set inside up
}
net_teardown() {
    ip netns del "$ns"
    ip netns del "$out"
}
# only the network: `ip netns exec` would give it mounts of its own, too
here() { nsenter --net="/run/netns/$ns" "$@"; }
outside() { nsenter --net="/run/netns/$out" "$@"; }

# hostile_start LAYOUT [ADDRESS [CMD…]]: run by CMD, the registry of tests/cli/hostile -> HOSTILE=HOST:PORT, HOSTILE_LOG
hostile_start() {
    local file layout=$1 address=${2:-127.0.0.1}
    shift $(($# > 2 ? 2 : $#))
    file=$(mktemp -u "$BATS_FILE_TMPDIR/hostile.XXXXXX")
    "$@" python3 -B "$BATS_TEST_DIRNAME/hostile" "$layout" "$file" "$address" 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/hostile.pids"
    for _ in $(seq 600); do [ -f "$file" ] && break; sleep 0.05; done
    HOSTILE=$(cat "$file") HOSTILE_LOG=$file.log
    export HOSTILE HOSTILE_LOG
}
hostile_stop() { while read -r pid; do kill "$pid"; done <"$BATS_FILE_TMPDIR/hostile.pids"; }

# one_line TEXT CMD…: it fails with status 1 and one line that has TEXT
one_line() {
    run_fails 1 "$@" || return 1
    [ "${#lines[@]}" = 1 ] || { echo "not one line:"; echo "$output"; return 1; }
    [[ $output == "Error: "* ]] || { echo "no error: $output"; return 1; }
}
# refused TEXT CMD…: the same, and the store is still good
refused() {
    one_line "$@" && run_ok shale fsck --check
}

need() { command -v "$1" >/dev/null || skip "$1 is not installed"; }
# plain_only: for what another program does, or sizes do: the build with sanitizers runs the same lines in other tests
plain_only() { ! grep -q __asan_init "$SHALE_BIN" || skip "the build without sanitizers does it"; }
need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }

# run_ok CMD…: runs, fails with the output when the status is not 0
run_ok() {
    run "$@"
    [ "$status" = 0 ] || { echo "status $status of: $*"; echo "$output"; return 1; }
}
# run_fails STATUS TEXT CMD…: status and a piece of the message
run_fails() {
    local want=$1 text=$2
    shift 2
    run "$@"
    [ "$status" = "$want" ] || { echo "status $status, not $want, of: $*"; echo "$output"; return 1; }
    [[ $output == *"$text"* ]] || { echo "no '$text' in:"; echo "$output"; return 1; }
}
has() { [[ $output == *"$1"* ]] || { echo "no '$1' in:"; echo "$output"; return 1; }; }
# await CMD…: until it succeeds
await() {
    for _ in $(seq 400); do "$@" >/dev/null 2>&1 && return; sleep 0.05; done
    echo "waited in vain for: $*"
    return 1
}
status_of() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
hasnt() { [[ $output != *"$1"* ]] || { echo "there is '$1' in:"; echo "$output"; return 1; }; }

# own_registry NAME [OPTION...]: `shale registry serve` on a free port -> OWN=127.0.0.1:PORT, OWN_PID, OWN_DIR
own_registry() {
    OWN_DIR=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/$1
    shift
    mkdir -p "$OWN_DIR"
    : >"$OWN_DIR.log"
    "$SHALE_BIN" registry serve --storage "$OWN_DIR" --addr 127.0.0.1:"${OWN_PORT:-0}" "$@" >"$OWN_DIR.log" 2>&1 3>&- &
    OWN_PID=$!
    for _ in $(seq 1500); do
        OWN=$(sed -n 's,^Listening on https\?://,,p' "$OWN_DIR.log" | head -n 1)
        [ -z "$OWN" ] || break
        kill -0 "$OWN_PID" 2>/dev/null || break
        sleep 0.02
    done
    [ -n "$OWN" ] || { echo "the registry does not come up:"; cat "$OWN_DIR.log"; return 1; }
    OWN_PIDS="${OWN_PIDS:-} $OWN_PID"
    export OWN OWN_PID OWN_DIR OWN_PIDS
}
# own_stop [SIGNAL]: ends the last one and waits for it; -> its exit status
own_stop() {
    kill -"${1:-TERM}" "$OWN_PID" 2>/dev/null || true
    wait "$OWN_PID" 2>/dev/null
}
# own_reload: HUP, and waits until the last one has read everything anew: it waits for the next signal, none is pending
own_reload() {
    kill -HUP "$OWN_PID"
    await own_is_idle
}
own_is_idle() { grep -q '^ShdPnd:.*[02468ace]$' "/proc/$OWN_PID/status" && grep -q sigtimedwait "/proc/$OWN_PID/wchan"; }
own_stop_all() {
    local pid
    for pid in ${OWN_PIDS:-}; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    OWN_PIDS=
    # What a sanitizer had to say fails the test.
    ! grep -HsE "runtime error|Sanitizer|Assertion" "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}"/*.log
}
# own_push LAYOUT NAME:TAG: an image that skopeo puts into our registry
own_push() { skopeo copy --quiet --all --dest-tls-verify=false "oci:$1" "docker://$OWN/$2"; }

# docker_engine: docker's own engine, without a network -> ENGINE, for docker -H; its log is dockerd.log. ENGINE_PREFIX
# (array) may run it.
docker_engine() {
    local d=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}
    ENGINE=unix://$d/docker.sock
    "${ENGINE_PREFIX[@]}" dockerd --bridge=none --iptables=false --ip-forward=false --data-root "$d/dockerd" --exec-root "$d/dockerd-exec" \
        --pidfile "$d/dockerd.pid" -H "$ENGINE" >"$d/dockerd.log" 2>&1 </dev/null 3>&- &
    ENGINE_PID=$!
    for _ in $(seq 200); do
        docker -H "$ENGINE" version >/dev/null 2>&1 && return 0
        kill -0 "$ENGINE_PID" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
docker_engine_stop() { # for teardown
    [ -n "${ENGINE_PID:-}" ] || return 0
    kill "$ENGINE_PID" 2>/dev/null || true
    for _ in $(seq 300); do kill -0 "$ENGINE_PID" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$ENGINE_PID" 2>/dev/null || true
    ENGINE_PID=
}
