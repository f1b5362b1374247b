#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# image prune --keep, --unused-for, --max-size: alone and together, with clocks set in the database.

load lib
load images

setup_file() {
    local l=$BATS_FILE_TMPDIR/layout n=0
    registry_with
    # Five of app, each with a layer of its own on a common one, made in the order of their tags; two of web.
    for tag in app:1 app:2 app:3 app:4 app:5 web:1 web:2; do
        n=$((n + 1))
        head -c 40000 /dev/urandom | base64 >"$BATS_FILE_TMPDIR/salt"
        tiny "$l" "${tag/:/-}" "202$n-01-01T00:00:00Z" . common "${tag/:/-}"
        push_tag "$l" "${tag/:/-}" "$tag"
    done
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store
    for tag in app:1 app:2 app:3 app:4 app:5 web:1 web:2; do shale pull -q "$REGISTRY_HOST/$tag" >/dev/null; done
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    R=$REGISTRY_HOST
    cp -a "$BATS_FILE_TMPDIR/store" "$SHALE_ROOT"
}
teardown() { drop_store; }

names() { shale images --format '{{.Repository}}:{{.Tag}}' | sed "s,^$R/,," | sort | tr '\n' ' '; }
# clock COLUMN NAME:TAG DAYS: that was so many days ago; COLUMN all: all three
clock() {
    python3 - "$SHALE_ROOT/shale.db" "$1" "$R/${2%:*}" "${2#*:}" "$3" <<'PY'
import sqlite3, sys, time
path, column, repo, tag, days = sys.argv[1:]
at = time.time_ns() - int(float(days) * 86400e9)
with sqlite3.connect(path) as db:
    for c in ("added", "used", "tagged") if column == "all" else (column,):
        n = db.execute(f"UPDATE images SET {c} = ? WHERE id = (SELECT image FROM tags WHERE repo = ? AND tag = ?)",
                       (at, repo, tag)).rowcount
        assert n == 1, (repo, tag)
PY
}
store_bytes() {
    local b l
    b=$(find "$SHALE_ROOT/blobs" -type f -printf '%s\n' | awk '{s += $1} END {print s + 0}')
    l=$(find "$SHALE_ROOT/layers/" "$SHALE_ROOT/images/" -mindepth 1 -printf '%b\n' | awk '{s += $1} END {print s * 512}')
    echo $((b + l))
}
told() { sed -n 's/.*(\([0-9]*\) bytes)$/\1/p' <<<"$output"; }

@test "--keep: the newest of each repository stay, by creation; tags go without -a" {
    run_ok shale image prune -f --keep 2
    [ "$(names)" = "app:4 app:5 web:1 web:2 " ]
    run_ok shale image prune -f --keep 2
    [ "$output" = "Total reclaimed space: 0B" ]
    run_ok shale image prune -f --keep 1 --filter "reference=$R/app"
    [ "$(names)" = "app:5 web:1 web:2 " ]
    # an image that is kept in one repository keeps its names in others
    shale tag "$R/web:1" "$R/solo:1"
    run_ok shale image prune -f --keep 1
    [ "$(names)" = "app:5 solo:1 web:1 web:2 " ]
    run_ok shale image prune -f --keep 1 --filter "reference=$R/web"
    [ "$(names)" = "app:5 solo:1 web:2 " ]
}

@test "--keep: several tags are one image; pinned ones count, a name that was lost to another counts by its digest" {
    shale tag "$R/app:5" "$R/app:latest"
    shale image pin "$R/app:1" >/dev/null
    run_ok shale image prune -f --keep 2 --filter "reference=$R/app"
    [ "$(names)" = "app:1 app:4 app:5 app:latest web:1 web:2 " ]
    shale tag "$R/app:1" "$R/app:4" # 4 has only its digest left
    run_ok shale image prune -f --keep 2
    [ "$(shale images --filter dangling=true -q | wc -l)" = 1 ]
    run_ok shale image prune -f --keep 1
    [ "$(shale images --filter dangling=true -q | wc -l)" = 0 ]
    [ "$(names)" = "app:1 app:4 app:5 app:latest web:2 " ]
}

@test "--unused-for: the latest of coming here, being tagged, and use by a container" {
    for tag in app:1 app:2 app:3 app:4; do clock all $tag 40; done
    clock used app:2 29
    clock tagged app:3 29
    clock added app:4 29
    run_ok shale image prune --dry-run --unused-for 30d
    [ "$(grep -c '^untagged: .*:[0-9]$' <<<"$output")" = 1 ]
    has "untagged: $R/app:1"
    run_ok shale image prune -f --unused-for 720h30m
    [ "$(names)" = "app:2 app:3 app:4 app:5 web:1 web:2 " ]
    clock all app:5 15
    run_ok shale image prune -f --unused-for 2w
    [ "$(names)" = "web:1 web:2 " ]
}

