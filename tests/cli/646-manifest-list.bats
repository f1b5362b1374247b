#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Lists of manifests that are put together here and pushed.

load lib

setup_file() {
    local d i=0
    registry_with busybox
    export OURS=$REGISTRY_HOST
    REGISTRY_KIND=docker registry_start plain "$BATS_FILE_TMPDIR/debians"
    export DEBIANS=$REGISTRY_HOST
    # the images behind busybox:1.0: one0 is amd64's, one1 arm64's, s2 the latter as docker's schema 2
    for d in $(skopeo inspect --raw --tls-verify=false "docker://$OURS/busybox:1.0" | jq -r '.manifests[].digest'); do
        for to in "$OURS" "$DEBIANS"; do
            skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$OURS/busybox@$d" "docker://$to/one$i:v1"
        done
        i=$((i + 1))
    done
    skopeo copy -q --format v2s2 --src-tls-verify=false --dest-tls-verify=false "docker://$OURS/one1:v1" "docker://$DEBIANS/s2:v1"
    export AMD64 ARM64
    AMD64=$(raw "$OURS/one0:v1" | digest_of)
    ARM64=$(raw "$OURS/one1:v1" | digest_of)
}
teardown_file() { registry_stop_all; }
setup() { fresh_store; }
teardown() {
    own_stop_all
    [ ! -e "/run/netns/shale-ml-$$" ] || ip netns del "shale-ml-$$"
}

raw() { skopeo inspect --raw --tls-verify=false "docker://$1"; }
digest_of() { printf 'sha256:%s\n' "$(sha256sum | cut -d' ' -f1)"; }
await_file() { for _ in $(seq 600); do [ ! -s "$1" ] || return 0; sleep 0.05; done; return 1; }
m() { shale manifest "$@"; }

@test "docker makes the same of the same commands, to the byte" {
    need docker
    local l=$DEBIANS/l:1 one=$DEBIANS/one0:v1 s2=$DEBIANS/s2:v1
    # both LINE…: what shale and docker print for it, and how they end, is the same
    both() {
        local ours theirs
        ours=$(shale manifest "$@" 2>&1; echo "status $?")
        theirs=$(docker manifest "$@" 2>&1; echo "status $?")
        [ "${ours//Error: /}" = "$theirs" ] || { diff <(echo "$theirs") <(echo "$ours"); return 1; }
    }
    both create --insecure "$l" "$s2" "$one"
    both create --insecure "$l" "$one"
    both inspect "$l"
    both inspect -v "$l"
    both inspect "$l" "$one"
    both inspect -v "$l" "$s2"
    both inspect "$l" "$DEBIANS/one1:v1"
    both annotate "$l" "$one" --arch bogus
    both annotate "$l" "$one" --os bogus
    both annotate "$l" "$DEBIANS/x" --arch arm
    both annotate "$DEBIANS/X" "$one" --arch arm
    both annotate "$l" "$one" --arch arm --variant 'v7<&>' --os-features a,b --os-features 'c>' --os-version $'10\t.0'
    both annotate "$l" "$one" --os-features b,d
    both inspect -v "$l"
    both push --insecure "$l"
    both create -a --insecure "$l" "$DEBIANS/one1:v1"
    both inspect "$l"
    both push -p --insecure "$l"
    both push "$l"
    both inspect --insecure "$l"
    both inspect -v --insecure "$l"
    both inspect -v --insecure "$s2"
    both create --insecure "$l" "$DEBIANS/nope:1"
    both create --insecure "$DEBIANS/L" "$one"
    both create --insecure "$l" "$one" "$DEBIANS/Nope:1"
    # docker leaves the list with the first one behind
    docker manifest rm "$l"
    both rm "$l" "$DEBIANS/none"
}

@test "a list is pushed with what it needs, and others can use it" {
    own_registry own
    own_push "$SHALE_IMAGES/busybox:1.0" a/busybox:1.0
    run_ok m create "$OWN/x:1" "$OWN/a/busybox@$AMD64" "$OWN/a/busybox@$ARM64"
    [ "$output" = "Created manifest list $OWN/x:1" ]
    run_fails 1 "$OWN/a/busybox:1.0 is a manifest list" m create -a "$OWN/x:1" "$OWN/a/busybox:1.0"
    m annotate "$OWN/x:1" "$OWN/a/busybox@$ARM64" --arch arm --variant v7
    run_ok m push "$OWN/x:1"
    [ "${#lines[@]}" = 3 ]
    [ "${lines[0]}" = "Pushed ref $OWN/x@$AMD64 with digest: $AMD64" ]
    [ "${lines[2]}" = "$(raw "$OWN/x:1" | digest_of)" ]
    layer=$(raw "$OWN/x@$AMD64" | jq -r '.layers[0].digest')
    grep -q "mount=$layer&from=a%2Fbusybox HTTP/1.1\" 201" "$OWN_DIR.log"
    raw "$OWN/x:1" | jq -e '.mediaType == "application/vnd.oci.image.index.v1+json" and (.manifests | length) == 2'
    run_ok skopeo copy -q --all --src-tls-verify=false "docker://$OWN/x:1" "dir:$BATS_TEST_TMPDIR/dir"
    run_ok shale pull -q --platform linux/arm/v7 "$OWN/x:1"
}

