#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A push that was killed, or whose registry died: the next process goes on where it was.

load lib

setup_file() {
    registry_with debian
    export OURS=$REGISTRY_HOST
    REGISTRY_KIND=docker registry_start plain "$BATS_FILE_TMPDIR/debians"
    export DEBIANS=$REGISTRY_HOST
    export REGISTRY_HOST=$OURS
    BIG=$(skopeo inspect --raw --tls-verify=false "docker://$OURS/debian:1.0" | jq '[.layers[].size] | max')
    BIG_DIGEST=$(skopeo inspect --raw --tls-verify=false "docker://$OURS/debian:1.0" | jq -r '.layers | max_by(.size).digest')
    export BIG BIG_DIGEST
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    store_by pull -q "$OURS/debian:1.0"
    CUTTER=
}
teardown() {
    [ -z "$CUTTER" ] || kill "$CUTTER" 2>/dev/null || true
    drop_store
    own_stop_all
}

raw_digest() { skopeo inspect --raw --tls-verify=false "$@" | sha256sum | cut -d' ' -f1; }
same() { [ "$(raw_digest "docker://$1")" = "$(raw_digest "docker://$OURS/debian:1.0")" ]; }
# holder HOST -> CUT: a line to HOST that, once, goes no further than 9 MB
holder() {
    local file=$BATS_TEST_TMPDIR/cutter
    CUT_LOG=$BATS_TEST_TMPDIR/cutter.log
    HOLD=1 "$BATS_TEST_DIRNAME/cutter" "$1" 9000000 1 "$file" "$CUT_LOG" >/dev/null 2>&1 3>&- &
    CUTTER=$!
    for _ in $(seq 600); do [ -f "$file" ] && break; sleep 0.05; done
    CUT=$(cat "$file")
}
until_held() { for _ in $(seq 600); do grep -qs '^held' "$CUT_LOG" && return; sleep 0.05; done; return 1; }
# until_brought N: N connections have ended, so that the registry has all that came
until_brought() {
    for _ in $(seq 600); do [ "$(grep -c '^brought' "$CUT_LOG")" -ge "$1" ] && return; sleep 0.05; done
    return 1
}
# killed_in_the_middle CMD…: SIGKILL when the line is held; then the log begins anew
killed_in_the_middle() {
    "$SHALE_BIN" "$@" >/dev/null 2>&1 3>&- &
    local pid=$!
    until_held
    kill -KILL "$pid"
    wait "$pid" || true
    until_brought 1
    : >"$CUT_LOG"
}
notes() { find "$SHALE_ROOT/pushes" -type f | wc -l; }
# resumed: bytes of the first half did not come again
resumed() {
    grep -q '^Content-Range: [1-9][0-9]\{6\}' "$CUT_LOG" || { cat "$CUT_LOG"; return 1; }
    until_brought 1
    [ "$(awk '/^brought/ {n += $2} END {print n}' "$CUT_LOG")" -lt $((BIG - 4000000)) ]
    [ "$(notes)" = 0 ]
}

@test "a push that is killed goes on where it was" {
    [ "$BIG" -gt 12000000 ]
    holder "$OURS"
    shale tag "$OURS/debian:1.0" "$CUT/a/deb:1"
    killed_in_the_middle push "$CUT/a/deb:1"
    [ "$(notes)" = 1 ]
    [ "$(stat -c %a "$SHALE_ROOT/pushes")" = 700 ]
    run_ok shale push "$CUT/a/deb:1"
    resumed
    same "$OURS/a/deb:1"
    run_ok shale fsck --check
}

@test "so does a copy between registries" {
    holder "$OURS"
    killed_in_the_middle copy "$OURS/debian:1.0" "$CUT/b/deb:1"
    # within one registry blobs would be mounted: the line makes it two
    [ "$(notes)" = 1 ]
    run_ok shale copy "$OURS/debian:1.0" "$CUT/b/deb:1"
    resumed
    same "$OURS/b/deb:1"
}

@test "a registry that forgets what came before the break gets all of it" {
    holder "$DEBIANS"
    shale tag "$OURS/debian:1.0" "$CUT/c/deb:1"
    killed_in_the_middle push "$CUT/c/deb:1"
    [ "$(notes)" = 1 ]
    run_ok shale push "$CUT/c/deb:1"
    hasnt "Retrying"
    until_brought 1
    [ "$(notes)" = 0 ]
    same "$DEBIANS/c/deb:1"
}

@test "a registry that dies in the middle: a clear error, and the next push resumes" {
    own_registry dies
    holder "$OWN"
    shale tag "$OURS/debian:1.0" "$CUT/d/deb:1"
    SHALE_RETRIES=1 "$SHALE_BIN" push "$CUT/d/deb:1" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    until_held
    for _ in $(seq 600); do [ "$(du -sk "$OWN_DIR/uploads" | cut -f1)" -ge 8000 ] && break; sleep 0.05; done
    own_stop KILL || true
    kill "$CUTTER" # what it holds breaks
    rc=0
    wait $pid || rc=$?
    [ "$rc" = 1 ]
    [ "$(grep -c ^Error "$BATS_TEST_TMPDIR/out")" = 1 ]
    run_ok shale fsck --check
    [ "$(notes)" = 1 ]
    OWN_PORT=${OWN##*:} own_registry dies
    # the same address again, and nobody in between
    CUTTER=
    old=$CUT
    : >"$CUT_LOG"
    HOLD=1 PORT=${old##*:} "$BATS_TEST_DIRNAME/cutter" "$OWN" 9000000 0 "$BATS_TEST_TMPDIR/again" "$CUT_LOG" >/dev/null 2>&1 3>&- &
    CUTTER=$!
    for _ in $(seq 600); do [ -f "$BATS_TEST_TMPDIR/again" ] && break; sleep 0.05; done
    run_ok shale push "$old/d/deb:1"
    resumed
    same "$OWN/d/deb:1"
}

@test "notes that lie, and sessions that are gone, cost nothing but time" {
    holder "$OURS"
    shale tag "$OURS/debian:1.0" "$CUT/e/deb:1"
    killed_in_the_middle push "$CUT/e/deb:1"
    note=$(find "$SHALE_ROOT/pushes" -type f)
    grep -q "^home http://$CUT/v2/e/deb/blobs/uploads/" "$note"
    # a session that never was, one of another blob, another host, half a note
    other=$(curl -sfi -X POST "http://$OURS/v2/e/deb/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    curl -sf -X PATCH --data-binary "not this" "http://$OURS$other" >/dev/null
    for text in "home http://$CUT/v2/e/deb/blobs/uploads/nobody\n" "home http://$CUT$other\n" "away http://127.0.0.1:1/up\n" \
        "home http://$CUT/v2/e"; do
        # shellcheck disable=SC2059 # they are formats
        printf "$text" >"$note"
        : >"$CUT_LOG"
        run_ok shale push "$CUT/e/deb:1"
        grep -q '^PATCH' "$CUT_LOG"
        hasnt Retrying
        [ "$(notes)" = 0 ]
        same "$OURS/e/deb:1"
        curl -sf -X DELETE "http://$OURS/v2/e/deb/blobs/$BIG_DIGEST" >/dev/null
    done
}
