#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2016 # image is container_setup's; $ is for the shell in the container
# Options of run and create: names and addresses, limits of the process and of the kernel, devices, groups.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }
# refuses TEXT OPTION…: run ends with 125 and says so; nothing is left behind
refuses() {
    local want=$1
    shift
    run_fails 125 "$want" run_rm "$@" "$image" true || return 1
    run_ok shale ps -aq
    [ -z "$output" ]
}
host_config() { shale inspect -f "{{json .HostConfig.$2}}" "$1"; }

@test "--add-host adds lines to /etc/hosts" {
    run_ok run_rm --add-host a:10.1.2.3 --add-host 'b=[fe80::1]' "$image" tail -n 2 /etc/hosts
    [ "${lines[0]}" = $'10.1.2.3\ta' ]
    [ "${lines[1]}" = $'fe80::1\tb' ]
    # the host's own file, which one in its network has otherwise, is not added to
    run_ok shale run --rm --network host --add-host a:10.1.2.3 "$image" cat /etc/hosts
    has $'127.0.0.1\tlocalhost'
    has $'10.1.2.3\ta'
    run_fails 1 "" grep "^10.1.2.3[[:space:]]a$" /etc/hosts
    shale create --name cc --network none --add-host a:10.1.2.3 --add-host b=::1 "$image" true >/dev/null
    run_ok host_config cc ExtraHosts
    [ "$output" = '["a:10.1.2.3","b:::1"]' ]
    shale rm cc >/dev/null
    refuses 'invalid argument "foo" for "--add-host" flag: bad format for add-host: "foo"' --add-host foo
    refuses 'invalid argument "a:b" for "--add-host" flag: invalid IP address in add-host: "b"' --add-host a:b
    refuses "unable to derive the IP value for host-gateway" --add-host a:host-gateway
}

