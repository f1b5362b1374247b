#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The same command lines (tests/peers/lines) given to shale, docker and podman: exit status, output and errors are the
# same, but for what docs/DIFFERENCES.md lists, and all of that is different. And the same docker command (tests/peers/lines
# and api-lines) with docker's engine and with `shale daemon`. The tables are for the releases of Debian 12.
# shellcheck disable=SC2154 # the libraries set status, output and lines

load lib
load daemon

setup_file() {
    need_root
    # With sanitizers every command is run elsewhere, and the peers take their time.
    ! grep -q __asan_init "$SHALE_BIN" || skip "a build with sanitizers says the same as the one without"
    export PEERS=$BATS_TEST_DIRNAME/../peers W=$BATS_FILE_TMPDIR
    local d pids=()
    "$PEERS/prepare" "$W/in" "$SHALE_IMAGES/busybox"
    for d in /usr/bin/docker docker; do
        [ -n "${DOCKER:-}" ] || ! "$d" --version 2>/dev/null | grep -q 'version 20\.10\.' || export DOCKER=$d
    done
    if [ -n "${DOCKER:-}" ] && dockerd --version 2>/dev/null | grep -q 'version 20\.10\.'; then
        engines
        if docker_engine; then
            export ENGINE ENGINE_PID
            "$PEERS/run" docker "$W" >"$W/docker.log" 2>&1 3>&- &
            pids+=($!)
            ENGINE=$DOCKER_HOST "$PEERS/run" daemon "$W" >"$W/engine.log" 2>&1 3>&- &
            pids+=($!)
        fi
    fi
    if podman --version 2>/dev/null | grep -q 'version 4\.3\.'; then
        "$PEERS/run" podman "$W" >"$W/podman.log" 2>&1 3>&- &
        pids+=($!)
    fi
    "$PEERS/run" shale "$W"
    for d in "${pids[@]}"; do wait "$d" || true; done
}
# A network of its own for both engines, with our daemon and two registries in it.
engines() {
    export NS=shale-$$-peers
    ip netns add "$NS"
    ip -n "$NS" link set lo up
    inside=(nsenter --net="/run/netns/$NS")
    # shellcheck disable=SC2034 # the libraries take them
    ENGINE_PREFIX=("${inside[@]}") DAEMON_PREFIX=("${inside[@]}") REGISTRY_PREFIX=("${inside[@]}")
    daemon_start
    registry_start htpasswd "$W/door"
    export DOOR=$REGISTRY_HOST
    registry_start plain "$W/registry"
    export REG=$REGISTRY_HOST
    for d in "$REG" "$DOOR"; do
        "${inside[@]}" skopeo copy --quiet --all --dest-tls-verify=false --dest-creds user:secret \
            "oci:$SHALE_IMAGES/busybox:1.0" "docker://$d/team/app:v1"
    done
}
teardown_file() {
    docker_engine_stop
    [ -n "${NS:-}" ] || return 0
    drop_store
    daemon_stop
    registry_stop_all
    ip netns del "$NS"
}
need_docker() {
    [ -n "${DOCKER:-}" ] || skip "docker 20.10 is not here: $(docker --version 2>&1 | tail -n 1)"
    [ -n "${ENGINE:-}" ] || skip "docker's engine 20.10 does not come up here: $(dockerd --version 2>&1 | tail -n 1); $(tail -n 1 "$W/dockerd.log" 2>&1)"
    [ ! -s "$W/docker.log" ] || { cat "$W/docker.log"; return 1; }
}

@test "docker: the same, but for what is listed" {
    need_docker
    "$PEERS/compare" shale docker "$W"
}

@test "podman: the same, but for what is listed" {
    podman --version 2>/dev/null | grep -q 'version 4\.3\.' || skip "podman 4.3 is not here: $(podman --version 2>&1 | tail -n 1)"
    [ ! -s "$W/podman.log" ] || { cat "$W/podman.log"; return 1; }
    "$PEERS/compare" shale podman "$W"
}

@test "the docker command with docker's engine and with ours: the same, but for what is listed" {
    need_docker
    [ ! -s "$W/engine.log" ] || { cat "$W/engine.log"; return 1; }
    "$PEERS/compare" daemon docker "$W"
}

@test "documents of the API have what docker's have, of the same types, but for what is listed" {
    need_docker
    "$PEERS/shapes" "$DAEMON_SOCK" "${ENGINE#unix://}" >"$W/shapes"
    sed -n 's/^| `\(GET [^`]*\)` |.*/\1/p' "$BATS_TEST_DIRNAME/../../docs/DIFFERENCES.md" >"$W/listed"
    LC_ALL=C sort "$W/shapes" >"$W/shapes.sorted"
    LC_ALL=C sort "$W/listed" | diff - "$W/shapes.sorted"
}
