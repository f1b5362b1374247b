#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # top is lib.bash's
# The projects of examples/: built, run, and asked over HTTP. RUN installs packages with this machine's network.
load lib

# reachable: the server that this machine takes its Debian packages from answers
reachable() {
    # shellcheck source=tools/lib/debian.bash
    . "$top/tools/lib/debian.bash"
    local uri
    uri=$(debian_source)
    [ -n "$uri" ] || { echo "this machine has no Debian package lists" >"$BATS_FILE_TMPDIR/no"; return 1; }
    curl -sfo /dev/null --max-time 10 "${uri%/}/dists/$(debian_suite)/InRelease" ||
        { echo "the server of the Debian packages does not answer: ${uri}" >"$BATS_FILE_TMPDIR/no"; return 1; }
}

setup_file() {
    [ "$(id -u)" = 0 ] || return 0
    reachable || return 0
    "$top/tools/make-images" "$SHALE_IMAGES" apt >"$BATS_FILE_TMPDIR/apt.log" 2>&1 || { cat "$BATS_FILE_TMPDIR/apt.log"; return 1; }
    registry_start plain "$BATS_FILE_TMPDIR/registry"
    push "$SHALE_IMAGES/apt:1.0" apt:1.0
    # What is only for speed: no translations, no fsync for each file.
    printf 'Acquire::Languages "none";\nDPkg::Options { "--force-unsafe-io"; };\n' >"$BATS_FILE_TMPDIR/apt.conf"
    apt-config dump Acquire | grep -E '^Acquire::(https?::|Check-|Retries)[^"]* "[^"]+";$' >>"$BATS_FILE_TMPDIR/apt.conf" || true
}
teardown_file() { registry_stop_all; }
setup() {
    need_root
    [ ! -f "$BATS_FILE_TMPDIR/no" ] || skip "SKIPPED, THE EXAMPLES ARE NOT TESTED: $(cat "$BATS_FILE_TMPDIR/no")"
    fresh_store
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store # one for all: the base is pulled once
}
teardown() { drop_store; }

build() { # NAME OPTION…
    run_ok shale build --network host --progress plain --build-arg "BASE=$REGISTRY_HOST/apt:1.0" \
        --secret "id=apt,src=$BATS_FILE_TMPDIR/apt.conf" -t "$1" "${@:2}" "$top/examples/$1"
}
# ask TEXT CMD…: what CMD in the container says, as soon as it is there
ask() {
    local want=$1
    shift
    for _ in $(seq 300); do
        run shale exec app "$@"
        [[ $output != "$want"* ]] || return 0
        sleep 0.1
    done
    echo "no '$want' but: $output"
    shale logs app
    return 1
}

@test "examples: the C web service: compiled in one stage, alone in the other" {
    build c-web --build-arg CC=tcc
    run_fails 1 "" shale ls c-web /src
    shale run -d --name app --network none c-web
    ask "hello, you" web --get /hello/you
    run_ok shale exec app web --check
    run_fails 1 "nothing at /nosuch" shale exec app web --get /nosuch
    run_ok shale stop app
    [ "$(shale wait app)" = 0 ]
    # Nothing changed: nothing is done, and the compiler is not needed.
    build c-web --build-arg CC=tcc
    [ "$(grep -c ' CACHED$' <<<"$output")" -ge 5 ] || { echo "$output"; return 1; }
}

@test "examples: the Python service: Debian packages, a user without rights" {
    build python-service
    run_ok shale ls python-service /run
    hasnt secrets
    run_ok shale ls python-service /etc/apt/apt.conf.d
    hasnt 99build
    shale run -d --name app --network none python-service
    ask '["lhasa", "oslo", "quito"]' python3 service.py --get /places
    ask '{"country": "Ecuador", "height": 2850}' python3 service.py --get /places/quito
    run_fails 1 "not found" shale exec app python3 service.py --get /places/nosuch
    [ "$(shale exec app id -un)" = nobody ]
}

@test "examples: the Node app: a change of the program leaves its packages alone" {
    build node-app
    shale run -d --name app --network none node-app
    ask '{"newer":"1.10.0"}' node server.js --get '/newer?a=1.2.0&b=1.10.0'
    run_fails 1 'a and b are versions' shale exec app node server.js --get '/newer?a=1&b=2.0.0'
    ask '{"uptime":"' node server.js --get /uptime
    [ "$(shale exec app id -un)" = nobody ]
    run_ok shale stop app
    [ "$(shale wait app)" = 0 ]
    cp -r "$top/examples/node-app" "$BATS_TEST_TMPDIR/changed"
    echo "// changed" >>"$BATS_TEST_TMPDIR/changed/server.js"
    run_ok shale build --network host --progress plain --build-arg "BASE=$REGISTRY_HOST/apt:1.0" \
        --secret "id=apt,src=$BATS_FILE_TMPDIR/apt.conf" "$BATS_TEST_TMPDIR/changed"
    [ "$(grep -c ' CACHED$' <<<"$output")" = 6 ] || { echo "$output"; return 1; }
}
