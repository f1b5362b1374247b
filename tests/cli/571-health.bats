#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Health checks: of the command line and of the image.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }

health() { shale inspect -f '{{.State.Health.Status}}' "$1"; }
is() { [ "$(health "$1")" = "$2" ]; }
folder() { echo "$SHALE_ROOT/containers/$(shale inspect -f '{{.Id}}' "$1")"; }
until_ok() {
    for _ in $(seq 600); do "$@" && return 0; sleep 0.05; done
    echo "not in time: $*"
    shale ps -a
    return 1
}
names() { shale ps "$@" --format '{{.Names}}' | sort | paste -sd' '; }

@test "starting, healthy, unhealthy, and healthy again: ps, inspect and filters say so" {
    mkdir "$BATS_TEST_TMPDIR/d"
    shale run -d --name box --network none -v "$BATS_TEST_TMPDIR/d:/d" --health-cmd 'echo out; echo err >&2; cat /d/ok' \
        --health-interval 150ms --health-retries 2 --health-start-period 1h --health-start-interval 100ms "$image" sleep 1000 >/dev/null
    shale run -d --name plain --network none "$image" sleep 1000 >/dev/null
    [[ $(shale ps -f name=box --format '{{.Status}}') == "Up "*" (health: starting)" ]]
    [ "$(names -f health=starting)/$(names -f health=none)" = box/plain ]
    run_fails 1 "invalid filter 'health=well'" shale ps -f health=well
    # in the start period failures are seen, but do not count
    failed() { [ "$(shale inspect -f '{{len .State.Health.Log}}' box)" -ge 3 ]; }
    until_ok failed
    [ "$(shale inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' box)" = "starting 0" ]
    echo fine >"$BATS_TEST_TMPDIR/d/ok"
    until_ok is box healthy
    [[ $(shale ps -f name=box --format '{{.Status}}') == "Up "*" (healthy)" ]]
    [ "$(names -f health=healthy)" = box ]
    rm "$BATS_TEST_TMPDIR/d/ok"
    until_ok is box unhealthy
    [[ $(shale ps -f name=box --format '{{.Status}}') == "Up "*" (unhealthy)" ]]
    [ "$(shale inspect -f '{{.State.Health.FailingStreak}}' box)" -ge 2 ]
    many() { [ "$(shale inspect -f '{{.State.Health.FailingStreak}}' box)" -ge 6 ]; }
    until_ok many
    run_ok shale inspect -f '{{json .State.Health.Log}}' box
    [ "$(python3 -c '
import json, sys
log = json.load(sys.stdin)
last = log[-1]
print(len(log), last["ExitCode"], sorted(last), "out\n" in last["Output"], "err\n" in last["Output"])' <<<"$output")" \
        = "5 1 ['End', 'ExitCode', 'Output', 'Start'] True True" ]
    echo fine >"$BATS_TEST_TMPDIR/d/ok"
    until_ok is box healthy
    [ "$(shale inspect -f '{{.State.Health.FailingStreak}}' box)" = 0 ]
    run_ok shale events --since 0 --until "$(date +%s.%N)" --filter container=box --filter event=health_status --format '{{.Action}}'
    [ "${lines[0]}/${lines[1]}/${lines[2]}" = "health_status: healthy/health_status: unhealthy/health_status: healthy" ]
    shale stop -t 0 box >/dev/null
    is box unhealthy # nobody looks any more
    [[ $(shale ps -a -f name=box --format '{{.Status}}') == "Exited (137) "* ]]
    [ "$(shale inspect -f '{{.State.Health}}' plain)" = "<nil>" ]
}

@test "the image's HEALTHCHECK: kept, overridden in part, switched off" {
    shale create --name base --network none "$image" sleep 1000 >/dev/null
    shale commit -c 'HEALTHCHECK --interval=100ms --retries=1 CMD ["cat", "/nothing"]' base checked >/dev/null
    shale run -d --name box --network none checked >/dev/null
    until_ok is box unhealthy
    [ "$(shale inspect -f '{{json .Config.Healthcheck}}' box)" = '{"Test":["CMD","cat","/nothing"],"Interval":100000000,"Retries":1}' ]
    shale run -d --name good --network none --health-cmd true checked >/dev/null
    until_ok is good healthy
    [ "$(shale inspect -f '{{json .Config.Healthcheck}}' good)" = '{"Test":["CMD-SHELL","true"],"Interval":100000000,"Retries":1}' ]
    shale run -d --name off --network none --no-healthcheck checked >/dev/null
    [ "$(shale inspect -f '{{json .Config.Healthcheck}}' off)" = '{"Test":["NONE"]}' ]
    [ "$(shale inspect -f '{{.State.Health}}' off)" = "<nil>" ]
    [ ! -e "$(folder off)/keeper" ]
    [[ $(shale ps -f name=off --format '{{.Status}}') != *health* ]]
}

@test "one that takes too long is ended; what cannot be run is bad, with the reason" {
    shale run -d --name slow --network none --health-cmd 'trap "" TERM; echo begun; while :; do sleep 0.1; done' \
        --health-interval 50ms --health-timeout 200ms --health-retries 1 "$image" sleep 1000 >/dev/null
    shale run -d --name nope --network none --health-cmd /no/such --health-interval 50ms --health-retries 1 "$image" sleep 1000 >/dev/null
    until_ok is slow unhealthy
    [[ $(shale inspect -f '{{with index .State.Health.Log 0}}{{.ExitCode}} {{.Output}}{{end}}' slow) == "-1 Health check exceeded timeout (200ms)"* ]]
    until_ok is nope unhealthy
    [[ $(shale inspect -f '{{with index .State.Health.Log 0}}{{.ExitCode}} {{.Output}}{{end}}' nope) == "127 "*"/no/such"* ]]
    # nothing of a check outlives it: of three there is one at most, and its files
    three() { [ "$(shale inspect -f '{{len .State.Health.Log}}' "$1")" -ge 3 ]; }
    until_ok three slow
    [ "$(shale top slow | grep -c 'echo begun')" -le 1 ]
    until_ok three nope
    files=("$(folder nope)"/exec-*)
    [ "${#files[@]}" -le 3 ]
}

@test "output is cut, and may be anything" {
    shale run -d --name box --network none --health-cmd 'head -c 300 /dev/urandom; head -c 10000 /dev/zero | tr "\0" x' \
        --health-interval 50ms "$image" sleep 1000 >/dev/null
    until_ok is box healthy
    text=$(shale inspect -f '{{with index .State.Health.Log 0}}{{.Output}}{{end}}' box)
    [[ $text == *xxxx... ]]
    [ "${#text}" -le 4200 ]
}

@test "with --rm in the foreground, with a restart policy, and with its keeper killed" {
    run_ok shale run --rm --network none --health-cmd true --health-interval 100ms "$image" sh -c 'sleep 0.3; echo over'
    [ "$output" = over ]
    [ -z "$(shale ps -aq)" ]
    shale run -d --name box --restart always --network none --health-cmd true --health-interval 100ms "$image" sh -c 'sleep 1.5' >/dev/null
    until_ok is box healthy
    again() { [ "$(shale inspect -f '{{.RestartCount}} {{.State.Status}}' box)" = "1 running" ]; }
    until_ok again
    until_ok is box healthy
    kill -9 "$(cut -d' ' -f1 "$(folder box)/keeper")"
    until_ok is box unhealthy # nobody looks
    run_ok shale start box
    until_ok is box healthy
}

@test "what makes no sense" {
    run_fails 125 "--no-healthcheck conflicts with --health-* options" shale run --no-healthcheck --health-cmd true "$image" true
    run_fails 125 "--health-interval cannot be negative" shale run --health-interval -1s "$image" true
    run_fails 125 "--health-retries cannot be negative" shale run --health-retries -1 "$image" true
    run_fails 125 "Interval in Healthcheck cannot be less than 1ms" shale run --health-interval 5ns "$image" true
    run_fails 125 'invalid argument "soon" for "--health-timeout" flag' shale run --health-timeout soon "$image" true
    [ -z "$(shale ps -aq)" ]
}
