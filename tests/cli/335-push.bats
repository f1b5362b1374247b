#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pushing to our registry and to Debian's, over good lines and bad ones.

load lib

setup_file() {
    registry_with busybox debian
    export OURS=$REGISTRY_HOST
    REGISTRY_KIND=docker registry_start plain "$BATS_FILE_TMPDIR/debians"
    export DEBIANS=$REGISTRY_HOST DEBIANS_PID=$REGISTRY_PID
    registry_doors htpasswd tls token
    mkdir -p "$BATS_FILE_TMPDIR/certs/$TLS"
    cp "$BATS_FILE_TMPDIR/tls/ca.crt" "$BATS_FILE_TMPDIR/certs/$TLS/"
    export REGISTRY_HOST=$OURS
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    store_by pull -q "$OURS/debian:1.0"
    CUTTERS=
}
teardown() {
    local pid
    for pid in $CUTTERS; do kill "$pid" 2>/dev/null || true; done
    drop_store
}

raw_digest() { skopeo inspect --raw --tls-verify=false "$@" | sha256sum | cut -d' ' -f1; }
login() { # HOST PASSWORD
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$1" "$(printf 'user:%s' "$2" | base64 -w0)" >"$DOCKER_CONFIG/config.json"
}
# cutter HOST BYTES TIMES [LIES] -> CUT, CUT_LOG
cutter() {
    local file=$BATS_TEST_TMPDIR/cutter
    rm -f "$file"
    CUT_LOG=$BATS_TEST_TMPDIR/cutter.log
    "$BATS_TEST_DIRNAME/cutter" "${@:1:3}" "$file" "$CUT_LOG" "${4:-0}" >/dev/null 2>&1 3>&- &
    CUTTERS="$CUTTERS $!"
    for _ in $(seq 600); do [ -f "$file" ] && break; sleep 0.05; done
    CUT=$(cat "$file")
}

