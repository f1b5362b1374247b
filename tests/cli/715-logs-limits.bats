#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Logging drivers and limits of logs: of run and create, of the API, of the daemon's config.
# shellcheck disable=SC2154 # bats sets output

load lib
load daemon

setup_file() {
    echo '{"log-driver":"local","log-opts":{"max-size":"5k","max-file":"2"}}' >"$BATS_FILE_TMPDIR/conf"
    daemon_with_busybox --config "$BATS_FILE_TMPDIR/conf"
}
teardown_file() {
    drop_store
    daemon_stop
}
folder() { echo "$SHALE_ROOT/containers/$(shale inspect -f '{{.Id}}' "$1")"; }
# writes lines of 100 bytes: N of them, then waits
noise='i=0; while [ $i -lt $0 ]; do i=$((i+1)); printf "%06d %092d\n" $i 0; done; sleep 1000'

@test "logs: max-size and max-file bound them; logs and logs -f go over all files in order" {
    shale run -d --network none --name small --log-opt max-size=20k --log-opt max-file=3 busybox sh -c \
        'i=0; while [ $i -lt 1600 ]; do i=$((i+1)); printf "%06d\n" $i; [ $((i % 20)) != 0 ] || sleep 0.05; done; echo end; sleep 1000' >/dev/null
    shale logs -f small >"$BATS_TEST_TMPDIR/all" 3>&- &
    pid=$!
    f=$(folder small)
    await test -e "$f/ctr.log.2"
    await grep -q end "$BATS_TEST_TMPDIR/all"
    shale kill small >/dev/null
    wait "$pid"
    # who follows has missed nothing, and seen nothing twice
    [ "$(grep -v end "$BATS_TEST_TMPDIR/all")" = "$(seq -f %06.0f 1600)" ]
    [ ! -e "$f/ctr.log.3" ]
    # what is kept are the last lines, without a gap
    shale logs small >"$BATS_TEST_TMPDIR/kept"
    n=$(wc -l <"$BATS_TEST_TMPDIR/kept")
    [ "$n" -gt 100 ]
    [ "$(cat "$BATS_TEST_TMPDIR/kept")" = "$(tail -n "$n" "$BATS_TEST_TMPDIR/all")" ]
    # the last lines reach back into an older file
    last_n=$(($(wc -l <"$f/ctr.log") + 5))
    [ "$(shale logs -n "$last_n" small)" = "$(tail -n "$last_n" "$BATS_TEST_TMPDIR/all")" ]
    run_ok shale inspect -f '{{json .HostConfig.LogConfig.Config}}' small
    [ "$output" = '{"max-size":"20k","max-file":"3"}' ] || [ "$output" = '{"max-file":"3","max-size":"20k"}' ]
    shale rm small
}

@test "logs: one file of a size; without a limit there is one file and no keeper; none keeps nothing" {
    shale run -d --network none --name one --log-opt max-size=10k busybox sh -c "$noise" 500 >/dev/null
    f=$(folder one)
    await test "$f/ctr.log" -nt "$f/keeper"
    small() { [ "$(stat -c %s "$f/ctr.log")" -lt 10000 ]; }
    await small
    [ ! -e "$f/ctr.log.1" ]
    shale rm -f one >/dev/null
    shale run -d --network none --name free busybox sh -c "$noise" 200 >/dev/null
    whole() { [ "$(shale logs free | wc -l)" = 200 ]; }
    await whole
    [ ! -e "$(folder free)/keeper" ]
    shale rm -f free >/dev/null
    [ "$(shale run --network none --name mute --log-driver none busybox echo heard)" = heard ]
    run_fails 1 "configured logging driver does not support reading" shale logs mute
    [ "$(shale inspect -f '{{.LogPath}}' mute)" = "" ]
    [ ! -e "$(folder mute)/ctr.log" ]
    [ "$(shale run --rm --network none --log-driver none busybox echo heard)" = heard ]
    shale rm mute
    run_fails 125 "no log driver named 'nosuch'" shale run --rm --network none --log-driver nosuch busybox true
    run_fails 125 'logging driver "syslog" is not supported yet' shale run --rm --network none --log-driver syslog busybox true
    run_fails 125 "unknown log opt 'max-sise' for json-file log driver" shale run --rm --network none --log-opt max-sise=1 busybox true
    run_fails 125 "max-file cannot be less than 1" shale run --rm --network none --log-opt max-file=0 busybox true
    run_fails 125 "NAME=VALUE" shale run --rm --network none --log-opt max-file busybox true
}

@test "logs: through the API: the config's driver where nothing is said, and its options" {
    docker create --network none --name usual busybox true >/dev/null
    run_ok docker inspect -f '{{.HostConfig.LogConfig.Type}} {{index .HostConfig.LogConfig.Config "max-size"}} {{index .HostConfig.LogConfig.Config "max-file"}}' usual
    [ "$output" = "local 5k 2" ]
    docker create --network none --name mine --log-opt max-file=4 --log-driver local busybox true >/dev/null
    run_ok docker inspect -f '{{.HostConfig.LogConfig.Type}} {{index .HostConfig.LogConfig.Config "max-size"}} {{index .HostConfig.LogConfig.Config "max-file"}}' mine
    [ "$output" = "local 5k 4" ]
    docker create --network none --name plain --log-driver json-file busybox true >/dev/null
    run_ok docker inspect -f '{{.HostConfig.LogConfig.Type}} {{len .HostConfig.LogConfig.Config}}' plain
    [ "$output" = "json-file 0" ]
    [ "$(docker info -f '{{.LoggingDriver}}')" = local ]
    docker run --network none --name mute --log-driver none busybox echo heard
    run_fails 1 "configured logging driver does not support reading" docker logs mute
    [ "$(api_status GET '/containers/mute/logs?stdout=1')" = 501 ]
    docker run -d --network none --name noisy busybox sh -c \
        'i=0; while :; do i=$((i+1)); printf "%06d %092d\n" $i 0; [ $((i % 20)) != 0 ] || sleep 0.05; done' >/dev/null
    f=$(folder noisy)
    await test -e "$f/ctr.log.1"
    # again and again, of two files, too
    again() { [ "$(stat -c %i "$f/ctr.log.1")" != "$was" ]; }
    for _ in 1 2 3; do
        was=$(stat -c %i "$f/ctr.log.1")
        await again
    done
    docker kill noisy >/dev/null
    [ ! -e "$f/ctr.log.2" ] && [ ! -e "$f/ctr.log.next" ]
    docker logs noisy | awk 'NR > 1 && $1 + 0 != last + 1 {exit 1} {last = $1 + 0} END {exit !(NR > 50)}'
    docker rm -f usual mine plain mute noisy >/dev/null
    run_fails 1 "is not supported yet" docker create --log-driver fluentd busybox
    [ "$(api_status POST /containers/create -H 'Content-Type: application/json' -d '{"Image":"busybox","HostConfig":{"LogConfig":{"Type":"json-file","Config":{"max-file":"0"}}}}')" = 400 ]
}
