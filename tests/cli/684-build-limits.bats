#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# `shale build`: limits of the steps, and files that are written at the end.
load lib
load build

setup() { context_setup; }

@test "build: limits of memory, processors, files and /dev/shm hold in a RUN" {
    # Both versions of control groups; of version 2 cpu.shares is cpu.weight.
    dockerfile <<'END'
FROM @
RUN ulimit -n; df -k /dev/shm | tail -n 1; g=/sys/fs/cgroup; \
    cat $g/memory.max $g/memory/memory.limit_in_bytes 2>/dev/null; \
    cat $g/cpu.max $g/cpu/cpu.cfs_quota_us 2>/dev/null; \
    cat $g/cpu.weight $g/cpu/cpu.shares 2>/dev/null; \
    cat $g/cpuset.cpus $g/cpuset/cpuset.cpus 2>/dev/null; :
END
    run_ok build --memory 64m --memory-swap 64m --cpu-period 50000 --cpu-quota 25000 -c 512 --cpuset-cpus 0 --cpuset-mems 0 \
        --ulimit nofile=99:200 --shm-size 3m
    for want in ' 99$' ' 3072 ' ' 67108864$' ' 25000\( 50000\)\?$' ' \(512\|20\|59\)$' ' 0$'; do
        grep -q -- "$want" <<<"$output" || { echo "no line '$want' in: $output"; return 1; }
    done
    # They are no part of the key: what a step gives does not depend on them.
    run_ok build --memory 128m
    has "CACHED"
    # A limit that does not go is told of before anything is done, also where nothing would be run.
    run_fails 1 "Minimum memory limit allowed is 6MB" build --memory 1m
    run_fails 1 "Minimum memoryswap limit should be larger than memory limit" build --memory 64m --memory-swap 32m
    run_fails 1 "range of CPU shares is from 2 to 262144" build --cpu-shares 1
    run_fails 1 "CPU cfs period can not be less than 1ms" build --cpu-period 1
    run_fails 1 "Invalid value x for cpuset cpus" build --cpuset-cpus x
    run_fails 1 "Requested CPUs are not available" build --cpuset-cpus 8000
    run_fails 1 'invalid argument "nofile" for --ulimit' build --ulimit nofile
    run_fails 125 'for "--memory-swap" flag' build --memory-swap much
    hasnt "#1 "
}

@test "build: files that cannot be written are told of before the build begins" {
    dockerfile <<<'FROM @'
    : >"$BATS_TEST_TMPDIR/file"
    begins_not() { # TEXT OPTION...: one line, and nothing was begun
        run_fails 1 "$1" build "${@:2}" || return 1
        [ "${#lines[@]}" = 1 ] || { echo "not one line: $output"; return 1; }
    }
    for option in --iidfile --metadata-file; do
        begins_not "$option \"$BATS_TEST_TMPDIR/no/x\": there is no folder $BATS_TEST_TMPDIR/no" $option "$BATS_TEST_TMPDIR/no/x"
        begins_not "$option \"$ctx\" is a folder: name a file" $option "$ctx"
        begins_not "$BATS_TEST_TMPDIR/file is no folder" $option "$BATS_TEST_TMPDIR/file/x"
        begins_not "$option: the name of a file is missing" $option ""
    done
    begins_not "--output \"$BATS_TEST_TMPDIR/no/x.tar\": there is no folder" -o "type=oci,dest=$BATS_TEST_TMPDIR/no/x.tar"
    begins_not "--output \"$ctx\" is a folder" -o "type=tar,dest=$ctx"
    begins_not "$BATS_TEST_TMPDIR/file is no folder" -o "$BATS_TEST_TMPDIR/file/x/y"
    run_ok build --iidfile "$BATS_TEST_TMPDIR/iid" -o "type=oci,dest=$BATS_TEST_TMPDIR/x.tar" -t x
    [ "$(cat "$BATS_TEST_TMPDIR/iid")" = "$(shale inspect --format '{{.Id}}' x)" ]
    run_ok build -o "$BATS_TEST_TMPDIR/new/folder/of/it"
    [ -d "$BATS_TEST_TMPDIR/new/folder/of/it/bin" ]
}
