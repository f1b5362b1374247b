#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Media types: all that an image may be made of, kept byte for byte, and what is no image.

load lib
load images

docker=application/vnd.docker
oci=application/vnd.oci.image

# image NAME [CODEC]: an image of one layer, its descriptor printed
image() {
    oci_layer "$L" "$BATS_FILE_TMPDIR/file.tar" "${2:-gzip}"
    oci_config "$L" ".config.Env=[\"NAME=$1\"]"
    oci_image "$L" linux amd64
}
# changed DESCRIPTOR JQ [TYPE]: the descriptor of a changed manifest
changed() {
    jq -c "$2" "$L/blobs/sha256/$(jq -r '.digest[7:]' <<<"$1")" >"$L/.new"
    oci_blob "$L" "$L/.new" "${3:-$oci.manifest.v1+json}" | jq -c --argjson d "$1" '. + {platform: $d.platform}'
}
# document TAG TYPE JSON
document() {
    printf '%s' "$3" >"$L/.new"
    oci_tag "$L" "$1" "$(oci_blob "$L" "$L/.new" "$2")"
}
schema2() { # DESCRIPTOR LAYER-TYPE
    changed "$1" ".mediaType=\"$docker.distribution.manifest.v2+json\" | .config.mediaType=\"$docker.container.image.v1+json\" | .layers[].mediaType=\"$docker.image.rootfs.$2\"" \
        "$docker.distribution.manifest.v2+json"
}

setup_file() {
    L=$BATS_FILE_TMPDIR/layout
    echo file >"$BATS_FILE_TMPDIR/file"
    tar --mtime=@0 -C "$BATS_FILE_TMPDIR" -cf "$BATS_FILE_TMPDIR/file.tar" file
    oci_init "$L"
    for c in gzip zstd none; do oci_tag "$L" "oci-$c" "$(image "oci-$c" "$c" | jq -c 'del(.platform)')"; done
    local s2 entry
    s2=$(schema2 "$(image s2)" diff.tar.gzip)
    oci_tag "$L" s2-gzip "$s2"
    oci_tag "$L" s2-none "$(schema2 "$(image s2n none)" diff.tar)"
    oci_tag "$L" s2-zstd "$(schema2 "$(image s2z zstd)" diff.tar.zstd)"
    document list "$docker.distribution.manifest.list.v2+json" \
        "{\"schemaVersion\":2,\"mediaType\":\"$docker.distribution.manifest.list.v2+json\",\"manifests\":[$s2]}"
    oci_tag "$L" typeless "$(changed "$(image typeless)" 'del(.mediaType)')"
    oci_tag "$L" oldconfig "$(changed "$(image oldconfig)" '.config.mediaType="application/octet-stream"')"
    # an index with strangers, spaces and a field that nobody knows
    entry=$(image inside)
    document index "$oci.index.v1+json" "{ \"schemaVersion\":2,  \"mediaType\":\"$oci.index.v1+json\", \"x-unknown\": [1, 2.50],
        \"manifests\":[{\"mediaType\":\"application/vnd.unknown.thing+json\",\"digest\":\"sha256:$(printf '0%.0s' {1..64})\",\"size\":7,
          \"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},
        $(jq -c '.platform={os:"unknown",architecture:"unknown"} | .annotations={"vnd.docker.reference.type":"attestation-manifest"}' <<<"$(image proof)"),
        $entry]}"
    document nested "$oci.index.v1+json" "{\"schemaVersion\":2,\"mediaType\":\"$oci.index.v1+json\",\"manifests\":[
        $(jq -c '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "index") | del(.annotations)' "$L/index.json")]}"
    document noplatform "$oci.index.v1+json" "{\"schemaVersion\":2,\"mediaType\":\"$oci.index.v1+json\",\"manifests\":[$(jq -c 'del(.platform)' <<<"$entry")]}"
    document empty "$oci.index.v1+json" "{\"schemaVersion\":2,\"mediaType\":\"$oci.index.v1+json\",\"manifests\":[]}"
    # no images
    document schema1 "$docker.distribution.manifest.v1+prettyjws" '{"schemaVersion":1,"name":"x","fsLayers":[],"history":[]}'
    document schema1plain "$docker.distribution.manifest.v1+json" '{"schemaVersion":1,"name":"y","fsLayers":[],"history":[]}'
    oci_tag "$L" chart "$(changed "$(image chart)" '.config.mediaType="application/vnd.cncf.helm.config.v1+json"')"
    oci_tag "$L" plugin "$(changed "$(image plugin)" ".config.mediaType=\"$docker.plugin.v1+json\"")"
    oci_tag "$L" model "$(changed "$(image model)" ".config.mediaType=\"$docker.ai.model.config.v0.1+json\"")"
    oci_tag "$L" encrypted "$(changed "$(image encrypted)" '.layers[].mediaType += "+encrypted"')"
    oci_tag "$L" both "$(changed "$(image both)" '.manifests=[]')"
    oci_tag "$L" fewer "$(changed "$(image fewer)" '.layers=[]')"
    registry_with
    push_layout "$L" x oci-gzip oci-zstd oci-none s2-gzip s2-none s2-zstd typeless oldconfig list noplatform empty chart plugin model encrypted
    layout_registry_start "$L"
    # a layer that is somewhere else: its address is known only now
    entry=$(image elsewhere)
    local hex
    hex=$(jq -r '.layers[0].digest[7:]' "$L/blobs/sha256/$(jq -r '.digest[7:]' <<<"$entry")")
    mkdir "$L/files"
    tar --mtime=@1 -C "$BATS_FILE_TMPDIR" -cf "$BATS_FILE_TMPDIR/other.tar" file
    oci_layer "$L" "$BATS_FILE_TMPDIR/other.tar"
    entry=$(oci_image "$L" linux amd64)
    hex=$(jq -r '.layers[0].digest[7:]' "$L/blobs/sha256/$(jq -r '.digest[7:]' <<<"$entry")")
    mv "$L/blobs/sha256/$hex" "$L/files/"
    for tag in elsewhere nowhere; do
        oci_tag "$L" "$tag" "$(changed "$entry" ".layers[0] += {mediaType:\"$oci.layer.nondistributable.v1.tar+gzip\",
            urls:[\"http://127.0.0.1:1/gone\",\"http://$LAYOUT_HOST/files/$([ "$tag" = nowhere ] && echo nothing || echo "$hex")\"]}")"
    done
}
teardown_file() {
    layout_registry_stop
    registry_stop_all
}
setup() {
    fresh_store
    L=$BATS_FILE_TMPDIR/layout
    R=$LAYOUT_HOST/x REAL=$REGISTRY_HOST/x # the second has what a real registry takes
}
teardown() { drop_store; }

