#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# conformance.sh MKTAR ROOTFS_TOOL: each case is a stack of layers, described in cases/NAME (a line
# "---" between two layers). Every driver must show the same files as umoci makes of it: content,
# mode, owner, times, attributes, devices, links. Where umoci does not understand a layer,
# reference/NAME says the same in words that it does.
# shellcheck source=tests/suite/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=tests/suite/compare.sh
. "$here/compare.sh"

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

# Folders of many names, and of many levels: more than there may be open files.
# shellcheck disable=SC3045 # dash and bash know it
ulimit -n 256
folders_down() { # the way down, and again on the way back: unpacking has changed their times
    i=0 p=deep
    while [ "$i" -lt 300 ]; do
        echo "dir $p mtime=1500000000"
        i=$((i + 1)) p=$p/d
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
    folders_down | tac
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
