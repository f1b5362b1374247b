#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2034 # image and SHALE_* are container_setup's
# `shale build` for several platforms: side by side, and what they have in common once. RUN has no network here.
load lib
load build

setup() { context_setup; }
# steps: of $output, each once: it goes from one to the other and back
steps() { grep -o '^#[0-9]* \[.*' <<<"$output" | sort -u; }
both=linux/amd64,linux/arm64

@test "platforms are built side by side; what they share is made once, and each line tells of which it is" {
    # Each waits until the other one runs, too: one after the other would never end well.
    dockerfile <<'END'
FROM --platform=$BUILDPLATFORM @ AS build
RUN --mount=type=cache,target=/c echo once >>/c/shared; head -c 1000 /dev/urandom >/random
WORKDIR /w
COPY Dockerfile /w/
ARG TARGETARCH
RUN --mount=type=cache,target=/c echo $TARGETARCH >/arch; touch /c/$TARGETARCH; for i in $(seq 600); do \
    [ -e /c/amd64 ] && [ -e /c/arm64 ] && break; sleep 0.1; done; [ -e /c/amd64 ] && [ -e /c/arm64 ]
FROM scratch
COPY --from=build /arch /random /
END
    for cache in "" --no-cache; do # a step that is made now is no cache
        run_ok build $cache --platform $both -t app --iidfile "$BATS_TEST_TMPDIR/iid" --metadata-file "$BATS_TEST_TMPDIR/meta" \
            --cache-to "type=local,dest=$BATS_TEST_TMPDIR/cache,mode=max"
        [ "$(steps | grep -c '\[linux/amd64.* build 3/5\] WORKDIR /w')" = 2 ] || { echo "$output"; return 1; }
        has '[linux/amd64 build 5/5] RUN'
        has '[linux/amd64->arm64 build 5/5] RUN'
        has '[linux/arm64 stage-1 1/1] COPY --from=build'
        # Of RUN, WORKDIR, COPY one is made, the other has it; the bases are here.
        [ "$(cached)" = 5 ] || { echo "$output"; return 1; }
        [ "$(shale cat --platform linux/arm64 app /arch)" = arm64 ]
        [ "$(shale cat --platform linux/amd64 app /arch)" = amd64 ]
        [ "$(shale cat --platform linux/amd64 app /random | sha256sum)" = "$(shale cat --platform linux/arm64 app /random | sha256sum)" ]
        [ "$(cat "$BATS_TEST_TMPDIR/iid")" = "$(jq -r '."containerimage.config.digest"' "$BATS_TEST_TMPDIR/meta")" ]
        [ "$(shale cat "$(cat "$BATS_TEST_TMPDIR/iid")" /arch)" = amd64 ] # that of this machine
        # Numbers of steps are those of one build.
        [ "$(steps | cut -d' ' -f1 | uniq -d | wc -l)" = 0 ] || { echo "$output"; return 1; }
    done
    printf 'FROM %s\nRUN --mount=type=cache,target=/c cat /c/shared >/seen' "$image" >"$BATS_TEST_TMPDIR/count"
    run_ok build -f "$BATS_TEST_TMPDIR/count" -t count
    [ "$(shale cat count /seen)" = "once
once" ] || { shale cat count /seen; return 1; }

    # The cache that was put elsewhere has the steps of both.
    want=$(shale inspect --format '{{json .RootFS.Layers}}' app)
    drop_store
    export SHALE_ROOT=$BATS_TEST_TMPDIR/store2
    shale pull -q "$image" >/dev/null
    run_ok build --platform $both -t app --cache-from "type=local,src=$BATS_TEST_TMPDIR/cache"
    [ "$(shale inspect --format '{{json .RootFS.Layers}}' app)" = "$want" ]
    hasnt ' RUN --mount.* 0\.'
    [ "$(grep -c ' DONE ' <<<"$output")" -le 7 ] || { echo "$output"; return 1; } # context, cache, its layers, images, list
}

@test "a platform that fails ends the others, and nothing is left" {
    run_ok build -f - -t app <<<"FROM $image"
    before=$(field '{{.Id}}' app)
    dockerfile <<'END'
FROM --platform=$BUILDPLATFORM @
ARG TARGETARCH
RUN --mount=type=cache,target=/c if [ $TARGETARCH = arm64 ]; then for i in $(seq 600); do [ ! -e /c/amd64 ] || exit 7; sleep 0.1; done; fi; \
    touch /c/amd64; sleep 10000
END
    run_fails 7 "exit code: 7" build --platform $both -t app --metadata-file "$BATS_TEST_TMPDIR/meta"
    has "Dockerfile:3"
    has CANCELED
    [ "$(grep -c '^#[0-9]* ERROR' <<<"$output")" = 1 ] || { echo "$output"; return 1; }
    [ "$(field '{{.Id}}' app)" = "$before" ]
    [ ! -e "$BATS_TEST_TMPDIR/meta" ]
    [ -z "$(ls -A "$SHALE_ROOT/builds")" ]
    [ "$(grep -c " $SHALE_ROOT/" /proc/self/mountinfo)" = 0 ] || { grep " $SHALE_ROOT/" /proc/self/mountinfo; return 1; }
    run_ok shale fsck
    # Waiting for the one that makes a step ends when that one fails.
    dockerfile <<<$'FROM --platform=$BUILDPLATFORM @\nRUN echo doing; exit 3'
    run_fails 3 "exit code: 3" build --platform linux/amd64,linux/arm64,linux/s390x -t app
    [ "$(grep -c ' doing$' <<<"$output")" = 1 ] || { echo "$output"; return 1; }
    # Ctrl-C, while one makes and others wait.
    dockerfile <<<$'FROM --platform=$BUILDPLATFORM @\nRUN --mount=type=cache,target=/c touch /c/begun; sleep 10000'
    python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])' \
        "$SHALE_BIN" build --network none --progress plain --platform $both -t app "$ctx" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    await eval 'ls "$SHALE_ROOT"/buildcache/*/begun "$SHALE_ROOT"/buildcache/*/*/begun 2>/dev/null | grep -q begun'
    kill -INT $pid
    status=0
    wait $pid || status=$?
    [ "$status" = 130 ] || { echo "$status"; cat "$BATS_TEST_TMPDIR/out"; return 1; }
    [ -z "$(ls -A "$SHALE_ROOT/builds")" ]
}

@test "stages of one file that are the same are made once, too, and --no-cache-filter makes only its own anew" {
    dockerfile <<'END'
FROM @ AS one
RUN --mount=type=cache,target=/c echo x >>/c/n; cat /c/n >/n; cat /proc/sys/kernel/random/uuid >/u
FROM @ AS two
RUN --mount=type=cache,target=/c echo x >>/c/n; cat /c/n >/n; cat /proc/sys/kernel/random/uuid >/u
FROM scratch
COPY --from=one /u /n /1/
COPY --from=two /u /n /2/
END
    run_ok build -t app
    [ "$(shale cat app /1/u)" = "$(shale cat app /2/u)" ]
    [ "$(shale cat app /1/n)" = x ]
    run_ok build -t app --no-cache
    [ "$(shale cat app /1/u)" = "$(shale cat app /2/u)" ]
    [ "$(shale cat app /1/n)" = $'x\nx' ]
    run_ok build -t again --no-cache-filter two
    [ "$(shale cat again /1/u)" = "$(shale cat app /1/u)" ]
    [ "$(shale cat again /2/u)" != "$(shale cat app /1/u)" ]
}
