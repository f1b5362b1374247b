#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Lists of containers come out of an index of the database that has what they show: nothing else may come of it than of
# the whole configurations.

load lib

setup_file() {
    registry_with busybox
    push "$SHALE_IMAGES/debian:1.0" other:1.0
}
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }

sql() { sqlite3 -cmd '.timeout 10000' "$SHALE_ROOT/shale.db" "$1"; }
names() { shale ps "$@" --format '{{.Names}}' | paste -sd' '; }

all_fields='{{.ID}}|{{.Names}}|{{.Image}}|{{.Command}}|{{.CreatedAt}}|{{.Labels}}|{{.Label "k"}}|{{.Mounts}}|{{.LocalVolumes}}|{{.Networks}}|{{.Ports}}|{{.State}}|{{.Platform}}|{{.Status}}'

# Every way to list that there is; how long something runs already is left out.
listings() {
    local format filter
    {
        for format in '' --no-trunc -q -s; do
            shale ps $format
            shale ps -a $format
        done
        shale ps -a --format json
        shale ps -a --no-trunc --format "$all_fields"
        shale ps -a --format "table $all_fields"
        shale ps -n 4 --format "$all_fields"
        shale ps -l
        for filter in status=created status=exited status=running exited=3 label=k label=k=v 'label!=k' name=^b 'name=^/named$' \
            name=a id="$(shale ps -aq --no-trunc -l | cut -c1-20)" ancestor="$image" ancestor=busybox:other before=named since=named \
            volume=vol volume=/data volume=/tmp network=none network=front network=host health=none health=unhealthy health=starting \
            expose=80 expose=5000-6000/udp publish=80 publish=53/udp is-task=false isolation=default; do
            echo "== $filter"
            shale ps -a -f "$filter" --format '{{.Names}} {{.Status}}'
            shale ps -q -f "$filter"
            shale ps -a -n 2 -f "$filter" -q
        done
    } 2>&1 | sed -E 's/(About a|About an|Less than a|[0-9]+) (second|minute)s?( ago)?/some time/g' | tr -s ' '
}

@test "every kind of container is listed out of the index as out of its configuration" {
    tagged=busybox:other
    shale tag "$image" "$tagged"
    shale network create front >/dev/null
    shale network create back >/dev/null
    shale create --name named --network none -l k=v -l 'x=y,"z"' "$image" true >/dev/null
    shale create --name ports -p 8080:80 -p 127.0.0.1:5353:53/udp --expose 5300-5310/udp "$image" sleep 1 >/dev/null
    shale create --name mounts --network host -v vol:/data -v /tmp:/tmp:ro -v /anonymous --tmpfs /run "$image" >/dev/null
    shale create --name imaged --network none --mount "type=image,source=$image,target=/image" "$image" true >/dev/null
    shale create --name nets --network front --network-alias alias1 "$image" true >/dev/null
    shale network connect --alias alias2 back nets
    shale create --name words --network none --entrypoint '' "$image" sh -c 'echo "a b"  c; é' $'\x1b[31m' "$(printf 'long%.0s' $(seq 50))" >/dev/null
    shale create --name healthy --network none --health-cmd true --health-interval 1h "$image" true >/dev/null
    shale create --name moved --network none "$tagged" true >/dev/null
    shale create --name gone --network none -it busybox:other true >/dev/null
    shale create --rm --name removed --network none "$image" true >/dev/null
    shale run --name three --network none "$image" sh -c 'exit 3' || true
    shale run --name checked --network none --health-cmd true "$image" true
    shale run -d --name runs --network none --restart always -l k=w "$image" sleep 1000 >/dev/null
    shale create --name between --network none "$image" true >/dev/null
    shale rename between bytween
    shale update --memory 64m named >/dev/null
    shale rmi "$tagged" >/dev/null

    [ "$(sql 'SELECT count(*) FROM containers WHERE listing IS NULL')" = 0 ]
    listings >"$BATS_TEST_TMPDIR/index"
    # what would be a container of the index alone is one of its configuration for as long
    sql "CREATE TABLE kept AS SELECT id, listing FROM containers; UPDATE containers SET listing = NULL"
    listings >"$BATS_TEST_TMPDIR/config"
    diff "$BATS_TEST_TMPDIR/config" "$BATS_TEST_TMPDIR/index"
    [ "$(grep -c . "$BATS_TEST_TMPDIR/index")" -gt 150 ]
    grep -q 'alias' <(shale inspect nets)
    # a configuration that cannot be read does not matter to who does not need it
    sql "UPDATE containers SET listing = (SELECT listing FROM kept WHERE kept.id = containers.id); UPDATE containers SET config = '' WHERE state IN ('created', 'exited') AND NOT auto_remove"
    listings | diff "$BATS_TEST_TMPDIR/index" -
    run_fails 1 "container " shale inspect named
    sql 'UPDATE containers SET listing = NULL'
    run_fails 1 "container " shale ps -a
    sql "DELETE FROM containers WHERE config = ''"
}

@test "a start that was killed is found by what it left mounted, however many others there are" {
    id=$(shale create --name half --network none "$image" true)
    shale create --name other --network none "$image" true >/dev/null
    mkdir -p "$SHALE_ROOT/containers/$id/merged"
    mount -t tmpfs none "$SHALE_ROOT/containers/$id/merged"
    [ "$(names -a)" = "other half" ]
    [ -z "$(grep "$SHALE_ROOT" /proc/self/mountinfo)" ]
    mount -t tmpfs none "$SHALE_ROOT/containers/$id/merged"
    shale info >/dev/null
    [ -z "$(grep "$SHALE_ROOT" /proc/self/mountinfo)" ]
    # by another way to the store
    ln -s "$SHALE_ROOT" "$BATS_TEST_TMPDIR/link"
    mount -t tmpfs none "$SHALE_ROOT/containers/$id/merged"
    [ "$(SHALE_ROOT=$BATS_TEST_TMPDIR/link names -a)" = "other half" ]
    [ -z "$(grep "$SHALE_ROOT" /proc/self/mountinfo)" ]
}

@test "rmi brings up to date the containers of the image, and leaves those of others alone" {
    shale pull -q "$REGISTRY_HOST/other:1.0" >/dev/null
    shale run -d --name ended --network none "$image" sleep 1000 >/dev/null
    shale run -d --name bystander --network none "$REGISTRY_HOST/other:1.0" sleep 1000 >/dev/null
    for name in ended bystander; do
        id=$(shale inspect -f '{{.Id}}' $name)
        kill -9 "$(cat "$SHALE_ROOT/containers/$id/conmon.pid")"
        kill -9 "$(shale inspect -f '{{.State.Pid}}' $name)"
    done
    state() { sql "SELECT state FROM containers WHERE name = '$1'"; }
    [ "$(state ended) $(state bystander)" = "running running" ]
    # not "by running container": nothing runs any more
    run_fails 1 "must force" shale rmi "$image"
    [ "$(state ended) $(state bystander)" = "exited running" ]
    run_ok shale rmi -f "$image"
    run_fails 1 "must force" shale rmi "$REGISTRY_HOST/other:1.0"
    [ "$(state bystander)" = exited ]
}