@test "--unused-for: a container that was removed only now was a use until now" {
    need_root
    push "$SHALE_IMAGES/busybox:1.0" busybox:1
    shale pull -q "$R/busybox:1" >/dev/null
    shale create --name cc "$R/busybox:1" true >/dev/null
    clock all busybox:1 40
    run_ok shale image prune -f --unused-for 30d
    [[ $(names) == *busybox:1* ]] # in use
    shale rm cc >/dev/null
    run_ok shale image prune -f --unused-for 30d
    [[ $(names) == *busybox:1* ]]
    clock all busybox:1 31
    run_ok shale image prune -f --unused-for 30d
    [[ $(names) != *busybox:1* ]]
}

@test "--max-size: the longest unused go first, no more than it takes, told to the byte" {
    for n in 1 2 3 4 5; do clock all app:$n $((50 - n)); done
    clock all app:3 100
    clock all web:1 2
    clock all web:2 1
    before=$(store_bytes)
    run_ok shale image prune -f --max-size "$before"
    [ "$output" = "Total reclaimed space: 0B" ]
    run_ok shale image prune --dry-run --max-size $((before - 1))
    [ "$(grep -c '^untagged: .*:[0-9]$' <<<"$output")" = 1 ]
    has "untagged: $R/app:3"
    one=$(told)
    run_ok shale image prune --dry-run --max-size $((before - one - 1))
    two=$(told)
    list=$(grep -E '^(untagged|deleted)' <<<"$output")
    [ "$(store_bytes)" = "$before" ]
    run_ok shale image prune -f --format json --max-size $((before - two))
    [ "$(jq -r '.SpaceReclaimed' <<<"$output")" = "$two" ]
    [ "$(jq -r '.BytesLeft' <<<"$output")" = "$(store_bytes)" ]
    [ "$(jq -r '.ImagesDeleted[] | to_entries[] | (.key | ascii_downcase) + ": " + .value' <<<"$output")" = "$list" ]
    [ $((before - $(store_bytes))) = "$two" ]
    [ "$(names)" = "app:2 app:4 app:5 web:1 web:2 " ]
    run_ok shale fsck --check
}

@test "--max-size that cannot be reached is told; what is pinned stays" {
    shale image pin "$R/app:1" >/dev/null
    run_ok shale image prune -f --max-size 1k
    [[ $output =~ "WARNING: images still take "[0-9.]+kB", more than 1k: the others are in use, pinned or kept" ]]
    [ "$(names)" = "app:1 " ]
    run_ok shale image prune --dry-run --max-size 1g
    hasnt WARNING
}

@test "together: an image goes only if each lets it go" {
    for n in 1 2 3 5; do clock all app:$n $((50 - n)); done
    clock all web:1 60
    run_ok shale image prune --dry-run --keep 2 --unused-for 30d # 4 is in use and 5 is new; web has only two
    [ "$(grep -c '^untagged: .*:[0-9]$' <<<"$output")" = 3 ]
    hasnt "/web:"
    left=$(($(store_bytes) - $(told)))
    run_ok shale image prune --dry-run --keep 2 --unused-for 30d --max-size 1
    has "untagged: $R/app:3"
    has "WARNING: images would still take"
    run_ok shale image prune --dry-run --keep 2 --unused-for 30d --max-size $(($(store_bytes) - 1))
    [ "$(grep '^untagged: .*:[0-9]$' <<<"$output")" = "untagged: $R/app:1" ]
    run_ok shale image prune -f --keep 2 --unused-for 30d --filter "reference=$R/app" --filter until=2022-06-01
    [ "$(names)" = "app:3 app:4 app:5 web:1 web:2 " ]
    [ "$(store_bytes)" -gt "$left" ]
}

@test "the question tells the policies; wrong values are told, and nothing goes" {
    run bash -c "echo n | '$SHALE_BIN' image prune --keep 3 --unused-for 30d --max-size 20GB"
    [ "$status" = 0 ]
    has "WARNING! This will remove all images without at least one container associated to them, but not
  - the newest 3 of each repository
  - those used within 30d
  - more than it takes, the longest unused first, for all to fit in 20GB"
    run_fails 1 "Error: --keep: must be 1 or more" shale image prune -f --keep 0
    run_fails 1 "Error: --keep: must be 1 or more" shale image prune -f --keep=-1
    run_fails 125 'invalid argument "x" for "--keep"' shale image prune -f --keep x
    run_fails 1 'Error: --unused-for: time: missing unit in duration "30"' shale image prune -f --unused-for 30
    run_fails 1 "Error: --unused-for: must be more than 0" shale image prune -f --unused-for 0d
    run_fails 1 "Error: --max-size: invalid size: '20 apples'" shale image prune -f --max-size "20 apples"
    run_fails 1 "template parsing error" shale image prune -f --keep 1 --format '{{'
    [ "$(names)" = "app:1 app:2 app:3 app:4 app:5 web:1 web:2 " ]
}
