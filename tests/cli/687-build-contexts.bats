#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2034 # image and SHALE_* are container_setup's
# `shale build --build-context`: what FROM and --from may stand on beside images of registries.
load lib
load build

setup() { context_setup; }

@test "FROM a folder: its files are the base, and nothing else is" {
    local root=$BATS_TEST_TMPDIR/root
    mkdir -p "$root/etc"
    echo a >"$root/etc/name"
    printf 'left-out\n' >"$root/.dockerignore"
    touch "$root/left-out"
    ln -s /etc/hostname "$root/link"
    dockerfile <<'END2'
FROM base AS one
LABEL x=1
FROM @
COPY --from=base /etc/name /name
COPY --from=one /etc/name /name2
END2
    run_ok build --build-context "base=$root" --target one -t one
    run_ok shale ls one /
    [ "$(sort <<<"$output" | tr '\n' ' ')" = "etc link " ] || { echo "$output"; return 1; }
    run_ok shale inspect -f '{{.Config.Labels}} {{len .RootFS.Layers}}' one
    [ "$output" = "map[x:1] 1" ]
    [ "$(shale history --format '{{.CreatedBy}}' one)" = "LABEL x=1
FROM base" ]
    id=$(shale inspect -f '{{.Id}}' one)
    run_ok build --build-context "base=$root" --target one -t one
    [ "$(cached)" = 1 ]
    [ "$(shale inspect -f '{{.Id}}' one)" = "$id" ]
    run_ok build --build-context "base=$root" -t two
    [ "$(shale cat two /name /name2)" = "a
a" ]
    echo b >"$root/etc/name"
    run_ok build --build-context "base=$root" -t two
    [ "$(shale cat two /name /name2)" = "b
b" ]
    # The name of an image, too: a context goes before it.
    dockerfile <<<$'FROM scratch\nCOPY --from=@ /etc/name /n'
    run_ok build --build-context "$image=$root" -t three
    [ "$(shale cat three /n)" = b ]
}

@test "FROM an OCI layout: what is not named there cannot be; nothing is left in the store" {
    local dir=$BATS_TEST_TMPDIR/layout
    dockerfile <<<$'FROM @\nRUN echo one >/f\nENV WHO=one'
    run_ok build -t app:1
    run_ok shale save -o "$BATS_TEST_TMPDIR/app.tar" app:1
    id=$(shale inspect -f '{{.Id}}' app:1)
    layers=$(shale inspect -f '{{.RootFS.Layers}}' app:1)
    mkdir "$dir"
    tar -C "$dir" -xf "$BATS_TEST_TMPDIR/app.tar"
    digest=$(jq -r '.manifests[0].digest' "$dir/index.json")
    # Another store, where none of it is.
    export SHALE_ROOT=$SHALE_ROOT-2
    dockerfile <<'END2'
FROM base
RUN cat /f >/g; echo $WHO >>/g
COPY --from=base /f /h
END2
    for how in "$dir" "$dir:1" "$dir@$digest" "$dir:1@$digest"; do
        run_ok build --build-context "base=oci-layout://$how" -t top
        [ "$(shale cat top /g /h)" = "one
one
one" ] || { echo "$how: $output"; return 1; }
    done
    [[ $(shale inspect -f '{{.RootFS.Layers}}' top) == "${layers%]}"* ]]
    [ "$(shale images -aq | wc -l)" = 1 ]
    run_fails 1 "No such object" shale inspect "$id"
    run_fails 1 "has no image \"2\"" build --build-context "base=oci-layout://$dir:2"
    run_fails 1 "No such file or directory" build --build-context "base=oci-layout://$BATS_TEST_TMPDIR/nosuch"
    run_fails 1 "is no OCI layout: index.json" build --build-context "base=oci-layout://$ctx"
    run_fails 1 "a folder is missing" build --build-context "base=oci-layout://:1"
    # One byte of a layer is another one.
    blob=$dir/blobs/sha256/$(jq -r '.layers[-1].digest[7:]' "$dir/blobs/sha256/${digest#*:}")
    printf 'x' | dd of="$blob" bs=1 seek=30 conv=notrunc status=none
    shale rmi top
    shale builder prune -af >/dev/null
    run_fails 1 "${blob##*/}" build --build-context "base=oci-layout://$dir"
    # Nothing is read that lies elsewhere, or is no file.
    mv "$dir/blobs/sha256/${digest#*:}" "$BATS_TEST_TMPDIR/manifest"
    ln -s "$BATS_TEST_TMPDIR/manifest" "$dir/blobs/sha256/${digest#*:}"
    run_fails 1 "${digest#*:}" build --build-context "base=oci-layout://$dir"
    rm "$dir/blobs/sha256/${digest#*:}"
    mkfifo "$dir/blobs/sha256/${digest#*:}"
    run_fails 1 "is not a regular file" build --build-context "base=oci-layout://$dir"
    mv "$dir/index.json" "$BATS_TEST_TMPDIR/index.json"
    mkfifo "$dir/index.json"
    run_fails 1 "is no OCI layout: index.json" build --build-context "base=oci-layout://$dir"
    rm -rf "$SHALE_ROOT"
}

@test "--debug-on-error: a shell when COPY or WORKDIR fails; none where there is no file" {
    cat >"$BATS_TEST_TMPDIR/talk.py" <<'END2'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "build", "--network", "none", "--debug-on-error", sys.argv[2]])
os.write(fd, b"echo [$WHO $(cat /f) $(pwd)]; exit 3\n")
seen = b""
while True:
    try:
        seen += os.read(fd, 4096)
    except OSError: # its end is closed
        break
_, status = os.waitpid(pid, 0)
print(seen.decode())
sys.exit(os.waitstatus_to_exitcode(status))
END2
    dockerfile <<<$'FROM @\nENV WHO=me\nRUN echo before >/f\nWORKDIR /w\nCOPY nosuch /x'
    run_fails 1 "[me before /w]" python3 "$BATS_TEST_TMPDIR/talk.py" "$SHALE_BIN" "$ctx"
    has "This is /bin/sh in the state before it"
    dockerfile <<<$'FROM @\nENV WHO=me\nRUN echo before >/f\nWORKDIR /f/x'
    run_fails 1 "[me before /]" python3 "$BATS_TEST_TMPDIR/talk.py" "$SHALE_BIN" "$ctx"
    dockerfile <<<$'FROM scratch\nCOPY nosuch /x'
    run_fails 1 '"/nosuch"' python3 "$BATS_TEST_TMPDIR/talk.py" "$SHALE_BIN" "$ctx"
    hasnt "in the state before it"
}
