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
# shellcheck disable=SC3045 # dash and bash know it
ulimit -n 256 # deep trees must not need a descriptor for each level
if "$tool" prepare "$root" erofs 2>/dev/null; then drivers="dir erofs"; fi

# All that a layer could reach: the folder outside, the store but for the stack's own cache, and the
# file system's root.
outside() {
    "$tool" list "$work/outside"
    "$tool" list "$root/layers"
    (cd "$root" && find . -path ./images -prune -o -path ./locks -prune -o -print | sort)
    ls -A "$root/images"
    ls -A /
    find "$work" -mindepth 1 -maxdepth 1 ! -name before ! -name after ! -name 'list-*' ! -name why ! -name go \
        -printf '%f %M %U:%G\n' | sort
}

prepare_all() {
    for d in $drivers; do
        "$tool" prepare "$root" "$d" $layers 2>>"$work/why" || return 1
        # setuid files and open folders of an image are not within reach of other users
        setpriv --reuid=65534 --regid=65534 --clear-groups ls "$root/images/"* >/dev/null 2>&1 &&
            fail "$name: $d shows its cache to everybody"
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

# Folders that are moved away and links that take their place while a tree is written: by somebody
# with the rights of the store, which nobody else has. The writer may give up, or win.
swap() {
    while [ -e "$work/go" ]; do
        for f in "$root"/images/.new-*/dir/diff/d/*; do
            [ -d "$f" ] && [ ! -L "$f" ] && mv -T "$f" "$f.away" 2>/dev/null && ln -s "$out" "$f" 2>/dev/null
        done
    done
}
{
    echo "dir d"
    for i in $(seq 60); do
        echo "dir d/$i mode=0777"
        for k in $(seq 5); do echo "file d/$i/victim$k size=2000 mode=0666"; done
        echo "dir d/$i/folder mode=0777"
        echo "file d/$i/folder/victim size=4 mode=0777"
    done
} | "$mktar" >"$work/swap.tar"
layers=$("$tool" store "$root" "$work/swap.tar")
outside >"$work/before"
: >"$work/go"
swap 2>/dev/null &
swapper=$!
for i in $(seq 6); do
    "$tool" prepare "$root" dir $layers 2>>"$work/why" && "$tool" remove "$root" dir $layers
done
rm -f "$work/go"
wait "$swapper"
rm -rf "$root"/images/.new-*
outside >"$work/after"
if diff "$work/before" "$work/after" >&2; then
    pass
else
    fail "swapped folders: something outside has changed"
fi

[ "$(cat "$out/victim")" = precious ] || fail "the file outside was written to"
finish
