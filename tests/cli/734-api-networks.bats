#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Networks and volumes through the Engine API, with the docker CLI.
# shellcheck disable=SC2154 # bats sets output

load lib
load daemon

setup_file() {
    need docker
    daemon_start
}
teardown_file() { daemon_stop; }

@test "networks: the three, made, looked at, filtered, removed" {
    run_ok docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'
    has "bridge bridge local"
    has "host host local"
    has "none null local"
    run_ok docker network create --label a=b --subnet 10.99.7.0/24 --gateway 10.99.7.1 --aux-address x=10.99.7.9 net1
    [ "${#output}" = 64 ]
    local id=$output
    run_ok docker network inspect --format '{{.Id}} {{(index .IPAM.Config 0).Subnet}} {{index .Labels "a"}}' net1
    [ "$output" = "$id 10.99.7.0/24 b" ]
    run_ok docker network ls -q --no-trunc --filter label=a=b
    [ "$output" = "$id" ]
    run_fails 1 "network with name net1 already exists" docker network create net1
    [ "$(api_status POST /networks/create -d '{"Name":"net1"}' -H 'Content-Type: application/json')" = 409 ]
    run_ok docker network rm net1
    run_fails 1 "" docker network inspect net1
    run_fails 1 "bridge is a pre-defined network and cannot be removed" docker network rm bridge
    [ "$(api_status DELETE /networks/bridge)" = 403 ]
    [ "$(api_status DELETE /networks/nope)" = 404 ]
}

@test "networks: with IPv6" {
    run_ok docker network create --ipv6 --subnet 10.99.8.0/24 --subnet fd00:99::/64 --gateway fd00:99::7 net6
    run_ok docker network inspect --format '{{.EnableIPv6}} {{range .IPAM.Config}}{{.Subnet}} {{.Gateway}} {{end}}' net6
    [ "$output" = "true 10.99.8.0/24 10.99.8.1 fd00:99::/64 fd00:99::7 " ]
    run_fails 1 "one subnet of a kind" docker network create --ipv6 --subnet fd00:98::/64 --subnet fd00:97::/64 more6
    run_fails 1 "" docker network create --subnet fd00:98::/64 more6
    docker network rm net6
}

@test "networks: what makes no sense is said so" {
    run_fails 1 "" docker network create --subnet nonsense n2
    run_fails 1 "" docker network create --driver nope n2
    [ "$(api_status POST /networks/create -d '{"Name":3}' -H 'Content-Type: application/json')" = 400 ]
    [ "$(api_status POST /networks/create -d '{"Name":"n","IPAM":{"Config":[{},{}]}}' -H 'Content-Type: application/json')" = 501 ]
    # what could not be read again is not written
    python3 - "$BATS_TEST_TMPDIR" <<'P'
import json, sys
json.dump({"Name": "n", "Labels": {str(i): "" for i in range(20001)}}, open(sys.argv[1] + "/many", "w"))
json.dump({"Name": "n", "Labels": {"k": "v" * (1 << 20)}}, open(sys.argv[1] + "/long", "w"))
P
    for body in many long; do
        [ "$(api_status POST /networks/create -d "@$BATS_TEST_TMPDIR/$body" -H 'Content-Type: application/json')" = 400 ]
    done
    run_ok docker network ls -q
    [ "${#lines[@]}" = 3 ]
    run_ok docker network prune -f
}

@test "volumes: made, looked at, filtered, removed, pruned" {
    run_ok docker volume create --label a=b v1
    [ "$output" = v1 ]
    run_ok docker volume inspect --format '{{.Name}} {{.Driver}} {{.Mountpoint}} {{index .Labels "a"}}' v1
    [ "$output" = "v1 local $SHALE_ROOT/volumes/v1/_data b" ]
    run_ok docker volume ls -q --filter label=a
    [ "$output" = v1 ]
    run_ok docker volume create -o type=tmpfs -o device=tmpfs -o o=size=1m v2
    run_ok docker volume inspect --format '{{.Options.o}}' v2
    [ "$output" = size=1m ]
    run_fails 1 "" docker volume create bad/name
    run_fails 1 "" docker volume create -d nope v3
    run_fails 1 "nope" docker volume inspect nope
    run_fails 1 "" docker volume rm nope
    [ "$(api_status DELETE '/volumes/nope?force=1')" = 204 ]
    api POST /volumes/create -d '{}' -H 'Content-Type: application/json' | jq -e '.Name | length == 64'
    api POST /v1.42/volumes/prune | jq -e '.VolumesDeleted | length == 1'
    docker volume rm v1 v2
    run_ok docker volume ls -q
    [ -z "$output" ]
}
