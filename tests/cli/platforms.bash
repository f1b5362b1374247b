# SPDX-License-Identifier: Apache-2.0
# Lists of images of several platforms, as layouts.

# platform_entry LAYOUT OS ARCH [VARIANT]: an image with a layer that all have and one of its own; its descriptor
platform_entry() {
    echo "$2/$3/${4:-}" >"$BATS_FILE_TMPDIR/mine"
    tar --mtime=@0 --owner=0 --group=0 -C "$BATS_FILE_TMPDIR" -cf "$BATS_FILE_TMPDIR/mine.tar" mine
    oci_layer "$1" "$BATS_FILE_TMPDIR/base.tar"
    oci_layer "$1" "$BATS_FILE_TMPDIR/mine.tar"
    oci_config "$1" ".config.Env=[\"P=$2/$3/${4:-}\"]"
    oci_image "$1" "$2" "$3" "${4:-}"
}
# platform_attestation LAYOUT DIGEST: what BuildKit adds for an image; its descriptor
platform_attestation() {
    local l=$1 blob diff config
    echo "{\"about\":\"$2\"}" >"$l/.blob"
    diff=sha256:$(sha256sum "$l/.blob" | cut -d' ' -f1)
    blob=$(oci_blob "$l" "$l/.blob" application/vnd.in-toto+json)
    jq -cn --arg d "$diff" '{architecture:"unknown",os:"unknown",config:{},rootfs:{type:"layers",diff_ids:[$d]}}' >"$l/.blob"
    config=$(oci_blob "$l" "$l/.blob" application/vnd.oci.image.config.v1+json)
    jq -cn --argjson c "$config" --argjson l "$blob" \
        '{schemaVersion:2,mediaType:"application/vnd.oci.image.manifest.v1+json",config:$c,layers:[$l]}' >"$l/.blob"
    oci_blob "$l" "$l/.blob" application/vnd.oci.image.manifest.v1+json |
        jq -c --arg d "$2" '. + {platform:{os:"unknown",architecture:"unknown"},
            annotations:{"vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":$d}}'
}

# platforms_layout LAYOUT: lists multi (four platforms and a statement), next and foreign, the image single
platforms_layout() {
    local l=$1 amd arm v6 v7 s390
    echo base >"$BATS_FILE_TMPDIR/base"
    tar --mtime=@0 --owner=0 --group=0 -C "$BATS_FILE_TMPDIR" -cf "$BATS_FILE_TMPDIR/base.tar" base
    oci_init "$l"
    amd=$(platform_entry "$l" linux amd64) arm=$(platform_entry "$l" linux arm64 v8) v6=$(platform_entry "$l" linux arm v6) v7=$(platform_entry "$l" linux arm v7)
    s390=$(platform_entry "$l" linux s390x)
    oci_index "$l" multi "$amd" "$arm" "$v6" "$v7" "$(platform_attestation "$l" "$(jq -r .digest <<<"$amd")")"
    oci_index "$l" next "$amd" "$s390"
    oci_index "$l" foreign "$s390"
    oci_tag "$l" single "$amd"
}
# digest_in LAYOUT NAME: of a list or image of it
digest_in() { jq -r --arg t "$2" '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $t).digest' "$1/index.json"; }
