#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images of several platforms kept whole: pulled, listed, pushed, removed.

load lib
load images
load platforms

setup_file() {
    export LAYOUT=$BATS_FILE_TMPDIR/layout
    platforms_layout "$LAYOUT"
    registry_with
    push_layout "$LAYOUT" x multi next foreign single
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    R=$REGISTRY_HOST/x
}
teardown() { drop_store; }

raw() { skopeo inspect --raw --tls-verify=false "docker://$1" | sha256sum | cut -d' ' -f1; }
list_digest() { digest_in "$LAYOUT" "$1"; }
env_of() { shale image inspect -f '{{index .Config.Env 0}}' "$@"; }
blobs() { find "$SHALE_ROOT/blobs/sha256" -type f | wc -l; }
tree() { shale image ls --tree; }

@test "all of a list is pulled; the name is one line, and stands for this host's image" {
    run_ok shale pull --all-platforms "$R:multi"
    has "multi: Pulling from x"
    has "Digest: $(list_digest multi)"
    has "Status: Downloaded newer image for $R:multi"
    [ "${lines[-1]}" = "$R:multi" ]
    # index, five manifests and configs, four own layers, one shared, one statement
    [ "$(blobs)" = 17 ]
    [ "$(shale images --format '{{.Repository}}:{{.Tag}}')" = "$R:multi" ]
    [ "$(shale images -aq | wc -l)" = 4 ]
    [ "$(shale image inspect -f '{{.Architecture}}' "$R:multi")" = "$(shale version -f '{{.Server.Arch}}')" ]
    [ "$(env_of --platform linux/arm/v6 "$R:multi")" = P=linux/arm/v6 ]
    [ "$(env_of --platform linux/arm/v7 "$R:multi")" = P=linux/arm/v7 ]
    [ "$(env_of --platform linux/arm64 "$R:multi")" = P=linux/arm64/v8 ]
    run_ok shale history --platform linux/arm64 "$R:multi"
    run_ok tree
    [ "$(grep -c "linux/" <<<"$output")" = 4 ]
    hasnt " 0B"
    hasnt unknown
    run_ok shale pull --all-platforms "$R:multi"
    has "Status: Image is up to date for $R:multi"
    run_ok shale fsck --check
}

@test "what is missing is added to what is here" {
    shale pull -q --platform linux/arm64 "$R:multi" >/dev/null
    run_ok shale pull --all-platforms "$R:multi"
    has "Already exists"
    [ "$(blobs)" = 17 ]
    [ "$(shale image inspect -f '{{.Architecture}}' "$R:multi")" = "$(shale version -f '{{.Server.Arch}}')" ]
    # by digest, of a list without an image for this host, and of what is no list
    run_ok shale pull -q --all-platforms "$R@$(list_digest next)"
    run_ok shale pull -q --all-platforms "$R:foreign"
    [ "$(env_of "$R:foreign")" = P=linux/s390x/ ]
    run_ok shale pull -q --all-platforms "$R:single"
    run_fails 1 "cannot specify both --platform and --all-platforms" shale pull --all-platforms --platform linux/arm64 "$R:multi"
}

