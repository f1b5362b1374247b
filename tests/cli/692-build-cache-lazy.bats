#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2034 # image and SHALE_* are container_setup's
# `shale build --cache-from`: which layers of a cache are fetched, and when. The registry says who has asked for what.
load lib
load build

setup() {
    context_setup
    own_registry own
    ref=$OWN/app:cache
    echo one >"$ctx/a"
    dockerfile <<'END'
FROM @ AS low
RUN head -c 1000 /dev/urandom >/low
FROM low AS made
RUN head -c 1000 /dev/urandom >/r; cat /low >>/r
FROM @ AS other
COPY a /a
FROM @
WORKDIR /w
COPY --from=made /r /w/r
COPY --link --from=other /a /w/a
END
    run_ok build -t x --cache-to "type=registry,ref=$ref,mode=max"
    want=$(layers x)
    curl -sf "http://$OWN/v2/app/manifests/cache" >"$BATS_TEST_TMPDIR/manifest"
    [ "$(jq '.layers | length' "$BATS_TEST_TMPDIR/manifest")" = 6 ] # low, made, a, w, r, w/a
    another_machine
}
teardown() {
    drop_store
    own_stop_all
}
layers() { shale inspect --format '{{json .RootFS.Layers}}' "$1"; }
another_machine() {
    drop_store
    n=$((${n:-0} + 1))
    export SHALE_ROOT=$BATS_TEST_TMPDIR/store$n
    shale pull -q "$image" >/dev/null
    seen=$(wc -l <"$OWN_DIR.log")
}
# fetched: digests of the cache's layers that were asked for since the machine is another
fetched() { tail -n +$((seen + 1)) "$OWN_DIR.log" | grep -o 'GET /v2/app/blobs/sha256:[0-9a-f]*' | grep -o 'sha256:.*' | grep -Fxf <(jq -r '.layers[].digest' "$BATS_TEST_TMPDIR/manifest"); }
# blob_file FOLDER in|out N: the cache's file of layer N of x, or of the Nth that is not in x
blob_file() {
    local m d
    m=$1/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$1/index.json")
    d=$(jq -r '.config.digest[7:]' "$m")
    jq -r --arg in "$2" --argjson n "$3" --argjson want "$want" '[.layers[] | {blob: .blob[7:], at: (.annotations.diffID as $d | $want | index($d))}] |
        if $in == "in" then map(select(.at == $n))[0] else map(select(.at == null))[$n] end | .blob' "$1/blobs/sha256/$d" | sed "s|^|$1/blobs/sha256/|"
}
n_fetched() { fetched | wc -l; }

@test "only layers of the result are fetched, and those that a step is made of" {
    run_ok build -t x --cache-from "$ref"
    [ "$(layers x)" = "$want" ] || { echo "$output"; return 1; }
    has "fetching layers of the cache"
    # w, r and w/a, each once; none of the stages that were copied from.
    [ "$(n_fetched)" = 3 ] || { cat "$OWN_DIR.log"; return 1; }
    [ "$(fetched | sort -u | wc -l)" = 3 ]
    run_ok shale cat x /w/a
    [ "$output" = one ]
    run_ok shale fsck
    # They are here now, and stay.
    run_ok build -t x --cache-from "$ref"
    hasnt "fetching layers"
    [ "$(n_fetched)" = 3 ]

    # On to where it is already, with more in it: nothing that is there moves.
    another_machine
    run_ok build -t x --cache-from "$ref" --cache-to "type=registry,ref=$ref,mode=max"
    [ "$(n_fetched)" = 3 ] || { cat "$OWN_DIR.log"; return 1; }
    curl -sf "http://$OWN/v2/app/manifests/cache" >"$BATS_TEST_TMPDIR/again"
    diff <(jq .layers "$BATS_TEST_TMPDIR/again") <(jq .layers "$BATS_TEST_TMPDIR/manifest")
    # To a folder: all.
    another_machine
    run_ok build -t x --cache-from "$ref" --cache-to "type=local,dest=$BATS_TEST_TMPDIR/cache,mode=max"
    [ "$(n_fetched)" = 6 ] || { cat "$OWN_DIR.log"; return 1; }
    (cd "$BATS_TEST_TMPDIR/cache/blobs/sha256" && sha256sum -- * | awk '$1 != $2 {exit 1}')

    # A step that is made here needs what it is made on and from: low and made for a RUN on them, not w.
    another_machine
    sed -i '4s/$/ \&\& true/' "$ctx/Dockerfile"
    run_ok build -t x --cache-from "$ref" --target made
    [ "$(n_fetched)" = 1 ] || { cat "$OWN_DIR.log"; return 1; }
    another_machine
    echo two >"$ctx/a"
    run_ok build -t x --cache-from "$ref"
    [ "$(shale cat x /w/a)" = two ]
    run_ok shale cat x /w/r
    run_ok shale fsck
}

