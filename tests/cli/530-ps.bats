#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Lists of containers, messages about those that are not there, the twins under `container`.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }
names() { shale ps "$@" --format '{{.Names}}' | paste -sd' '; }

@test "ps: columns, order, filters" {
    shale create --name one --network none -l k=v "$image" true >/dev/null
    shale run --name two --network none "$image" sh -c 'exit 3' || true
    shale run -d --name three --network none -v vol:/data "$image" sleep 1000 >/dev/null
    run_ok shale ps
    [[ ${lines[0]} =~ ^"CONTAINER ID   IMAGE "\ +"COMMAND        CREATED "\ +"STATUS "\ +"PORTS     NAMES"$ ]]
    [ "${#lines[@]}" = 2 ]
    [ "$(names -a)" = "three two one" ]
    [ "$(names -n 2)" = "three two" ]
    [ "$(names -l)" = three ]
    [ "$(names -f status=created)" = one ]
    [ "$(names -a -f exited=3)" = two ]
    [ "$(names -a -f label=k)" = one ]
    [ "$(names -a -f label=k=w)" = "" ]
    [ "$(names -a -f 'name=^t')" = "three two" ]
    [ "$(names -a -f before=two)" = one ]
    [ "$(names -a -f since=two)" = three ]
    [ "$(names -a -f volume=vol)" = three ]
    [ "$(names -a -f ancestor="$image")" = "three two one" ]
    [ "$(names -a -f ancestor=nope)" = "" ]
    [ "$(names -a -f network=none -f status=exited -f status=running)" = "three two" ]
    run_ok shale ps -a --format '{{.Names}}|{{.State}}|{{.Command}}|{{.Label "k"}}|{{.Mounts}}|{{.LocalVolumes}}|{{.Networks}}'
    [ "${lines[0]}" = 'three|running|"sleep 1000"||vol|1|none' ]
    [ "${lines[2]}" = 'one|created|"true"|v||0|none' ]
    [[ $(shale ps -a --format '{{.Status}}' -f name=two) == "Exited (3) "*" ago" ]]
    run_ok shale ps -as --format '{{.Size}}' -f name=one
    [[ $output == "0B (virtual "*MB")" ]]
}

@test "ps: what is wrong is said, also with nothing to list" {
    run_fails 1 "can't evaluate field Nope in type *formatter.ContainerContext" shale ps --format '{{.Nope}}'
    run_fails 1 "unclosed action" shale ps --format '{{'
    run_fails 125 'invalid argument "bogus" for "-f, --filter" flag: bad format of filter (expected name=value)' shale ps -f bogus
    run_fails 1 "invalid filter 'bogus'" shale ps -f bogus=1
    run_fails 1 "invalid filter 'status=bogus': invalid value for state (bogus): must be one of created, running, paused, restarting, removing, exited, dead" shale ps -f status=bogus
    run_fails 1 "No such container: nope" shale ps -f before=nope
}

@test "containers that are not there" {
    for command in rm stop wait logs attach; do
        run_fails 1 "No such container: nope" shale "$command" nope
    done
    run_fails 1 "cannot kill container: nope: No such container: nope" shale kill nope
    run_fails 1 "cannot kill container: nope: invalid signal: BOGUS" shale kill -s BOGUS nope
    run_fails 1 "failed to start containers: nope, nix" shale start nope nix
    run_fails 1 "you cannot start and attach multiple containers at once" shale start -a nope nix
    run_fails 1 "No such container: nope" shale exec nope true
    run_ok shale rm -f nope
    has "No such container: nope"
    run_fails 1 "Error: No such object: nope" shale inspect nope
    has "[]"
    shale create --name here --network none "$image" true >/dev/null
    run_fails 1 "No such container: nope" shale rm here nope
    has here
    [ "$(names -a)" = "" ]
}

@test "exec: what is wrong, and with which status" {
    shale run -d --name box --network none "$image" sleep 1000 >/dev/null
    run_fails 125 'invalid argument "" for "-e, --env" flag' shale exec -e "" box true
    run_fails 1 "invalid detach keys (bogus)" shale exec --detach-keys bogus box true
    run_fails 127 "executable file not found" shale exec box nope
    run_fails 126 "permission denied" shale exec box /etc/passwd
    [ "$(shale exec -u app -w /tmp -e A=1 box sh -c 'echo $(id -u) $PWD $A')" = "1000 /tmp 1" ]
    run shale exec box sh -c 'kill -9 $$'
    [ "$status" = 137 ]
    shale exec box sleep 50 >/dev/null 2>&1 3>&- &
    local pid=$! status=0
    sleep 0.5
    shale kill box >/dev/null
    wait $pid || status=$?
    [ "$status" = 137 ]
}

@test "twins under container, and their help" {
    run_ok shale container ps -a
    run_ok shale container list -a
    run_fails 1 "unknown command: shale container bogus" shale container bogus
    has "Usage:  shale container"
    for command in run create start stop kill wait rm logs exec attach inspect ls; do
        run_ok shale container "$command" --help
        has "Usage:  shale container $command"
        has "Examples:"
    done
    run_fails 1 "'shale logs' requires 1 argument" shale logs
    has "Run 'shale logs --help'"
    run_fails 1 "'shale rm' requires at least 1 argument" shale rm
    has "See 'shale rm --help'"
}

@test "an ordinary user without namespaces: images work, containers are refused in one line and leave nothing" {
    local home=$BATS_TEST_TMPDIR/home
    mkdir "$home"
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR/.." "$BATS_TEST_TMPDIR" 2>/dev/null || true
    chown 65534:65534 "$home"
    install -m 755 "$SHALE_BIN" "$BATS_TEST_TMPDIR/shale"
    as_user() { # leaks cannot be looked for under strace
        ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null -e trace=unshare -e inject=unshare:error=EPERM setpriv --reuid 65534 --regid 65534 --clear-groups env -u SHALE_ROOT -u DOCKER_CONFIG HOME="$home" XDG_RUNTIME_DIR="$home" \
            "$BATS_TEST_TMPDIR/shale" "$@"
    }
    run_ok as_user pull -q "$image"
    run_ok as_user images -q
    [ ${#output} = 12 ]
    run_fails 125 "containers need root, or user namespaces, which this host does not let users have" as_user run --rm --network none "$image" true
    run_fails 1 "containers need root, or user namespaces" as_user create --network none "$image" true
    run_ok as_user ps -aq
    [ -z "$output" ]
    run_ok as_user rmi "$image"
}
