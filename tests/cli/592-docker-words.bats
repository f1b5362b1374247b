#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # status, output and lines are bats'
# What docker's users know of its answers: exit statuses and words of wrong use, values of templates that are empty,
# options that there is nothing behind here.

load lib

setup_file() { net_archive; }
setup() {
    need_root
    fresh_store
    store_by load -q -i "$ARCHIVE"
}
teardown() { drop_store; }
shale() { "$SHALE_BIN" "$@"; }

@test "create: wrong use is 125 and points to --help, what cannot be made is 1" {
    wrong() {
        run_fails 125 "shale: Error: $1" shale create --network none "${@:2}" box:1 true
        has "Run 'shale create --help' for more information"
    }
    wrong "invalid hostPort: x" -p x:80
    wrong "invalid spec: /a:/b:/c:/d: too many colons" -v /a:/b:/c:/d
    wrong "invalid spec: :/x: empty section between colons" -v :/x
    wrong 'invalid pull option: '"'bogus'" --pull bogus
    wrong "conflicting options: cannot specify both --restart and --rm" --restart always --rm
    wrong "--health-retries cannot be negative" --health-retries -1
    cannot() {
        run_fails 1 "Error: $1" shale create --network none "${@:2}" box:1 true
        hasnt "--help"
    }
    cannot "invalid signal: BOGUS" --stop-signal BOGUS
    cannot "Invalid container name (x)" --name x
    cannot "create a/b: \"a/b\" includes invalid characters for a local volume name" -v a/b:/c
    cannot "create a: volume name is too short, names should be at least two alphanumeric characters" -v a:/c
    [ -z "$(shale ps -aq)" ]
    run_fails 1 "create x: volume name is too short" shale volume create x
}

@test "run and create: options of docker that nothing is behind say so; those that change nothing are taken" {
    for o in --cpu-rt-period=1 --cpu-rt-runtime=1 --kernel-memory=1g --isolation=hyperv --link-local-ip=169.254.1.1 \
        --storage-opt=size=1G --use-api-socket --volume-driver=nfs; do
        run_fails 125 "is not supported yet" shale run --network none "$o" box:1 true
        has "Error: ${o%%=*}"
    done
    run_fails 125 "--gpus is not supported yet: give the container the devices themselves with --device" shale run --gpus all box:1
    [ -z "$(shale ps -aq)" ]
    run_ok shale run --rm --network none --ipc private --isolation default --log-driver json-file --memory-swappiness -1 \
        --oom-score-adj 0 --userns host --volume-driver local box:1 echo fine
    [ "$output" = fine ]
    run_ok shale run --help
    hasnt "--gpus"
    hasnt "Not supported"
}

@test "inspect: what is empty is an empty list or map in a template, null in JSON" {
    shale create --name one --network none box:1 true >/dev/null
    shale volume create vol >/dev/null
    run_ok shale inspect -f '{{.HostConfig.CapAdd}} {{.Config.Entrypoint}} {{.Config.Volumes}} {{.HostConfig.Sysctls}} {{.HostConfig.Init}} {{len .HostConfig.Binds}}{{range .HostConfig.ExtraHosts}}x{{end}} {{if .Config.OnBuild}}y{{end}}' one
    [ "$output" = "[] [] map[] map[] <nil> 0 " ]
    run_ok shale inspect -f '{{json .HostConfig.CapAdd}} {{json .Config.Volumes}} {{join .Config.Entrypoint " "}}|' one
    [ "$output" = "null null |" ]
    [ "$(shale inspect one | jq -c '.[0].HostConfig | [.CapAdd, .Init]')" = "[null,null]" ]
    run_ok shale volume inspect -f '{{.Status}} {{.Labels}} {{.Options}}' vol
    [ "$output" = "map[] map[] map[]" ]
    run_fails 1 'map has no entry for key "Nope"' shale inspect -f '{{.HostConfig.Nope}}' one
}

@test "names in commit and import; ports; load of another platform, also of what is here" {
    shale create --name one --network none box:1 true >/dev/null
    run_fails 1 "Error: invalid reference format: repository name (library/Upper) must be lowercase" shale commit one Upper
    run_fails 1 "Error: invalid reference format: repository name (library/Upper) must be lowercase" shale import "$ARCHIVE" Upper
    run_fails 1 "No public port '80' published for one" shale port one 80
    why="image with reference box:1 was found but its platform (linux/amd64) does not match the specified platform (linux/s390x)"
    run_fails 1 "$why" shale load --platform linux/s390x -i "$ARCHIVE"
    run_ok shale load --platform linux/amd64 -i "$ARCHIVE"
    [ "$output" = "Loaded image: box:1" ]
    shale rm one >/dev/null
    shale rmi box:1 >/dev/null
    run_fails 1 "$why" shale load --platform linux/s390x -i "$ARCHIVE"
    [ -z "$(shale images -q)" ]
}