@test "podman reads what was pushed" {
    plain_only
    need podman
    local w=$BATS_TEST_TMPDIR
    m create "$OURS/pod:1" "$OURS/one0:v1" "$OURS/one1:v1"
    m annotate "$OURS/pod:1" "$OURS/one1:v1" --os-features a,b --variant v8
    m push -p "$OURS/pod:1"
    printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$OURS" >"$w/registries.conf"
    CONTAINERS_REGISTRIES_CONF=$w/registries.conf podman --root "$w/p" --runroot "$w/p.run" --tmpdir "$w/p.tmp" --storage-driver vfs \
        manifest inspect "$OURS/pod:1" >"$w/theirs"
    jq -e '.manifests | length == 2' "$w/theirs"
    [ "$(jq -cS '[.manifests[] | {digest, platform}]' "$w/theirs")" = "$(m inspect "$OURS/pod:1" | jq -cS '[.manifests[] | {digest, platform}]')" ]
}

@test "images of other registries and of the store are sent" {
    shale pull -q "$OURS/one0:v1"
    shale tag "$OURS/one0:v1" "$DEBIANS/t/local:1"
    run_ok m create "$DEBIANS/t/app:1" "$DEBIANS/t/local:1" "$OURS/one1:v1"
    has "Info: $DEBIANS/t/local:1 is not in its registry: the image of this store is taken"
    run_ok m push "$DEBIANS/t/app:1"
    has "Pushed ref $DEBIANS/t/app@$ARM64 with digest: $ARM64"
    run_ok skopeo copy -q --all --src-tls-verify=false "docker://$DEBIANS/t/app:1" "dir:$BATS_TEST_TMPDIR/dir"
    [ "$(raw "$DEBIANS/t/app:1" | jq -r '.manifests[].platform.architecture' | sort | xargs)" = "amd64 arm64" ]
    # the image goes, the list stays and says what is missing
    shale rmi -f "$DEBIANS/t/local:1" "$OURS/one0:v1"
    run_fails 1 "$DEBIANS/t/local:1 ($AMD64) is not here any more" m push -p "$DEBIANS/t/app:1"
    m inspect "$DEBIANS/t/app:1" | jq -e '.manifests | length == 2'
}

@test "a line that breaks: one clear line, the list stays, the next push goes through" {
    "$BATS_TEST_DIRNAME/cutter" "$DEBIANS" 100000 1 "$BATS_TEST_TMPDIR/port" "$BATS_TEST_TMPDIR/log" >/dev/null 2>&1 3>&- &
    export OWN_PIDS=$!
    await_file "$BATS_TEST_TMPDIR/port"
    cut=$(cat "$BATS_TEST_TMPDIR/port")
    m create "$cut/c/l:1" "$OURS/one0:v1" "$OURS/one1:v1"
    SHALE_RETRIES=0 run_fails 1 "Error: " shale manifest push -p "$cut/c/l:1"
    [ "${#lines[@]}" = 1 ]
    run_ok m push -p "$cut/c/l:1"
    raw "$DEBIANS/c/l:1" | jq -e '.manifests | length == 2'
    run_fails 1 "No such manifest: $cut/c/l:1" m push "$cut/c/l:1"
}

