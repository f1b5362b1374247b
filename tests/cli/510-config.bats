#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# What image and options say about a container, and what is refused and how.

load lib

setup_file() {
    registry_with busybox
    # an image that says something in every field
    local d=$BATS_FILE_TMPDIR/configured layer
    skopeo copy -q "oci:$SHALE_IMAGES/busybox:1.0" "dir:$BATS_FILE_TMPDIR/busybox"
    layer=$(jq -r '.layers[0].digest' "$BATS_FILE_TMPDIR/busybox/manifest.json")
    gzip -dc "$BATS_FILE_TMPDIR/busybox/${layer#sha256:}" >"$BATS_FILE_TMPDIR/layer.tar"
    oci_init "$d"
    oci_layer "$d" "$BATS_FILE_TMPDIR/layer.tar"
    oci_config "$d" '.config = {Env:["PATH=/bin","FOO=bar","EMPTY="], Entrypoint:["/bin/echo","entry"],Cmd:["one","two"], User:"app", WorkingDir:"/work/dir", StopSignal:"SIGUSR1",Volumes:{"/vol":{}}, ExposedPorts:{"80/tcp":{}}, Labels:{a:"1"}}'
    oci_index "$d" 1.0 "$(oci_image "$d" linux "$(dpkg --print-architecture)")"
    push "$d:1.0" configured:1.0
}
teardown_file() { registry_stop_all; }
setup() {
    container_setup
    configured=$REGISTRY_HOST/configured:1.0
    shale pull -q "$configured" >/dev/null
}
teardown() { drop_store; }
in_configured() { local program=$1; shift; run_rm --entrypoint "$program" "$configured" "$@"; }

@test "the image's entrypoint, command, user, folder, volume and environment count" {
    run_ok run_rm "$configured"
    [ "$output" = "entry one two" ]
    run_ok run_rm "$configured" x
    [ "$output" = "entry x" ]
    run_ok in_configured pwd
    [ "$output" = /work/dir ]
    run_ok in_configured id -u
    [ "$output" = 1000 ]
    run_ok in_configured sh -c 'grep -c " /vol " /proc/mounts'
    [ "$output" = 1 ]
    # docker's order: PATH and HOSTNAME, then the rest, HOME last
    run_ok in_configured env
    [ "${lines[0]}" = PATH=/bin ]
    [[ ${lines[1]} == HOSTNAME=* ]]
    [ "${lines[2]}" = FOO=bar ]
    [ "${lines[3]}" = EMPTY= ]
    [ "${lines[4]}" = HOME=/home ]
    # an entrypoint of one's own does without the image's command
    run_fails 125 "no command specified" run_rm --entrypoint "" "$configured"
    run_ok run_rm --entrypoint "" "$configured" id -un
    [ "$output" = app ]
}

@test "the image's stop signal is the one that stop sends" {
    shale run -d --name sig --network none --entrypoint sh "$configured" -c \
        'trap "exit 41" USR1; echo ready; while :; do sleep 0.05; done' >/dev/null
    for _ in $(seq 600); do [ "$(shale logs sig)" = ready ] && break; sleep 0.05; done
    run_ok shale stop sig
    run_ok shale inspect -f '{{.State.ExitCode}} {{.Config.StopSignal}}' sig
    [ "$output" = "41 SIGUSR1" ]
}

@test "users by name, number and group; those that are none" {
    [ "$(run_rm -u app:extra "$image" id -g)" = 2000 ]
    [ "$(run_rm -u 77:88 "$image" sh -c 'echo $(id -u) $(id -g)')" = "77 88" ]
    run_fails 125 "unable to find user nope: no matching entries in passwd file" run_rm -u nope "$image" true
    run_fails 125 "unable to find group nope: no matching entries in group file" run_rm -u app:nope "$image" true
    run_fails 125 "uids and gids must be in range 0-2147483647" run_rm -u -1 "$image" true
    run_ok shale ps -aq
    [ -z "$output" ]
}

