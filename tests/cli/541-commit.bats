# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Images from what containers have changed.
bats_require_minimum_version 1.5.0
load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }

script='set -e; echo hi >/root/new; rm /etc/group; mkdir -p /a/b; echo c >/a/b/c; ln /a/b/c /a/hard; ln -s b/c /a/soft
mknod /null c 1 3; mkfifo /pipe; rm -r /home; mkdir /home; echo x >/home/x; chmod 4755 /a/b/c; chown 12:34 /root/new
truncate -s 8M /sparse'
# what must be seen of it, in whatever engine
look='cat /root/new /a/b/c /a/hard /a/soft /home/x; stat -c "%n %a %u:%g %h %s %F" /root/new /a/b/c /a/hard /null /pipe /sparse; [ ! -e /etc/group ] && echo gone; ls /home; grep -c root /etc/passwd'

@test "commit: the files of the container are the image's, with links, devices, modes, and what is gone is gone; both drivers" {
    for driver in erofs dir; do
        export SHALE_ROOT=$BATS_TEST_TMPDIR/$driver
        run_ok shale --storage-driver "$driver" pull -q "$image"
        run_ok shale --storage-driver "$driver" run --name job "$image" sh -c "$script"
        run_ok shale --storage-driver "$driver" commit -a Me -m 'what I did' job made:1
        [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
        run_ok shale --storage-driver "$driver" run --rm made:1 sh -c "$look"
        [ "$output" = 'hi
c
c
c
x
/root/new 644 12:34 1 3 regular file
/a/b/c 4755 0:0 2 2 regular file
/a/hard 4755 0:0 2 2 regular file
/null 644 0:0 1 0 character special file
/pipe 644 0:0 1 0 fifo
/sparse 644 0:0 1 8388608 regular file
gone
x
1' ] || { echo "$output"; return 1; }
        run_ok shale history --format '{{.CreatedBy}}|{{.Comment}}' made:1
        [[ ${lines[0]} == 'sh -c set -e; echo hi'*'|what I did' ]]
        run_ok shale inspect --format '{{.Author}} {{.Comment}} {{len .RootFS.Layers}}' made:1
        [ "$output" = "Me what I did 2" ]
        run_ok shale fsck --check
        drop_store
    done
}

@test "commit: other tools pull the image from a registry and see the same files" {
    run_ok shale run --network none --name job "$image" sh -c "$script"
    run_ok shale commit job "$REGISTRY_HOST/made:1"
    run_ok shale run --network none --rm "$REGISTRY_HOST/made:1" sh -c "$look"
    ours=$output
    run_ok shale push -q "$REGISTRY_HOST/made:1"
    skopeo copy -q --src-tls-verify=false "docker://$REGISTRY_HOST/made:1" "oci:$BATS_TEST_TMPDIR/oci:1"
    run_ok umoci unpack --image "$BATS_TEST_TMPDIR/oci:1" "$BATS_TEST_TMPDIR/bundle"
    run_ok chroot "$BATS_TEST_TMPDIR/bundle/rootfs" sh -c "$look"
    [ "$output" = "$ours" ] || { echo "$output"; return 1; }
}

@test "commit: a name moves and leaves the old image dangling; the parent is protected; nothing changed is an empty layer" {
    run_ok shale run --network none --name job "$image" true
    run_ok shale commit job made
    first=$output
    run_ok shale inspect --format '{{len .RootFS.Layers}}' made
    [ "$output" = 1 ]
    run_ok shale history --format '{{.Size}}' made
    [ "${lines[0]}" = 0B ]
    run_ok shale commit -m again job made
    [ "$output" != "$first" ]
    run_ok shale images -q --no-trunc --filter dangling=true
    [ "$output" = "$first" ]
    run_ok shale commit job
    run_ok shale images -q --filter dangling=true
    [ "${#lines[@]}" = 2 ]
}

@test "commit: config of the container and changes are the image's" {
    run_ok shale create --name job -e A=1 -w /tmp --label l=1 "$image" sleep 5
    run_ok shale commit -c 'ENV B=2' -c 'CMD ["sh", "-c", "echo $A$B; pwd"]' -c 'LABEL m=2' -c 'EXPOSE 80' job made
    run_ok shale run --network none --rm made
    [ "$output" = '12
/tmp' ]
    run_ok shale inspect --format '{{json .Config.Labels}} {{json .Config.ExposedPorts}}' made
    has '"l":"1"'
    has '"m":"2"'
    has '{"80/tcp":{}}'
    run_fails 1 "not a valid change command" shale commit -c 'RUN ls' job made
    run_fails 1 "digest reference" shale commit job "made@sha256:$(printf '0%.0s' $(seq 64))"
    run_fails 1 "No such container: nobody" shale commit nobody made
    run_fails 1 "invalid reference format" shale commit job 'Bad Name'
    run_ok shale fsck --check
}

@test "commit: of a running container that writes: it stands still meanwhile and goes on" {
    run_ok shale run --network none -d --name job "$image" sh -c 'i=0; while :; do i=$((i+1)); echo $i >/count.new; mv /count.new /count; done'
    for _ in 1 2 3; do
        run_ok shale commit job made
        hasnt WARNING
        run_ok shale run --network none --rm made sh -c 'test "$(cat /count)" -gt 0'
    done
    run_ok shale ps --format '{{.Status}}'
    hasnt Paused
    before=$(shale exec job cat /count)
    sleep 0.3
    [ "$(shale exec job cat /count)" -gt "$before" ]
    run_ok shale commit --pause=false job made
}

@test "commit: the same changes give the same layer" {
    run_ok shale run --network none --name job "$image" sh -c "$script"
    run_ok shale commit job a1
    run_ok shale commit job a2
    [ "$(shale inspect --format '{{json .RootFS.Layers}}' a1)" = "$(shale inspect --format '{{json .RootFS.Layers}}' a2)" ]
}
