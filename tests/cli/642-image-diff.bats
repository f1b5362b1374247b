#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# image diff --only files: what differs between the files of two images, and the exit status that says so.
# shellcheck disable=SC2154 # the libraries set status, output and lines

load lib
load images
load look

setup_file() {
    registry_with debian
    local l=$BATS_FILE_TMPDIR/layout d=$BATS_FILE_TMPDIR/layered
    layered "$l" 1
    push_tag "$l" 1 diff:1
    # the same files in one layer of other blocks
    umoci unpack --image "$l:1" "$BATS_FILE_TMPDIR/u" >/dev/null
    local r=$BATS_FILE_TMPDIR/u/rootfs
    pack "$r" "$d/flat.tar"
    oci_layer "$l" "$d/flat.tar" gzip flat
    oci_tag "$l" flat "$(oci_image "$l" linux amd64)"
    push_tag "$l" flat diff:flat
    # and changed ones
    echo CHANGED >"$r/etc/name"
    chmod 600 "$r/etc/three"
    ln -sfn usr/lib "$r/bin"
    rm -r "$r/srv"
    rm "$r/dangling" && mkdir "$r/dangling" && echo x >"$r/dangling/x"
    mkdir -p "$r/added/deep" && echo y >"$r/added/deep/file"
    setfattr -n user.note -v hello "$r/etc/conf.d/b"
    printf M | dd of="$r/var/sparse" bs=1 seek=1500000 conv=notrunc status=none
    pack "$r" "$d/changed.tar" --owner=0
    tar --numeric-owner --owner=7 --group=8 --mtime=@1700000000 -C "$r" -rf "$d/changed.tar" ./var/log/big
    oci_layer "$l" "$d/changed.tar" zstd changed
    oci_tag "$l" changed "$(oci_image "$l" linux amd64)"
    push_tag "$l" changed diff:changed
    export D=$REGISTRY_HOST/diff DEBIAN=$REGISTRY_HOST/debian:1.0
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
    mkdir -p "$DOCKER_CONFIG"
    for t in 1 flat changed; do shale pull -q "$D:$t" >/dev/null; done
}
teardown_file() { registry_stop_all; }

@test "images that show the same files do not differ, whatever their layers: nothing is printed" {
    run_ok shale image diff --only files "$D:1" "$D:flat"
    [ -z "$output" ]
    run_ok shale image diff "$D:1" "$D:1"
    [ -z "$output" ]
}

@test "each kind of change is told, and the exit status is 1" {
    run shale image diff --only files --format '{{.Change}} {{.Path}} {{.What}}.' "$D:1" "$D:changed"
    [ "$status" = 1 ]
    printf '%s\n' "${lines[@]}" >"$BATS_TEST_TMPDIR/ours"
    diff "$BATS_TEST_TMPDIR/ours" - <<'EOF'
added /added .
added /added/deep .
added /added/deep/file .
changed /bin link.
changed /dangling type.
added /dangling/x .
changed /etc/conf.d/b xattr.
changed /etc/name content.
changed /etc/three mode.
removed /srv .
removed /srv/data .
removed /srv/data/new .
changed /var/log/big owner.
changed /var/sparse content.
EOF
}

@test "the other way round, what was added is removed" {
    run shale image diff --only files --format json "$D:changed" "$D:1"
    [ "$status" = 1 ]
    [ "$(jq -r 'select(.Change == "removed") | .Path' <<<"$output" | tr '\n' ' ')" = "/added /added/deep /added/deep/file /dangling/x " ]
    [ "$(jq -r 'select(.Change == "added") | .Path' <<<"$output" | tr '\n' ' ')" = "/srv /srv/data /srv/data/new " ]
}

@test "the table, --quiet, and errors that are no difference" {
    run shale image diff "$D:1" "$D:changed"
    [ "$status" = 1 ]
    [[ ${lines[0]} == PART*CHANGE*NAME*DETAIL ]]
    run shale image diff -q "$D:1" "$D:changed"
    [ "$status" = 1 ]
    [ -z "$output" ]
    run_fails 2 "No such image: none:latest" shale image diff "$D:1" none
    run_fails 2 "template parsing error" shale image diff --format '{{' "$D:1" "$D:flat"
    run_fails 2 "does not match the specified platform" shale image diff --platform linux/s390x "$D:1" "$D:flat"
    run_fails 125 "" shale image diff --nosuch "$D:1" "$D:flat"
}