@test "--dns, --dns-search and --dns-option make /etc/resolv.conf" {
    run_ok run_rm --dns 192.0.2.1 --dns 2001:DB8::1 --dns-search a.test --dns-search b.test --dns-option ndots:3 \
        --dns-opt rotate "$image" cat /etc/resolv.conf
    [ "$output" = "search a.test b.test
nameserver 192.0.2.1
nameserver 2001:db8::1
options ndots:3 rotate" ]
    # what is not said is the host's
    run_ok run_rm --dns-search . --dns-option ndots:3 "$image" cat /etc/resolv.conf
    hasnt search
    has "options ndots:3"
    [ "$(grep -c ^nameserver <<<"$output")" = "$(grep -c '^nameserver[[:space:]]' /etc/resolv.conf)" ]
    run_ok shale run --rm --network host "$image" cat /etc/resolv.conf
    [ "$output" = "$(cat /etc/resolv.conf)" ]
    shale create --name cc --network none --dns 192.0.2.1 --dns-search a.test --dns-option x "$image" true >/dev/null
    run_ok shale inspect -f '{{.HostConfig.Dns}} {{.HostConfig.DnsSearch}} {{.HostConfig.DnsOptions}}' cc
    [ "$output" = "[192.0.2.1] [a.test] [x]" ]
    shale rm cc >/dev/null
    refuses 'invalid argument "foo" for "--dns" flag: IP address is not correctly formatted: foo' --dns foo
    refuses 'invalid argument "a_b" for "--dns-search" flag: a_b is not a valid domain' --dns-search a_b
}

@test "--shm-size is the size of /dev/shm" {
    run_ok run_rm "$image" sh -c 'df -k /dev/shm | tail -n 1 | awk "{print \$2}"'
    [ "$output" = 65536 ]
    run_ok run_rm --shm-size 1m "$image" sh -c 'df -k /dev/shm | tail -n 1 | awk "{print \$2}"'
    [ "$output" = 1024 ]
    run_fails 1 "No space left on device" run_rm --shm-size 1m "$image" dd if=/dev/zero of=/dev/shm/x bs=1M count=2
    shale create --name cc --network none --shm-size 2g "$image" true >/dev/null
    run_ok host_config cc ShmSize
    [ "$output" = 2147483648 ]
    shale rm cc >/dev/null
    refuses "invalid argument \"abc\" for \"--shm-size\" flag: invalid size: 'abc'" --shm-size abc
}

@test "--ulimit limits the process, and those that exec adds" {
    run_ok run_rm --ulimit nofile=100:200 --ulimit core=0 "$image" sh -c 'ulimit -Sn; ulimit -Hn; ulimit -Hc'
    [ "$output" = "100
200
0" ]
    shale run -d --name cc --network none --ulimit nofile=50 --ulimit nofile=100:200 --ulimit fsize=512:1024 --ulimit cpu=-1 "$image" sleep 100 >/dev/null
    # runc 1.1 sets limits of an exec while its own start, which lifts the soft number of open files to
    # the hard one, may still go on: so the soft limit is looked at with another one, which it leaves alone
    run_ok shale exec cc sh -c 'ulimit -Hn; ulimit -Sf; ulimit -Hf'
    [ "$output" = "200
1
2" ]
    # -1 is no limit at all, not a very large one
    run_ok shale exec cc sh -c 'grep "Max cpu time" /proc/self/limits'
    [[ $output =~ unlimited[[:space:]]+unlimited ]]
    run_ok host_config cc Ulimits
    [ "$output" = '[{"Name":"cpu","Hard":-1,"Soft":-1},{"Name":"fsize","Hard":1024,"Soft":512},{"Name":"nofile","Hard":200,"Soft":100}]' ]
    shale rm -f cc >/dev/null
    refuses 'invalid argument "foo" for "--ulimit" flag: invalid ulimit argument: foo' --ulimit foo
    refuses 'for "--ulimit" flag: invalid ulimit type: foo' --ulimit foo=1
    refuses 'ulimit soft limit must be less than or equal to hard limit: 5 > 2' --ulimit nofile=5:2
}

@test "--sysctl sets what belongs to the container" {
    local before
    before=$(cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_default_ttl)
    run_ok run_rm --sysctl kernel.msgmax=4321 --sysctl net.ipv4.ip_default_ttl=7 --sysctl net.ipv4.ip_default_ttl=77 \
        "$image" cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_default_ttl
    [ "$output" = "4321
77" ]
    run_ok shale run --rm --network host --sysctl kernel.msgmax=4321 "$image" cat /proc/sys/kernel/msgmax
    [ "$output" = 4321 ]
    [ "$(cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_default_ttl)" = "$before" ]
    shale create --name cc --network none --sysctl kernel.sem="1 2 3 4" "$image" true >/dev/null
    run_ok host_config cc Sysctls
    [ "$output" = '{"kernel.sem":"1 2 3 4"}' ]
    shale rm cc >/dev/null
    refuses "invalid argument \"vm.swappiness=1\" for \"--sysctl\" flag: sysctl 'vm.swappiness=1' is not allowed" \
        --sysctl vm.swappiness=1
    run_fails 125 'sysctl "net.ipv4.ip_forward" not allowed in host network namespace' \
        shale run --rm --network host --sysctl net.ipv4.ip_forward=1 "$image" true
}

@test "--device gives a device of the host" {
    # /dev/kmsg is in no container of its own accord
    [ -c /dev/kmsg ] || { echo "this host has no /dev/kmsg to give"; return 1; }
    run_ok run_rm "$image" sh -c '[ ! -e /dev/kmsg ]'
    run_ok run_rm --device /dev/kmsg "$image" stat -c '%F %t:%T' /dev/kmsg
    [ "$output" = "character special file $(stat -c '%t:%T' /dev/kmsg)" ]
    run_ok run_rm --device /dev/zero:/dev/deep/nought:r "$image" sh -c 'head -c 3 /dev/deep/nought | wc -c'
    [ "$output" = 3 ]
    # a link is the device that it leads to; a folder is all that are in it
    mkdir "$BATS_TEST_TMPDIR/devices"
    ln -s /dev/zero "$BATS_TEST_TMPDIR/link"
    mknod "$BATS_TEST_TMPDIR/devices/one" c 1 3
    run_ok run_rm --device "$BATS_TEST_TMPDIR/link:/dev/by-link" --device "$BATS_TEST_TMPDIR/devices:/dev/many" "$image" \
        stat -c '%n %t:%T' /dev/by-link /dev/many/one
    [ "$output" = "/dev/by-link 1:5
/dev/many/one 1:3" ]
    shale create --name cc --network none --device /dev/kmsg:/dev/log/../k:rw "$image" true >/dev/null
    run_ok host_config cc Devices
    [ "$output" = '[{"PathOnHost":"/dev/kmsg","PathInContainer":"/dev/k","CgroupPermissions":"rw"}]' ]
    shale rm cc >/dev/null
    refuses "bad mode specified: q" --device /dev/null:/dev/x:q
    refuses "x is not an absolute path" --device /dev/null:x
    refuses 'error gathering device information while adding custom device "/dev/nothing-here": no such file or directory' \
        --device /dev/nothing-here
    refuses "\"$BATS_TEST_DIRNAME/lib.bash\": not a device node" --device "$BATS_TEST_DIRNAME/lib.bash:/dev/x"
}

@test "the letters of --device are what the device control group allows" {
    run_ok run_rm --device /dev/kmsg:/dev/kmsg:w "$image" sh -c 'exec 3>/dev/kmsg && echo open'
    [ "$output" = open ]
    run_fails 1 "Operation not permitted" run_rm --device /dev/kmsg:/dev/kmsg:w "$image" sh -c 'exec 3</dev/kmsg && echo open'
}

@test "--group-add adds groups, also for exec" {
    run_ok run_rm -u 1000 --group-add 4242 --group-add nogroup --group-add 4242 "$image" id -G
    want=$(run_rm "$image" sh -c 'grep ^nogroup: /etc/group | cut -d: -f3')
    [[ " $output " == *" 4242 $want "* ]]
    shale run -d --name cc --network none --group-add 4242 "$image" sleep 100 >/dev/null
    run_ok shale exec cc id -G
    [[ " $output " == *" 4242 "* ]]
    run_ok host_config cc GroupAdd
    [ "$output" = '["4242"]' ]
    shale rm -f cc >/dev/null
    refuses "Unable to find group nosuch" --group-add nosuch
}

@test "--volumes-from shares the mounts of another container" {
    local dir=$BATS_TEST_TMPDIR/host anonymous
    mkdir "$dir"
    echo host >"$dir/file"
    shale create --name first --network none -v named:/named -v /any -v "$dir:/bind" --tmpfs /tmp "$image" true >/dev/null
    anonymous=$(shale inspect -f '{{range .Mounts}}{{if eq .Destination "/any"}}{{.Name}}{{end}}{{end}}' first)
    [ "${#anonymous}" = 64 ]
    run_ok run_rm --volumes-from first "$image" sh -c 'cat /bind/file; echo 1 >/named/x; echo 2 >/any/x'
    [ "$output" = host ]
    # that one's end, with --rm, has taken nothing away from the first
    run_ok shale volume inspect "$anonymous"
    run_ok run_rm --volumes-from first:ro "$image" sh -c 'cat /named/x /any/x'
    [ "$output" = "1
2" ]
    run_fails 1 "Read-only file system" run_rm --volumes-from first:ro "$image" sh -c 'echo 3 >/any/x'
    # one's own mount at the same place counts
    run_ok run_rm --volumes-from first -v other:/any "$image" sh -c 'ls /any; cat /named/x'
    [ "$output" = 1 ]
    shale create --name second --network none --volumes-from first "$image" cat /any/x >/dev/null
    run_ok shale inspect -f '{{json .HostConfig.VolumesFrom}} {{json .HostConfig.Binds}}' second
    [ "$output" = '["first"] null' ]
    # the anonymous volume goes with the last that has it
    run_ok shale rm -v first
    run_ok shale start -a second
    [ "$output" = 2 ]
    run_ok shale rm -v second
    run_fails 1 "$anonymous" shale volume inspect "$anonymous"
    run_ok shale volume inspect named
    # a container that cannot be made takes nothing with it
    shale create --name third --network none -v /any "$image" true >/dev/null
    anonymous=$(shale inspect -f '{{range .Mounts}}{{.Name}}{{end}}' third)
    run_fails 1 "is already in use" shale create --name third --network none --volumes-from third "$image" true
    run_ok shale volume inspect "$anonymous"
    shale rm -v third >/dev/null
    refuses "No such container: nosuch" --volumes-from nosuch
    refuses "invalid mode: x" --volumes-from a:x
    refuses "container name is empty" --volumes-from :ro
}

@test "--pid, --ipc, --uts, --cgroupns, --userns and --domainname: namespaces of the host, or none of it" {
    here() { readlink "/proc/self/ns/$1"; }
    run_ok run_rm --pid host --ipc host --uts host --userns host --init "$image" sh -c \
        'for n in pid ipc uts user; do readlink /proc/self/ns/$n; done; hostname; echo here >/dev/shm/'"$$"
    [ "$output" = "$(here pid)
$(here ipc)
$(here uts)
$(here user)
$(hostname)" ]
    [ "$(cat "/dev/shm/$$")" = here ]
    rm "/dev/shm/$$"
    # what it leaves behind among the processes of the host goes with it
    run_fails 3 "" run_rm --pid host "$image" sh -c "sleep 9$$ >/dev/null 2>&1 & exit 3"
    run_fails 1 "" pgrep -f "sleep 9$$"
    run_ok run_rm --ipc none --domainname dom.test -h box "$image" sh -c 'cat /proc/sys/kernel/domainname; hostname; ls /dev/shm 2>&1; true'
    [ "$output" = "dom.test
box
ls: /dev/shm: No such file or directory" ]
    run_ok run_rm --cgroupns host "$image" readlink /proc/self/ns/cgroup
    [ "$output" = "$(readlink /proc/self/ns/cgroup)" ]
    with_groups
    run_ok run_rm --cgroupns private "$image" readlink /proc/self/ns/cgroup
    [ "$output" != "$(readlink /proc/self/ns/cgroup)" ]
    shale create --name cc --network none --pid host --uts host --domainname '' "$image" true >/dev/null
    run_ok shale inspect -f '{{.HostConfig.PidMode}} {{.HostConfig.IpcMode}} {{.HostConfig.UTSMode}} {{.Config.Hostname}}' cc
    [ "$output" = "host private host $(hostname)" ]
    shale rm cc >/dev/null
    refuses "--pid: invalid PID mode" --pid private
    refuses "--uts: invalid UTS mode" --uts container:x
    refuses "--userns: invalid USER mode" --userns keep-id
    refuses "--cgroupns: invalid CGROUP mode" --cgroupns x
    refuses "invalid IPC mode: x" --ipc x
    refuses "conflicting options: hostname and the UTS mode" --uts host --hostname x
    refuses "No such container: nosuch" --pid container:nosuch
    refuses 'sysctl "kernel.msgmax" not allowed in host ipc namespace' --ipc host --sysctl kernel.msgmax=1
    shale create --name of-host --network none --ipc host "$image" true >/dev/null
    shale create --name of-it --network none --ipc container:of-host "$image" true >/dev/null
    run_fails 125 'sysctl "kernel.msgmax" not allowed in host ipc namespace' \
        shale run --rm --network none --ipc container:of-it --sysctl kernel.msgmax=1 "$image" true
    shale rm of-host of-it >/dev/null
}

@test "--pid and --ipc container: what others have, also after a restart of either" {
    run_ok shale run -d --name donor --network none --ipc shareable --shm-size 2m "$image" sh -c 'echo hi >/dev/shm/x; exec sleep 1000'
    donor=$output
    await shale exec donor test -s /dev/shm/x
    run_ok run_rm --pid container:donor --ipc container:donor "$image" sh -c 'cat /dev/shm/x; df -k /dev/shm | tail -n 1 | awk "{print \$2}"; ps'
    [ "${lines[0]}" = hi ]
    [ "${lines[1]}" = 2048 ]
    has "sleep 1000"
    shale run -d --name joins --network none --pid container:donor --ipc "container:${donor:0:12}" "$image" sleep 1001 >/dev/null
    run_ok shale inspect -f '{{.HostConfig.PidMode}} {{.HostConfig.IpcMode}}' joins
    [ "$output" = "container:$donor container:$donor" ]
    # what it has joined can be joined through it
    run_ok run_rm --ipc container:joins "$image" cat /dev/shm/x
    [ "$output" = hi ]
    if ! shale info | grep -q "without control groups"; then
        run_ok shale top joins -o pid,args
        has "sleep 1001"
        hasnt "sleep 1000"
        run_ok shale top donor -o pid,args
        has "sleep 1000"
        hasnt "sleep 1001"
    fi
    run_ok shale restart -t 0 joins
    run_ok shale exec joins ps
    has "sleep 1000"
    # it goes with the first process there
    shale stop -t 0 donor >/dev/null
    run_ok shale wait joins
    run_fails 1 "container $donor is not running" shale start joins
    run_ok shale start donor
    run_ok shale start joins
    shale rm -f joins donor >/dev/null
    run_fails 1 "" grep "$SHALE_ROOT/containers" /proc/self/mountinfo
    shale run -d --name own --network none "$image" sleep 1000 >/dev/null
    run_fails 125 "non-shareable IPC (hint: use IpcMode:shareable for the donor container)" \
        shale run --rm --network none --ipc container:own "$image" true
    shale rm -f own >/dev/null
}

@test "--oom-*, --memory-swappiness, --blkio-*, --device-cgroup-rule, --cgroup-parent and their like" {
    run_ok run_rm --oom-score-adj 321 --security-opt systempaths=unconfined --annotation a.b=c "$image" sh -c \
        'cat /proc/self/oom_score_adj; grep -c " /proc/" /proc/self/mountinfo; true'
    [ "$output" = "321
0" ]
    shale create --name cc --network none --oom-score-adj -5 --annotation a.b=c --annotation d --cgroup-parent /mine \
        --device-cgroup-rule 'c 10:* rw' --security-opt systempaths=unconfined "$image" true >/dev/null
    run_ok shale inspect -f '{{with .HostConfig}}{{.OomScoreAdj}} {{.Annotations}} {{.CgroupParent}} {{.DeviceCgroupRules}} {{json .MaskedPaths}} {{json .ReadonlyPaths}} {{.SecurityOpt}}{{end}}' cc
    [ "$output" = "-5 map[a.b:c d:] /mine [c 10:* rw] [] [] []" ]
    shale rm cc >/dev/null
    refuses "Invalid value 2000, range for oom score adj is [-1000, 1000]" --oom-score-adj 2000
    refuses "invalid value: 101. Valid memory swappiness range is 0-100" --memory-swappiness 101
    refuses "Range of blkio weight is from 10 to 1000" --blkio-weight 5
    refuses 'invalid argument "/dev/x" for "--device-read-bps" flag: bad format: /dev/x' --device-read-bps /dev/x
    refuses 'flag: invalid rate for device: /dev/x:1k' --device-write-iops /dev/x:1k
    refuses "invalid device cgroup format 'c 1'" --device-cgroup-rule 'c 1'
    refuses 'invalid cgroup parent "mine": it is an absolute path' --cgroup-parent mine
    refuses "zz is not a valid mac address" --mac-address zz
    with_groups
    run_ok run_rm --cgroup-parent /shale-mine --cgroupns host "$image" cat /proc/self/cgroup
    has :/shale-mine/
    find /sys/fs/cgroup -maxdepth 2 -name shale-mine -type d -exec rmdir {} +
    [ -f /sys/fs/cgroup/devices/devices.list ] || return 0 # the rest is said in words of version 1
    run_ok run_rm --device-cgroup-rule 'c 10:229 rw' --memory-swappiness 0 --oom-kill-disable -m 64m "$image" sh -c \
        'cd /sys/fs/cgroup; grep "c 10:229" devices/devices.list; cat memory/memory.swappiness; grep -w oom_kill_disable memory/memory.oom_control'
    [ "$output" = "c 10:229 rw
0
oom_kill_disable 1" ]
    disk=$(awk '$3 ~ "^/dev/" {print $3; exit}' <(lsblk -rno MAJ:MIN,TYPE,PATH | awk '$2 == "disk" {print $1, $2, $3}'))
    [ -b "$disk" ] || { echo "this host has no disk to limit"; return 1; }
    run_ok shale run --rm --network none --device-read-bps "$disk:1mb" --device-write-iops "$disk:100" "$image" sh -c \
        'cut -d" " -f2 /sys/fs/cgroup/blkio/blkio.throttle.read_bps_device /sys/fs/cgroup/blkio/blkio.throttle.write_iops_device'
    [ "$output" = "1048576
100" ]
    run_fails 125 "limit of block device /dev/null: it is none" shale run --rm --network none --device-read-bps /dev/null:1mb "$image" true
}