@test "what is pushed is what was pulled, byte for byte" {
    for to in "$OURS" "$DEBIANS"; do
        shale tag "$OURS/debian:1.0" "$to/a/deb"
        run_ok shale push "$to/a/deb"
        [ "${lines[0]}" = "Using default tag: latest" ]
        [ "${lines[1]}" = "The push refers to repository [$to/a/deb]" ]
        has ": Preparing"
        want=$(raw_digest "docker://$OURS/debian:1.0")
        [[ ${lines[-1]} =~ ^"latest: digest: sha256:$want size: "[0-9]+$ ]]
        [ "$(raw_digest "docker://$to/a/deb:latest")" = "$want" ]
    done
    [[ $output == *": Pushed"* ]] # to Debian's, where nothing was
    run_ok skopeo copy -q --src-tls-verify=false "docker://$DEBIANS/a/deb:latest" "dir:$BATS_TEST_TMPDIR/dir"
    run_ok shale images --digests
    has "$DEBIANS/a/deb"
}

@test "what is there is not sent again; -q says the name only" {
    shale tag "$OURS/debian:1.0" "$DEBIANS/b/deb:1"
    run_ok shale push -q "$DEBIANS/b/deb:1"
    [ "$output" = "$DEBIANS/b/deb:1" ]
    cutter "$DEBIANS" 1000000000 0
    shale tag "$OURS/debian:1.0" "$CUT/b/deb:1"
    run_ok shale push "$CUT/b/deb:1"
    [ "$(grep -c "Layer already exists" <<<"$output")" = "$(grep -c "Preparing" <<<"$output")" ]
    [ "$(grep -cE '^(PATCH|POST)' "$CUT_LOG")" = 0 ]
}

@test "blobs are mounted from another repository of the registry" {
    for to in "$OURS" "$DEBIANS"; do
        shale tag "$OURS/debian:1.0" "$to/c/from:1"
        run_ok shale push "$to/c/from:1"
        shale tag "$OURS/debian:1.0" "$to/c/to:1"
        run_ok shale push "$to/c/to:1"
        has ": Mounted from "
        hasnt ": Pushed"
    done
    has "Mounted from c/from"
}

@test "all tags, and several names in one call" {
    for t in 1 2 3; do shale tag "$OURS/debian:1.0" "$DEBIANS/d/deb:$t"; done
    run_ok shale push -a "$DEBIANS/d/deb"
    [ "$(skopeo list-tags --tls-verify=false "docker://$DEBIANS/d/deb" | jq -c '.Tags | sort')" = '["1","2","3"]' ]
    shale tag "$OURS/debian:1.0" "$DEBIANS/e/deb:1"
    run shale push -q "$DEBIANS/e/none:1" "$DEBIANS/e/deb:1"
    [ "$status" = 1 ]
    has "An image does not exist locally with the tag: $DEBIANS/e/none"
    has "$DEBIANS/e/deb:1"
    run_fails 1 "tag can't be used with --all-tags/-a" shale push -a "$DEBIANS/d/deb:1"
}

@test "mistakes" {
    run_fails 1 "An image does not exist locally with the tag: nothing" shale push nothing
    run_fails 1 "tag does not exist: $OURS/debian:nope" shale push "$OURS/debian:nope"
    run_fails 1 "cannot push a digest reference" shale push "$OURS/debian@sha256:$(printf '%064d' 0)"
    run_fails 1 "invalid reference format" shale push "$OURS/Debian:1"
    run_fails 1 "no tags to push for $OURS/nothing" shale push -a "$OURS/nothing"
    run_fails 1 "does not match the specified platform (linux/s390x)" shale push --platform linux/s390x "$OURS/debian:1.0"
    shale tag "$OURS/debian:1.0" 127.0.0.1:1/x:1
    run_fails 1 "connection refused" shale push 127.0.0.1:1/x:1
    run_ok shale fsck --check
}

@test "an index goes whole when all of it is here, else the platform that is" {
    shale pull -q "$OURS/busybox:1.0"
    shale tag "$OURS/busybox:1.0" "$DEBIANS/f/bb:1"
    run_ok shale push "$DEBIANS/f/bb:1"
    has "Info: not all platforms of the image are here; only linux/"
    skopeo inspect --raw --tls-verify=false "docker://$DEBIANS/f/bb:1" | jq -e '.layers' >/dev/null
    # an index of one
    cp -r "$SHALE_IMAGES/busybox" "$BATS_TEST_TMPDIR/one"
    index=$(jq -r '.manifests[0].digest | ltrimstr("sha256:")' "$BATS_TEST_TMPDIR/one/index.json")
    jq -c '.manifests |= map(select(.platform.architecture == "amd64"))' "$BATS_TEST_TMPDIR/one/blobs/sha256/$index" >"$BATS_TEST_TMPDIR/new"
    new=$(sha256sum "$BATS_TEST_TMPDIR/new" | cut -d' ' -f1)
    cp "$BATS_TEST_TMPDIR/new" "$BATS_TEST_TMPDIR/one/blobs/sha256/$new"
    jq -c --arg d "sha256:$new" --argjson n "$(stat -c %s "$BATS_TEST_TMPDIR/new")" '.manifests[0].digest = $d | .manifests[0].size = $n' \
        "$SHALE_IMAGES/busybox/index.json" >"$BATS_TEST_TMPDIR/one/index.json"
    push "$BATS_TEST_TMPDIR/one:1.0" f/one:1
    shale pull -q --platform linux/amd64 "$OURS/f/one:1"
    shale tag "$OURS/f/one:1" "$DEBIANS/f/one:1"
    run_ok shale push "$DEBIANS/f/one:1"
    hasnt "Info:"
    [ "$(raw_digest "docker://$DEBIANS/f/one:1")" = "$new" ]
}

@test "passwords, tokens and TLS" {
    shale tag "$OURS/debian:1.0" "$HTPASSWD/g/deb:1"
    run_fails 1 "no basic auth credentials" shale push "$HTPASSWD/g/deb:1"
    login "$HTPASSWD" wrong
    run_fails 1 "unauthorized: " shale push "$HTPASSWD/g/deb:1"
    login "$HTPASSWD" secret
    run_ok shale push "$HTPASSWD/g/deb:1"
    login "$TOKEN" secret
    for repo in g/deb g/two; do
        shale tag "$OURS/debian:1.0" "$TOKEN/$repo:1"
        run_ok shale push "$TOKEN/$repo:1"
    done
    has "Mounted from g/deb"
    login "$TLS" secret
    shale tag "$OURS/debian:1.0" "$TLS/g/deb:1"
    run_ok shale --certs-dir "$BATS_FILE_TMPDIR/certs" push "$TLS/g/deb:1"
}

@test "a line that breaks: the upload goes on where it was" {
    shale tag "$OURS/debian:1.0" "$HTPASSWD/h/deb:1"
    cutter "$HTPASSWD" 9000000 3
    login "$CUT" secret
    shale tag "$OURS/debian:1.0" "$CUT/h/deb:1"
    run_ok shale push "$CUT/h/deb:1"
    has "Retrying in "
    grep -q '^Content-Range: [1-9]' "$CUT_LOG"
    [ "$(raw_digest --creds user:secret "docker://$HTPASSWD/h/deb:1")" = "$(raw_digest "docker://$OURS/debian:1.0")" ]
    # Debian's forgets what came before the break: the upload begins anew
    cutter "$DEBIANS" 9000000 3
    shale tag "$OURS/debian:1.0" "$CUT/h/deb:1"
    run_ok shale push "$CUT/h/deb:1"
    has "Retrying in "
    run_ok skopeo copy -q --src-tls-verify=false "docker://$DEBIANS/h/deb:1" "dir:$BATS_TEST_TMPDIR/dir"
}

@test "a registry that has another part than it said: the upload begins anew" {
    shale tag "$OURS/debian:1.0" "$HTPASSWD/k/deb:1"
    cutter "$HTPASSWD" 9000000 3 1
    login "$CUT" secret
    shale tag "$OURS/debian:1.0" "$CUT/k/deb:1"
    run_ok shale push "$CUT/k/deb:1"
    has "Retrying in "
    [ "$(raw_digest --creds user:secret "docker://$HTPASSWD/k/deb:1")" = "$(raw_digest "docker://$OURS/debian:1.0")" ]
}

@test "a line that always breaks: one clear line, and the next push has less to do" {
    cutter "$DEBIANS" 1000000 1000000
    shale tag "$OURS/debian:1.0" "$CUT/i/deb:1"
    export SHALE_RETRIES=1
    run_fails 1 "Error: " shale push "$CUT/i/deb:1"
    [ "$(grep -c ^Error <<<"$output")" = 1 ]
    run_ok shale fsck --check
    shale tag "$OURS/debian:1.0" "$DEBIANS/i/deb:1"
    run_ok shale push "$DEBIANS/i/deb:1"
}

@test "a push that is killed, and the next one" {
    shale tag "$OURS/debian:1.0" "$DEBIANS/j/deb:1"
    "$SHALE_BIN" push -q "$DEBIANS/j/deb:1" 3>&- &
    pid=$!
    sleep 0.1
    kill -KILL $pid 2>/dev/null || true
    wait $pid || true
    run_ok shale push "$DEBIANS/j/deb:1"
    [ "$(raw_digest "docker://$DEBIANS/j/deb:1")" = "$(raw_digest "docker://$OURS/debian:1.0")" ]
    run_ok shale fsck --check
}

@test "content that is missing here is named" {
    shale tag "$OURS/debian:1.0" "$DEBIANS/k/deb:1"
    layer=$(skopeo inspect --raw --tls-verify=false "docker://$OURS/debian:1.0" | jq -r '.layers[-1].digest | ltrimstr("sha256:")')
    rm "$SHALE_ROOT/blobs/sha256/$layer"
    run_fails 1 "pull the image again" shale push "$DEBIANS/k/deb:1"
}
