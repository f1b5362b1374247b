#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# image diff: what differs in configs, histories and packages. umoci makes the other configs.
# shellcheck disable=SC2154 # the libraries set status, output and lines

load lib
load images
load look

# dpkg NAME VERSION…: its database
dpkg() {
    while [ $# -gt 1 ]; do
        printf 'Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n\n' "$1" "$2"
        shift 2
    done
}
apk() { printf 'P:%s\nV:%s\nA:x86_64\n\n' "$1" "$2"; }

# packages LAYOUT TAG DIR: one image of that folder
packages() {
    pack "$3" "$3.tar"
    oci_layer "$1" "$3.tar" gzip "ADD packages"
    oci_tag "$1" "$2" "$(oci_image "$1" linux amd64)"
}

setup_file() {
    registry_start plain "$BATS_FILE_TMPDIR/registry"
    local l=$BATS_FILE_TMPDIR/layout d=$BATS_FILE_TMPDIR/p t
    oci_init "$l"
    mkdir -p "$d/1/var/lib/dpkg/status.d" "$d/1/lib/apk/db" "$d/2/var/lib/dpkg/status.d" "$d/2/usr/lib/apk/db" "$d/bad/lib/apk/db"
    dpkg same 1 libx 1.9-1 tool 1:2.0-3 old 3 >"$d/1/var/lib/dpkg/status"
    dpkg tool 1:2.0-10 same 1 libx 1.9-1 new 0.1 >"$d/2/var/lib/dpkg/status"
    dpkg tzdata 2024a >"$d/1/var/lib/dpkg/status.d/tzdata"
    dpkg tzdata 2023a >"$d/2/var/lib/dpkg/status.d/tzdata"
    # the same package, in a folder behind a link
    apk musl 1.2.5-r0 >"$d/1/lib/apk/db/installed"
    ln -s usr/lib "$d/2/lib"
    apk musl 1.2.5-r0 >"$d/2/usr/lib/apk/db/installed"
    packages "$l" p1 "$d/1"
    packages "$l" p2 "$d/2"
    umoci config --image "$l:p1" --tag c1 --history.comment "the settings" --config.env A=1 --config.env PATH=/bin --config.cmd sh \
        --config.label l=1 --config.label gone= --config.exposedports 80/tcp --config.user 1000
    umoci config --image "$l:c1" --tag c2 --config.env A=2 --config.env B=x=y --clear=config.cmd --config.cmd sh --config.cmd -c \
        --config.entrypoint /init --clear=config.labels --config.label l=1 --clear=config.exposedports --config.exposedports 443/tcp \
        --config.volume /data --config.workingdir /srv --author me --history.created_by "SET all"
    export D=$REGISTRY_HOST/parts
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
    mkdir -p "$DOCKER_CONFIG"
    for t in p1 p2 c1 c2; do
        push_tag "$l" "$t" "parts:$t"
        shale pull -q "$D:$t" >/dev/null
    done
}
teardown_file() { registry_stop_all; }

# differs OPTION…: the lines of a comparison that finds something
differs() {
    run shale image diff --format '{{.Part}} {{.Change}} {{.Name}} [{{.From}}] [{{.To}}]' "$@"
    [ "$status" = 1 ] || { echo "status $status"; echo "$output"; return 1; }
}

@test "packages: added, removed, other versions; whichever database they are in" {
    differs --only packages "$D:p1" "$D:p2"
    diff <(echo "$output") - <<'END'
package added new [] [0.1]
package removed old [3] []
package changed tool [1:2.0-3] [1:2.0-10]
package changed tzdata [2024a] [2023a]
END
    differs --only package "$D:p2" "$D:p1"
    has "package changed tool [1:2.0-10] [1:2.0-3]"
    # databases of one layer are not even read
    run_ok shale image diff --only packages "$D:p1" "$D:c2"
    [ -z "$output" ]
    run shale image diff --only packages --format json "$D:p1" "$D:p2"
    [ "$(jq -rs 'map(.Arch) | unique | join(",")' <<<"$output")" = amd64 ]
}

@test "config: each value by its name, what is gone as well" {
    differs --only config "$D:c1" "$D:c2"
    diff <(echo "$output") - <<'END'
config added Author [] [me]
config changed Cmd [["sh"]] [["sh","-c"]]
config added Entrypoint [] [["/init"]]
config changed Env.A [1] [2]
config added Env.B [] [x=y]
config added ExposedPorts.443/tcp [] []
config removed ExposedPorts.80/tcp [] []
config removed Labels.gone [] []
config added Volumes./data [] []
config added WorkingDir [] [/srv]
END
}

@test "history: steps that are not in both" {
    differs --only history "$D:c1" "$D:c2"
    [ "${#lines[@]}" = 1 ]
    [[ $output == "history added step 3 [] [SET all]" ]]
    differs --only history "$D:c2" "$D:p1"
    [ "${#lines[@]}" = 2 ]
    [[ ${lines[0]} == "history removed step 2 "* ]]
    run_ok shale image diff --only history "$D:p1" "$D:p2"
}

@test "all of them at once, or some; the table" {
    differs "$D:c1" "$D:c2"
    [ "$(cut -d' ' -f1 <<<"$output" | uniq | tr '\n' ' ')" = "config history " ]
    differs "$D:p1" "$D:p2"
    [ "$(cut -d' ' -f1 <<<"$output" | uniq | tr '\n' ' ')" = "package file " ]
    differs --only files --only config,history "$D:p1" "$D:c2"
    [ "$(cut -d' ' -f1 <<<"$output" | uniq | tr '\n' ' ')" = "config history " ]
    run shale image diff "$D:c1" "$D:c2"
    [[ ${lines[0]} == PART*CHANGE*NAME*DETAIL ]]
    grep -qE '^config +changed +Env.A +1 -> 2$' <<<"$output"
    run shale image diff -q "$D:c1" "$D:c2"
    [ "$status" = 1 ]
    [ -z "$output" ]
    run_ok shale image diff -q --only packages,files "$D:p1" "$D:c2"
}

@test "long values are cut in the table, unless asked" {
    local long
    long=$(printf 'v%.0s' {1..90})
    shale edit --label "long=$long" -t long:1 "$D:p1" >/dev/null
    run shale image diff --only config "$D:p1" long:1
    [ "$status" = 1 ]
    has "vvvv…"
    run shale image diff --only config --no-trunc "$D:p1" long:1
    has "$long"
}

@test "wrong use, and a database that is damaged" {
    run_fails 125 '--only takes config, history, packages and files, not "bytes"' shale image diff --only bytes "$D:p1" "$D:p2"
    local d=$BATS_TEST_TMPDIR/rpm l=$BATS_TEST_TMPDIR/layout
    mkdir -p "$d/var/lib/rpm"
    head -c 8192 /dev/urandom >"$d/var/lib/rpm/rpmdb.sqlite"
    oci_init "$l"
    packages "$l" bad "$d"
    push_tag "$l" bad parts:bad
    shale pull -q "$D:bad" >/dev/null
    run_fails 2 "$D:bad: /var/lib/rpm/rpmdb.sqlite" shale image diff --only packages "$D:p1" "$D:bad"
    differs --only files "$D:p1" "$D:bad"
}