@test "a layer that cannot be had costs a line, and what was built on it is built here" {
    for d in $(jq -r '.layers[].digest' "$BATS_TEST_TMPDIR/manifest"); do
        printf x | dd of="$(find "$OWN_DIR" -path "*${d#sha256:}*" -type f | head -n 1)" bs=1 seek=40 conv=notrunc status=none
    done
    another_machine
    run_ok build -t x --cache-from "$ref" --cache-to "type=local,dest=$BATS_TEST_TMPDIR/good,mode=max"
    [ "$(grep -c "warning: the cache $ref is not used: " <<<"$output")" = 1 ] || { echo "$output"; return 1; }
    has CANCELED
    hasnt ERROR
    [ "$(layers x)" != "$want" ]
    want=$(layers x)
    run_ok shale fsck
    # With another that is good: from there. What was put to it after that has nothing of what was not had.
    another_machine
    run_ok build -t x --cache-from "$ref" --cache-from "type=local,src=$BATS_TEST_TMPDIR/good"
    [ "$(layers x)" = "$want" ] || { echo "$output"; return 1; }
    # Where a copy is from is new, what is copied is not: the cache has the copy, without its layer. Nothing of that
    # is left when the stages begin anew.
    another_machine
    cp "$ctx/Dockerfile" "$BATS_TEST_TMPDIR/before"
    sed -i 's|^COPY a /a|&\nCOPY a /b|' "$ctx/Dockerfile"
    mv "$(blob_file "$BATS_TEST_TMPDIR/good" in 3)" "$BATS_TEST_TMPDIR/gone"
    run_ok build -t x --cache-from "type=local,src=$BATS_TEST_TMPDIR/good"
    has "is not used: "
    [ "$(shale cat x /w/a)" = one ]
    run_ok shale fsck
    mv "$BATS_TEST_TMPDIR/gone" "$(blob_file "$BATS_TEST_TMPDIR/good" in 3)"
    mv "$BATS_TEST_TMPDIR/before" "$ctx/Dockerfile"
    # A layer that nobody has needed is missed only when the cache goes on: without it.
    rm "$(blob_file "$BATS_TEST_TMPDIR/good" out 0)"
    for to in "type=local,dest=$BATS_TEST_TMPDIR/rest" "type=registry,ref=$OWN/rest:cache"; do
        another_machine
        run_ok build -t x --cache-from "type=local,src=$BATS_TEST_TMPDIR/good" --cache-to "$to,mode=max"
        [ "$(layers x)" = "$want" ] || { echo "$output"; return 1; }
        [ "$(grep -c "warning: the cache .* is not used: " <<<"$output")" = 1 ] || { echo "$output"; return 1; }
        hasnt ERROR
    done
    for i in 1 2 3; do
        [ -f "$(blob_file "$BATS_TEST_TMPDIR/rest" in $i)" ]
        curl -sf "http://$OWN/v2/rest/manifests/cache" | grep "$(basename "$(blob_file "$BATS_TEST_TMPDIR/rest" in $i)")"
    done
    # A registry that is gone.
    another_machine
    own_stop
    run_ok build -t y --cache-from "$ref"
    has "the cache $ref is not used"
}
