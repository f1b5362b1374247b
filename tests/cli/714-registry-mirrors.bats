#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Mirrors of Docker Hub: the command's and the daemon's. What stands for the Hub is a proxy that notes what it is asked.
# shellcheck disable=SC2154 # bats sets output

load lib
load daemon

setup_file() {
    need docker
    local d=$BATS_FILE_TMPDIR
    python3 -B "$BATS_TEST_DIRNAME/hub" "$d/port" "$d/asked" 3>&- &
    echo $! >"$d/hub.pid"
    for _ in $(seq 400); do [ -s "$d/port" ] && break; sleep 0.05; done
    HTTP_PROXY=http://127.0.0.1:$(cat "$d/port")
    export HTTP_PROXY HUB_LOG=$d/asked NO_PROXY=127.0.0.1
    local BATS_TEST_TMPDIR=$d
    own_registry empty
    own_push "$SHALE_IMAGES/busybox:1.0" library/many:1
    own_push "$SHALE_IMAGES/debian:1.0" library/many:2
    export EMPTY=http://$OWN EMPTY_LOG=$OWN_DIR.log EMPTY_DIR=$OWN_DIR
    own_registry full
    own_push "$SHALE_IMAGES/busybox:1.0" library/app:1
    own_push "$SHALE_IMAGES/busybox:1.0" me/app:2
    own_push "$SHALE_IMAGES/busybox:1.0" library/many:1
    own_push "$SHALE_IMAGES/debian:1.0" library/many:2
    export FULL=http://$OWN FULL_LOG=$OWN_DIR.log
    echo "$OWN_PIDS" >"$d/pids"
    printf '{"insecure-registries":["docker.io"],"registry-mirrors":["%s","%s/"]}' "$EMPTY" "$FULL" >"$d/conf"
    daemon_start --config "$d/conf"
}
teardown_file() {
    daemon_stop
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR OWN_PIDS=$(cat "$BATS_FILE_TMPDIR/pids") own_stop_all
    kill "$(cat "$BATS_FILE_TMPDIR/hub.pid")"
}
setup() {
    fresh_store
    : >"$HUB_LOG"
}
hub_asked() { cat "$HUB_LOG"; }
# pulls as root's, or a user's, own command
pull() { shale --insecure-registry docker.io "$@"; }

@test "mirrors: asked in their order, one that is down or has nothing is passed over, the Hub comes last" {
    # nobody listens at the first one
    run_ok pull --registry-mirror http://127.0.0.1:1 --registry-mirror "$EMPTY/" --registry-mirror "$FULL" pull app:1
    has "1: Pulling from library/app"
    has "Status: Downloaded newer image for app:1"
    has "docker.io/library/app:1"
    [ "$(hub_asked)" = "" ]
    grep -q "/v2/library/app/manifests/1" "$EMPTY_LOG"
    run_ok shale images --format '{{.Repository}}:{{.Tag}}'
    [ "$output" = app:1 ]
    run_ok pull --registry-mirror "$FULL" pull -q me/app:2
    [ "$(hub_asked)" = "" ]
    # by digest, too; and again: up to date
    digest=$(shale images --digests --format '{{.Digest}}' app:1)
    run_ok pull --registry-mirror "$EMPTY" --registry-mirror "$FULL" pull app:1
    has "Status: Image is up to date for app:1"
    shale rmi app:1 me/app:2 >/dev/null
    run_ok pull --registry-mirror "$EMPTY" --registry-mirror "$FULL" pull -q "app@$digest"
    [ "$(hub_asked)" = "" ]
    # a mirror that ends in the middle of all tags: what it gave is not asked for, told and counted again
    layer=$(skopeo inspect --tls-verify=false "docker://${EMPTY#http://}/library/many:2" | jq -r '.Layers[0]')
    find "$EMPTY_DIR" -type f -name "*${layer#*:}*" -delete
    run_ok pull --registry-mirror "$EMPTY" --registry-mirror "$FULL" pull -a many
    [ "$(grep -c '^1: Pulling from' <<<"$output")" = 1 ]
    has "Status: Downloaded newer image for many"
    [ "$(shale images -q many | wc -l)" = 2 ]
    # what no mirror has: the Hub's words
    run_fails 1 "" pull --registry-mirror "$EMPTY" --registry-mirror "$FULL" pull nosuch:1
    hub_asked | grep -q "registry-1.docker.io/v2/library/nosuch/manifests/1"
}

@test "mirrors: only for names of the Hub, only for pulling; credentials for the Hub do not go there" {
    mkdir -p "$DOCKER_CONFIG"
    printf '{"auths":{"https://index.docker.io/v1/":{"auth":"%s"}}}' "$(printf me:mine | base64)" >"$DOCKER_CONFIG/config.json"
    python3 -B "$BATS_TEST_DIRNAME/hub" "$BATS_TEST_TMPDIR/port" "$BATS_TEST_TMPDIR/asked" 3>&- &
    nosy=$!
    await test -s "$BATS_TEST_TMPDIR/port"
    run pull --registry-mirror "http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/sub/" pull nosuch:1
    kill "$nosy"
    [ "$status" = 1 ]
    grep -q "^/sub/v2/library/nosuch/manifests/1 -$" "$BATS_TEST_TMPDIR/asked"
    [ "$(grep -c mine "$BATS_TEST_TMPDIR/asked" || true)" = 0 ]
    hub_asked | grep -q "manifests/1 me:mine"
    : >"$HUB_LOG"
    shale load -q -i <(skopeo copy --quiet "oci:$SHALE_IMAGES/busybox:1.0" docker-archive:/dev/stdout:app:1) >/dev/null
    n=$(grep -c POST "$FULL_LOG") || true
    run_fails 1 "" pull --registry-mirror "$FULL" push app:1
    [ "$(grep -c POST "$FULL_LOG" || true)" = "$n" ]
    [ -n "$(hub_asked)" ]
    run_fails 1 "" shale --registry-mirror "$FULL" pull -q 127.0.0.1:1/library/app:1
    run_fails 1 'invalid mirror: "nourl" is not a valid URI' shale --registry-mirror nourl images
}

@test "mirrors: of the daemon's config; docker pull and info; HUP" {
    run_ok docker pull app:1
    has "Status: Downloaded newer image for app:1"
    [ "$(hub_asked)" = "" ]
    run_ok docker info -f '{{json .RegistryConfig.Mirrors}} {{json (index .RegistryConfig.IndexConfigs "docker.io").Mirrors}}'
    [ "$output" = "[\"$EMPTY/\",\"$FULL/\"] [\"$EMPTY/\",\"$FULL/\"]" ]
    echo '{"insecure-registries":["docker.io"]}' >"$BATS_FILE_TMPDIR/conf"
    kill -HUP "$DAEMON_PID"
    no_mirrors() { [ "$(docker info -f '{{json .RegistryConfig.Mirrors}}')" = '[]' ]; }
    await no_mirrors
    docker rmi app:1 >/dev/null
    run_fails 1 "" docker pull app:1
    [ -n "$(hub_asked)" ]
}
