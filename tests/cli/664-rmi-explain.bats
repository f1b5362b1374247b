#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rmi --explain and --cascade: all that holds an image, by name, and what goes with it; pins.

load lib
load images

setup_file() {
    registry_with
    push "$SHALE_IMAGES/busybox:1.0" base:1
}
teardown_file() { registry_stop_all; }
setup() {
    need_root
    fresh_store
    base=$REGISTRY_HOST/base:1
    store_by pull -q "$base"
    id=$(shale inspect -f '{{.Id}}' "$base")
    s=${id:7:12}
}
teardown() { drop_store; }

# A child of the image, with a layer of its own, and a grandchild.
family() {
    shale create --name maker "$base" true >/dev/null
    head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/f"
    shale run --network none --name maker2 -v "$BATS_TEST_TMPDIR:/in" "$base" cp /in/f /f
    shale commit maker2 child:1 >/dev/null
    shale rm maker2 >/dev/null
    shale run --network none --name maker3 -v "$BATS_TEST_TMPDIR:/in" child:1 cp /in/f /g
    shale commit maker3 grandchild:1 >/dev/null
    shale rm maker3 >/dev/null
}
names() { shale images --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' '; }
# As removals tell it: blobs by size, the rest by space on disk.
store_bytes() {
    local b l
    b=$(find "$SHALE_ROOT/blobs" -type f -printf '%s\n' | awk '{s += $1} END {print s + 0}')
    l=$(find "$SHALE_ROOT/layers/" "$SHALE_ROOT/images/" -mindepth 1 -printf '%b\n' | awk '{s += $1} END {print s * 512}')
    for d in "$SHALE_ROOT"/containers/*/upper; do
        [ ! -d "$d" ] || l=$((l + $(find "$d" -printf '%b\n' | awk '{s += $1} END {print s * 512}')))
    done
    echo $((b + l))
}
would_free() { sed -n 's/^Would free: .*(\([0-9]*\) bytes).*$/\1/p' <<<"$output" | tail -n 1; }

@test "--explain: nothing in the way: what rmi would do, status 0, nothing done" {
    before=$(store_bytes)
    run_ok shale rmi --explain "$base"
    [ "${lines[0]}" = "$base is image $s" ]
    [ "${lines[1]}" = "Untagged: $base" ]
    hasnt "IN THE WAY"
    told=$(would_free)
    [ "$(store_bytes)" = "$before" ]
    run_ok shale rmi "$base"
    [ $((before - $(store_bytes))) = "$told" ]
    run_fails 1 "Error: No such image: $base" shale rmi --explain "$base"
}

@test "--explain: everything at once, by name; with JSON" {
    family
    shale tag "$base" other:1
    shale image pin child:1 >/dev/null
    run=$(shale run --network none -d --name web "$base" sleep 300)
    shale create --name old "$base" true >/dev/null
    shale create --name kid child:1 true >/dev/null
    run shale rmi --explain "$id"
    [ "$status" = 1 ]
    has "Would be refused: conflict: unable to delete $s (cannot be forced) - image has dependent child images"
    grep -qE "^running container +${run:0:12} +web +$s +shale rm -f web *$" <<<"$output"
    grep -qE "^stopped container +[0-9a-f]{12} +old +$s +shale rm old +--force, --cascade$" <<<"$output"
    grep -qE "^stopped container +[0-9a-f]{12} +kid +[0-9a-f]{12} +shale rm kid +--cascade$" <<<"$output"
    grep -qE "^image made from it +[0-9a-f]{12} +child:1 +$s +shale rmi child:1 +--cascade$" <<<"$output"
    grep -qE "^image made from it +[0-9a-f]{12} +grandchild:1 " <<<"$output"
    grep -qE "^pin +[0-9a-f]{12} +child:1 +[0-9a-f]{12} +shale image unpin child:1 *$" <<<"$output"
    grep -qE "^other name +$s +other:1 +$s +shale rmi other:1 +--force$" <<<"$output"
    [[ ${lines[-1]} == "Would free: "*" with all of that out of the way" ]]

    run shale rmi --explain --format json "$id" "$base"
    [ "$status" = 1 ]
    [ "$(jq -s length <<<"$output")" = 2 ]
    [ "$(jq -sr '.[0].InTheWay | group_by(.Kind) | map("\(.[0].Kind) \(length)") | join(",")' <<<"$output")" = \
        "Child 2,Name 3,Pin 1,RunningContainer 1,StoppedContainer 3" ]
    [ "$(jq -sr '.[0].Refused, .[1].Refused, .[1].Removes[0].Untagged' <<<"$output")" = $'true\nfalse\n'"$base" ]
    [ "$(jq -sr '.[1].Names | join(" ")' <<<"$output" | grep -c other:1)" = 1 ]
    run shale rmi --explain --format '{{len .InTheWay}} {{.Refused}} {{(index .InTheWay 0).Name}}' "$id"
    [[ $output == "10 true "* ]]
    run_fails 1 "template parsing error" shale rmi --explain --format '{{.' "$id"
    run_ok shale rmi --dry-run --format json "$base"
    [ "$(jq -r '.ImagesDeleted[0].Untagged, .SpaceReclaimed' <<<"$output")" = "$base"$'\n0' ]
}

@test "--explain: what would be freed with all out of the way is what is freed then" {
    family
    shale run --network none --name writer "$base" dd if=/dev/zero of=/z bs=1000 count=500 2>/dev/null
    shale run --network none -d --name web child:1 sleep 300 >/dev/null
    run shale rmi --explain "$base"
    [ "$status" = 1 ]
    total=$(would_free)
    shale kill web >/dev/null && shale wait web >/dev/null
    before=$(store_bytes)
    run_ok shale rmi --cascade --dry-run "$base"
    [ "$(would_free)" = "$total" ]
    list=$(grep -v '^Would' <<<"$output")
    [ "$(store_bytes)" = "$before" ]
    [ "$(shale ps -aq | wc -l)" = 3 ]
    run_ok shale rmi --cascade "$base"
    [ "$output" = "$list" ]
    grep -qE '^Removed container: [0-9a-f]{64} \(writer\)$' <<<"$output"
    has "Untagged: grandchild:1"
    has "Deleted: $id"
    [ $((before - $(store_bytes))) = "$total" ]
    [ -z "$(shale ps -aq)$(shale images -aq)" ]
    run_ok shale fsck --check
}

@test "--cascade: running containers and pins refuse all of it, and are named" {
    family
    shale run --network none -d --name web "$base" sleep 300 >/dev/null
    shale run --network none -d --name kid grandchild:1 sleep 300 >/dev/null
    for force in "" -f; do
        # shellcheck disable=SC2086
        run_fails 1 "Error: conflict: unable to delete $s (cannot be forced) - in use by running containers web, kid" \
            shale rmi --cascade $force "$base"
    done
    shale rm -f web kid >/dev/null
    shale image pin child:1 grandchild:1 >/dev/null
    run_fails 1 "unable to delete $s (cannot be forced) - pinned: child:1, grandchild:1 (see 'shale image unpin')" \
        shale rmi --cascade --dry-run "$base"
    [ "$(names)" = "$base child:1 grandchild:1 " ] # and maker is there
    [ "$(shale ps -aq | wc -l)" = 1 ]
    shale image unpin child:1 grandchild:1 >/dev/null
    run_ok shale rmi --cascade child:1 # what stands above it stays
    [ "$(names)" = "$base " ]
    [ "$(shale ps -aq | wc -l)" = 1 ]
}

@test "--cascade: one name of several is only a name" {
    shale tag "$base" other:1
    shale create --name cc "$base" true >/dev/null
    run_ok shale rmi --cascade other:1
    [ "$output" = "Untagged: other:1" ]
    [ "$(shale ps -aq | wc -l)" = 1 ]
    shale tag "$base" other:1
    run_fails 1 "image is referenced in multiple repositories" shale rmi --cascade "$s"
    [ "$(shale ps -aq | wc -l)" = 1 ]
    run_ok shale rmi --cascade -f "$s"
    [ -z "$(shale ps -aq)$(shale images -aq)" ]
}

@test "a pin refuses rmi, forced or not, until it is off; names that are not the last may go" {
    shale tag "$base" other:1
    run_ok shale image pin "$base"
    run_ok shale rmi other:1
    [ "$output" = "Untagged: other:1" ]
    for force in "" -f; do
        # shellcheck disable=SC2086
        run_fails 1 "Error: conflict: unable to delete $s (cannot be forced) - image is pinned: 'shale image unpin $base' lets it go" \
            shale rmi $force "$base"
        # shellcheck disable=SC2086
        run_fails 1 "image is pinned: 'shale image unpin $s' lets it go" shale rmi $force "$s"
    done
    [ "$(names)" = "$base " ]
    run_ok shale image unpin "$s"
    run_ok shale rmi "$base"
}

@test "images shows pins: filter, template, JSON" {
    shale run --network none --name cc "$base" true
    shale tag "$base" other:1
    shale commit cc second:1 >/dev/null
    shale image pin other:1 >/dev/null
    run_ok shale images --filter pinned=true --format '{{.Repository}}:{{.Tag}} {{.Pinned}} {{.LastUsed}}'
    [ "${#lines[@]}" = 2 ]
    has "other:1 true "
    has " ago"
    run_ok shale images --filter pinned=false --format json
    [ "$(jq -r '.Repository + " " + .Pinned + .LastUsed' <<<"$output")" = "second false" ]
    run_fails 1 "invalid filter 'pinned=[maybe]'" shale images --filter pinned=maybe
}
