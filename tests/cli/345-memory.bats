#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Whole commands with the n-th allocation failing: shale's own, jansson's and SQLite's. A sample of n for each; tests/fault/
# tries them one by one within the library, pull (from a source in memory) too. Needs a build with -Dfault=true (make asan).

load lib

SAMPLES=12

setup_file() {
    registry_with busybox
    export image=$REGISTRY_HOST/busybox:1.0
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
    SHALE_FAULT_ALLOC=count:$BATS_FILE_TMPDIR/n "$SHALE_BIN" pull -q "$image" >/dev/null
    if [ -s "$BATS_FILE_TMPDIR/n" ]; then export HOOKED=1; fi
}
teardown_file() {
    drop_store
    registry_stop_all
}
setup() { [ -n "${HOOKED:-}" ] || skip "this build has no fault hooks; make asan runs these tests"; }

# starve COMMAND…: each of SAMPLES allocations, spread over the whole run, fails once. Success says what it says else; a
# failure is one line. PREPARE, if set, runs before each.
starve() {
    local n want i step out err=$BATS_TEST_TMPDIR/err status
    ${PREPARE:-:}
    want=$(SHALE_FAULT_ALLOC=count:$BATS_TEST_TMPDIR/n "$SHALE_BIN" "$@")
    n=$(cat "$BATS_TEST_TMPDIR/n")
    step=$((n / SAMPLES + 1))
    for ((i = 1 + step / 2; i <= n; i += step)); do
        ${PREPARE:-:}
        status=0
        out=$(SHALE_FAULT_ALLOC=$i "$SHALE_BIN" "$@" 2>"$err") || status=$?
        if [ "$status" = 0 ]; then
            [ "$out" = "$want" ] || { echo "$*: allocation $i of $n: success, but '$out' is not '$want'"; return 1; }
        elif [ "$status" = 99 ] || [ "$status" -gt 127 ] || grep -q Sanitizer "$err"; then
            echo "$*: allocation $i of $n: status $status"
            cat "$err"
            return 1
        else
            grep -q "out of memory" "$err" || { echo "$*: allocation $i of $n: $(cat "$err")"; return 1; }
        fi
    done
}

again() { "$SHALE_BIN" pull -q "$image" >/dev/null; }

@test "looking at images" {
    starve images --digests
    starve images --format '{{json .}}'
    starve image ls --tree
    starve inspect -f '{{.Id}} {{json .Config}} {{range .RootFS.Layers}}{{.}}{{end}}' "$image"
    starve inspect "$image"
    starve history --no-trunc --format '{{.ID}} {{.CreatedBy}}' "$image"
    starve fsck
}

@test "removing" {
    PREPARE=again starve rmi "$image"
    again
    run_ok shale fsck
    hasnt damaged:
}

@test "running a container" {
    need_root
    starve run --rm --network none "$image" echo it runs
    run_ok shale ps -aq
    starve ps -a --no-trunc
    run_ok shale run --rm --network none "$image" true
}

@test "building" {
    need_root
    again
    ctx=$BATS_TEST_TMPDIR/ctx
    mkdir "$ctx"
    echo a >"$ctx/a"
    tar -C "$ctx" -czf "$ctx/t.tgz" a
    cat >"$ctx/Dockerfile" <<END2
FROM $image AS one
ARG X=1
ENV A=\${X:-2}
WORKDIR /w/x
COPY --chown=1:1 a /d/
ADD t.tgz /t/
RUN --mount=type=cache,target=/c --mount=type=bind,target=/b cp /b/a /r
COPY <<EOF /here
\$A
EOF
FROM one
LABEL x=y
COPY --from=one /d/ /e/
END2
    starve build -q --network none --no-cache --build-arg SOURCE_DATE_EPOCH=1700000000 -t built "$ctx"
    run_ok shale fsck --check
    [ -z "$(ls "$SHALE_ROOT/builds")" ]
}
