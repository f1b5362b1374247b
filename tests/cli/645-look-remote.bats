#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ls, cat, tree and image diff of images in registries: the same as of the pulled image, with nothing stored and no
# layer fetched that is not needed. The log of a registry in Python tells independently what was fetched.
# shellcheck disable=SC2154 # the libraries set status, output and lines

load lib
load images
load look

# over LAYOUT TAG NEW DIR [TAR OPTION…]: one more layer over an image
over() {
    local m
    m=$(skopeo inspect --raw "oci:$1:$2")
    jq -c '.layers[]' <<<"$m" >"$1/.layers"
    jq -r '.rootfs.diff_ids[]' "$1/blobs/sha256/$(jq -r '.config.digest[7:]' <<<"$m")" >"$1/.diffs"
    : >"$1/.history"
    [ -f "$4.tar" ] || pack "$4" "$4.tar"
    oci_layer "$1" "$4.tar" gzip "one more"
    oci_tag "$1" "$3" "$(oci_image "$1" linux amd64)"
}

setup_file() {
    local l=$BATS_FILE_TMPDIR/layout d=$BATS_FILE_TMPDIR/d
    layered "$l" 1
    # a layer with packages, another name of a file of the base, and a file in /bin, which is a link to usr/bin
    mkdir -p "$d/top/var/lib/dpkg" "$d/top/opt"
    printf 'Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n\n' >"$d/top/var/lib/dpkg/status"
    echo top >"$d/top/opt/file"
    over "$l" 1 top "$d/top"
    mkdir -p "$d/x/bin" "$d/x/etc" && echo "new tool" >"$d/x/bin/tool" && echo x >"$d/x/etc/three"
    tar --numeric-owner --owner=0 --group=0 -C "$d/x" -cf "$d/x.tar" bin/tool etc/three
    over "$l" top way "$d/x"
    mkdir -p "$d/h/opt" && echo x >"$d/h/etc-name" && ln "$d/h/etc-name" "$d/h/opt/hard"
    tar --numeric-owner --owner=0 --group=0 --transform 's,^etc-name$,etc/name,RSh' -C "$d/h" -cf "$d/h0.tar" etc-name opt/hard
    # without the entry that has the data: the link leads to the layer below
    python3 - "$d/h0.tar" "$d/h.tar" <<'END'
import sys, tarfile
with tarfile.open(sys.argv[1]) as a, tarfile.open(sys.argv[2], "w") as b:
    for m in a:
        if m.islnk():
            m.linkname = "etc/name"
            b.addfile(m)
END
    over "$l" top hard "$d/h"
    layout_registry_start "$l"
    export R=$LAYOUT_HOST/x LAYOUT_LOG LAYOUT_PID
    export LOCAL=$BATS_FILE_TMPDIR/store DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
    mkdir -p "$DOCKER_CONFIG"
    for t in 1 top way hard; do shale --root "$LOCAL" pull -q "$R:$t" >/dev/null; done
}
teardown_file() {
    layout_registry_stop
    [ ! -f "$BATS_FILE_TMPDIR/hostile.pids" ] || hostile_stop
}
setup() { export SHALE_ROOT=$BATS_TEST_TMPDIR/store; : >"$LAYOUT_LOG"; }

# looks COMMAND…: its standard output -> output, standard error -> said; blobs that were asked for -> blobs
looks() {
    : >"$LAYOUT_LOG"
    status=0
    shale "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/said" || status=$?
    output=$(tr -d '\0' <"$BATS_TEST_TMPDIR/out")
    said=$(cat "$BATS_TEST_TMPDIR/said")
    blobs=$(grep -c 'GET .*/blobs/' "$LAYOUT_LOG") || true
}
# same STATUS COMMAND…: as of the pulled images
same() {
    local want=$1
    shift
    looks "$1" --remote "${@:2}"
    [ "$status" = "$want" ] || { echo "status $status: $*"; echo "$said"; return 1; }
    cmp "$BATS_TEST_TMPDIR/out" <(shale --root "$LOCAL" "$@") || return 1
}
nothing_stored() {
    run_ok shale images -aq
    [ -z "$output" ]
    run_ok shale pulls ls -q
    [ -z "$output" ]
    [ -z "$(find "$SHALE_ROOT"/{blobs,layers,ingest} -type f)" ]
    [ "$(du -s --apparent-size "$SHALE_ROOT" | cut -f1)" -lt 1000 ]
}

