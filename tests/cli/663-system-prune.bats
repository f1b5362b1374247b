#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# system prune: what goes in which order, what stays, the words of the question.

load lib
load images

setup_file() {
    registry_with
    local l=$BATS_FILE_TMPDIR/layout
    tiny "$l" a 2020-01-02T03:04:05Z '.config.Labels = {"keep": "yes"}' one
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
names() { shale images --format '{{.Repository}}:{{.Tag}}' | sort; }

@test "nothing to remove" {
    run_ok shale system prune -f
    [ "$output" = "Total reclaimed space: 0B" ]
}

@test "the question lists what would go; only y goes on" {
    pull team/a:1
    run bash -c "echo n | '$SHALE_BIN' system prune"
    [ "$status" = 0 ]
    [ "$output" = "WARNING! This will remove:
  - all stopped containers
  - all networks not used by at least one container
  - all dangling images
  - unused build cache

Are you sure you want to continue? [y/N] " ]
    run bash -c "'$SHALE_BIN' system prune -a --volumes --filter label=x --filter 'label!=y' </dev/null"
    [ "$status" = 0 ]
    [ "$output" = "WARNING! This will remove:
  - all stopped containers
  - all networks not used by at least one container
  - all anonymous volumes not used by at least one container
  - all images without at least one container associated to them
  - all build cache

  Items to be pruned will be filtered with:
  - label=x
  - label!=y

Are you sure you want to continue? [y/N] " ]
    [ "$(names)" = "$R/team/a:1" ]
    run bash -c "echo y | '$SHALE_BIN' system prune -a"
    [ "$status" = 0 ]
    has "untagged: $R/team/a:1"
    [ -z "$(names)" ]
}

@test "stopped containers, then anonymous volumes, then the images that they had kept" {
    need_root
    pull busybox:1.0 team/a:1 team/b:1
    shale tag "$R/team/a:1" "$R/team/b:1" # leaves a dangling image
    stopped=$(shale run --network none -d -v /anonymous -v named:/n "$R/busybox:1.0" sh -c 'head -c 2000000 /dev/zero >/big')
    shale wait "$stopped" >/dev/null
    running=$(shale run --network none -d -v /mine "$R/busybox:1.0" sleep 300)
    anonymous=$(shale volume ls -q --filter dangling=false | grep -c -v named)
    [ "$anonymous" = 2 ]
    run_ok shale system prune -f
    [ "${lines[0]}" = "Deleted Containers:" ]
    [ "${lines[1]}" = "$stopped" ]
    [ "${lines[2]}" = "Deleted Images:" ]
    has "$stopped"$'\n\nDeleted Images:\nuntagged: '
    hasnt "$running"
    hasnt "Deleted Volumes:"
    [[ ${lines[-1]} =~ ^"Total reclaimed space: 2".*MB$ ]]
    [ "$(shale volume ls -q | wc -l)" = 3 ]
    [ "$(shale ps -aq --no-trunc)" = "$running" ]

    run_ok shale system prune -af --volumes
    [ "${lines[0]}" = "Deleted Volumes:" ]
    [[ ${lines[1]} =~ ^[0-9a-f]{64}$ ]]
    [ "${lines[2]}" = "Deleted Images:" ]
    has "untagged: $R/team/a:1"
    hasnt busybox
    [ "$(names)" = "$R/busybox:1.0" ]
    run_ok shale volume ls -q
    [ "${#lines[@]}" = 2 ]
    has named

    shale kill "$running" >/dev/null
    shale wait "$running" >/dev/null
    run_ok shale system prune -af --volumes
    has "Deleted Containers:"$'\n'"$running"$'\n\nDeleted Volumes:\n'
    has "untagged: $R/busybox:1.0"
    run_ok shale volume ls -q
    [ "$output" = named ]
    run_ok shale system df --format '{{.TotalCount}} {{.Size}}'
    [ "${lines[0]}" = "0 0B" ]
    [ "${lines[1]}" = "0 0B" ]
}

@test "filters are of containers, volumes and images alike; pins protect" {
    need_root
    pull busybox:1.0 team/a:1 team/b:1
    kept=$(shale create --label keep=yes "$R/busybox:1.0" true)
    gone=$(shale create "$R/busybox:1.0" true)
    shale image pin "$R/team/b:1" >/dev/null
    run_ok shale system prune -af --filter 'label!=keep'
    has "$gone"
    hasnt "$kept"
    hasnt untagged # a has the label, b is pinned, a container has busybox
    shale image unpin "$R/team/b:1" >/dev/null
    run_ok shale system prune -af --filter until=2019-01-01
    [ "$output" = "Total reclaimed space: 0B" ]
    run_ok shale system prune -af --filter label=keep=yes
    has "$kept"
    has "untagged: $R/team/a:1"
    hasnt team/b
}

@test "bad use: nothing is removed" {
    need_root
    pull busybox:1.0 team/a:1
    c=$(shale create "$R/busybox:1.0" true)
    run shale system prune -af --volumes --filter until=1h
    [ "$status" = 1 ]
    has 'ERROR: The "until" filter is not supported with "--volumes"'
    for f in nonsense=1 until=never reference=x; do
        run shale system prune -af --filter "$f"
        [ "$status" = 1 ]
        [ "${#lines[@]}" = 1 ]
    done
    run shale system prune -f extra
    [ "$status" = 1 ]
    [ "$(shale ps -aq --no-trunc)" = "$c" ]
    [ "$(names | wc -l)" = 2 ]
}
