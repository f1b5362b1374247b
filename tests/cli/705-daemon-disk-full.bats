#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The disk of the store is full: each request says so in one error, nothing is half done, and with room all goes on.
# shellcheck disable=SC2154

load lib
load daemon

setup_file() {
    need_root
    need docker
    registry_with busybox debian
    export SMALL=$BATS_FILE_TMPDIR/small SHALE_ROOT=$BATS_FILE_TMPDIR/small/store
    mkdir "$SMALL"
    mount -t tmpfs -o size=300m tmpfs "$SMALL"
    daemon_start
    docker pull -q "$REGISTRY_HOST/busybox:1.0" >/dev/null
    docker tag "$REGISTRY_HOST/busybox:1.0" bb:1
    skopeo copy --quiet "oci:$SHALE_IMAGES/debian:1.0" "oci-archive:$BATS_FILE_TMPDIR/debian.tar:debian:1"
}
teardown_file() {
    daemon_stop
    drop_store
    umount -l "$BATS_FILE_TMPDIR/small" 2>/dev/null || true
    registry_stop_all
}
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }
teardown() {
    free
    shale rm -f box >/dev/null 2>&1 || true
}

# fill [BYTES]: the disk is full but for so many (default none)
fill() {
    rm -f "$SMALL/filler"
    for _ in 1 2 3 4 5; do # a container that logs takes a block in between
        fallocate -l "$(df -B1 --output=avail "$SMALL" | tail -n 1)" "$SMALL/filler" && break
    done
    [ -z "${1:-}" ] || truncate -s "-$1" "$SMALL/filler"
}
free() { rm -f "$SMALL/filler"; }
full='[Nn]o space|[Ff]ull'
# says_full COMMAND…: it fails, and says why in one line (what docker adds to it does not count)
says_full() {
    run timeout 60 "$@"
    [ "$status" != 0 ] || { echo "$* did not fail"; return 1; }
    [[ $output =~ $full ]] || { echo "$*: $output"; return 1; }
    [ "$(grep -cE "$full" <<<"$output")" = 1 ] || { echo "$*: $output"; return 1; }
    [ "$(api GET /_ping)" = OK ]
}
# What needs hardly any room may find it; then it is done.
done_or_full() { timeout 60 "$@" >/dev/null 2>&1 || says_full "$@"; }
whole() { # nothing is half done
    run_ok shale fsck --check
    [ "$(shale ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" = "$1" ]
    [ "$(shale images --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' ')" = "$2" ]
}
images() { echo "$REGISTRY_HOST/busybox:1.0 bb:1 "; }

@test "pull and load: one error; with room they go on" {
    fill 1000000
    says_full docker pull -q "$REGISTRY_HOST/debian:1.0"
    # raw: a status before the first line, else the last line says it
    run_ok api POST "/images/create?fromImage=$REGISTRY_HOST/debian&tag=1.0"
    [[ $output =~ $full ]]
    [ "$(tail -n 1 <<<"$output" | tr -d '\r' | jq -r '.errorDetail.message // .message' | grep -cE "$full")" = 1 ]
    says_full docker load -q -i "$BATS_FILE_TMPDIR/debian.tar"
    fill
    says_full docker pull -q "$REGISTRY_HOST/debian:1.0"
    says_full docker load -q -i "$BATS_FILE_TMPDIR/debian.tar"
    free
    whole "" "$(images)"
    docker pull -q "$REGISTRY_HOST/debian:1.0" >/dev/null
    docker load -q -i "$BATS_FILE_TMPDIR/debian.tar" >/dev/null
    docker run --rm --network none debian:1 true
    # what gives room back needs little
    fill 500000
    run_ok docker rmi debian:1 "$REGISTRY_HOST/debian:1.0"
    free
    whole "" "$(images)"
}

@test "create, run, exec, commit, volumes, networks: an error, and nothing made" {
    docker run -d --name box --network none bb:1 sh -c 'dd if=/dev/zero of=/big bs=1M count=20 2>/dev/null; sleep 1000' >/dev/null
    for _ in $(seq 600); do [ "$(docker exec box stat -c %s /big 2>/dev/null)" = 20971520 ] && break; sleep 0.05; done
    fill
    says_full docker create --name none --network none bb:1 true
    says_full docker run --rm --network none bb:1 true
    says_full docker commit box made:1
    says_full docker exec box true
    done_or_full docker volume create vol
    done_or_full docker network create net
    done_or_full docker tag bb:1 other:1
    # what is there is told
    run_ok docker ps --format '{{.Names}}'
    [ "$output" = box ]
    run_ok docker logs box
    fill 8000000
    says_full docker commit box made:1
    free
    shale rmi other:1 >/dev/null 2>&1 || true
    [ -z "$(shale volume ls -q)" ] || docker volume rm vol
    [ "$(shale network ls -q | wc -l)" = 3 ] || docker network rm net
    whole "box " "$(images)"
    docker exec box true
    docker commit box made:1 >/dev/null
    docker rmi made:1 >/dev/null
    fill 500000
    run_ok docker rm -f box
    free
    whole "" "$(images)"
}

@test "cp into a container, an upload that breaks there, logs" {
    head -c 3000000 /dev/urandom >big
    docker run -d --name box --network none bb:1 sh -c 'echo begun; while sleep 0.05; do echo "a line that is kept"; done' >/dev/null
    fill 1000000
    says_full docker cp big box:/big
    run_ok docker cp box:/etc/passwd passwd
    fill
    says_full docker cp big box:/big
    run_ok docker logs --tail 5 box
    run_ok timeout 20 docker logs box
    has begun
    free
    docker cp big box:/big
    docker cp box:/big back
    cmp big back
    [ "$(docker inspect -f '{{.State.Running}}' box)" = true ]
    docker rm -f box >/dev/null
    whole "" "$(images)"
}

@test "build: the context, COPY, the command of a RUN, what is written down" {
    export DOCKER_BUILDKIT=0
    head -c 6000000 /dev/urandom >big
    printf 'FROM bb:1\nCOPY big /big\n' >Dockerfile
    fill 3000000
    says_full docker build -q -t built:1 .
    fill 14000000
    printf 'FROM bb:1\nCOPY big /big\nRUN dd if=/dev/zero of=/more bs=1M count=50\n' >Dockerfile
    run timeout 60 docker build -t built:1 .
    [ "$status" != 0 ]
    [[ $output =~ $full ]]
    fill
    says_full docker build -q -t built:1 .
    free
    whole "" "$(images)"
    printf 'FROM bb:1\nCOPY big /big\n' >Dockerfile
    docker build -q -t built:1 . >/dev/null
    fill 500000
    run_ok docker rmi built:1
    free
    whole "" "$(images)"
}
