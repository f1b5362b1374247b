# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Read after common.sh: a stack of layers with every driver and with umoci, which must all show the
# same files. $drivers is what there is here.
command -v umoci >/dev/null || skip "umoci is not installed"

drivers=
for d in erofs-file erofs-loop dir; do
    if "$tool" prepare "$root" "$d" >/dev/null 2>&1; then drivers="$drivers $d"; fi
done
"$tool" prepare "$root" erofs 2>"$work/why" || {
    echo "without erofs: $(cat "$work/why")" >&2
    drivers=" dir"
}

# Layers of a case: $case/1.tar, $case/2.tar …; sets $layers to their diffIDs.
make_layers() { # SPEC
    case=$work/case
    rm -rf "$case"
    mkdir "$case"
    "$mktar" "$case" <"$1" || return 1
    tars='' n=1
    while [ -e "$case/$n.tar" ]; do
        tars="$tars $case/$n.tar" n=$((n + 1))
    done
    layers=$("$tool" store "$root" $tars)
}

# The same layers unpacked by umoci, listed in $case/expected. The image is written here: umoci would be started anew for
# each layer, and has nothing to say about it.
unpack_reference() {
    oci=$case/oci
    mkdir -p "$oci/blobs/sha256"
    diffs='' entries=''
    for t in $tars; do
        hex=$(sha256sum <"$t" | cut -c1-64)
        ln -f "$t" "$oci/blobs/sha256/$hex"
        diffs="$diffs,\"sha256:$hex\""
        entries="$entries,$(descriptor application/vnd.oci.image.layer.v1.tar "$hex")"
    done
    config='{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":['${diffs#,}']}}'
    put_blob "$config"
    config=$(descriptor application/vnd.oci.image.config.v1+json "$hex")
    put_blob '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":'"$config"',"layers":['"${entries#,}"']}'
    manifest=$(descriptor application/vnd.oci.image.manifest.v1+json "$hex")
    echo '{"imageLayoutVersion":"1.0.0"}' >"$oci/oci-layout"
    echo '{"schemaVersion":2,"manifests":['"${manifest%\}}"',"annotations":{"org.opencontainers.image.ref.name":"t"}}]}' >"$oci/index.json"
    umoci unpack --image "$oci:t" "$case/bundle" || return 1
    "$tool" list "$case/bundle/rootfs" >"$case/expected"
}
put_blob() { # TEXT: its digest -> hex
    hex=$(printf %s "$1" | sha256sum | cut -c1-64)
    printf %s "$1" >"$oci/blobs/sha256/$hex"
}
descriptor() { # TYPE HEX
    echo '{"mediaType":"'"$1"'","digest":"sha256:'"$2"'","size":'"$(stat -c %s "$oci/blobs/sha256/$2")"'}'
}

show() { # DRIVER UPPER WORK: mounts, lists into $case/$1.list, takes away again
    "$tool" mount "$root" "$1" "$work/mnt" "$2" "$3" $layers || return 1
    "$tool" list "$work/mnt" >"$case/$1.list"
    shown=$?
    "$tool" umount "$root" "$1" "$work/mnt" && [ "$shown" = 0 ] && ! mountpoint -q "$work/mnt"
}

compare() { # NAME DRIVER HOW
    if diff -u "$case/expected" "$case/$2.list" >"$case/diff"; then
        pass
    else
        fail "$1 with $2, $3: differs from the reference"
        head -n "${SHALE_SUITE_LINES:-40}" "$case/diff" >&2
    fi
}

try_driver() { # NAME DRIVER
    if ! "$tool" prepare "$root" "$2" $layers; then
        fail "$1: $2 does not prepare it"
        return
    fi
    if show "$2" - -; then compare "$1" "$2" "read-only"; else fail "$1: $2 does not mount it"; fi
    rm -rf "$case/upper" "$case/work"
    mkdir "$case/upper" "$case/work"
    if show "$2" "$case/upper" "$case/work"; then
        # the top folder belongs to the upper layer
        sed -i 1d "$case/$2.list"
        sed 1d "$case/expected" >"$case/expected.below"
        if diff -u "$case/expected.below" "$case/$2.list" >"$case/diff"; then
            pass
        else
            fail "$1 with $2, writable: differs from the reference"
            head -n "${SHALE_SUITE_LINES:-40}" "$case/diff" >&2
        fi
    else
        fail "$1: $2 does not mount it for writing"
    fi
    if "$tool" verify "$root" "$2" $layers; then pass; else fail "$1: $2 does not verify"; fi
    if "$tool" remove "$root" "$2" $layers; then pass; else fail "$1: $2 does not remove it"; fi
}

run_case() { # NAME SPEC
    other=$here/reference/$1
    if [ ! -e "$other" ]; then other=$2; fi
    make_layers "$other" || { fail "$1: its reference's layers are refused"; return; }
    unpack_reference >"$case/umoci.log" 2>&1 || {
        fail "$1: umoci refuses it: $(tail -n 1 "$case/umoci.log")"
        return
    }
    if [ "$other" != "$2" ]; then
        cp "$case/expected" "$work/expected"
        make_layers "$2" || { fail "$1: its layers are refused"; return; }
        cp "$work/expected" "$case/expected"
    fi
    for d in $drivers; do try_driver "$1" "$d"; done
}
