#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# update: limits and the restart policy of a container that is there.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }

# with_groups: limits need a runtime that makes control groups
host() { shale inspect -f "{{json .HostConfig.$2}}" "$1"; }
# group NAME V1-FILE V2-FILE: what the kernel says of it
group() {
    local id
    id=$(shale inspect -f '{{.Id}}' "$1")
    cat "/sys/fs/cgroup/$2" 2>/dev/null || cat "/sys/fs/cgroup/shale/$id/$3"
}
memory() { group "$1" "memory/shale/$(shale inspect -f '{{.Id}}' "$1")/memory.limit_in_bytes" memory.max; }
pids() { group "$1" "pids/shale/$(shale inspect -f '{{.Id}}' "$1")/pids.max" pids.max; }
quota() { group "$1" "cpu/shale/$(shale inspect -f '{{.Id}}' "$1")/cpu.cfs_quota_us" cpu.max | cut -d' ' -f1; }

@test "a running one has other limits at once, and keeps them when it starts again" {
    with_groups
    shale run -d --name box --network none -m 64m --cpus 0.5 --pids-limit 20 "$image" sleep 1000 >/dev/null
    [ "$(memory box) $(pids box) $(quota box)" = "67108864 20 50000" ]
    run_ok shale update -m 256m --cpus 1 --pids-limit -1 -c 100 --cpuset-cpus 0 box
    [ "$output" = box ]
    [ "$(memory box) $(pids box) $(quota box)" = "268435456 max 100000" ]
    [ "$(host box Memory) $(host box MemorySwap) $(host box NanoCpus) $(host box PidsLimit) $(host box CpuShares) $(host box CpusetCpus)" = \
        '268435456 536870912 1000000000 -1 100 "0"' ]
    run_ok shale container update -m 32m box
    [ "$(memory box)" = 33554432 ]
    shale restart -t 0 box >/dev/null
    [ "$(memory box) $(pids box) $(quota box)" = "33554432 max 100000" ]
    # a value that the kernel refuses changes nothing
    run_fails 1 "Requested CPUs are not available - requested 8000, available: 0" shale update -m 64m --cpuset-cpus 8000 box
    [ "$(memory box) $(host box Memory) $(host box CpusetCpus)" = '33554432 33554432 "0"' ]
}

@test "a stopped one has them from its next start; the same options make one" {
    with_groups
    shale create --name box --network none --memory-reservation 32m --memory-swap -1 -m 64m --cpu-period 50000 --cpu-quota 25000 "$image" sleep 1000 >/dev/null
    [ "$(host box MemoryReservation) $(host box MemorySwap) $(host box CpuPeriod) $(host box CpuQuota)" = "33554432 -1 50000 25000" ]
    run_ok shale update -m 128m --cpu-quota 30000 box
    shale start box >/dev/null
    [ "$(memory box) $(quota box)" = "134217728 30000" ]
}

@test "the restart policy: of one that runs, away again, and not of one with --rm" {
    shale run -d --name box --network none "$image" sleep 1000 >/dev/null
    shale run -d --rm --name gone --network none "$image" sleep 1000 >/dev/null
    run_ok shale update --restart on-failure:1 box
    [ "$(host box RestartPolicy)" = '{"Name":"on-failure","MaximumRetryCount":1}' ]
    kill -9 "$(shale inspect -f '{{.State.Pid}}' box)"
    again() { [ "$(shale inspect -f '{{.State.Status}} {{.RestartCount}}' box)" = "running 1" ]; }
    for _ in $(seq 600); do again && break; sleep 0.05; done
    again
    run_ok shale update --restart no box
    kill -9 "$(shale inspect -f '{{.State.Pid}}' box)"
    run_ok shale wait box
    [ "$(shale inspect -f '{{.State.Status}} {{.RestartCount}}' box)" = "exited 1" ]
    run_fails 1 "Restart policy cannot be updated because AutoRemove is enabled for the container" shale update --restart always gone
    run_ok shale update --restart always box
    [ "$(shale inspect -f '{{.State.Status}}' box)" = exited ]
}

@test "what does not go: nothing is changed, one line says why" {
    shale create --name box --network none --cpus 0.5 -m 64m "$image" sleep 1000 >/dev/null
    shale create --name other --network none --cpu-quota 25000 -m 64m --memory-swap 100m "$image" sleep 1000 >/dev/null
    before=$(shale inspect -f '{{json .HostConfig}}' box)
    run_fails 1 "you must provide one or more flags when using this command" shale update box
    run_fails 1 "requires at least 1 argument" shale update -m 64m
    run_fails 1 "Minimum memory limit allowed is 6MB" shale update -m 1m --pids-limit 5 box
    run_fails 1 "Minimum memory reservation allowed is 6MB" shale update --memory-reservation 1m box
    run_fails 1 "Minimum memory limit can not be less than memory reservation limit, see usage" shale update --memory-reservation 1g box
    run_fails 1 "Minimum memoryswap limit should be larger than memory limit, see usage" shale update --memory-swap 10m box
    run_fails 1 "range of CPUs is from 0.01 to" shale update --cpus 10000 box
    run_fails 1 "CPU Quota cannot be updated as NanoCPUs has already been set" shale update --cpu-quota 5000 box
    run_fails 1 "Nano CPUs cannot be updated as CPU Quota has already been set" shale update --cpus 1 other
    run_fails 1 "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time" shale update -m 200m other
    run_fails 1 "Invalid value 0-x for cpuset cpus" shale update --cpuset-cpus 0-x box
    run_fails 1 "unknown policy 'bogus'" shale update --restart bogus --pids-limit 5 box
    run_fails 125 'invalid argument "x" for "--memory-swap" flag' shale update --memory-swap x box
    run_fails 1 "No such container: nope" shale update -m 64m nope box
    has box # the others are
    # a host without control groups
    run_fails 1 "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted." \
        unshare -m sh -c "mount -t tmpfs none /sys/fs/cgroup && exec '$SHALE_BIN' update --pids-limit 5 box"
    [ "$(shale inspect -f '{{json .HostConfig}}' box)" = "$before" ]
    run_fails 125 "Conflicting options: Nano CPUs and CPU Period cannot both be set." shale run --cpus 1 --cpu-period 5000 "$image" true
    run_fails 125 "You should always set the Memory limit when using Memoryswap limit, see usage" shale run --memory-swap 64m "$image" true
}
