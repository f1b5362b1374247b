#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Our registry with the clients that people have: what goes in comes out, bit for bit.

load lib

setup() {
    fresh_store
    own_registry reg
}
teardown() {
    own_stop_all
    registry_stop_all
    drop_store
}

# layout_of REF DIR: copies an image to an OCI layout; its blobs have the digests as names
layout_of() { run_ok skopeo copy --quiet --all --src-tls-verify=false "docker://$1" "oci:$2:x"; }
blobs_of() { (cd "$1/blobs/sha256" && ls | sort); }

@test "skopeo: push and pull keep every digest" {
    own_push "$SHALE_IMAGES/debian:1.0" team/debian:1
    layout_of "$OWN/team/debian:1" "$BATS_TEST_TMPDIR/back"
    skopeo copy --quiet --all "oci:$SHALE_IMAGES/debian:1.0" "oci:$BATS_TEST_TMPDIR/there:x"
    diff <(blobs_of "$BATS_TEST_TMPDIR/back") <(blobs_of "$BATS_TEST_TMPDIR/there")
    (cd "$BATS_TEST_TMPDIR/back/blobs/sha256" && for f in *; do echo "$f  $f"; done | sha256sum -c --quiet)
    [ "$(skopeo list-tags --tls-verify=false "docker://$OWN/team/debian" | jq -c .Tags)" = '["1"]' ]
    [ "$(curl -s "http://$OWN/v2/_catalog" | jq -c .)" = '{"repositories":["team/debian"]}' ]
}

@test "shale: pull and run from it" {
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    run_ok shale pull "$OWN/busybox:1"
    has "Status: Downloaded newer image"
    run_ok shale digest "$OWN/busybox:1"
    run_ok shale pull "$OWN/busybox:1"
    has "Image is up to date"
}

@test "podman and buildah: build, push, pull" {
    need_root
    local root=$BATS_TEST_TMPDIR/podman
    echo '{}' >"$DOCKER_CONFIG/config.json"
    podman_here() { podman --root "$root" --runroot "$root.run" --storage-driver vfs "$@"; }
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    run_ok podman_here pull -q --tls-verify=false "$OWN/busybox:1"
    run_ok podman_here tag "$OWN/busybox:1" "$OWN/copy/by-podman:2"
    run_ok podman_here push -q --tls-verify=false "$OWN/copy/by-podman:2"
    run_ok skopeo inspect --tls-verify=false "docker://$OWN/copy/by-podman:2"
    id=$(buildah --root "$root" --runroot "$root.run" --storage-driver vfs from --pull-never "$OWN/busybox:1")
    run_ok buildah --root "$root" --runroot "$root.run" --storage-driver vfs commit -q --tls-verify=false \
        "$id" "docker://$OWN/copy/by-buildah:3"
    run_ok shale pull -q "$OWN/copy/by-buildah:3"
    [ "$(curl -s "http://$OWN/v2/_catalog" | jq -c .repositories)" = '["busybox","copy/by-buildah","copy/by-podman"]' ]
}

@test "copies between Debian's docker-registry and ours keep every digest, both ways" {
    registry_start plain "$BATS_TEST_TMPDIR/theirs"
    push "$SHALE_IMAGES/busybox:1.0" x/busybox:1
    theirs=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY_HOST/x/busybox:1")
    run_ok skopeo copy --quiet --all --src-tls-verify=false --dest-tls-verify=false \
        "docker://$REGISTRY_HOST/x/busybox:1" "docker://$OWN/y/busybox:1"
    ours=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$OWN/y/busybox:1")
    [ "$theirs" = "$ours" ]
    run_ok skopeo copy --quiet --all --src-tls-verify=false --dest-tls-verify=false \
        "docker://$OWN/y/busybox:1" "docker://$REGISTRY_HOST/z/busybox:1"
    [ "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY_HOST/z/busybox:1")" = "$ours" ]
}

@test "what was pushed is there after a restart" {
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    before=$(curl -s "http://$OWN/v2/busybox/manifests/1" | sha256sum)
    own_stop
    own_registry reg
    [ "$(curl -s "http://$OWN/v2/busybox/manifests/1" | sha256sum)" = "$before" ]
}

@test "serve: says where it listens, ends with 0 on TERM, refuses what it cannot do" {
    grep -qx "Listening on http://$OWN" "$OWN_DIR.log"
    status=0
    own_stop || status=$?
    [ "$status" = 0 ]
    run_fails 1 "could push and delete: set [auth] type, or say open = yes" shale registry serve --addr 0.0.0.0:0 --storage "$OWN_DIR"
    run_fails 1 "tls_cert and tls_key belong together; tls_key is missing" shale registry serve --tls-cert x --storage "$OWN_DIR"
    run_fails 1 "address = 127.0.0.1:x: a port is a number up to 65535" shale registry serve --addr 127.0.0.1:x --storage "$OWN_DIR"
    run_fails 1 "65535" shale registry serve --addr 127.0.0.1:99999 --storage "$OWN_DIR"
    own_registry reg
    run_fails 1 "Address already in use" shale registry serve --addr "$OWN" --storage "$OWN_DIR"
}

@test "read-only: pulls go on, pushes and deletes are refused" {
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    own_stop
    own_registry reg --read-only
    run_ok shale pull -q "$OWN/busybox:1"
    [ "$(curl -s -o /dev/null -w '%{http_code}' -X POST "http://$OWN/v2/busybox/blobs/uploads/")" = 405 ]
    [ "$(curl -s -X DELETE "http://$OWN/v2/busybox/manifests/1" | jq -r '.errors[0].code')" = UNSUPPORTED ]
}

@test "containerd: fetch and push, over plain HTTP" {
    need_root
    command -v containerd >/dev/null || skip "containerd is not installed"
    local w=$BATS_TEST_TMPDIR/ctr
    mkdir -p "$w"
    printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\nroot = "%s"\nstate = "%s"\n[grpc]\naddress = "%s"\n' \
        "$w/root" "$w/state" "$w/c.sock" >"$w/c.toml"
    containerd -c "$w/c.toml" -l error >"$w/out" 2>&1 3>&- &
    OWN_PIDS="$OWN_PIDS $!"
    here() { timeout 60 ctr -a "$w/c.sock" "$@"; }
    for _ in $(seq 100); do ! here version >/dev/null 2>&1 || break; sleep 0.1; done
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    run_ok here content fetch --plain-http --all-platforms "$OWN/busybox:1"
    run_ok here images tag "$OWN/busybox:1" "$OWN/by/ctr:2"
    run_ok here images push --plain-http "$OWN/by/ctr:2"
    a=$(curl -s "http://$OWN/v2/busybox/manifests/1" | sha256sum)
    [ "$(curl -s "http://$OWN/v2/by/ctr/manifests/2" | sha256sum)" = "$a" ]
}

@test "docker: engine and command pull, push, mount layers across repositories, read manifests" {
    need_root
    command -v dockerd >/dev/null && command -v docker >/dev/null || skip "docker is not installed"
    local w=$BATS_TEST_TMPDIR/dk
    mkdir -p "$w"
    dockerd --bridge=none --iptables=false --ip-forward=false --data-root "$w/d" --exec-root "$w/e" --pidfile "$w/p" \
        -H "unix://$w/s" --storage-driver vfs >"$w/out" 2>&1 3>&- &
    OWN_PIDS="$OWN_PIDS $!"
    here() { timeout 60 docker -H "unix://$w/s" "$@"; }
    for _ in $(seq 150); do ! here version >/dev/null 2>&1 || break; sleep 0.2; done
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    run_ok here pull "$OWN/busybox:1"
    run_ok here tag "$OWN/busybox:1" "$OWN/by/docker:3"
    run_ok here push "$OWN/by/docker:3"
    has "Mounted from busybox"
    run_ok here push "$OWN/by/docker:3"
    has "Layer already exists"
    run_ok here manifest inspect --insecure "$OWN/busybox:1"
    run_ok shale pull -q "$OWN/by/docker:3"
}
