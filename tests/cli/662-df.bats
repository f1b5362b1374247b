#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# system df: docker's rows and what adds up in them; the files of the store, compared with du.

load lib
load images

setup_file() {
    registry_with
    local l=$BATS_FILE_TMPDIR/layout
    tiny "$l" a 2020-01-02T03:04:05Z . one
    tiny "$l" b 2021-01-02T03:04:05Z . one two
    for name in a b; do push_tag "$l" $name "team/$name:1"; done
    push "$SHALE_IMAGES/busybox:1.0" busybox:1.0
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    R=$REGISTRY_HOST
}
teardown() { drop_store; }

pull() { for n in "$@"; do shale pull -q "$R/$n" >/dev/null; done; }
# Bytes on disk of what stands below the store's root, as du counts.
disk() { du -sxc --block-size=1 "$@" 2>/dev/null | tail -1 | cut -f1; }
bytes_of() { jq -r --arg n "$1" '.Store[] | select(.Name == $n) | .Bytes' <<<"$output"; }
parts_sum() { jq '[.Store[] | select(.Name != "Total") | .Bytes | tonumber] | add' <<<"$output"; }

@test "an empty store: docker's table" {
    run_ok shale system df
    [ "${lines[0]}" = "TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE" ]
    [ "${lines[1]}" = "Images          0         0         0B        0B" ]
    [ "${lines[2]}" = "Containers      0         0         0B        0B" ]
    [ "${lines[3]}" = "Local Volumes   0         0         0B        0B" ]
    [ "${lines[4]}" = "Build Cache     0         0         0B        0B" ]
    [ "${#lines[@]}" = 5 ]
}

@test "df -v: the records of the build cache, and their sum" {
    mkdir "$BATS_TEST_TMPDIR/ctx"
    printf 'FROM scratch\nCOPY f /f\n' >"$BATS_TEST_TMPDIR/ctx/Dockerfile"
    echo 12345678 >"$BATS_TEST_TMPDIR/ctx/f"
    shale build -q "$BATS_TEST_TMPDIR/ctx" >/dev/null
    run_ok shale system df -v
    has $'\nBuild cache usage: 9B\n\nCACHE ID       CACHE TYPE   SIZE      CREATED '
    id=$(shale builder du --format '{{.ID}}')
    [[ $output =~ $'\n'${id:0:12}\ +regular\ +9B\ +.*\ ago\ +.*\ ago\ +[0-9]+\ +true$'\n' ]]
    run_ok shale system df -v --format json
    [ "$(jq -r '.BuildCache[0].Size' <<<"$output")" = 9B ]
}

@test "a layer of two images is counted once, and is shared" {
    pull team/a:1 team/b:1
    a=$(shale inspect -f '{{.Size}}' "$R/team/a:1")
    b=$(shale inspect -f '{{.Size}}' "$R/team/b:1")
    [ "$b" -gt "$a" ]
    run_ok shale system df --format '{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Size}}|{{.Reclaimable}}'
    [ "${lines[0]}" = "Images|2|0|${b}B|${b}B (100%)" ] # a's layer is one of b's
    run_ok shale system df -v
    [ "${lines[0]}" = "Images space usage:" ]
    [[ ${lines[1]} =~ ^REPOSITORY\ +TAG\ +IMAGE\ ID\ +CREATED\ +SIZE\ +SHARED\ SIZE\ +UNIQUE\ SIZE\ +CONTAINERS$ ]]
    [[ $output =~ /team/a\ +1\ +[0-9a-f]{12}\ +.*\ ago\ +${a}B\ +${a}B\ +0B\ +0 ]]
    [[ $output =~ /team/b\ +1\ +[0-9a-f]{12}\ +.*\ ago\ +${b}B\ +${a}B\ +$((b - a))B\ +0 ]]
    has $'\n\nContainers space usage:\n\nCONTAINER ID   IMAGE'
    has $'\n\nLocal Volumes space usage:\n\nVOLUME NAME   LINKS     SIZE'
    has $'\n\nBuild cache usage: 0B\n\nCACHE ID   CACHE TYPE   SIZE      CREATED   LAST USED   USAGE     SHARED\n'
    has $'\n\nStore space usage:\n\nNAME'
    # without the other one it has all for itself
    shale rmi "$R/team/b:1" >/dev/null
    run_ok shale system df -v
    [[ $output =~ /team/a\ +1\ +[0-9a-f]{12}\ +.*\ ago\ +${a}B\ +0B\ +${a}B\ +0 ]]
}

@test "an image with two names is one row and one image" {
    pull team/a:1
    shale tag "$R/team/a:1" second:2
    run_ok shale system df --format json
    [ "$(jq -r 'select(.Type == "Images") | .TotalCount' <<<"$output")" = 1 ]
    [ "$(jq -rs '[.[].Type] | join(",")' <<<"$output")" = "Images,Containers,Local Volumes,Build Cache" ]
    [ "${lines[3]}" = '{"Active":"0","Reclaimable":"0B","Size":"0B","TotalCount":"0","Type":"Build Cache"}' ]
    run_ok shale system df -v --format json
    [ "$(jq '.Images | length' <<<"$output")" = 1 ]
    [ "$(jq -r '.BuildCache | length' <<<"$output")" = 0 ]
}

