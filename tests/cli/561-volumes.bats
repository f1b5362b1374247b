#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# volume create, ls, inspect, rm, prune.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }
volumes() { shale volume ls -q "$@" | paste -sd' '; }

@test "--mount makes volumes with options and labels; nocopy leaves them empty" {
    run_ok run_rm --mount type=volume,src=small,dst=/o,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size=1m,volume-label=a=b \
        --mount type=volume,src=bare,dst=/etc,volume-nocopy -v full:/bin "$image" sh -c 'grep " /o " /proc/mounts; ls /etc; cat /etc/hosts'
    [[ ${lines[0]} == *tmpfs*size=1024k* ]]
    [ "${lines[*]:1:3}" = "hostname hosts resolv.conf" ] # these are mounted into it
    has localhost
    run_ok shale volume inspect small
    jq -e '.[0] | .Options == {type: "tmpfs", device: "tmpfs", o: "size=1m"} and .Labels == {a: "b"}' <<<"$output"
    # one that is there stays as it is
    run_ok run_rm --mount type=volume,src=bare,dst=/o,volume-label=c=d "$image" true
    [ "$(shale volume inspect -f '{{len .Labels}}' bare)" = 0 ]
    run_fails 125 "create xx: invalid option" run_rm --mount type=volume,src=xx,dst=/o,volume-opt=color=red "$image" true
    [ "$(volumes)" = "bare full small" ]
}

@test "volume create: named, anonymous, again; what is wrong is said" {
    run_ok shale volume create --label team=x --label bare data
    [ "$output" = data ]
    run_ok shale volume create --label team=y data
    [ "$output" = data ]
    run_ok shale volume inspect data
    [ "$(jq -r '.[0] | .Name, .Driver, .Scope, .Labels.team, .Labels.bare, (.Options|tostring)' <<<"$output" | paste -sd'|')" = "data|local|local|x||null" ]
    mountpoint=$(shale volume inspect -f '{{.Mountpoint}}' data)
    [ -d "$mountpoint" ]
    [[ $(shale volume inspect -f '{{.CreatedAt}}' data) == 20*T* ]]
    run_ok shale volume create
    [ ${#output} = 64 ]
    run_fails 1 'includes invalid characters for a local volume name' shale volume create a/b
    run_fails 1 'error looking up volume plugin nfs: plugin "nfs" not found' shale volume create -d nfs x1
    run_fails 1 "cannot specify a volume name through both --name and as a positional arg" shale volume create --name x1 x2
    run_fails 1 "get nope: no such volume" shale volume inspect nope data
    has '"Name": "data"'
    [ "$(shale inspect -f '{{.Name}} {{.Labels.team}}' data)" = "data x" ]
    [ "$(shale inspect --type volume -f '{{.Driver}}' data)" = local ]
    run_fails 1 "No such object: nope" shale inspect nope
    run_fails 1 "unknown command: shale volume bogus" shale volume bogus
}

@test "volume ls: columns, formats, filters" {
    shale volume create --label team=x one >/dev/null
    shale volume create two >/dev/null
    shale create --name box --network none -v two:/data "$image" true >/dev/null
    run_ok shale volume ls
    [ "${lines[0]}" = "DRIVER    VOLUME NAME" ]
    [ "${lines[1]}" = "local     one" ]
    [ "$(volumes)" = "one two" ]
    [ "$(volumes -f dangling=true)" = one ]
    [ "$(volumes -f dangling=0)" = two ]
    [ "$(volumes -f label=team)" = one ]
    [ "$(volumes -f label=team=y)" = "" ]
    [ "$(volumes -f name=w)" = two ]
    [ "$(volumes -f name=one -f name=two -f driver=local)" = "one two" ]
    [ "$(volumes -f driver=nfs)" = "" ]
    [ "$(shale volume ls --format '{{.Name}}|{{.Driver}}|{{.Label "team"}}|{{.Labels}}|{{.Size}}' -f name=one)" = "one|local|x|team=x|N/A" ]
    [ "$(shale volume ls --format json -f name=two | jq -r .Name)" = two ]
    run_fails 1 "invalid filter 'bogus'" shale volume ls -f bogus=1
    run_fails 1 "invalid filter 'dangling=[x]'" shale volume ls -f dangling=x
    run_fails 1 "can't evaluate field Nope" shale volume ls --format '{{.Nope}}'
}

@test "volume rm: not one that a container has, running or not" {
    id=$(shale create --name box --network none -v data:/data "$image" true)
    run_fails 1 "remove data: volume is in use - [$id]" shale volume rm data
    [ "$(volumes)" = data ]
    shale rm box >/dev/null
    run_ok shale volume rm data
    [ "$output" = data ]
    [ ! -e "$SHALE_ROOT/volumes/data" ]
    run_fails 1 "get data: no such volume" shale volume rm data
    run_ok shale volume rm -f data
    run_fails 1 "get ../x: no such volume" shale volume rm ../x
}

@test "volume prune: anonymous ones, with -a all, never one that is used" {
    shale volume create --label keep=yes kept >/dev/null
    shale volume create named >/dev/null
    shale run --rm --network none -v named:/data "$image" sh -c 'head -c 100000 /dev/zero >/data/big'
    anonymous=$(shale volume create)
    shale create --name box --network none -v /anon "$image" true >/dev/null
    used=$(shale inspect -f '{{(index .Mounts 0).Name}}' box)
    run_ok shale volume prune <<<n
    has "WARNING! This will remove anonymous local volumes not used by at least one container."
    hasnt Deleted
    run_ok shale volume prune -f
    [ "${lines[0]}" = "Deleted Volumes:" ]
    [ "${lines[1]}" = "$anonymous" ]
    [[ ${lines[2]} == "Total reclaimed space: "*B ]]
    [ "${#lines[@]}" = 3 ]
    run_fails 1 "invalid filter 'until'" shale volume prune -f --filter until=1h
    run_ok shale volume prune -af --filter 'label!=keep'
    has named
    [[ ${lines[-1]} =~ "Total reclaimed space: "1[0-9.]+kB$ ]]
    [ "$(volumes -f name=kept)" = kept ]
    run_ok shale volume prune -f --filter all=true
    has kept
    [ "$(volumes)" = "$used" ]
    run_ok shale rm -v box
    [ "$(volumes)" = "" ]
}

@test "a prune beside runs takes no volume away from them" {
    prune() { for _ in $(seq 20); do shale volume prune -af >/dev/null; done; }
    prune 3>&- &
    local pid=$! i
    for i in $(seq 8); do
        run_ok shale run --rm --network none -v "vol$i:/data" "$image" sh -c 'echo x >/data/f && cat /data/f'
        [ "$output" = x ]
    done
    wait "$pid"
}

@test "help of all of them" {
    for command in create inspect ls prune rm; do
        run_ok shale volume "$command" --help
        has "Usage:  shale volume $command"
        has "Examples:"
    done
}