digest_of() { jq -r --arg t "$1" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $t).digest' "$L/index.json"; }
# Every document of a pulled tag lies in the store as it lies in the layout.
kept() {
    for d in "$@"; do
        cmp "$L/blobs/${d/://}" "$SHALE_ROOT/blobs/${d/://}" || return 1
    done
}
parts() { # TAG: digests of manifest, config and layers
    jq -r --arg d "$(digest_of "$1")" '$d, .config.digest, .layers[].digest' "$L/blobs/sha256/$(digest_of "$1" | cut -c 8-)"
}

@test "OCI and docker manifests; gzip, zstd and plain layers: kept as they are" {
    for tag in oci-gzip oci-zstd oci-none s2-gzip s2-none s2-zstd typeless oldconfig; do
        SHALE_ROOT=$BATS_TEST_TMPDIR/$tag # in one store the same layer would be fetched once
        run_ok shale pull "$REAL:$tag"
        has "Digest: $(digest_of "$tag")"
        # shellcheck disable=SC2046
        kept $(parts "$tag")
        [ "$(shale inspect -f '{{.Id}}' "$REAL:$tag")" = "$(parts "$tag" | sed -n 2p)" ]
        run_ok shale fsck
    done
}

@test "the next manifest does not change what a blob is" {
    local d
    d=$(jq -c '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "oci-gzip") | del(.annotations)' "$L/index.json")
    oci_tag "$L" retyped "$(changed "$d" ".layers[].mediaType=\"$oci.layer.v1.tar+zstd\"")"
    for tag in oci-gzip retyped; do
        run_ok shale pull "$R:$tag"
        run_ok python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT media_type FROM blobs WHERE digest = ?", sys.argv[2:]).fetchone()[0])' \
            "$SHALE_ROOT/shale.db" "$(parts oci-gzip | tail -n 1)"
        [ "$output" = "$oci.layer.v1.tar+gzip" ] || { echo "$tag: $output"; return 1; }
    done
}

