#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images out of archives: our own, docker's, podman's, skopeo's, and hostile ones.

load lib
load images

setup_file() {
    registry_with debian
    oci_init "$BATS_FILE_TMPDIR/tiny"
    for n in one two; do tiny "$BATS_FILE_TMPDIR/tiny" "$n" 2020-01-01T00:00:00Z '.' base "$n"; push_tag "$BATS_FILE_TMPDIR/tiny" "$n" "tiny:$n"; done
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    w=$BATS_TEST_TMPDIR
    r=$REGISTRY_HOST
    tiny=$BATS_FILE_TMPDIR/tiny
}
teardown() {
    [ ! -f "$w/pid" ] || { kill "$(cat "$w/pid")" 2>/dev/null; for _ in $(seq 300); do kill -0 "$(cat "$w/pid")" 2>/dev/null || break; sleep 0.1; done; }
    drop_store
}
id_of() { shale images -q --no-trunc "$1"; }
config_of() { skopeo inspect --raw "oci:$tiny:$1" | jq -r .config.digest; }
# saved -> $w/a.tar with tiny:one and debian, from a store of its own; $digests, $ids
saved() {
    shale pull -q "$r/tiny:one" >/dev/null
    shale pull -q "$r/debian:1.0" >/dev/null
    shale save -o "$w/a.tar" "$r/tiny:one" "$r/debian:1.0"
    digests=$(shale images --digests --format '{{.Repository}} {{.Digest}}')
    ids=$(shale images --no-trunc -q)
    drop_store
    fresh_store
}
docker_archive() { skopeo copy -q "oci:$tiny:one" "docker-archive:$w/d.tar:${1:-made/by:skopeo}"; }

@test "what was saved: same IDs and digests; file, pipe, gzip, zstd, folder" {
    saved
    gzip -k "$w/a.tar"
    zstd -qk "$w/a.tar"
    mkdir "$w/folder"
    tar -xf "$w/a.tar" -C "$w/folder"
    for how in "-i $w/a.tar" "-i $w/a.tar.gz" "-q -i $w/a.tar.zst" "-i $w/folder" "<"; do
        if [ "$how" = "<" ]; then
            run_ok bash -c "cat '$w/a.tar.gz' | '$SHALE_BIN' image load"
        else
            # shellcheck disable=SC2086
            run_ok shale load $how
        fi
        [ "$output" = "Loaded image: $r/tiny:one"$'\n'"Loaded image: $r/debian:1.0" ]
        [ "$(shale images --digests --format '{{.Repository}} {{.Digest}}')" = "$digests" ]
        [ "$(shale images --no-trunc -q)" = "$ids" ]
        run_ok shale fsck --check
        shale save -o "$w/b.tar" "$r/tiny:one" "$r/debian:1.0"
        cmp "$w/a.tar" "$w/b.tar"
        drop_store
        fresh_store
    done
}

@test "what skopeo and podman wrote" {
    docker_archive
    run_ok shale load -i "$w/d.tar"
    [ "$output" = "Loaded image: made/by:skopeo" ]
    [ "$(id_of made/by:skopeo)" = "$(config_of one)" ]
    run_ok shale load -i "$tiny"
    [ "$output" = "Loaded image ID: $(config_of one)"$'\n'"Loaded image ID: $(config_of two)" ]
    skopeo copy -q "oci:$tiny:two" "oci-archive:$w/o.tar:team/app:2"
    run_ok shale load -i "$w/o.tar"
    [ "$output" = "Loaded image: team/app:2" ]
    need podman
    here() { podman --root "$w/p" --runroot "$w/p.run" --storage-driver vfs "$@"; }
    here load -q -i "$w/d.tar" >/dev/null
    here save -q -o "$w/p.tar" made/by:skopeo
    shale rmi -f made/by:skopeo >/dev/null
    run_ok shale load -i "$w/p.tar"
    has "Loaded image: "
    has "made/by:skopeo"
}

@test "what docker's engine wrote, and back" {
    plain_only
    need_root
    need dockerd
    docker_archive
    dockerd --bridge=none --iptables=false --ip-forward=false --data-root "$w/d" --exec-root "$w/e" --pidfile "$w/pid" \
        -H "unix://$w/s" --storage-driver vfs >"$w/out" 2>&1 3>&- &
    here() { timeout 60 docker -H "unix://$w/s" "$@"; }
    for _ in $(seq 150); do ! here version >/dev/null 2>&1 || break; sleep 0.2; done
    run_ok here load -i "$w/d.tar"
    here tag made/by:skopeo second:1
    here save -o "$w/docker.tar" made/by:skopeo second:1
    run_ok shale load -i "$w/docker.tar"
    has "Loaded image: made/by:skopeo"
    has "Loaded image: second:1"
    [ "$(id_of second:1)" = "$(here images -q --no-trunc second:1)" ]
    run_ok shale fsck --check
}

@test "a name that is taken over: docker's words, and the old image stays" {
    docker_archive x:1
    shale pull -q "$r/tiny:two" >/dev/null
    old=$(id_of "$r/tiny:two")
    shale tag "$r/tiny:two" x:1
    shale rmi "$r/tiny:two" >/dev/null
    run_ok shale load -i "$w/d.tar"
    [ "$output" = "The image x:1 already exists, renaming the old one with ID $old to empty string"$'\n'"Loaded image: x:1" ]
    [ "$(shale images -q --no-trunc -f dangling=true)" = "$old" ]
    run_ok shale load -i "$w/d.tar"
    [ "$output" = "Loaded image: x:1" ]
}

