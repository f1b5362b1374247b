#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `outdated`: which local images their registries have newer, from our registry and from Debian's.

bats_require_minimum_version 1.5.0
load lib

setup_file() {
    registry_with busybox debian
    export OURS=$REGISTRY_HOST
    REGISTRY_KIND=docker registry_start plain "$BATS_FILE_TMPDIR/debians"
    export DEBIANS=$REGISTRY_HOST
    export REGISTRY_HOST=$OURS
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    repo=t$BATS_TEST_NUMBER
}
teardown() { own_stop_all; }

raw_digest() { echo "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$1" | sha256sum | cut -d' ' -f1)"; }
# put LAYOUT REFERENCE: what the tag stands for from now on
put() { skopeo copy -q --all --dest-tls-verify=false "oci:$SHALE_IMAGES/$1:1.0" "docker://$2"; }
# based REFERENCE annotations|labels NAME [DIGEST]: an image that names its base
based() {
    local dir
    dir=$(mktemp -d -p "$BATS_TEST_TMPDIR")
    python3 -B - "$SHALE_IMAGES/debian" "$dir" "${@:2}" <<'END'
import hashlib, json, os, shutil, sys
layout, out, where, *base = sys.argv[1:]
names = dict(zip(("org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"), base))
shutil.copytree(layout, out, dirs_exist_ok=True)
def read(digest): return json.load(open(f"{out}/blobs/sha256/{digest[7:]}"))
def write(value, like):
    raw = json.dumps(value).encode()
    digest = hashlib.sha256(raw).hexdigest()
    open(f"{out}/blobs/sha256/{digest}", "wb").write(raw)
    return dict(like, digest="sha256:" + digest, size=len(raw))
index = json.load(open(out + "/index.json"))
top = index["manifests"][0]
manifest = read(top["digest"])
if where == "labels":
    config = read(manifest["config"]["digest"])
    config["config"].setdefault("Labels", {}).update(names)
    manifest["config"] = write(config, manifest["config"])
else:
    manifest["annotations"] = names
index["manifests"] = [write(manifest, top)]
json.dump(index, open(out + "/index.json", "w"))
END
    skopeo copy -q --dest-tls-verify=false "oci:$dir:1.0" "docker://$1"
}

@test "a tag that has moved is found, the others are not" {
    for host in "$OURS" "$DEBIANS"; do
        put busybox "$host/$repo:moves"
        put debian "$host/$repo:stays"
        run_ok shale pull -q "$host/$repo:moves"
        run_ok shale pull -q "$host/$repo:stays"
        run_ok shale outdated "$host/$repo"
        [ "${#lines[@]}" = 1 ]
        old=$(raw_digest "$host/$repo:moves")
        put debian "$host/$repo:moves"
        run_fails 1 "$host/$repo:moves" shale outdated "$host/$repo"
        [ "${#lines[@]}" = 2 ]
        [[ ${lines[0]} =~ ^NAME\ +STATUS\ +LOCAL\ +REMOTE\ +BASE\ +BASE\ STATUS ]]
        run shale outdated --format json "$host/$repo"
        [ "$status" = 1 ]
        jq -e --arg n "$host/$repo:moves" --arg o "$old" --arg w "$(raw_digest "$host/$repo:moves")" \
            '.Name == $n and .Status == "outdated" and .LocalDigest == $o and .RemoteDigest == $w and .Base == "" and .Problem == ""' <<<"$output"
        run shale outdated -q "$host/$repo"
        [ "$status" = 1 ]
        [ "$output" = "$host/$repo:moves" ]
        run shale outdated --all --format '{{.Name}} {{.Status}}' "$host/$repo"
        [ "$status" = 1 ]
        [ "$output" = "$host/$repo:moves outdated"$'\n'"$host/$repo:stays current" ]
        # as the help has it
        shale outdated -q --no-base "$host/$repo" | xargs -r -n 1 "$SHALE_BIN" pull -q
        run_ok shale outdated -q "$host/$repo"
        [ -z "$output" ]
    done
}

@test "what was never in a registry is not asked for, what was pushed is" {
    own_registry asked
    own_push "$SHALE_IMAGES/busybox:1.0" app:1
    run_ok shale pull -q "$OWN/app:1"
    run_ok shale tag "$OWN/app:1" "$OWN/mine:1"
    run_ok shale tag "$OWN/app:1" here
    run_ok shale outdated --all --format '{{.Name}} {{.Status}}'
    has "here:latest local"
    has "$OWN/mine:1 local"
    has "$OWN/app:1 current"
    run_ok shale push -q "$OWN/mine:1"
    run_ok shale outdated -a --format '{{.Name}} {{.Status}}' "$OWN/mine"
    [ "$output" = "$OWN/mine:1 current" ]
    own_push "$SHALE_IMAGES/debian:1.0" mine:1
    run_fails 1 "$OWN/mine:1 outdated" shale outdated --format '{{.Name}} {{.Status}}'
    [ "${#lines[@]}" = 1 ]
}