@test "containers and volumes: what is in use is not reclaimable" {
    need_root
    pull busybox:1.0
    c=$(shale run --network none -d -v used:/data "$R/busybox:1.0" sh -c 'head -c 3000000 /dev/zero >/big; head -c 50000 /dev/zero >/data/f; echo ready; exec sleep 300')
    for _ in $(seq 300); do
        [ "$(shale logs "$c")" = ready ] && break
        sleep 0.1
    done
    [ "$(shale logs "$c")" = ready ]
    shale volume create lonely >/dev/null
    head -c 90000 /dev/zero >"$(shale volume inspect -f '{{.Mountpoint}}' lonely)/f"
    run_ok shale system df -v --format json
    [ "$(jq -r '.Volumes[] | select(.Name == "used") | .Links' <<<"$output")" = 1 ]
    [ "$(jq -r '.Volumes[] | select(.Name == "lonely") | .Links' <<<"$output")" = 0 ]
    [[ $(jq -r '.Containers[0].Size' <<<"$output") == 3*MB ]]
    [ "$(jq -r '.Images[0].Containers' <<<"$output")" = 1 ]
    run_ok shale system df --format '{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Reclaimable}}'
    [ "${lines[0]}" = "Images|1|1|0B (0%)" ]
    [ "${lines[1]}" = "Containers|1|1|0B (0%)" ]
    [[ ${lines[2]} =~ ^"Local Volumes|2|1|"[0-9.]+kB\ \([1-9][0-9]%\)$ ]]
    shale stop -t 0 "$c" >/dev/null
    run_ok shale system df --format '{{.Type}}|{{.TotalCount}}|{{.Active}}|{{.Reclaimable}}'
    [[ ${lines[1]} =~ ^"Containers|1|0|3".*MB\ \(100%\)$ ]]
    shale rm -v "$c" >/dev/null
}

@test "the files of the store: each in one row, the rows are the total, and what du says" {
    need_root
    pull busybox:1.0 team/a:1 team/b:1
    c=$(shale run --network none -d -v data:/data "$R/busybox:1.0" sh -c 'echo x >/data/f; echo y >/y; ln /y /z; ln /y /y2; echo ready; exec sleep 300')
    for _ in $(seq 300); do
        [ "$(shale logs "$c")" = ready ] && break
        sleep 0.1
    done
    ln "$SHALE_ROOT/volumes/data/_data/f" "$SHALE_ROOT/containers/$c/again" # one file, two parts
    echo left >"$SHALE_ROOT/ingest/left"
    # somebody has the database open all the time, so that its files stay as they are
    coproc db { sqlite3 "$SHALE_ROOT/shale.db"; }
    echo 'SELECT count(*) FROM images;' >&"${db[1]}"
    read -r n <&"${db[0]}"
    [ "$n" = 3 ]
    shale images >/dev/null
    run_ok shale system df -v --format json
    total=$(bytes_of Total)
    [ "$total" = "$(disk "$SHALE_ROOT")" ]
    [ "$total" = "$(parts_sum)" ]
    [ "$(bytes_of "Compressed blobs")" = "$(disk "$SHALE_ROOT/blobs")" ]
    [ "$(bytes_of "Inflated layers")" = "$(disk "$SHALE_ROOT/layers")" ]
    [ "$(bytes_of Indexes)" = "$(disk "$SHALE_ROOT/images")" ]
    [ "$(bytes_of Ingest)" = "$(disk "$SHALE_ROOT/ingest")" ]
    [ "$(bytes_of Containers)" = "$(disk "$SHALE_ROOT/containers")" ]
    [ "$(bytes_of Database)" = "$(disk "$SHALE_ROOT"/shale.db*)" ]
    files=$(find "$SHALE_ROOT" -xdev ! -type d -printf '%i\n' | sort -u | wc -l)
    [ "$(jq -r '.Store[] | select(.Name == "Total") | .Files' <<<"$output")" = "$files" ]
    ln -s "$SHALE_ROOT" "$BATS_TEST_TMPDIR/link" # the same store by other paths
    for root in "$SHALE_ROOT/" "$BATS_TEST_TMPDIR/link"; do
        run_ok shale --root "$root" system df -v --format json
        [ "$(bytes_of Total)" = "$total" ]
        [ "$(bytes_of "Compressed blobs")" = "$(disk "$SHALE_ROOT/blobs")" ]
    done
    echo .quit >&"${db[1]}"
    shale rm -fv "$c" >/dev/null
}

@test "bad use says what to do" {
    run shale system df -v --format '{{.Type}}'
    [ "$status" -ne 0 ]
    has "templates with --verbose are not supported yet: use --format json"
    run shale system df --format '{{.Nope'
    [ "$status" -ne 0 ]
    has "template parsing error"
    run shale system df extra
    [ "$status" -ne 0 ]
    run_ok shale system df --help
    has "RECLAIMABLE"
    has "du -sx"
}
