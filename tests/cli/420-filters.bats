#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# images: filters, patterns, and what cannot be one.

load lib
load images

setup_file() {
    registry_with
    local l=$BATS_FILE_TMPDIR/layout
    tiny "$l" jan 2021-01-02T03:04:05Z '.config.Labels={kind:"app",stage:"1"}' jan
    tiny "$l" feb 2021-02-02T03:04:05Z '.config.Labels={kind:"app",stage:"2"}' feb
    tiny "$l" mar 2021-03-02T03:04:05.5Z '.config.Labels={kind:"tool",Kind:"x"}' mar
    tiny "$l" never 2021-01-02T03:04:05Z 'del(.created,.history)' never
    for name in jan:1 feb:1 mar:1 never:1; do push_tag "$l" "${name%:*}" "$name"; done
    # one store for all tests: they only look
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
    mkdir -p "$DOCKER_CONFIG"
    local R=$REGISTRY_HOST
    for name in jan:1 feb:1 mar:1 never:1; do shale pull -q "$R/$name" >/dev/null; done
    shale tag "$R/jan:1" jan:local
    shale tag "$R/jan:1" team/jan:2
    shale rmi "$R/feb:1" >/dev/null
    shale pull -q "$R/feb@$(shale digest "$R/feb:1")" >/dev/null # digest only
    shale tag "$R/mar:1" moved:1
    shale tag "$R/jan:1" moved:1
}
teardown_file() { registry_stop_all; }
setup() { R=$REGISTRY_HOST; }

# shown FILTER-ARGUMENTS…: names, sorted, on one line
shown() { shale images --format '{{.Repository}}:{{.Tag}}' "$@" | sed "s|$R/||" | sort | xargs; }
is() { # WANT ARGUMENTS…
    local want=$1 got
    shift
    got=$(shown "$@")
    [ "$got" = "$want" ] || { echo "$*: '$got', not '$want'"; return 1; }
}

@test "none: all of them, newest first, the one without a date last" {
    run_ok shale images --format '{{.Repository}}'
    [ "$(uniq <<<"$output" | sed "s|$R/||" | xargs)" = "mar feb jan jan moved team/jan never" ]
}

@test "dangling" {
    is "feb:<none>" --filter dangling=true
    is "feb:<none>" --filter dangling=1
    is "jan:1 jan:local mar:1 moved:1 never:1 team/jan:2" --filter dangling=false
    is "jan:1 jan:local mar:1 moved:1 never:1 team/jan:2" --filter 'Dangling = 0'
    for bad in x TRUE ''; do run_fails 1 "Error: invalid filter 'dangling=[$bad]'" shale images --filter "dangling=$bad"; done
    run_fails 1 "invalid filter 'dangling=[" shale images --filter dangling=true --filter dangling=false
}

@test "label: all given ones, exactly" {
    is "feb:<none> jan:1 jan:local mar:1 moved:1 team/jan:2" --filter label=kind
    is "feb:<none> jan:1 jan:local moved:1 team/jan:2" --filter label=kind=app
    is "feb:<none>" --filter label=kind=app --filter label=stage=2
    is "" --filter label=stage=1 --filter label=stage=2
    is "mar:1" --filter label=Kind
    is "" --filter label=kind=ap
    is "" --filter label=KIND
}

@test "label!: none of the given ones" {
    is "never:1" --filter 'label!=kind'
    is "mar:1 never:1" --filter 'label!=kind=app'
    is "mar:1 never:1" --filter 'label!=stage=1' --filter 'label!=stage=2'
    is "feb:<none>" --filter label=kind=app --filter 'label!=stage=1'
}

@test "before and since: strictly, the oldest and the newest of several" {
    is "jan:1 jan:local moved:1 never:1 team/jan:2" --filter "before=$R/feb@$(shale digest "$R/feb:1")"
    is "feb:<none> mar:1" --filter since=jan:local
    is "feb:<none>" --filter since=jan:local --filter "before=$R/mar:1"
    is "never:1" --filter "before=$R/mar:1" --filter before=jan:local
    is "" --filter "since=$R/mar:1" --filter since=jan:local
    id=$(shale inspect -f '{{.Id}}' "$R/mar:1")
    is "feb:<none> jan:1 jan:local moved:1 never:1 team/jan:2" --filter "before=${id:7:12}"
    run_fails 1 "Error: No such image: nope:latest" shale images --filter before=nope
    run_fails 1 "Error: No such image: nope:latest" shale images --filter since=nope
}

@test "until: durations, dates, seconds" {
    old="jan:1 jan:local moved:1 never:1 team/jan:2"
    is "$old" --filter until=2021-02-02
    is "$old" --filter until=2021-02-02T03:04:05Z
    is "feb:<none> $old" --filter until=2021-02-02T03:04:06Z
    is "$old" --filter until=2021-02-02T03:04:06+02:00
    is "$old" --filter until=2021-02-02T03
    is "$old" --filter until=1612235045
    is "feb:<none> $old" --filter until=1612235045.5
    is "$old" --filter until=2021-02-02 --filter until=2022-01-01
    is "feb:<none> jan:1 jan:local mar:1 moved:1 never:1 team/jan:2" --filter until=1h30m
    run_fails 1 'Error: failed to parse value as time or duration: "bogus"' shale images --filter until=bogus
}

@test "reference: patterns choose names, too" {
    is "jan:local" --filter reference=jan
    is "jan:local" --filter 'reference=j[a-c]n:lo*'
    is "jan:local" --filter reference=jan:local
    is "" --filter reference=docker.io/library/jan
    is "team/jan:2" --filter 'reference=team/*'
    is "team/jan:2" --filter 'reference=t??m/jan'
    is "jan:local moved:1" --filter 'reference=*'
    is "jan:local team/jan:2" --filter reference=jan --filter 'reference=*/jan:2'
    is "feb:<none>" --filter 'reference=*/feb'
    is "feb:<none>" --filter 'reference=*/feb@*'
    is "jan:local" --filter 'reference=\jan'
    run_fails 1 "Error: syntax error in pattern" shale images --filter 'reference=[a'
}

@test "the argument is a pattern" {
    is "jan:local" jan
    is "jan:local" jan:local
    is "team/jan:2" 'team/*'
    is "" jan:nope
    is "jan:local moved:1" 'jan:*' --filter 'reference=moved'
    run_fails 1 "Error: syntax error in pattern" shale images '[a'
    run_ok shale images ls
    has 'No images found matching "ls": did you mean "shale image ls"?'
    run_ok shale image ls nope
    [ "${#lines[@]}" = 1 ]
}

@test "what is no filter" {
    run_fails 1 "Error: invalid filter 'foo'" shale images --filter foo=1
    run_fails 1 "Error: invalid filter 'foo'" shale images --filter ' FOO = 1'
    run_fails 1 "Error: invalid filter 'readonly'" shale images --filter readonly=true
    run_fails 125 'invalid argument "bogus" for "-f, --filter" flag: bad format of filter (expected name=value)' shale images -f bogus
    has "Run 'shale images --help' for more information"
    run_fails 125 "flag needs an argument: 'f' in -f" shale images -f
    run_fails 125 "unknown flag: --filtre" shale images --filtre x
    run_fails 1 "'shale images' requires at most 1 argument" shale images a b
}
