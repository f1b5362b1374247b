#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# conformance.sh MKTAR ROOTFS_TOOL: each case is a stack of layers, described in cases/NAME (a line
# "---" between two layers). Every driver must show the same files as umoci makes of it: content,
# mode, owner, times, attributes, devices, links. Where umoci does not understand a layer,
# reference/NAME says the same in words that it does.
# shellcheck source=tests/suite/common.sh
. "$(dirname "$0")/common.sh"
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
    awk -v dir="$case" 'BEGIN { n = 1; f = dir "/1.spec"; printf "" > f }
        /^---/ { close(f); f = dir "/" (++n) ".spec"; printf "" > f; next } { print > f }' "$1"
    layers='' n_layers=0
    while [ -e "$case/$((n_layers + 1)).spec" ]; do
        n_layers=$((n_layers + 1))
        "$mktar" <"$case/$n_layers.spec" >"$case/$n_layers.tar" || return 1
        id=$("$tool" store "$root" "$case/$n_layers.tar") || return 1
        layers="$layers $id"
    done
}

# The same layers unpacked by umoci, listed in $case/expected.
unpack_reference() {
    oci=$case/oci i=1
    umoci init --layout "$oci" && umoci new --image "$oci:t" || return 1
    while [ "$i" -le "$n_layers" ]; do
        umoci raw add-layer --image "$oci:t" "$case/$i.tar" || return 1
        i=$((i + 1))
    done
    umoci unpack --image "$oci:t" "$case/bundle" || return 1
    "$tool" list "$case/bundle/rootfs" >"$case/expected"
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
    cp "$case/expected" "$work/expected"
    make_layers "$2" || { fail "$1: its layers are refused"; return; }
    cp "$work/expected" "$case/expected"
    for d in $drivers; do try_driver "$1" "$d"; done
}

for spec in ${SHALE_SUITE_CASES:-"$here"/cases/*}; do
    run_case "$(basename "$spec")" "$spec"
done

# 127 layers: each brings a file, replaces one, links to the one before and takes one away.
i=1
: >"$work/spec"
while [ "$i" -le 127 ]; do
    [ "$i" -gt 1 ] && echo "---" >>"$work/spec"
    {
        echo "dir . mtime=1600000000"
        echo "dir d mtime=$((1600000000 + i))"
        echo "file d/f$i size=$((i * 37)) seed=$i mtime=$((1600000000 + i))"
        echo "file d/same size=100 seed=$i mtime=$((1600000000 + i))"
        [ "$i" -gt 1 ] && echo "hardlink d/l$i link=d/f$((i - 1)) mtime=$((1600000000 + i - 1))"
        [ "$i" -gt 2 ] && echo "file d/.wh.l$((i - 1))"
    } >>"$work/spec"
    i=$((i + 1))
done
run_case 127-layers "$work/spec"

# Folders of many names, and of many levels.
folders_down() { # the way down, and again on the way back: unpacking has changed their times
    i=0 p=deep
    while [ "$i" -lt 60 ]; do
        echo "dir $p mtime=1500000000"
        i=$((i + 1)) p=$p/d$i
    done
}
{
    echo "dir . mtime=1500000000"
    echo "dir many mtime=1500000000"
    i=0
    while [ "$i" -lt 1500 ]; do
        echo "file many/file-number-$i size=$((i % 700)) seed=$i mtime=1500000000"
        i=$((i + 1))
    done
    echo "dir many mtime=1500000000"
    folders_down
    folders_down | sort -r
    echo "dir . mtime=1500000000"
} >"$work/spec"
run_case many-and-deep "$work/spec"

# Over 8 GiB: too much for umoci, which writes out every hole; the reference is made by hand.
huge() { # NAME SPEC DRIVER…: file "big" of 8 GiB and 3 bytes with "end" as its last bytes
    name=$1
    make_layers "$2" || { fail "$name: its layers are refused"; return; }
    shift 2
    mkdir "$case/by-hand"
    truncate -s 8589934592 "$case/by-hand/big"
    printf end >>"$case/by-hand/big"
    touch -d @1500000000 "$case/by-hand/big" "$case/by-hand"
    "$tool" list "$case/by-hand" >"$case/expected"
    for d in "$@"; do
        case "$drivers" in *"$d"*) ;; *) continue ;; esac
        if "$tool" prepare "$root" "$d" $layers && show "$d" - -; then
            compare "$name" "$d" read-only
        else
            fail "$name: $d does not show it"
        fi
        "$tool" remove "$root" "$d" $layers || fail "$name: $d does not remove it"
    done
}
cat >"$work/spec" <<SPEC
dir . mtime=1500000000
file big sparse=1.0 size=8589934595 map=8589934592+3 data=end mode=0644 mtime=1500000000
SPEC
huge sparse-over-8GiB "$work/spec" erofs-file erofs-loop dir
cat >"$work/spec" <<SPEC
dir . mtime=1500000000
file big size=8589934595 seed=0 tail=end num=gnu mode=0644 mtime=1500000000
SPEC
huge over-8GiB "$work/spec" erofs-file erofs-loop
finish
