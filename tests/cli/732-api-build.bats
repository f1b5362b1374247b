#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Builds through the Engine API, with docker's classic client.
# shellcheck disable=SC2154 # bats sets output

load lib
load daemon

setup_file() {
    need docker
    need_root
    daemon_start
    load_busybox bb:1
}
teardown_file() { daemon_stop; }
setup() {
    export DOCKER_BUILDKIT=0
    ctx=$BATS_TEST_TMPDIR/ctx
    mkdir -p "$ctx"
}
dockerfile() { cat >"$ctx/Dockerfile"; }

@test "build: steps, output, names; the second time from the cache" {
    echo data >"$ctx/f"
    dockerfile <<'D'
FROM bb:1
ARG X=1
COPY f /f
RUN echo "x is $X"; cat /f; echo to stderr >&2
LABEL a=b
D
    run_ok docker build -t built:1 -t built:2 --network none --label c=d "$ctx"
    has "Step 1/3 : FROM bb:1"
    has "Step 3/3 : RUN echo"
    has $'\ndata'
    has $'\nx is 1'
    has "to stderr"
    has "Successfully built "
    has "Successfully tagged built:1"
    has "Successfully tagged built:2"
    run_ok docker inspect --format '{{json .Config.Labels}}' built:2
    has '"a":"b"'
    has '"c":"d"'
    run_ok docker build --network none --label c=d "$ctx"
    has " ---> Using cache"
    hasnt $'\ndata'
    run_ok docker build --network none --build-arg X=2 "$ctx"
    has $'\nx is 2'
    run_ok docker build --network none -q --label c=d "$ctx"
    [[ ${lines[-1]} == sha256:* ]]
    [ "${lines[-1]}" = "$(shale images -q --no-trunc built:1)" ]
}

@test "build: the status of a RUN is that of the client; errors have a line" {
    dockerfile <<'D'
FROM bb:1
RUN echo before; exit 42
D
    run docker build --network none "$ctx"
    [ "$status" = 42 ]
    has "before"
    has "exit 42"
    echo "RUNN x" | dockerfile
    run_fails 1 "unknown instruction: RUNN" docker build "$ctx"
    printf 'FROM bb:1\nCOPY nope /\n' | dockerfile
    run_fails 1 "nope" docker build "$ctx"
    [ "$(api_status POST '/build?t=Bad%20Name')" = 400 ]
    [ "$(api_status POST '/build?version=2')" = 501 ]
    [ "$(api_status POST '/build?remote=/etc')" = 400 ]
    [ "$(api_status POST '/build?remote=http://127.0.0.1:1/x.tar&dockerfile=-')" = 400 ]
    [ "$(api_status POST '/build?ulimits=nonsense')" = 400 ]
}

@test "build: .dockerignore, stages, a target, another Dockerfile, standard input" {
    echo keep >"$ctx/keep"
    echo drop >"$ctx/drop"
    echo drop >"$ctx/.dockerignore"
    cat >"$ctx/Other" <<'D'
FROM bb:1 AS one
COPY . /all
FROM bb:1 AS two
COPY --from=one /all/keep /keep
RUN test ! -e /all
D
    run_ok docker build --network none -f "$ctx/Other" -t two:1 "$ctx"
    run_ok docker build --network none -f "$ctx/Other" --target one -t one:1 "$ctx"
    run_ok shale ls one:1 /all
    has keep
    hasnt drop
    run_ok docker build -q --network none - <<<$'FROM bb:1\nRUN echo hi > /hi'
    run_ok docker build -q --network none - < <(tar -C "$ctx" -cf - .  --transform 's/Other/Dockerfile/')
}

@test "builder prune" {
    run_ok docker builder prune -f
    has "Total reclaimed space"
}

@test "a client that goes ends its build" {
    printf 'FROM bb:1\nRUN echo begun; sleep 600\n' | dockerfile
    docker build --network none "$ctx" >"$BATS_TEST_TMPDIR/out" 2>&1 &
    local client=$!
    for _ in $(seq 600); do ! grep -q begun "$BATS_TEST_TMPDIR/out" || break; sleep 0.05; done
    grep -q begun "$BATS_TEST_TMPDIR/out"
    kill "$client"
    wait "$client" || true
    for _ in $(seq 600); do [ -n "$(ls "$SHALE_ROOT/builds" 2>/dev/null)" ] || return 0; sleep 0.05; done
    ls "$SHALE_ROOT/builds"
    return 1
}