@test "values that an option cannot take are errors of use, with the usage" {
    run_fails 125 'invalid argument "" for "-e, --env" flag: invalid environment variable: ' run_rm -e "" "$image" true
    has "Usage:  shale run [OPTIONS] IMAGE [COMMAND] [ARG...]"
    run_fails 125 "for \"-l, --label\" flag: invalid label '=x': empty name" run_rm -l =x "$image" true
    run_fails 125 'for "-a, --attach" flag: valid streams are STDIN, STDOUT and STDERR' run_rm -a bogus "$image" true
    run_fails 125 'invalid argument "abc" for "-m, --memory" flag' run_rm -m abc "$image" true
    run_fails 125 'for "--cpus" flag: failed to parse abc as a rational number' run_rm --cpus abc "$image" true
}

@test "files of variables: what is wrong is named with the file" {
    local f=$BATS_TEST_TMPDIR/env
    printf 'A=1\n # no\n\nB=x y\nNOTSET\n' >"$f"
    run_ok run_rm --env-file "$f" "$image" sh -c 'echo "$A|$B|${NOTSET-unset}"'
    [ "$output" = "1|x y|unset" ]
    printf 'A B=1\n' >"$f"
    run_fails 125 "invalid env file ($f): variable 'A B' contains whitespaces" run_rm --env-file "$f" "$image" true
    printf '=1\n' >"$f"
    run_fails 125 "invalid env file ($f): no variable name on line '=1'" run_rm --env-file "$f" "$image" true
    run_fails 125 "open /nope: no such file or directory" run_rm --env-file /nope "$image" true
}

@test "options that cannot be together, and what is not there yet, take one line" {
    run_fails 1 "conflicting options: cannot specify both --attach and --detach" shale run -a stdin -d "$image" true
    hasnt "--help"
    run_fails 1 "the input device is not a TTY" bash -c "'$SHALE_BIN' run --rm -it --network none $image true </dev/null"
    hasnt "--help"
    run_fails 125 "conflicting options: cannot attach both user-defined and non-user-defined network-modes" run_rm --network host "$image" true
    run_fails 125 "cannot specify both --restart and --rm" run_rm --restart always "$image" true
    run_fails 125 "unknown policy 'bogus'" shale run --restart bogus "$image" true
    run_fails 125 "invalid containerPort: x" run_rm -p 80:x "$image" true
    run_fails 125 'error parsing specified platform: "bogus"' run_rm --platform bogus "$image" true
    run_fails 125 "must be one of \"always\", \"missing\" or \"never\"" run_rm --pull sometimes "$image" true
    run_fails 125 "No such image: nosuch:latest" run_rm --pull never nosuch true
    run_ok shale ps -aq
    [ -z "$output" ]
}

@test "capabilities and security options" {
    [ "$(run_rm --cap-drop ALL "$image" sed -n 's/^CapEff:\t//p' /proc/self/status)" = 0000000000000000 ]
    [ "$(run_rm --cap-drop all --cap-add net_admin "$image" sed -n 's/^CapEff:\t//p' /proc/self/status)" = 0000000000001000 ]
    run_fails 125 'invalid CapAdd: unknown capability: "CAP_BOGUS"' run_rm --cap-add bogus "$image" true
    [ "$(run_rm --security-opt no-new-privileges "$image" sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)" = 1 ]
    [ "$(run_rm --security-opt no-new-privileges=0 "$image" sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)" = 0 ]
    [ "$(run_rm --security-opt seccomp=unconfined "$image" sed -n 's/^Seccomp:\t//p' /proc/self/status)" = 0 ]
    [ "$(run_rm "$image" sed -n 's/^Seccomp:\t//p' /proc/self/status)" = 2 ]
    run_fails 125 'invalid --security-opt 2: "no-new-privileges=maybe"' run_rm --security-opt no-new-privileges=maybe "$image" true
    run_fails 125 'invalid --security-opt: "bogus"' run_rm --security-opt bogus "$image" true
    run_fails 125 'opening seccomp profile (/nope) failed: open /nope: no such file or directory' run_rm --security-opt seccomp=/nope "$image" true
}

