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
    for _ in $(seq 600); do grep -q '^Transfer-Encoding: chunked' "$BATS_TEST_TMPDIR/head" 2>/dev/null && break; sleep 0.05; done
    shale volume create three >/dev/null
    for _ in $(seq 600); do grep -q three "$BATS_TEST_TMPDIR/events" && break; sleep 0.05; done
    [ "$(jq -r 'select(.Action == "create") | .Actor.ID' "$BATS_TEST_TMPDIR/events")" = three ]
    [ "$(docker info --format '{{.NEventsListener}}')" = 1 ]
    kill "$pid"
    # Its thread ends when the client goes.
    for _ in $(seq 600); do [ "$(docker info --format '{{.NEventsListener}}')" = 0 ] && break; sleep 0.05; done
    [ "$(docker info --format '{{.NEventsListener}}')" = 0 ]
}

@test "every path of docker's API has an answer of its own" {
    while read -r method path; do
        run_ok curl -sS -m 60 --unix-socket "$DAEMON_SOCK" -X "$method" -H 'Content-Type: application/json' -w '\n%{http_code}' "http://d/v1.51$path"
        code=${lines[-1]}
        [[ $code =~ ^[2345][0-9][0-9]$ ]] && [ "$code" != 500 ] || { echo "$method $path: $output"; return 1; }
        [[ $output != *'"page not found"'* ]] || { echo "$method $path: no row"; return 1; }
    done <<-'END'
	GET /containers/json
	POST /containers/create
	GET /containers/nosuch/json
	GET /containers/nosuch/top
	GET /containers/nosuch/logs?stdout=1
	GET /containers/nosuch/changes
	GET /containers/nosuch/export
	GET /containers/nosuch/stats
	POST /containers/nosuch/resize?h=1&w=1
	POST /containers/nosuch/start
	POST /containers/nosuch/stop
	POST /containers/nosuch/restart
	POST /containers/nosuch/kill
	POST /containers/nosuch/update
	POST /containers/nosuch/rename?name=a
	POST /containers/nosuch/pause
	POST /containers/nosuch/unpause
	POST /containers/nosuch/attach
	GET /containers/nosuch/attach/ws
	POST /containers/nosuch/wait
	DELETE /containers/nosuch
	GET /containers/nosuch/archive?path=/
	PUT /containers/nosuch/archive?path=/
	POST /containers/prune
	POST /containers/nosuch/exec
	POST /exec/nosuch/start
	POST /exec/nosuch/resize?h=1&w=1
	GET /exec/nosuch/json
	POST /commit?container=nosuch
	GET /images/json
	POST /images/create
	GET /images/nosuch/json
	GET /images/nosuch/history
	POST /images/nosuch/push
	POST /images/nosuch/tag?repo=a
	DELETE /images/nosuch
	POST /images/prune
	GET /images/nosuch/get
	GET /images/get?names=nosuch
	POST /images/load
	POST /build
	POST /build/prune
	POST /build/cancel
	GET /volumes
	POST /volumes/create
	GET /volumes/nosuch
	PUT /volumes/nosuch
	DELETE /volumes/nosuch
	POST /volumes/prune
	GET /networks
	GET /networks/nosuch
	DELETE /networks/nosuch
	POST /networks/create
	POST /networks/nosuch/connect
	POST /networks/nosuch/disconnect
	POST /networks/prune
	GET /plugins
	GET /plugins/privileges?remote=a
	POST /plugins/pull
	GET /plugins/a/json
	DELETE /plugins/a
	POST /plugins/a/enable
	POST /plugins/a/disable
	POST /plugins/a/upgrade
	POST /plugins/create
	POST /plugins/a/push
	POST /plugins/a/set
	GET /nodes
	GET /nodes/a
	DELETE /nodes/a
	POST /nodes/a/update
	GET /swarm
	POST /swarm/init
	POST /swarm/join
	POST /swarm/leave
	POST /swarm/update
	GET /swarm/unlockkey
	POST /swarm/unlock
	GET /services
	POST /services/create
	GET /services/a
	DELETE /services/a
	POST /services/a/update
	GET /services/a/logs
	GET /tasks
	GET /tasks/a
	GET /tasks/a/logs
	GET /secrets
	POST /secrets/create
	GET /secrets/a
	DELETE /secrets/a
	POST /secrets/a/update
	GET /configs
	POST /configs/create
	GET /configs/a
	DELETE /configs/a
	POST /configs/a/update
	POST /auth
	GET /info
	GET /version
	GET /_ping
	GET /system/df
	POST /session
	END
}

@test "system df, all of it and parts" {
    shale volume create sized >/dev/null
    head -c 100000 /dev/zero >"$(shale volume inspect -f '{{.Mountpoint}}' sized)/f"
    run_ok api GET /system/df
    [ "$(jq -c '[.Images, .Containers, .BuildCache, .LayersSize]' <<<"$output")" = '[[],[],[],0]' ]
    [ "$(jq '.Volumes[] | select(.Name == "sized") | .UsageData.Size >= 100000' <<<"$output")" = true ]
    run_ok api GET '/v1.42/system/df?type=volume'
    [ "$(jq -c '[.Images, .Containers, .BuildCache, (.Volumes | type)]' <<<"$output")" = '[null,null,null,"array"]' ]
    [ "$(api_status GET '/system/df?type=nosuch')" = 400 ]
    run_ok docker system df --format '{{.Type}} {{.TotalCount}}'
    has "Local Volumes"
}