@test "it takes one HEAD a reference, and nothing is pulled" {
    printf '[log]\naccess_file = access.log\n' >"$BATS_TEST_TMPDIR/conf"
    own_registry heads --config "$BATS_TEST_TMPDIR/conf"
    own_push "$SHALE_IMAGES/busybox:1.0" base:1
    own_push "$SHALE_IMAGES/debian:1.0" other:1
    for tag in 1 2; do
        based "$OWN/app:$tag" annotations "$OWN/base:1" "$(raw_digest "$OWN/base:1")"
        run_ok shale pull -q "$OWN/app:$tag"
    done
    run_ok shale tag "$OWN/app:1" again
    log=$(find "$BATS_TEST_TMPDIR" -name access.log)
    : >"$log"
    run_ok shale outdated
    cat "$log"
    [ "$(grep -c /manifests/ "$log")" = 3 ]
    [ "$(grep -c '"HEAD ' "$log")" = 3 ]
    for name in app/manifests/1 app/manifests/2 base/manifests/1; do grep -q "HEAD /v2/$name " "$log"; done
    [ "$(grep -c /blobs/ "$log")" = 0 ]
}

@test "a base image that moved" {
    for host in "$OURS" "$DEBIANS"; do
        put busybox "$host/$repo/base:1"
        list=$(raw_digest "$host/$repo/base:1")
        entry=$(skopeo inspect --raw --tls-verify=false "docker://$host/$repo/base:1" | jq -r '.manifests[] | select(.platform.architecture == "amd64").digest')
        based "$host/$repo:list" annotations "$host/$repo/base:1" "$list"
        based "$host/$repo:entry" annotations "$host/$repo/base:1" "$entry"
        based "$host/$repo:label" labels "$host/$repo/base:1" "$list"
        based "$host/$repo:nodigest" labels "$host/$repo/base:1"
        based "$host/$repo:fixed" labels "$host/$repo/base@$list" "$list"
        based "$host/$repo:silly" annotations "Not A Name" "$list"
        for tag in list entry label nodigest fixed silly; do run_ok shale pull -q "$host/$repo:$tag"; done
        run_ok shale outdated -a --format '{{.Name}} {{.BaseStatus}} {{.Base}}' "$host/$repo"
        [ "$output" = "$host/$repo:entry current $host/$repo/base:1
$host/$repo:fixed  
$host/$repo:label current $host/$repo/base:1
$host/$repo:list current $host/$repo/base:1
$host/$repo:nodigest unknown $host/$repo/base:1
$host/$repo:silly  " ]
        put debian "$host/$repo/base:1"
        run shale outdated -q "$host/$repo"
        [ "$status" = 1 ]
        [ "$output" = "$host/$repo:entry"$'\n'"$host/$repo:label"$'\n'"$host/$repo:list" ]
        run shale outdated --format json "$host/$repo:list"
        [ "$status" = 1 ]
        jq -e --arg l "$list" --arg n "$(raw_digest "$host/$repo/base:1")" \
            '.Status == "current" and .BaseStatus == "outdated" and .BaseDigest == $l and .BaseRemoteDigest == $n' <<<"$output"
        run_ok shale outdated -q --no-base "$host/$repo"
        [ -z "$output" ]
    done
}

@test "what cannot be asked for keeps its row, has one line, and does not hide the rest" {
    own_registry dies
    for i in 1 2 3 4 5 6; do
        own_push "$SHALE_IMAGES/busybox:1.0" "app:$i"
        run_ok shale pull -q "$OWN/app:$i"
    done
    put busybox "$OURS/$repo:1"
    run_ok shale pull -q "$OURS/$repo:1"
    put debian "$OURS/$repo:1"
    based "$OURS/$repo:onit" annotations "$OWN/app:1" "$(raw_digest "$OWN/app:1")"
    run_ok shale pull -q "$OURS/$repo:onit"
    own_stop
    run --separate-stderr shale outdated --format '{{.Name}} {{.Status}} {{.BaseStatus}}'
    [ "$status" = 2 ]
    [ "$output" = "$(for i in 1 2 3 4 5 6; do echo "$OWN/app:$i unknown "; done | cat - <(echo "$OURS/$repo:1 outdated "; echo "$OURS/$repo:onit current unknown") | LC_ALL=C sort)" ]
    # shellcheck disable=SC2154 # bats sets it
    [[ $stderr == *"Error: $OWN/app:"*"connection refused"* ]]
    [ "$(grep -c ^Error <<<"$stderr")" -le 8 ]
    run --separate-stderr shale outdated -q
    [ "$status" = 2 ]
    [ "$output" = "$OURS/$repo:1" ]
}

@test "a tag that is gone, and mistakes" {
    own_registry gone
    own_push "$SHALE_IMAGES/busybox:1.0" app:1
    run_ok shale pull -q "$OWN/app:1"
    run_ok shale outdated
    run_ok shale tag "$OWN/app:1" "$OWN/app:never-pushed"
    based "$OWN/on:1" annotations "$OWN/app:1" "$(raw_digest "$OWN/app:1")"
    run_ok shale pull -q "$OWN/on:1"
    run_ok shale delete "$OWN/app:1"
    run_ok shale outdated --format '{{.Name}} {{.Status}} {{.BaseStatus}}.{{.Problem}}'
    [ "$output" = "$OWN/app:1 gone ."$'\n'"$OWN/app:never-pushed gone ."$'\n'"$OWN/on:1 current gone." ]
    run_ok shale outdated -q
    [ -z "$output" ]
    run_fails 2 "no image here has a tag that matches none" shale outdated none
    run_fails 2 "syntax error in pattern" shale outdated '[x'
    run_fails 2 "template parsing error" shale outdated --format '{{'
    run_fails 125 "unknown flag: --nope" shale outdated --nope
    run_ok shale image outdated --help
    has "The exit status is 0 when nothing is outdated"
    run_ok shale rmi "$OWN/app:1" "$OWN/app:never-pushed" "$OWN/on:1"
    run_ok shale outdated
    [ "${#lines[@]}" = 1 ]
    run_ok shale outdated -q
    [ -z "$output" ]
}
