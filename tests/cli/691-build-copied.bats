#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2034 # image and SHALE_* are container_setup's
# `shale build`: what COPY --from reads, and what it need not read.
load lib
load build

setup() { context_setup; }

# opened NAME: how often a file of that name was opened by the build that was traced
opened() { cat "$BATS_TEST_TMPDIR"/trace* | grep -cE "open(at|at2)\(.*[/\"]$1\"" || true; }
# Leaks cannot be looked for in what is traced.
traced_env() { ASAN_OPTIONS="${ASAN_OPTIONS:-}${ASAN_OPTIONS:+:}detect_leaks=0" strace -f -qq -e trace=open,openat,openat2 -o "$BATS_TEST_TMPDIR/trace" "$@"; }
traced() { # there is no RUN in it: all threads are the builder's
    rm -f "$BATS_TEST_TMPDIR"/trace*
    run_ok traced_env "$SHALE_BIN" build --progress plain -t app "$ctx"
}

@test "files that lie where they lay are not read again for the key of COPY --from" {
    shale info --format '{{.Driver}}' | grep -q erofs || skip "the other driver has copies of its own: $(shale info --format '{{.Driver}}')"
    mkdir "$ctx/src"
    for i in 1 2 3; do head -c 5000 /dev/urandom >"$ctx/src/f$i"; done
    : >"$ctx/src/empty"
    echo 1 >"$ctx/n"
    dockerfile <<'END'
FROM @ AS made
COPY n /n
COPY src /src
FROM scratch
COPY --from=made /src /src
COPY --from=made /bin/busybox /bb
END
    sleep 0.2 # a file that has just been changed is read again
    traced
    # Read for the key of the context, and for each layer; what the stage has of it is known by then.
    [ "$(opened f1)" = 3 ] || { opened f1; cat "$BATS_TEST_TMPDIR"/trace*; return 1; }
    [ "$(opened busybox)" = 2 ] # key, layer
    want=$(shale inspect --format '{{json .RootFS.Layers}}' app)
    # Another stage by what is below: written once more, but not read for keys.
    echo 22 >"$ctx/n"
    traced
    [ "$(cached)" = 3 ] || { echo "$output"; return 1; } # the base, both of --from
    [ "$(opened f1)" = 1 ] || { opened f1; cat "$BATS_TEST_TMPDIR"/trace*; return 1; }
    [ "$(opened busybox)" = 0 ] || { opened busybox; return 1; }
    [ "$(shale inspect --format '{{json .RootFS.Layers}}' app)" = "$want" ]
    # One that has changed is, and it comes out right.
    echo changed >"$ctx/src/f2"
    traced
    [ "$(cached)" = 2 ] || { echo "$output"; return 1; } # the base, n
    [ "$(opened f1)" = 2 ] # for two layers
    [ "$(opened busybox)" = 1 ]
    [ "$(shale cat app /src/f2)" = changed ]
    shale cat app /src/f3 | cmp - "$ctx/src/f3"
    # The same without what is remembered.
    id=$(field '{{.Id}}' app)
    rm -r "$SHALE_ROOT/sums"
    run_ok build -t app --no-cache
    run_ok shale image diff --only files app "$id"
    # Contexts that come as a stream have other files each time, but the same layers.
    from_tar() { traced_env "$SHALE_BIN" build --progress plain -t app - <"$BATS_TEST_TMPDIR/ctx.tar" 2>&1; }
    for n in 333 4444; do
        echo $n >"$ctx/n"
        tar -C "$ctx" -cf "$BATS_TEST_TMPDIR/ctx.tar" .
        run_ok from_tar
    done
    [ "$(opened busybox)" = 0 ] || { opened busybox; return 1; }
}
