#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images into archives that docker, podman and skopeo read.

load lib
load images

setup_file() {
    registry_with busybox debian
    oci_init "$BATS_FILE_TMPDIR/tiny"
    for n in one two three; do tiny "$BATS_FILE_TMPDIR/tiny" "$n" 2020-01-01T00:00:00Z '.' base "$n"; push_tag "$BATS_FILE_TMPDIR/tiny" "$n" "tiny:$n"; done
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    w=$BATS_TEST_TMPDIR
    r=$REGISTRY_HOST
    store_by pull -q "$r"/tiny:{one,two,three}
}
teardown() {
    [ ! -f "$w/pid" ] || { kill "$(cat "$w/pid")" 2>/dev/null; for _ in $(seq 300); do kill -0 "$(cat "$w/pid")" 2>/dev/null || break; sleep 0.1; done; }
    drop_store
}

manifest_of() { skopeo inspect --raw --tls-verify=false "docker://$1" | sha256sum | cut -d' ' -f1; }
id_of() { shale images -q --no-trunc "$1"; }

@test "what is in the archive: a layout and a docker-archive, layers once, as published" {
    run_ok shale save -o "$w/a.tar" "$r/tiny:one" "$r/tiny:two"
    [ -z "$output" ]
    [ "$(stat -c %a "$w/a.tar")" = 600 ]
    mkdir "$w/a"
    tar -xf "$w/a.tar" -C "$w/a"
    [ "$(tar -tf "$w/a.tar" | sort | uniq -d)" = "" ]
    [ "$(ls "$w/a/blobs/sha256" | wc -l)" = 7 ] # three layers, two configs, two manifests
    for f in "$w"/a/blobs/sha256/*; do [ "$(sha256sum "$f" | cut -d' ' -f1)" = "$(basename "$f")" ]; done
    [ "$(jq -c '[.[].RepoTags]' "$w/a/manifest.json")" = "[[\"$r/tiny:one\"],[\"$r/tiny:two\"]]" ]
    [ "$(jq -r '.manifests[0].annotations["io.containerd.image.name"]' "$w/a/index.json")" = "$r/tiny:one" ]
    [ "$(jq -r '.manifests[0].digest' "$w/a/index.json")" = "sha256:$(manifest_of "$r/tiny:one")" ]
    jq -e '.imageLayoutVersion == "1.0.0"' "$w/a/oci-layout"
}

@test "the same images give the same bytes, by -o, by standard output, and by the twin" {
    run_ok shale save -o "$w/a.tar" "$r/tiny:one" "$r/tiny:two"
    shale save "$r/tiny:one" "$r/tiny:two" >"$w/b.tar"
    cmp "$w/a.tar" "$w/b.tar"
    shale image save "$r/tiny:one" "$r/tiny:two" | cat >"$w/c.tar"
    cmp "$w/a.tar" "$w/c.tar"
}

@test "a repository is all its tags; an ID has no name; several names of one image" {
    shale save -o "$w/a.tar" "$r/tiny"
    [ "$(tar -xOf "$w/a.tar" manifest.json | jq -c '[.[].RepoTags[]] | sort')" = "[\"$r/tiny:one\",\"$r/tiny:three\",\"$r/tiny:two\"]" ]
    shale save -o "$w/b.tar" "$(id_of "$r/tiny:one")"
    [ "$(tar -xOf "$w/b.tar" manifest.json | jq -c '.[0].RepoTags')" = null ]
    shale tag "$r/tiny:one" other:1
    shale save -o "$w/c.tar" "$r/tiny:one" other:1
    [ "$(tar -xOf "$w/c.tar" manifest.json | jq -c '[length, (.[0].RepoTags | length)]')" = "[1,2]" ]
}

@test "mistakes: one line, and the file that was there stays" {
    echo before >"$w/a.tar"
    run_fails 1 "reference does not exist: nothing" shale save -o "$w/a.tar" "$r/tiny:one" nothing
    [ "${#lines[@]}" = 1 ]
    [ "$(cat "$w/a.tar")" = before ]
    run_fails 1 "failed to save image: invalid output path: stat $w/none: no such file or directory" shale save -o "$w/none/a.tar" "$r/tiny:one"
    run_fails 1 "it is a folder" shale save -o "$w" "$r/tiny:one"
    run_fails 1 "no suitable export target found for platform linux/s390x" shale save --platform linux/s390x -o "$w/a.tar" "$r/tiny:one"
    run_fails 1 "invalid reference format" shale save -o "$w/a.tar" Tiny:one
    [ "$(cat "$w/a.tar")" = before ]
    run script -qec "$SHALE_BIN save $r/tiny:one" /dev/null
    [ "$status" != 0 ]
    has "cowardly refusing to save to a terminal. Use the -o flag or redirect"
    run_fails 1 "o space left on device" shale save -o /dev/full "$r/tiny:one"
    [ "$(find "$w" -name '.shale-save-*')" = "" ]
}

@test "content that is missing here is named, and nothing is left behind" {
    layer=$(skopeo inspect --raw --tls-verify=false "docker://$r/tiny:one" | jq -r '.layers[-1].digest | ltrimstr("sha256:")')
    rm "$SHALE_ROOT/blobs/sha256/$layer"
    run_fails 1 "$layer is not in the store; pull the image again" shale save -o "$w/a.tar" "$r/tiny:one"
    [ ! -e "$w/a.tar" ]
    [ "$(find "$w" -name '.shale-save-*')" = "" ]
}

@test "skopeo reads it as oci-archive and as docker-archive, and keeps digests" {
    shale pull -q "$r/debian:1.0" >/dev/null
    shale save -o "$w/a.tar" "$r/debian:1.0"
    run_ok skopeo copy -q "oci-archive:$w/a.tar" "oci:$w/oci:x"
    [ "$(jq -r '.manifests[0].digest' "$w/oci/index.json")" = "sha256:$(manifest_of "$r/debian:1.0")" ]
    [ "$(skopeo inspect --raw "docker-archive:$w/a.tar" | jq -r .config.digest)" = "$(id_of "$r/debian:1.0")" ]
    shale save -o "$w/b.tar" "$r/tiny:one" "$r/tiny:two"
    run_ok skopeo copy -q "docker-archive:$w/b.tar:$r/tiny:two" "oci:$w/two:x"
}

@test "podman loads it" {
    plain_only
    need_root
    need podman
    shale save -o "$w/a.tar" "$r/tiny:one" "$r/tiny:two"
    run_ok podman --root "$w/p" --runroot "$w/p.run" --storage-driver vfs load -q -i "$w/a.tar"
    has "Loaded image: $r/tiny:one"
    has "$r/tiny:two"
    run_ok podman --root "$w/p" --runroot "$w/p.run" --storage-driver vfs images --no-trunc
    has "$(id_of "$r/tiny:two")"
}

@test "docker's engine loads it" {
    plain_only
    need_root
    need dockerd
    shale save -o "$w/a.tar" "$r/tiny:one" "$r/tiny:two"
    dockerd --bridge=none --iptables=false --ip-forward=false --data-root "$w/d" --exec-root "$w/e" --pidfile "$w/pid" \
        -H "unix://$w/s" --storage-driver vfs >"$w/out" 2>&1 3>&- &
    for _ in $(seq 150); do ! docker -H "unix://$w/s" version >/dev/null 2>&1 || break; sleep 0.2; done
    run_ok timeout 60 docker -H "unix://$w/s" load -i "$w/a.tar"
    has "Loaded image: $r/tiny:one"
    has "Loaded image: $r/tiny:two"
    run_ok timeout 60 docker -H "unix://$w/s" images -q --no-trunc
    has "$(id_of "$r/tiny:one")"
    has "$(id_of "$r/tiny:two")"
}
