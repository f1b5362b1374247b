#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Looking at references where they are: tags and digests, in our registry and in Debian's.

load lib

setup_file() {
    local tag
    registry_with busybox debian
    export OURS=$REGISTRY_HOST
    REGISTRY_KIND=docker registry_start plain "$BATS_FILE_TMPDIR/debians"
    export DEBIANS=$REGISTRY_HOST
    registry_doors htpasswd
    export REGISTRY_HOST=$OURS
    for host in "$OURS" "$DEBIANS"; do
        for tag in 1.9 1.10 1.2 2.0-rc latest; do
            skopeo copy -q --all --src-tls-verify=false --dest-tls-verify=false "docker://$OURS/busybox:1.0" "docker://$host/app:$tag"
        done
        skopeo copy -q --all --src-tls-verify=false --dest-tls-verify=false "docker://$OURS/debian:1.0" "docker://$host/app:deb"
    done
}
teardown_file() { registry_stop_all; }
setup() { fresh_store; }

raw_digest() { echo "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$1" | sha256sum | cut -d' ' -f1)"; }

@test "names come in the order of versions, and can be chosen and turned round" {
    for host in "$OURS" "$DEBIANS"; do
        run_ok shale tags -q "$host/app"
        [ "$output" = $'1.2\n1.9\n1.10\n2.0-rc\ndeb\nlatest' ]
        run_ok shale tags -q "$host/app" --sort name
        [ "$output" = $'1.10\n1.2\n1.9\n2.0-rc\ndeb\nlatest' ]
        run_ok shale tags -qr "$host/app:1.*"
        [ "$output" = $'1.10\n1.9\n1.2' ]
        run_ok shale tags -q "$host/app:[12].?"
        [ "$output" = $'1.2\n1.9' ]
        run_ok shale tags --format '{{.Tag}}!' "$host/app:1.9"
        [ "$output" = '1.9!' ]
    done
}

@test "digest, size, date and platforms are those of the image" {
    for host in "$OURS" "$DEBIANS"; do
        run_ok shale tags --format json "$host/app:deb"
        jq -e --arg d "$(raw_digest "$host/app:deb")" '.Digest == $d and .Tag == "deb"' <<<"$output"
        want=$(skopeo inspect --raw --tls-verify=false "docker://$host/app:deb" | jq '.config.size + ([.layers[].size] | add)')
        [ "$(jq -r .SizeBytes <<<"$output")" = "$want" ]
        created=$(skopeo inspect --config --tls-verify=false "docker://$host/app:deb" | jq -r .created)
        [ "$(date -d "$(jq -r .CreatedAt <<<"$output" | sed 's/ [A-Z]*$//')" +%s)" = "$(date -d "$created" +%s)" ]
        [ "$(jq -r .Platforms <<<"$output")" = linux/amd64 ]
        run_ok shale tags --format '{{.Platforms}}' "$host/app:latest"
        want=$(skopeo inspect --raw --tls-verify=false "docker://$host/app:latest" | jq -r '[.manifests[].platform | [.os, .architecture, .variant // empty] | join("/")] | join(",")')
        [ "$output" = "$want" ]
        run_ok shale tags "$host/app"
        [[ ${lines[0]} =~ ^TAG\ +DIGEST\ +CREATED\ +SIZE\ +PLATFORMS$ ]]
        [ "${#lines[@]}" = 7 ]
    done
}

@test "by platform, by size, by date" {
    run_ok shale tags -q "$OURS/app" --platform linux/arm64
    hasnt deb
    has 1.10
    run_ok shale tags --format '{{.SizeBytes}}' "$OURS/app" --sort size
    [ "$output" = "$(sort -rn <<<"$output")" ]
    run_ok shale tags --format '{{.CreatedAt}}' "$OURS/app" --sort created
    [ "$output" = "$(sort -r <<<"$output")" ]
    run_fails 1 'unknown order "x": it is version, name, created or size' shale tags --sort x "$OURS/app"
}

