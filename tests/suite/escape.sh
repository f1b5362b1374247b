#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# escape.sh MKTAR ROOTFS_TOOL: layers that try to get out (tests/corpus/tar_escape; @OUT@ becomes a
# folder outside the store). The first line says what must happen: "refused", or "confined": it is
# prepared, all drivers show the same, and nothing outside has changed.
# shellcheck source=tests/suite/common.sh
. "$(dirname "$0")/common.sh"
corpus=$here/../corpus/tar_escape

out=$work/outside/folder
mkdir -p "$out"
echo precious >"$out/victim"
touch -d @1400000000 "$out/victim" "$out" "$work/outside"
drivers="dir"
if "$tool" prepare "$root" erofs 2>/dev/null; then drivers="dir erofs"; fi

# All that a layer could reach: the folder outside, the store but for the stack's own cache, and the
# file system's root.
outside() {
    "$tool" list "$work/outside"
    "$tool" list "$root/layers"
    (cd "$root" && find . -path ./images -prune -o -path ./locks -prune -o -print | sort)
    ls -A "$root/images"
    ls -A /
    # names of our own making: nothing in them that a pipe could not take
    # shellcheck disable=SC2010
    ls -An "$work" | grep -v -e ' before$' -e ' after$' -e ' why' -e ' list-' -e ^total
}

prepare_all() {
    for d in $drivers; do
        "$tool" prepare "$root" "$d" $layers 2>>"$work/why" || return 1
        "$tool" mount "$root" "$d" "$work/mnt" - - $layers 2>>"$work/why" || return 1
        "$tool" list "$work/mnt" >"$work/list-$d"
        "$tool" umount "$root" "$d" "$work/mnt" || return 1
        "$tool" remove "$root" "$d" $layers || return 1
    done
}

for spec in "$corpus"/*; do
    name=$(basename "$spec")
    want=$(sed -n '1s/^# \([a-z]*\).*/\1/p' "$spec")
    rm -rf "$work/specs" "$root"/layers/*
    mkdir "$work/specs"
    sed "s|@OUT@|$out|g" "$spec" | awk -v dir="$work/specs" 'BEGIN { n = 1; f = dir "/1" }
        /^---/ { f = dir "/" (++n); next } { print > f }'
    layers='' got=confined n=1
    : >"$work/why"
    while [ -e "$work/specs/$n" ]; do
        "$mktar" <"$work/specs/$n" >"$work/specs/$n.tar"
        id=$("$tool" store "$root" "$work/specs/$n.tar" 2>>"$work/why") || got=refused
        layers="$layers $id" n=$((n + 1))
    done
    rm -rf "$root/layers/new"
    outside >"$work/before"
    if [ "$got" = confined ] && ! prepare_all; then got=refused; fi
    outside >"$work/after"
    if [ "$got" = refused ] && ! grep -q -e 'CORRUPT' -e 'LIMIT' "$work/why"; then
        fail "$name: refused, but not for what it is: $(cat "$work/why")"
    elif [ "$got" != "$want" ]; then
        fail "$name: $got, not $want: $(cat "$work/why")"
    elif ! diff "$work/before" "$work/after" >&2; then
        fail "$name: something outside has changed"
    elif [ "$got" = confined ] && [ "$drivers" != dir ] &&
        ! diff "$work/list-dir" "$work/list-erofs" >&2; then
        fail "$name: the drivers differ"
    else
        pass
    fi
done
[ "$(cat "$out/victim")" = precious ] || fail "the file outside was written to"
finish
