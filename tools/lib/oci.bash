# SPDX-License-Identifier: Apache-2.0
# Makes OCI image layouts with tar, gzip, sha256sum and jq: images that shale had no hand in.
#
#   oci_init DIR
#   oci_layer DIR TAR [gzip|zstd|none]    -> appends a layer to the image being made
#   oci_config DIR JQ-EXPRESSION          -> changes its config ('.config.Cmd = ["sh"]')
#   oci_image DIR OS ARCH [VARIANT]       -> writes config and manifest, prints the manifest's descriptor
#   oci_index DIR TAG DESCRIPTOR...       -> one manifest list over several images, named TAG
#   oci_tag DIR TAG DESCRIPTOR            -> names one manifest

OCI_CREATED=${OCI_CREATED:-2024-01-02T03:04:05Z}

oci_init() {
    mkdir -p "$1/blobs/sha256"
    echo '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
    echo '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}' >"$1/index.json"
    rm -f "$1/.layers" "$1/.diffs" "$1/.config" "$1/.history"
}

# oci_blob DIR FILE MEDIATYPE: moves FILE in, prints its descriptor
oci_blob() {
    local hex size
    hex=$(sha256sum "$2" | cut -d' ' -f1)
    size=$(stat -c %s "$2")
    mv "$2" "$1/blobs/sha256/$hex"
    jq -cn --arg m "$3" --arg d "sha256:$hex" --argjson s "$size" '{mediaType:$m,digest:$d,size:$s}'
}

oci_layer() {
    local dir=$1 tar=$2 codec=${3:-gzip} type=application/vnd.oci.image.layer.v1.tar
    echo "sha256:$(sha256sum "$tar" | cut -d' ' -f1)" >>"$dir/.diffs"
    case $codec in
    gzip) gzip -n "-${OCI_GZIP_LEVEL:-6}" <"$tar" >"$dir/.blob" && type+=+gzip ;;
    zstd) zstd -q "-${OCI_ZSTD_LEVEL:-3}" -c "$tar" >"$dir/.blob" && type+=+zstd ;;
    none) cp "$tar" "$dir/.blob" ;;
    esac
    oci_blob "$dir" "$dir/.blob" "$type" >>"$dir/.layers"
    jq -cn --arg t "$OCI_CREATED" --arg b "${4:-COPY $(basename "$tar") / # test image}" \
        '{created:$t,created_by:$b}' >>"$dir/.history"
}

oci_config() { echo "$2" >>"$1/.config"; }

oci_image() {
    local dir=$1 os=$2 arch=$3 variant=${4:-} expr config
    touch "$dir/.layers" "$dir/.diffs" "$dir/.config" "$dir/.history"
    expr=$(paste -sd'|' "$dir/.config")
    jq -n --arg t "$OCI_CREATED" --arg os "$os" --arg arch "$arch" --arg v "$variant" \
        --rawfile diffs "$dir/.diffs" --slurpfile history "$dir/.history" \
        '{created:$t,architecture:$arch,os:$os,config:{},rootfs:{type:"layers",diff_ids:($diffs|split("\n")|map(select(.!="")))},
          history:$history} | if $v != "" then .variant=$v else . end' |
        jq -c "${expr:-.}" >"$dir/.blob"
    config=$(oci_blob "$dir" "$dir/.blob" application/vnd.oci.image.config.v1+json)
    jq -cn --argjson c "$config" --slurpfile l "$dir/.layers" \
        '{schemaVersion:2,mediaType:"application/vnd.oci.image.manifest.v1+json",config:$c,layers:$l}' >"$dir/.blob"
    oci_blob "$dir" "$dir/.blob" application/vnd.oci.image.manifest.v1+json |
        jq -c --arg os "$os" --arg arch "$arch" --arg v "$variant" \
            '. + {platform:({os:$os,architecture:$arch} + if $v != "" then {variant:$v} else {} end)}'
    rm -f "$dir/.layers" "$dir/.diffs" "$dir/.config" "$dir/.history"
}

oci_tag() {
    jq -c --arg t "$2" --argjson d "$3" \
        '.manifests += [$d + {annotations:{"org.opencontainers.image.ref.name":$t}}]' "$1/index.json" >"$1/.index"
    mv "$1/.index" "$1/index.json"
}

oci_index() {
    local dir=$1 tag=$2 d
    shift 2
    printf '%s\n' "$@" | jq -cs '{schemaVersion:2,mediaType:"application/vnd.oci.image.index.v1+json",manifests:.}' >"$dir/.blob"
    d=$(oci_blob "$dir" "$dir/.blob" application/vnd.oci.image.index.v1+json)
    oci_tag "$dir" "$tag" "$d"
}
