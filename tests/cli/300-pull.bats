#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pull from a registry, images made and pushed by skopeo.

load lib

setup_file() {
    registry_with busybox debian
    push "$SHALE_IMAGES/busybox:1.0" team/app:v1
    push "$SHALE_IMAGES/debian:1.0" team/app:v2
}
teardown_file() { registry_stop_all; }
setup() { fresh_store; }
teardown() { drop_store; }

@test "pull prints docker's lines and the canonical reference last" {
    run_ok shale pull "$REGISTRY_HOST/busybox:1.0"
    has "1.0: Pulling from busybox"
    has "Pull complete"
    has "Digest: sha256:"
    has "Status: Downloaded newer image for $REGISTRY_HOST/busybox:1.0"
    [ "${lines[-1]}" = "$REGISTRY_HOST/busybox:1.0" ]
}

@test "a second pull fetches nothing" {
    run_ok shale pull "$REGISTRY_HOST/debian:1.0"
    run_ok shale pull "$REGISTRY_HOST/debian:1.0"
    has "Status: Image is up to date for $REGISTRY_HOST/debian:1.0"
}

@test "pull -q prints only the reference" {
    run_ok shale pull -q "$REGISTRY_HOST/busybox:1.0"
    [ "$output" = "$REGISTRY_HOST/busybox:1.0" ]
}

@test "the digest is the registry's, the ID is the config's" {
    want=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY_HOST/busybox:1.0" | sha256sum | cut -d' ' -f1)
    run_ok shale pull "$REGISTRY_HOST/busybox:1.0"
    has "Digest: sha256:$want"
    run_ok shale digest "$REGISTRY_HOST/busybox:1.0"
    [ "$output" = "sha256:$want" ]
    config=$(skopeo inspect --config --raw --tls-verify=false "docker://$REGISTRY_HOST/busybox:1.0" | sha256sum | cut -d' ' -f1)
    run_ok shale images -q --no-trunc
    [ "$output" = "sha256:$config" ]
}

@test "pull by digest, and by tag and digest" {
    d=$(shale digest "$REGISTRY_HOST/busybox:1.0")
    run_ok shale pull "$REGISTRY_HOST/busybox@$d"
    run_ok shale pull "$REGISTRY_HOST/busybox:1.0@$d"
    run_ok shale images --digests
    has "$d"
    has "<none>"
}

@test "another platform of a manifest list" {
    run_ok shale pull --platform linux/arm64 "$REGISTRY_HOST/busybox:1.0"
    run_ok shale inspect -f '{{.Architecture}}' "$REGISTRY_HOST/busybox:1.0"
    [ "$output" = arm64 ]
    run_fails 1 "no matching manifest for linux/s390x" shale pull --platform linux/s390x "$REGISTRY_HOST/busybox:1.0"
}

@test "all tags of a repository" {
    run_ok shale pull -a "$REGISTRY_HOST/team/app"
    run_ok shale images --format '{{.Tag}}' "$REGISTRY_HOST/team/app"
    [ "$(sort <<<"$output" | tr '\n' ' ')" = "v1 v2 " ]
    run_fails 1 "tag can't be used with --all-tags/-a" shale pull -a "$REGISTRY_HOST/team/app:v1"
}

@test "several references in one call" {
    run_ok shale pull -q "$REGISTRY_HOST/busybox:1.0" "$REGISTRY_HOST/debian:1.0"
    [ "${#lines[@]}" = 2 ]
}

@test "layers are bit for bit what was published" {
    run_ok shale pull "$REGISTRY_HOST/debian:1.0"
    for d in $(shale inspect -f '{{range .RootFS.Layers}}{{println .}}{{end}}' "$REGISTRY_HOST/debian:1.0"); do
        [ "$(sha256sum <"$SHALE_ROOT/layers/${d#sha256:}/layer.tar" | cut -d' ' -f1)" = "${d#sha256:}" ]
    done
}

@test "a pull that is killed in the middle of a layer goes on from there" {
    local dir=$BATS_TEST_TMPDIR layout=$BATS_TEST_TMPDIR/big
    head -c 150000000 /dev/urandom >"$dir/f"
    tar -C "$dir" -cf "$dir/f.tar" f
    oci_init "$layout"
    oci_layer "$layout" "$dir/f.tar" none
    oci_config "$layout" .
    oci_tag "$layout" big "$(oci_image "$layout" linux amd64)"
    push "$layout:big" big:1
    "$SHALE_BIN" pull -q "$REGISTRY_HOST/big:1" >/dev/null 2>&1 3>&- &
    pid=$!
    for _ in $(seq 500); do
        [ -z "$(find "$SHALE_ROOT/ingest" -size +1000k 2>/dev/null)" ] || break
        sleep 0.005
    done
    kill -KILL "$pid"
    wait "$pid" || true
    run_ok shale pulls ls
    has interrupted
    run_ok shale pull -q "$REGISTRY_HOST/big:1"
    run_ok shale fsck
    run_ok shale pulls ls -q
    [ -z "$output" ]
}

@test "mistakes get one line each" {
    run_fails 1 "manifest for $REGISTRY_HOST/busybox:nope not found: manifest unknown: manifest unknown" shale pull "$REGISTRY_HOST/busybox:nope"
    run_fails 1 "repository name (library/Foo) must be lowercase" shale pull Foo
    run_fails 1 "invalid reference format" shale pull 'a//b'
    run_fails 1 "'scratch' is a reserved name" shale pull scratch
    run_fails 1 "connection refused" shale pull 127.0.0.1:1/x
    run_fails 125 "unknown flag: --nope" shale pull --nope x
    run_fails 1 "requires" shale pull
}