@test "a list, an index with strangers, an index in an index" {
    for tag in "$REAL:list" "$R:noplatform" "$R:index" "$R:nested"; do
        run_ok shale pull "$tag"
        has "Digest: $(digest_of "${tag##*:}")"
        kept "$(digest_of "${tag##*:}")"
        run_ok shale inspect -f '{{range .RepoDigests}}{{println .}}{{end}}' "$tag"
        has "${tag%:*}@$(digest_of "${tag##*:}")"
    done
    [ "$(shale inspect -f '{{index .Config.Env 0}}' "$R:nested")" = NAME=inside ]
    kept "$(digest_of index)"
    # strangers and proofs are no platforms
    run_ok shale image ls --tree
    hasnt unknown
    [ "$(grep -c "─ linux/amd64" <<<"$output")" -ge 1 ]
    run_ok shale fsck
}

@test "schema 1 is refused, and it says why" {
    for tag in schema1 schema1plain; do
        run_fails 1 "Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been removed" shale pull "$R:$tag"
    done
    [ -z "$(shale images -q)" ]
}

@test "what is no image is named" {
    run_fails 1 "Error: unsupported media type application/vnd.cncf.helm.config.v1+json" shale pull "$REAL:chart"
    run_fails 1 "Error: Encountered remote \"$docker.plugin.v1+json\"(plugin) when fetching" shale pull "$REAL:plugin"
    run_fails 1 "Error: AI models are not yet supported" shale pull "$REAL:model"
    run_fails 1 "Error: unsupported media type $oci.layer.v1.tar+gzip+encrypted" shale pull "$REAL:encrypted"
    run_fails 1 "both an image and an index" shale pull "$R:both"
    run_fails 1 "layers from manifest don't match image configuration" shale pull "$R:fewer"
    run_fails 1 "no matching manifest for linux/$(shale version -f '{{.Server.Arch}}') in the manifest list entries" shale pull "$REAL:empty"
    [ -z "$(shale images -q)" ]
}

@test "a foreign layer comes from its urls" {
    run_ok shale pull "$R:elsewhere"
    has "Pull complete"
    grep -q "GET /files/" "$LAYOUT_LOG"
    [ "$(shale inspect -f '{{.Size}}' "$R:elsewhere")" = 5 ]
    fresh_store
    shale rmi "$R:elsewhere" >/dev/null
    SHALE_RETRIES=1 run_fails 1 "layer sha256:" shale pull "$R:nowhere"
    [ -z "$(shale images -q)" ]
}

@test "sha512" {
    # the manifest of oci-gzip under its other name, and layers that are named so
    local d hex m=$BATS_TEST_TMPDIR/m
    d=$(digest_of oci-gzip)
    mkdir -p "$L/blobs/sha512"
    hex=$(jq -r '.layers[0].digest[7:]' "$L/blobs/${d/://}")
    layer=sha512:$(sha512sum "$L/blobs/sha256/$hex" | cut -d' ' -f1)
    cp "$L/blobs/sha256/$hex" "$L/blobs/${layer/://}"
    jq -c --arg l "$layer" '.layers[0].digest=$l' "$L/blobs/${d/://}" >"$m"
    manifest=sha512:$(sha512sum "$m" | cut -d' ' -f1)
    cp "$m" "$L/blobs/${manifest/://}"
    run_ok shale pull "$R@$manifest"
    has "Digest: $manifest"
    kept "$manifest" "$layer"
    [ "$(shale inspect -f '{{index .RepoDigests 0}}' "$R@$manifest")" = "$R@$manifest" ]
    run_ok shale fsck
    run_ok shale rmi "$R@$manifest"
    has "Untagged: $R@$manifest"
}

@test "diffIDs of sha512 and sha384, also of layers that are here under sha256" {
    local tar alg config m=$BATS_FILE_TMPDIR/renamed d
    d=$(digest_of oci-gzip)
    config=$(jq -r '.config.digest[7:]' "$L/blobs/${d/://}")
    for alg in sha384 sha512 wrong; do
        tar=$(${alg/wrong/sha512}sum "$BATS_FILE_TMPDIR/file.tar" | cut -d' ' -f1)
        [ $alg != wrong ] || tar=${tar//[0-4]/5}
        jq -c --arg d "${alg/wrong/sha512}:$tar" '.rootfs.diff_ids=[$d]' "$L/blobs/sha256/$config" >"$m"
        config=$(oci_blob "$L" "$m" "$oci.config.v1+json" | jq -r '.digest[7:]')
        jq -c --arg c "sha256:$config" --argjson n "$(stat -c %s "$L/blobs/sha256/$config")" '.config.digest=$c | .config.size=$n' "$L/blobs/${d/://}" >"$m.m"
        oci_tag "$L" "$alg" "$(oci_blob "$L" "$m.m" "$oci.manifest.v1+json")"
    done
    run_ok shale pull "$R:sha384" # nothing is here
    run_ok shale pull "$R:oci-gzip"
    run_fails 1 "layers from manifest don't match" shale pull "$R:wrong"
    run_ok shale pull "$R:sha512"
    has "Already exists"
    for alg in oci-gzip sha384 sha512; do
        [ "$(shale cat "$R:$alg" /file)" = file ]
    done
    [ "$(find "$SHALE_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" = 3 ]
    # each is made again from the one blob
    rm -rf "$SHALE_ROOT"/layers/* "$SHALE_ROOT"/images/*
    for alg in oci-gzip sha384 sha512; do
        [ "$(shale cat "$R:$alg" /file)" = file ]
    done
    run_ok shale fsck
    run_ok shale rmi "$R:oci-gzip" "$R:sha384" "$R:sha512"
    [ -z "$(find "$SHALE_ROOT/layers" "$SHALE_ROOT/images" -mindepth 1)" ]
}
