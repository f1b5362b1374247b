#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The daemon itself: negotiation, version, info, events, errors, what is not there.
# shellcheck disable=SC2034,SC2154

load lib
load daemon

setup_file() { daemon_start; }
teardown_file() { daemon_stop; }
setup() { need docker; }

@test "ping: headers by HEAD and GET, with a version and without" {
    for path in /_ping /v1.24/_ping /v1.51/_ping; do
        run_ok api GET "$path"
        [ "$output" = OK ]
        run_ok api HEAD "$path" -I
        for h in "200 OK" "Api-Version: 1.51" "Ostype: linux" "Docker-Experimental: false" "Builder-Version: 1" \
            "Swarm: inactive" "Cache-Control: no-cache, no-store, must-revalidate" "Pragma: no-cache" \
            "Content-Length: 0" "(linux)"; do
            has "$h"
        done
    done
}

@test "versions: what is too new or too old is told in docker's words" {
    run_ok api GET /v1.52/info
    [ "$output" = '{"message":"client version 1.52 is too new. Maximum supported API version is 1.51"}' ]
    run_ok api GET /v1.23/info
    [ "$output" = '{"message":"client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version"}' ]
    for v in v1 v1. v.1 v1.2.3 vx v1.99999999999 v0.1 v2.0; do
        [[ $(api_status GET "/$v/_ping") =~ ^40[04]$ ]]
    done
    run_ok docker version --format '{{.Client.APIVersion}} {{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Os}}'
    [[ $output == 1.*" 1.51 1.24 linux" ]]
    run_ok env DOCKER_API_VERSION=1.30 docker version --format '{{.Client.APIVersion}}'
    [ "$output" = 1.30 ]
}

@test "info and version as the docker command shows them" {
    run_ok docker info --format '{{.ServerVersion}} {{.DockerRootDir}} {{.OSType}} {{.NCPU}} {{.Swarm.LocalNodeState}}'
    [ "$output" = "$(shale version --format '{{.Server.Version}}') $SHALE_ROOT linux $(nproc) inactive" ]
    run_ok docker info
    has "Live Restore Enabled: true"
    hasnt WARNING
    first=$(docker info --format '{{.ID}}')
    [ -n "$first" ] && [ "$first" = "$(docker info --format '{{.ID}}')" ]
}

@test "errors are JSON, of exactly that type" {
    run_ok api GET /nosuch -i
    has "404 Not Found"
    has $'Content-Type: application/json\r'
    has '{"message":"page not found"}'
    [ "$(api_status POST /_ping)" = 404 ]
    [ "$(api_status GET /%zz)" = 400 ]
    [ "$(api_status GET '/info?x=%zz')" = 400 ]
    [ "$(api_status GET '/events?filters=%7B')" = 400 ]
    [ "$(api_status GET '/events?filters=%7B%22nosuch%22%3A%7B%22a%22%3Atrue%7D%7D')" = 400 ]
    [ "$(api_status GET '/events?filters=%5B1%5D')" = 400 ]
    [ "$(api_status GET '/events?since=yesterday')" = 400 ]
    [ "$(api_status GET '/events?since=20&until=10')" = 400 ]
}

@test "what is not there says so: a sentence, never a hang" {
    for path in /swarm /services /services/x /nodes /nodes/x/update /tasks /tasks/x/logs /secrets /secrets/create /configs; do
        run_ok api GET "$path" -w '%{http_code}'
        has "This node is not a swarm manager."
        has '}
503'
    done
    [ "$(api_status POST /swarm/init)" = 501 ]
    [ "$(api GET /plugins)" = '[]' ]
    [ "$(api_status GET /plugins/a/b:1/json)" = 404 ]
    [ "$(api_status POST /plugins/pull)" = 501 ]
    [ "$(api_status POST /session)" = 404 ]
    run_fails 1 "This node is not a swarm manager" docker service ls
    run_fails 1 "not supported" docker swarm init
    run_ok docker plugin ls -q
    [ -z "$output" ]
    run_fails 1 "No such" docker inspect nosuch
}

@test "events: replay, filters of both kinds, and following" {
    shale volume create one >/dev/null
    shale volume create two >/dev/null
    until=$(($(date +%s) + 1)) # a time in seconds, as the command sends it
    run_ok docker events --since 1h --until "$until" --format '{{.Type}} {{.Action}} {{.Actor.ID}}'
    has "volume create one"
    has "volume create two"
    run_ok docker events --since 1h --until "$until" --filter volume=two --format '{{.Actor.ID}}'
    [ "$output" = two ]
    run_ok api GET "/events?since=0&until=$(date +%s.%N)&filters=$(jq -rn '{volume: ["one"]} | tojson | @uri')"
    [ "$(jq -r '.Actor.ID + .scope' <<<"$output")" = onelocal ]
    # Whatever happens after the head of the answer has come is told.
    curl -sN -m 60 --unix-socket "$DAEMON_SOCK" -D "$BATS_TEST_TMPDIR/head" http://d/events >"$BATS_TEST_TMPDIR/events" 3>&- &
    pid=$!
    for _ in $(seq 200); do grep -q '^Transfer-Encoding: chunked' "$BATS_TEST_TMPDIR/head" 2>/dev/null && break; sleep 0.05; done
    shale volume create three >/dev/null
    for _ in $(seq 200); do grep -q three "$BATS_TEST_TMPDIR/events" && break; sleep 0.05; done
    [ "$(jq -r 'select(.Action == "create") | .Actor.ID' "$BATS_TEST_TMPDIR/events")" = three ]
    [ "$(docker info --format '{{.NEventsListener}}')" = 1 ]
    kill "$pid"
    # Its thread ends when the client goes.
    for _ in $(seq 200); do [ "$(docker info --format '{{.NEventsListener}}')" = 0 ] && break; sleep 0.05; done
    [ "$(docker info --format '{{.NEventsListener}}')" = 0 ]
}