@test "a tag that cannot be read does not hide the others" {
    own_registry broken
    own_push "$SHALE_IMAGES/busybox:1.0" app:good
    own_push "$SHALE_IMAGES/debian:1.0" app:bad
    bad=$(skopeo inspect --raw --tls-verify=false "docker://$OWN/app:bad" | jq -r '.config.digest | ltrimstr("sha256:")')
    find "$OWN_DIR" -path "*$bad*" -type f -delete
    run shale tags "$OWN/app"
    own_stop_all
    [ "$status" = 1 ]
    has "good"
    has "Error: tag bad: "
}

@test "hundreds of tags, over pages of the registry" {
    own_registry pages
    own_push "$SHALE_IMAGES/busybox:1.0" app:0
    type=$(skopeo inspect --raw --tls-verify=false "docker://$OWN/app:0" | tee "$BATS_TEST_TMPDIR/m" | jq -r .mediaType)
    for i in $(seq 1 1200); do
        printf 'next\nurl = "http://%s/v2/app/manifests/%s"\nrequest = PUT\nheader = "Content-Type: %s"\ndata-binary = "@%s"\noutput = /dev/null\n' \
            "$OWN" "$i" "$type" "$BATS_TEST_TMPDIR/m"
    done | sed 1d >"$BATS_TEST_TMPDIR/curlrc"
    curl -s -K "$BATS_TEST_TMPDIR/curlrc"
    run_ok shale tags -q "$OWN/app"
    [ "$output" = "$(seq 0 1200)" ]
    run_ok shale tags --format '{{.Digest}}' --no-trunc "$OWN/app"
    [ "$(sort -u <<<"$output")" = "$(raw_digest "$OWN/app:0")" ]
    [ "${#lines[@]}" = 1201 ]
    own_stop_all
}

@test "digests of several names, of patterns, of a platform" {
    for host in "$OURS" "$DEBIANS"; do
        run_ok shale digest "$host/app" "$host/app:deb"
        [ "$output" = "$(raw_digest "$host/app:latest")"$'\n'"$(raw_digest "$host/app:deb")" ]
        run_ok shale digest --format '{{.Name}}' "$host/app:1.*"
        [ "$output" = "$host/app:1.2"$'\n'"$host/app:1.9"$'\n'"$host/app:1.10" ]
        run_ok shale digest --format json "$host/app:deb"
        jq -e --arg n "$host/app:deb" --arg d "$(raw_digest "$host/app:deb")" '. == {Name: $n, Digest: $d}' <<<"$output"
        want=$(skopeo inspect --raw --tls-verify=false "docker://$host/app:latest" | jq -r '.manifests[] | select(.platform.architecture == "arm64").digest')
        run_ok shale digest --platform linux/arm64 "$host/app"
        [ "$output" = "$want" ]
    done
    run shale digest "$OURS/none:1" "$OURS/app:deb" "$OURS/app:x*"
    [ "$status" = 1 ]
    has "$(raw_digest "$OURS/app:deb")"
    has "Error: "
    has "no tag of $OURS/app matches x*"
}

@test "mistakes" {
    run_fails 1 "repository $OURS/none not found" shale tags "$OURS/none"
    run_fails 1 "no tag of $OURS/app matches 9*" shale tags "$OURS/app:9*"
    run_fails 1 "repository $OURS/app has no tag 9" shale tags "$OURS/app:9"
    run_fails 1 "syntax error in pattern" shale tags "$OURS/app:[1"
    run_fails 1 "the tags of a repository are listed" shale tags "$OURS/app@$(raw_digest "$OURS/app:deb")"
    run_fails 1 "invalid reference format" shale tags "$OURS/app*"
    run_fails 1 "invalid reference format" shale tags "$OURS/APP:*"
    run_fails 1 "no basic auth credentials" shale tags "$HTPASSWD/busybox"
    run_fails 1 "connection refused" shale tags 127.0.0.1:1/x
    [ ! -e "$SHALE_ROOT/blobs" ] || [ -z "$(find "$SHALE_ROOT/blobs" -type f)" ]
}