@test "all members or none; who is added again is looked up again" {
    run_fails 1 "no such manifest: $OURS/none:1" m create "$OURS/l:1" "$OURS/one0:v1" "$OURS/none:1"
    run_fails 1 "No such manifest: $OURS/l:1" m rm "$OURS/l:1"
    run_fails 1 "name it by a tag" m create "$OURS/l@$AMD64" "$OURS/one0:v1"
    run_fails 1 "requires at least 2 arguments" m create "$OURS/l:1"
    skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$OURS/one0:v1" "docker://$OURS/moves:1"
    m create "$OURS/l:1" "$OURS/moves:1"
    m annotate "$OURS/l:1" "$OURS/moves:1" --variant v2
    m create -a "$OURS/l:1" "$OURS/moves:1" # as it was
    m inspect "$OURS/l:1" | jq -e '.manifests[0].platform.variant == "v2"'
    skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$OURS/one1:v1" "docker://$OURS/moves:1"
    m create -a "$OURS/l:1" "$OURS/moves:1"
    [ "$(m inspect "$OURS/l:1" | jq -c '.manifests[] | [.digest, .platform]')" = "[\"$ARM64\",{\"architecture\":\"arm64\",\"os\":\"linux\"}]" ]
    run_fails 1 "No such manifest: $OURS/zz:1" m rm "$OURS/zz:1" "$OURS/l:1"
    run_fails 1 "No such manifest: $OURS/l:1" m push "$OURS/l:1"
    run_ok shale fsck --check
}

@test "many at once" {
    local pids='' i ok=0
    for i in 1 2 3 4 5 6; do
        skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$OURS/one0:v1" "docker://$OURS/many:$i"
    done
    for i in 1 2 3 4 5 6; do "$SHALE_BIN" manifest create "$OURS/l:1" "$OURS/many:$i" >/dev/null 2>&1 3>&- & pids="$pids $!"; done
    for i in $pids; do if wait "$i"; then ok=$((ok + 1)); fi; done
    [ "$ok" = 1 ] # the others were refused
    pids=
    for i in 1 2 3 4 5 6; do "$SHALE_BIN" manifest create -a "$OURS/l:1" "$OURS/many:$i" >/dev/null 3>&- & pids="$pids $!"; done
    for i in $pids; do wait "$i"; done
    m inspect "$OURS/l:1" | jq -e '.manifests | length == 6'
}

@test "what has no platform gets one before it is pushed" {
    own_registry own --open
    printf '{}' >"$BATS_TEST_TMPDIR/config"
    config=$(digest_of <"$BATS_TEST_TMPDIR/config")
    upload=$(curl -s -D- -o /dev/null -X POST "http://$OWN/v2/bare/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: *//p')
    [[ $upload == http* ]] || upload=http://$OWN$upload
    curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary @"$BATS_TEST_TMPDIR/config" "$upload$([[ $upload == *\?* ]] && echo '&' || echo '?')digest=$config"
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":2},"layers":[]}' "$config" |
        curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @- "http://$OWN/v2/bare/manifests/1"
    m create "$OWN/bare:all" "$OWN/bare:1"
    run_fails 1 "manifest $OWN/bare:1 must have an OS and Architecture to be pushed to a registry" m push "$OWN/bare:all"
    run_fails 1 "unsupported os/arch combination: /arm" m annotate "$OWN/bare:all" "$OWN/bare:1" --arch arm
    m annotate "$OWN/bare:all" "$OWN/bare:1" --arch s390x --os linux
    run_ok m push -p "$OWN/bare:all"
    raw "$OWN/bare:all" | jq -e '.manifests[0].platform == {"architecture": "s390x", "os": "linux"}'
}

@test "--insecure lets any registry speak plainly" {
    need_root
    local ns=shale-ml-$$ pid at
    ip netns add "$ns"
    ip -n "$ns" link set lo up
    ip -n "$ns" addr add 10.213.79.1/32 dev lo
    ip netns exec "$ns" "$SHALE_BIN" registry serve --storage "$BATS_TEST_TMPDIR/reg" --addr 10.213.79.1:0 --open >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    export OWN_PIDS=$pid
    for _ in $(seq 600); do
        at=$(sed -n 's,^Listening on http://,,p' "$BATS_TEST_TMPDIR/out")
        [ -z "$at" ] || break
        sleep 0.05
    done
    [ -n "$at" ]
    there() { ip netns exec "$ns" "$@"; }
    there skopeo copy -q --all --dest-tls-verify=false "oci:$SHALE_IMAGES/busybox:1.0" "docker://$at/busybox:1.0"
    run_fails 1 "server gave HTTP response to HTTPS client" there "$SHALE_BIN" manifest inspect "$at/busybox:1.0"
    run_ok there "$SHALE_BIN" manifest inspect --insecure "$at/busybox:1.0"
    run_fails 1 "server gave HTTP response to HTTPS client" there "$SHALE_BIN" manifest create "$at/l:1" "$at/busybox@$AMD64"
    run_ok there "$SHALE_BIN" manifest create --insecure "$at/l:1" "$at/busybox@$AMD64"
    run_fails 1 "server gave HTTP response to HTTPS client" there "$SHALE_BIN" manifest push "$at/l:1"
    run_ok there "$SHALE_BIN" manifest push --insecure "$at/l:1"
}