@test "an image that is here keeps its manifest, and can still be saved" {
    shale pull -q "$r/tiny:one" >/dev/null
    shale save "$r/tiny:one" >"$w/before.tar"
    docker_archive x:1
    run_ok shale load -i "$w/d.tar"
    shale save "$r/tiny:one" >"$w/after.tar"
    cmp "$w/before.tar" "$w/after.tar"
}

@test "the same archive twice at once" {
    saved
    for i in 1 2 3; do "$SHALE_BIN" load -i "$w/a.tar" >"$w/out.$i" 2>&1 3>&- & pids="${pids-} $!"; done
    for p in $pids; do wait "$p"; done
    [ "$(cat "$w"/out.* | sort | uniq -c | awk '{print $1}' | sort -u)" = 3 ]
    run_ok shale fsck --check
}

# unpacked_docker -> $w/x, a docker-archive as a folder; repack -> $w/x.tar
unpacked_docker() { docker_archive; mkdir "$w/x"; tar -xf "$w/d.tar" -C "$w/x"; }
repack() { tar -C "$w/x" -cf "$w/x.tar" .; }
manifest() { jq -c "$1" "$w/x/manifest.json" >"$w/m"; cp "$w/m" "$w/x/manifest.json"; repack; }

@test "hostile archives: one clear line, and a store that is as it was" {
    unpacked_docker
    size=$(stat -c %s "$w/d.tar")
    head -c $((size / 2)) "$w/d.tar" >"$w/cut.tar"
    refused "cut off" shale load -i "$w/cut.tar"
    gzip -c "$w/d.tar" | head -c 500 >"$w/cut.gz"
    refused "" shale load -i "$w/cut.gz"
    echo garbage >"$w/garbage"
    refused "tar: " shale load -i "$w/garbage"
    refused "this is no archive of images" shale load -i /dev/null
    refused "this is no archive of images" shale load -i "$w/x"
    truncate -s 10G "$w/zeros"
    refused "this is no archive of images" shale load -i "$w/zeros"
    refused "open $w/none: no such file or directory" shale load -i "$w/none"
    xz -c "$w/d.tar" | head -c 500 >"$w/cut.xz"
    refused "xz: the data is cut off" shale load -i "$w/cut.xz"
    bzip2 -c "$w/d.tar" | head -c 500 >"$w/cut.bz2"
    refused "bzip2: the data is cut off" shale load -i "$w/cut.bz2"

    cp "$w/x/manifest.json" "$w/good.json"
    manifest '.[0].Layers[0] = "../../../etc/passwd"'
    refused "has no layer ../../../etc/passwd" shale load -i "$w/x.tar"
    cp "$w/good.json" "$w/x/manifest.json"
    manifest '.[0].Layers[0] = "absent.tar"'
    refused "has no layer absent.tar" shale load -i "$w/x.tar"
    cp "$w/good.json" "$w/x/manifest.json"
    manifest '.[0].Layers |= .[0:1]'
    refused "invalid manifest, layers length mismatch: expected 1, got 2" shale load -i "$w/x.tar"
    cp "$w/good.json" "$w/x/manifest.json"
    manifest '.[0].Layers |= [.[1], .[0]]'
    refused "verification failed" shale load -i "$w/x.tar"
    cp "$w/good.json" "$w/x/manifest.json"
    manifest '.[0].RepoTags = ["Bad:Name:x"]'
    refused "invalid tag \"Bad:Name:x\"" shale load -i "$w/x.tar"
    manifest 'null'
    refused "invalid manifest, manifest cannot be null (but can be [])" shale load -i "$w/x.tar"
    cp "$w/good.json" "$w/x/manifest.json"
    ln -s ../../../../../etc/passwd "$w/x/evil"
    repack
    refused "evil leads out of the archive" shale load -i "$w/x.tar"
    rm "$w/x/evil"
    repack
    tar -C "$w/x" -rf "$w/x.tar" ./manifest.json
    refused "the archive has several members named manifest.json" shale load -i "$w/x.tar"
    tar -C "$w/x" --transform 's,^manifest,../manifest,' -P -cf "$w/dots.tar" manifest.json
    refused "tar: " shale load -i "$w/dots.tar"
    [ -z "$(shale images -aq)" ]
}

@test "layouts that lie: absent blobs, wrong bytes, other platforms" {
    cp -r "$tiny" "$w/l"
    layer=$(skopeo inspect --raw "oci:$tiny:two" | jq -r '.layers[-1].digest | ltrimstr("sha256:")')
    printf x | dd of="$w/l/blobs/sha256/$layer" bs=1 seek=4 conv=notrunc status=none
    run_fails 1 "verification failed" shale load -i "$w/l"
    rm "$w/l/blobs/sha256/$layer"
    run_fails 1 "the archive has no blob sha256:$layer, which its image needs" shale load -i "$w/l"
    run_ok shale fsck --check
    run_fails 1 "does not match the specified platform (linux/s390x)" shale load --platform linux/s390x -i "$tiny"
}