@test "ls and tree show what the pulled image shows; nothing is stored" {
    same 0 ls -alR --layers "$R:top"
    [[ $said == "Fetched "*" of "*": 4 of 4 layers" ]]
    [ "$blobs" = 5 ]
    same 0 ls "$R:way" /bin /etc
    same 0 tree -as "$R:hard"
    looks ls -q "docker://$R:1:/etc"
    [ -z "$said" ]
    [ "$output" = "$(printf '%s\n' conf.d name three)" ]
    looks ls --remote "$R:1" /nosuch
    [ "$status" = 1 ]
    [[ $said == *"/nosuch: no such file or directory"* ]]
    nothing_stored
}

@test "cat fetches from the top until the file is there" {
    same 0 cat "$R:top" /opt/file
    [[ $said == "Fetched "*": 1 of 4 layers" ]]
    [ "$blobs" = 2 ]
    same 0 cat "$R:top" /etc/three /opt/../opt/file
    [[ $said == *": 2 of 4 layers" ]]
    same 0 cat "$R:1" /etc/name
    [[ $said == *": 2 of 3 layers" ]]
    # links on the way, which are in the base
    same 0 cat "$R:1" /var/up
    [[ $said == *": 3 of 3 layers" ]]
    [ "$blobs" = 5 ] # one layer twice: that the file is wanted was not known when it came by
    same 0 cat "$R:1" /bin/tool2 /abs /usr/bin/tool
    same 0 cat "$R:1" /var/sparse
    same 0 cat "$R:1" /var/log/big
    nothing_stored
}

@test "cat: names that layers below place elsewhere, hard links to layers below" {
    [ "$(shale --root "$LOCAL" cat "$R:way" /usr/bin/tool)" = "new tool" ]
    same 0 cat "$R:way" /usr/bin/tool
    same 0 cat "$R:way" /bin/tool
    same 0 cat "$R:way" /etc/three
    same 0 cat "$R:way" /usr/bin/tool2
    same 0 cat "$R:hard" /opt/hard
    [ "$output" = changed ]
    looks cat --remote "$R:1" /gone/file /etc/name /etc
    [ "$status" = 1 ]
    [ "$output" = changed ]
    [[ $said == *"/gone/file: no such file or directory"*"/etc: is a directory"* ]]
}

@test "layers that the store has are read there" {
    shale pull -q "$R:1" >/dev/null
    same 0 ls -alR "$R:top"
    [[ $said == *": 1 of 4 layers, 3 read in the store" ]]
    [ "$blobs" = 2 ]
    same 0 cat "$R:way" /var/up
    same 0 cat "$R:1" /var/up
    [[ $said == "Fetched 0B of "* ]]
}

@test "image diff: of two in registries, or one; what both have is fetched once" {
    local D=(--no-trunc)
    looks image diff --remote "${D[@]}" "$R:1" "$R:way"
    [ "$status" = 1 ]
    diff <(echo "$output") <(shale --root "$LOCAL" image diff "${D[@]}" "$R:1" "$R:way")
    [ "$blobs" = 7 ] # two configs, five layers
    [[ $said == *": 5 of 8 layers" ]]
    looks image diff --remote --only config,history "$R:1" "$R:way"
    [ "$blobs" = 2 ]
    looks image diff --remote -q "$R:1" "$R:1"
    [ "$status" = 0 ]
    [ "$blobs" = 2 ] # of the same layers none is needed
    shale pull -q "$R:way" >/dev/null
    looks image diff "${D[@]}" "docker://$R:hard" "$R:way"
    [ "$status" = 1 ]
    diff <(echo "$output") <(shale --root "$LOCAL" image diff "${D[@]}" "$R:hard" "$R:way")
    looks image diff "${D[@]}" "$R:way" "docker://$R:hard"
    diff <(echo "$output") <(shale --root "$LOCAL" image diff "${D[@]}" "$R:way" "$R:hard")
}