@test "tmpfs: options and refusals" {
    run_ok run_rm --tmpfs /t:mode=700,uid=1000,size=64k "$image" sh -c 'ls -ldn /t; df -k /t'
    [[ ${lines[0]} == drwx------*1000* ]]
    has " 64 "
    run_fails 125 'invalid tmpfs option ["bogus"]' run_rm --tmpfs /x:bogus "$image" true
    run_fails 125 "invalid mount path: 'relative' mount path must be absolute" run_rm --tmpfs relative "$image" true
    run_fails 125 "destination can't be '/'" run_rm --tmpfs / "$image" true
}

@test "a runtime by a relative path, started again from elsewhere" {
    cd /
    shale create --name far --network none --runtime "./$(command -v runc || command -v crun)" "$image" echo hi >/dev/null
    cd "$BATS_TEST_TMPDIR"
    run_ok shale start -a far
    [ "$output" = hi ]
    run_fails 125 "unknown or invalid runtime name: nosuch" run_rm --runtime nosuch "$image" true
}

@test "mounts that cannot be" {
    run_fails 125 'invalid mount config for type "bogus": mount type unknown' run_rm --mount type=bogus,target=/t "$image" true
    run_fails 125 'invalid mount config for type "bind": field Source must not be empty' run_rm --mount type=bind,target=/t "$image" true
    hasnt "Usage:"
    run_fails 125 "for \"--mount\" flag: unexpected key 'bogus' in 'bogus=1'" run_rm --mount type=bind,source=/tmp,target=/t,bogus=1 "$image" true
    has "Usage:"
    run_fails 125 "invalid mode: bogus" run_rm -v /tmp:/t:bogus "$image" true
    run_fails 125 "includes invalid characters for a local volume name" run_rm -v relative/x:/t "$image" true
    run_fails 125 "Duplicate mount point: /t" run_rm -v /tmp:/t -v /etc:/t "$image" true
    run_ok run_rm -v /tmp:/t -v /tmp:/t "$image" true
}

@test "limits hold, and a container that is killed for its memory says so" {
    [ "$(run_rm --pids-limit 7 "$image" sh -c 'cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null')" = 7 ]
    cd "$BATS_TEST_TMPDIR"
    mkdir here
    cd here
    run shale run --name oom --network none --memory 16m "$image" sh -c 'x=a; while :; do x=$x$x; done'
    [ -z "$(ls)" ] # nothing is left where the user stands
    [ "$status" = 137 ]
    run_ok shale inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' oom
    [ "$output" = "true 137" ]
    run_fails 125 "Minimum memory limit allowed is 6MB" run_rm --memory 1m "$image" true
    run_fails 125 "range of CPUs is from 0.01 to" run_rm --cpus 1000 "$image" true
}

@test "inspect shows what docker's clients ask for" {
    shale create --name conf --network none --memory 64m "$configured" >/dev/null
    run_ok shale inspect -f '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{len .HostConfig.Devices}} {{.HostConfig.OomScoreAdj}} [{{.NetworkSettings.IPAddress}}] {{.NetworkSettings.HairpinMode}}' conf
    [ "$output" = "no 67108864 134217728 0 0 [] false" ]
    run_ok shale inspect -f '{{json .Config.ExposedPorts}} {{json .Config.Entrypoint}} {{.Config.User}} {{.Config.WorkingDir}}' conf
    [ "$output" = '{"80/tcp":{}} ["/bin/echo","entry"] app /work/dir' ]
    run_ok shale inspect -f '{{.Config.AttachStdout}} {{.State.Status}} {{(index .Mounts 0).Destination}}' conf
    [ "$output" = "true created /vol" ]
    shale run -d -i --name det --network none --entrypoint sleep "$configured" 100 >/dev/null
    run_ok shale inspect -f '{{.Config.AttachStdin}} {{.Config.AttachStdout}} {{.Config.OpenStdin}} {{.Config.StdinOnce}}' det
    [ "$output" = "false false true false" ]
}