@test "it is pushed whole, or one platform of it" {
    shale pull -q --all-platforms "$R:multi" >/dev/null
    own_registry pushed
    shale tag "$R:multi" "$OWN/y:multi"
    run_ok shale push "$OWN/y:multi"
    hasnt "Info:"
    [ "sha256:$(raw "$OWN/y:multi")" = "$(list_digest multi)" ]
    run_ok skopeo copy -q --all --src-tls-verify=false "docker://$OWN/y:multi" "dir:$BATS_TEST_TMPDIR/dir"
    shale tag "$R:multi" "$OWN/y:arm"
    run_ok shale push --platform linux/arm/v7 "$OWN/y:arm"
    [ "$(skopeo inspect --tls-verify=false --config --raw "docker://$OWN/y:arm" | jq -r '.config.Env[0]')" = P=linux/arm/v7 ]
    own_stop_all
}

@test "a layer that is here under another compression is fetched all the same, so that the list can be passed on" {
    local l=$BATS_TEST_TMPDIR/zstd
    oci_init "$l"
    oci_layer "$l" "$BATS_FILE_TMPDIR/base.tar" zstd
    oci_tag "$l" zstd "$(oci_image "$l" linux amd64)"
    push_layout "$l" z zstd
    shale pull -q "$REGISTRY_HOST/z:zstd" >/dev/null
    shale pull -q --all-platforms "$R:multi" >/dev/null
    own_registry pushed
    shale tag "$R:multi" "$OWN/y:multi"
    run_ok shale push "$OWN/y:multi"
    [ "sha256:$(raw "$OWN/y:multi")" = "$(list_digest multi)" ]
    own_stop_all
}

@test "rmi takes all of it; what has another name stays" {
    shale pull -q --all-platforms "$R:multi" >/dev/null
    shale tag "$R:multi" other:1
    run_ok shale rmi "$R:multi"
    [ "$(shale images --format '{{.Repository}}:{{.Tag}}')" = other:1 ]
    [ "$(env_of --platform linux/arm64 other:1)" = P=linux/arm64/v8 ]
    run_ok shale rmi other:1
    [ "$(grep -c "Deleted: " <<<"$output")" = 9 ] # four images, four layers and what they share
    [ -z "$(shale images -aq)" ]
    [ "$(blobs)" = 0 ]
}

@test "one platform goes, the others stay; it can come back" {
    shale pull -q --all-platforms "$R:multi" >/dev/null
    before=$(blobs)
    run_ok shale rmi --platform linux/arm/v6 "$R:multi"
    has "Deleted: sha256:"
    [ "$(blobs)" = $((before - 3)) ]
    run_ok tree
    has " 0B"
    # the one that the name points at: another one takes its place
    run_ok shale rmi --platform "linux/$(shale version -f '{{.Server.Arch}}')" "$R:multi"
    hasnt "Untagged: $R:multi"
    [ "$(shale images --format '{{.Repository}}:{{.Tag}}')" = "$R:multi" ]
    [ "$(shale images -aq | wc -l)" = 2 ]
    run_ok shale fsck --check
    run_ok shale pull -q --all-platforms "$R:multi"
    [ "$(blobs)" = "$before" ]
    [ "$(shale images -aq | wc -l)" = 4 ]
}

@test "a prune leaves it together" {
    shale pull -q --all-platforms "$R:multi" >/dev/null
    [ -z "$(shale images -q -f dangling=true)" ]
    run_ok shale image prune -f
    [ "$(shale images -aq | wc -l)" = 4 ]
    # the tag moves to a new list: the old images are dangling
    skopeo copy -q --all --src-tls-verify=false --dest-tls-verify=false "docker://$R:multi" "docker://$REGISTRY_HOST/m:1"
    shale pull -q --all-platforms "$REGISTRY_HOST/m:1" >/dev/null
    shale rmi "$R:multi" >/dev/null
    skopeo copy -q --all --src-tls-verify=false --dest-tls-verify=false "docker://$R:next" "docker://$REGISTRY_HOST/m:1"
    shale pull -q --all-platforms "$REGISTRY_HOST/m:1" >/dev/null
    [ "$(shale images -q -f dangling=true | sort -u | wc -l)" = 3 ]
    run_ok shale image prune -f
    [ "$(shale images -aq | wc -l)" = 2 ]
    run_ok shale image prune -af
    [ -z "$(shale images -aq)" ]
    [ "$(blobs)" = 0 ]
}

@test "a container of one of them keeps the name" {
    need_root
    shale pull -q --all-platforms "$R:multi" >/dev/null
    shale create --name cc --platform linux/arm/v6 "$R:multi" true >/dev/null
    run_fails 1 "conflict: unable to remove repository reference \"$R:multi\" (must force) - container" shale rmi "$R:multi"
    [ "$(shale images -aq | wc -l)" = 4 ]
    run_ok shale image prune -f
    run_ok shale rmi -f "$R:multi"
    [ "$(shale images -aq | wc -l)" = 1 ]
    shale rm cc >/dev/null
    run_ok shale image prune -f
    [ -z "$(shale images -aq)" ]
}

@test "a line that breaks in the middle: the names stay as they were, and the next pull goes on" {
    cp -r "$LAYOUT" "$BATS_TEST_TMPDIR/broken"
    arm=$(shale digest --platform linux/arm/v7 "$R:multi")
    layer=$(jq -r '.layers[-1].digest' "$LAYOUT/blobs/sha256/${arm:7}")
    rm "$BATS_TEST_TMPDIR/broken/blobs/sha256/${layer:7}"
    layout_registry_start "$BATS_TEST_TMPDIR/broken"
    run_fails 1 "Error: " env SHALE_RETRIES=0 "$SHALE_BIN" pull --all-platforms "$LAYOUT_HOST/x:multi"
    [ -z "$(shale images -aq)" ]
    cp "$LAYOUT/blobs/sha256/${layer:7}" "$BATS_TEST_TMPDIR/broken/blobs/sha256/"
    run_ok shale pull -q --all-platforms "$LAYOUT_HOST/x:multi"
    layout_registry_stop
    [ "$(blobs)" = 17 ]
    run_ok shale fsck --check
}
