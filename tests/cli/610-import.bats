#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # output, lines are of bats' run
# Tars of root file systems as images.
bats_require_minimum_version 1.5.0
load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() {
    container_setup
    w=$BATS_TEST_TMPDIR
    mkdir -p "$w/root/etc" "$w/root/bin"
    cp "$(command -v busybox)" "$w/root/bin/busybox"
    ln -s busybox "$w/root/bin/sh"
    ln -s busybox "$w/root/bin/cat"
    echo hello >"$w/root/etc/motd"
    tar -C "$w/root" --owner=0 --group=0 -cf "$w/a.tar" .
}
teardown() { drop_store; }

@test "import: a file, standard input, gzip, zstd, and the twin give the same layer, which runs" {
    gzip -k "$w/a.tar"
    zstd -qk "$w/a.tar"
    diff_id=sha256:$(sha256sum "$w/a.tar" | cut -d' ' -f1)
    for how in "import $w/a.tar flat" "import $w/a.tar.gz flat" "image import $w/a.tar.zst flat:latest" "import - flat"; do
        # shellcheck disable=SC2086
        run_ok bash -c 'exec <"$1/a.tar.gz"; shift; exec "$@"' _ "$w" "$SHALE_BIN" $how
        [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
        id=$output
        run_ok shale images -q --no-trunc flat:latest
        [ "$output" = "$id" ]
        run_ok shale inspect --format '{{join .RootFS.Layers " "}} {{.Comment}} {{.Os}}' flat
        [ "$output" = "$diff_id Imported from - linux" ]
        run_ok shale run --network none --rm flat cat /etc/motd
        [ "$output" = hello ]
    done
    run_ok shale images -q --filter dangling=true # the name moved three times
    [ "${#lines[@]}" = 3 ]
    run_ok shale fsck --check
}

@test "import: changes, message and platform are in the image, as podman's" {
    changes=(-c 'CMD ["sh","-c","echo $A"]' -c 'ENV A=1' -c 'LABEL l=m' -c 'EXPOSE 80' -c 'WORKDIR /etc' -c 'USER 12:34')
    run_ok shale import "${changes[@]}" -m 'made by hand' "$w/a.tar" flat:1
    run_ok shale history --format '{{.Comment}}' flat:1
    [ "$output" = "made by hand" ]
    shown='{{json .Config.Cmd}} {{json .Config.Env}} {{json .Config.Labels}} {{json .Config.ExposedPorts}} {{.Config.WorkingDir}} {{.Config.User}} {{json .RootFS.Layers}} {{.Comment}}'
    run_ok shale image inspect --format "$shown" flat:1
    ours=$output
    podman --root "$w/podman" --runroot "$w/podman-run" --storage-driver vfs import -q "${changes[@]}" -m 'made by hand' "$w/a.tar" flat:1
    run_ok podman --root "$w/podman" --runroot "$w/podman-run" --storage-driver vfs image inspect --format "$shown" localhost/flat:1
    [ "$output" = "$ours" ] || { echo "podman: $output"; echo "shale: $ours"; return 1; }
    run_ok shale run --network none --rm flat:1
    [ "$output" = 1 ]
    run_ok shale import --platform linux/arm64/v8 "$w/a.tar" arm:1
    run_ok shale inspect --format '{{.Architecture}}' arm:1
    [ "$output" = arm64 ]
}

@test "import: what is wrong is said, and nothing stays" {
    run_ok shale images
    files() { find "$SHALE_ROOT" -path '*/layers/*' -o -path '*/blobs/*' -type f | sort; }
    before=$(files)
    run_fails 1 "open $w/none: no such file or directory" shale import "$w/none"
    run_fails 1 "is a folder" shale import "$w/root"
    run_fails 1 "there is nothing to import" shale import /dev/null
    head -c 5000 "$w/a.tar" >"$w/cut.tar"
    run_fails 1 "cut off" shale import "$w/cut.tar"
    gzip -c "$w/a.tar" | head -c 5000 >"$w/cut.tar.gz"
    run_fails 1 "cut off" shale import "$w/cut.tar.gz"
    head -c 5000 /dev/urandom >"$w/noise"
    run_fails 1 "$w/noise: tar" shale import "$w/noise"
    run_fails 1 "RUN is not a valid change command" shale import -c 'RUN ls' "$w/a.tar"
    run_fails 1 "operating system is not supported" shale import --platform windows/amd64 "$w/a.tar"
    run_fails 1 "must be lowercase" shale import "$w/a.tar" Upper:1
    [ "$(files)" = "$before" ]
    run_ok shale images -aq --filter dangling=true
    [ -z "$output" ]
    run_ok shale import "$w/a.tar" flat:1
    [ "$(files)" != "$before" ]
    run_ok shale fsck --check
}