@test "Ctrl-C, and a registry that is gone: an error, and nothing stays behind" {
    local pid log=$BATS_TEST_TMPDIR/slow.log
    # a registry that takes connections and says nothing
    kill -STOP "$LAYOUT_PID"
    python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])' \
        "$SHALE_BIN" ls --remote "$R:top" >"$log" 2>&1 &
    pid=$!
    for _ in $(seq 600); do [ -d "$SHALE_ROOT/layers" ] && break; sleep 0.05; done
    kill -INT "$pid"
    status=0
    wait "$pid" || status=$?
    kill -CONT "$LAYOUT_PID"
    [ "$status" != 0 ]
    looks cat --remote 127.0.0.1:1/x:1 /etc/name
    [ "$status" = 1 ]
    [[ $said == *"connection refused"* ]]
    nothing_stored
}

@test "contents of files in different layers are compared by what streams by" {
    local l=$BATS_TEST_TMPDIR/l
    cp -r "$BATS_FILE_TMPDIR/layout" "$l"
    umoci unpack --image "$l:1" "$BATS_TEST_TMPDIR/u" >/dev/null
    echo cHANGED >"$BATS_TEST_TMPDIR/u/rootfs/etc/name"
    printf M | dd of="$BATS_TEST_TMPDIR/u/rootfs/var/sparse" bs=1 seek=1500000 conv=notrunc status=none
    pack "$BATS_TEST_TMPDIR/u/rootfs" "$BATS_TEST_TMPDIR/flat.tar"
    oci_layer "$l" "$BATS_TEST_TMPDIR/flat.tar" zstd flat
    oci_tag "$l" flat "$(oci_image "$l" linux amd64)"
    cp -r "$l"/. "$BATS_FILE_TMPDIR/layout"
    looks image diff --remote --only files --format '{{.Change}} {{.Name}} {{.What}}' "$R:1" "$R:flat"
    [ "$output" = "$(printf '%s\n' 'changed /etc/name content' 'changed /var/sparse content')" ]
}

@test "a layer that is not what it should be is refused, before anything of it is shown" {
    local l=$BATS_TEST_TMPDIR/bad d
    cp -r "$BATS_FILE_TMPDIR/layout" "$l"
    d=$(skopeo inspect --raw "oci:$l:top" | jq -r '.layers[3].digest[7:]')
    printf X | dd of="$l/blobs/sha256/$d" bs=1 seek=60 conv=notrunc status=none
    layout_registry_stop
    layout_registry_start "$l"
    looks cat --remote "$LAYOUT_HOST/x:top" /opt/file
    [ "$status" = 1 ]
    [ -z "$output" ]
    [[ $said == *"layer sha256:"* ]]
    looks ls --remote "$LAYOUT_HOST/x:top"
    [ "$status" = 1 ]
    [ -z "$output" ]
    looks cat --remote "$LAYOUT_HOST/x:none" /opt/file
    [ "$status" = 1 ]
    looks ls --remote --platform linux/s390x "$LAYOUT_HOST/x:1"
    [ "$status" = 1 ]
    [[ $said == *"does not match the specified platform"* ]]
    nothing_stored
}

@test "what a pull refuses is refused: one line, nothing shown, nothing stored" {
    local kind
    hostile_start "$SHALE_IMAGES/busybox"
    for kind in wrongblob truncate bigger cutgzip badgzip notar dotdot paxbad cdiffbad cdiffcount mtwodiffs msizemore schema1; do
        looks ls -R --remote "$HOSTILE/$kind:1"
        [ "$status" = 1 ] || { echo "$kind: $status"; return 1; }
        [ -z "$output" ]
        [ "$(grep -c . <<<"$said")" -le 2 ]
        [[ $said == *"Error: "* ]]
    done
    looks ls --remote "$HOSTILE/wrongblob:1"
    [[ $said == *"filesystem layer verification failed for digest sha256:"* ]]
    nothing_stored
}
