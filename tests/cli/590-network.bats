#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # status, output and lines are bats'
# Networks: their commands, and what goes through them. All of it happens in a network namespace of the test's own, so
# that rules and devices of this machine are left alone; another one is the world outside.

load lib

setup_file() { net_archive; }
setup() {
    need_root
    fresh_store
    net_setup
    store_by load -q -i "$ARCHIVE"
}
teardown() {
    drop_store
    [ -z "$server" ] || kill "$server" || true
    net_teardown
}
shale() { here "$SHALE_BIN" "$@"; }
get() { timeout 5 busybox wget -q -O - "$1"; } # URL
export -f get
# web NAME [OPTION…]: a container that serves its name on port 80
web() { shale run -d --name "$1" "${@:2}" box:1 sh -c "echo this is $1 >/index.html; exec httpd -f -p 80 -h /" >/dev/null && serves "$1"; }
serves() { await shale exec "$1" wget -q -O - http://127.0.0.1/; }
address() { shale inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"; }
rows() {
    sqlite3 -cmd '.timeout 10000' "$SHALE_ROOT/shale.db" \
        'select container, address from endpoints union all select container, host from host_ports'
}
# nothing is left of containers: no rows, devices, rules with an address or a port, namespaces, resolver
clean() {
    run rows
    [ -z "$output" ] || { echo "rows are left: $output"; shale ps -a --no-trunc; return 1; }
    [ -z "$(ip -n "$ns" -o link show type bridge)" ] || { echo "a bridge is left"; return 1; }
    run here sh -c 'iptables-save | grep -E "DNAT --to|-d 1(72|0)\."'
    [ -z "$output" ] || { echo "rules are left: $output"; return 1; }
    ! grep -q "$SHALE_ROOT/containers" /proc/self/mountinfo || { echo "mounts are left"; return 1; }
    for pid in $(pgrep -x aardvark-dns); do
        grep -q Z "/proc/$pid/stat" || [ "$(readlink "/proc/$pid/ns/net")" != "$(here readlink /proc/self/ns/net)" ] ||
            await test ! -e "/proc/$pid/fd/0" || return 1
    done
}

@test "network create, ls, inspect, rm, prune" {
    run_ok shale network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'
    [ "$output" = "bridge bridge local
host host local
none null local" ]
    run_ok shale network create --subnet 10.5.0.0/24 --ip-range 10.5.0.128/25 --gateway 10.5.0.254 \
        --aux-address printer=10.5.0.129 --label team=x --internal -o com.docker.network.driver.mtu=1400 one
    [ ${#output} = 64 ]
    id=$output
    run_ok shale network ls
    [[ ${lines[0]} == "NETWORK ID     NAME      DRIVER    SCOPE" ]]
    has "${id:0:12}   one       bridge    local"
    [ "$(shale network ls -q --no-trunc -f name=on -f type=custom)" = "$id" ]
    [ "$(shale network ls -q -f label=team=y)" = "" ]
    [ "$(shale network ls --format '{{.Label "team"}} {{.Internal}} {{.IPv6}}' -f "id=${id:0:5}")" = "x true false" ]
    [ "$(shale network ls --format json -f dangling=true | jq -r .Name)" = one ]
    run_ok shale network inspect "${id:0:6}"
    [ "$(jq -c '.[0] | [.Name, .Driver, .Internal, .IPAM.Config[0], .Labels, .Containers]' <<<"$output")" = \
        '["one","bridge",true,{"Subnet":"10.5.0.0/24","IPRange":"10.5.0.128/25","Gateway":"10.5.0.254","AuxiliaryAddresses":{"printer":"10.5.0.129"}},{"team":"x"},{}]' ]
    [ "$(shale inspect --type network -f '{{.Id}}' one)" = "$id" ]
    [ "$(shale inspect -f '{{.Scope}}' one)" = local ]
    # each takes a subnet that is free, also where only this host knows of it
    here ip route add 172.18.0.0/16 dev outside
    shale network create two >/dev/null
    [ "$(shale network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge)" = 172.17.0.0/16 ]
    [ "$(shale network inspect -f '{{(index .IPAM.Config 0).Subnet}}' two)" = 172.19.0.0/16 ]
    # what somebody else has taken meanwhile is chosen again, what was asked for is not
    here ip addr add 172.17.5.1/24 dev outside
    here ip addr add 10.5.0.1/24 dev outside
    run_ok shale run --rm box:1 ip -o -4 addr show eth0
    has 172.20.0.2/16
    run_fails 125 "network one: interface outside of this host has addresses of its subnet 10.5.0.0/24" \
        shale run --rm --network one box:1 true
    run_ok shale network rm one two
    [ "$output" = "one
two" ]
    shale network create three >/dev/null
    shale network create --label keep four >/dev/null
    run_ok shale network prune -f --filter label!=keep
    [ "$output" = "Deleted Networks:
three" ]
    run bash -c "'$SHALE_BIN' network prune </dev/null"
    has "WARNING! This will remove all custom networks not used by at least one container."
    run_ok shale system prune -f
    has "Deleted Networks:"$'\n'"four"
    [ "$(shale network ls -q | wc -l)" = 3 ]
}

@test "networks: what is wrong is said" {
    shale network create --subnet 10.5.0.0/24 one >/dev/null
    run_fails 1 "network with name one already exists" shale network create one
    run_fails 1 "invalid pool request: Pool overlaps with other one on this address space" shale network create --subnet 10.5.0.128/25 x1
    run_fails 1 "no matching subnet for gateway 10.7.0.1" shale network create --subnet 10.6.0.0/24 --gateway 10.7.0.1 x1
    run_fails 1 "no matching subnet for range 10.7.0.0/25" shale network create --subnet 10.6.0.0/24 --ip-range 10.7.0.0/25 x1
    run_fails 1 "no matching subnet for aux-address 10.7.0.1" shale network create --subnet 10.6.0.0/24 --aux-address a=10.7.0.1 x1
    run_fails 1 "every ip-range or gateway must have a corresponding subnet" shale network create --gateway 10.7.0.1 x1
    run_fails 1 "invalid CIDR address: 10.6" shale network create --subnet 10.6 x1
    run_fails 1 "fd00:1::/64: IPv6 addresses need --ipv6" shale network create --subnet fd00:1::/64 x1
    run_fails 1 "invalid subnet fd00::/200: invalid CIDR address: fd00::/200" shale network create --ipv6 --subnet fd00::/200 x1
    run_fails 1 "invalid subnet fd00::/120: it must have 8 to 112 bits" shale network create --ipv6 --subnet 10.9.0.0/16 --subnet fd00::/120 x1
    run_fails 1 "no matching subnet for gateway fd01::1" shale network create --ipv6 --subnet fd00::/64 --gateway fd01::1 x1
    run_fails 1 "several subnets of one kind are not supported yet" shale network create --ipv6 --subnet fd00::/64,fd01::/64 x1
    run_fails 1 'network driver "ipvlan" is not supported yet' shale network create -d ipvlan x1
    run_fails 1 'network option "foo" is not supported yet' shale network create -o foo=1 x1
    run_fails 1 "operation is not permitted on predefined bridge network" shale network create bridge
    run_fails 1 "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed" shale network create a/b
    run_fails 1 "bridge is a pre-defined network and cannot be removed" shale network rm bridge
    run_fails 1 "network nope not found" shale network rm nope one
    has one
    run_ok shale network rm -f nope
    run_fails 1 "network nope not found" shale network inspect nope
    run_fails 1 "invalid filter 'bogus'" shale network ls -f bogus=1
    shale network create --subnet 10.5.0.0/24 one >/dev/null
    refuses() { run_fails 125 "$1" shale run --rm "${@:2}" box:1 true; }
    refuses "network nope not found" --network nope
    refuses "user-specified IP address is supported only when connecting to networks with user configured subnets" --ip 172.17.0.9
    refuses "no configured subnet contains IP address 10.6.0.9" --network one --ip 10.6.0.9
    refuses "Address already in use" --network one --ip 10.5.0.1
    refuses "network-scoped aliases are only supported for user-defined networks" --network-alias x
    refuses 'network "one" is specified multiple times' --network one --network one
    refuses "cannot attach both user-defined and non-user-defined network-modes" --network one --network none
    refuses "invalid hostPort: x" -p x:80
    refuses "invalid range format for --expose: 9-1" --expose 9-1
    refuses "No such container: nope" --network container:nope
    refuses "conflicting options: port publishing and the container type network mode" --network container:nope -p 80
    refuses "conflicting options: hostname and the network mode" --network container:nope -h x
    [ -z "$(shale ps -aq)" ]
    shale create --name still --network none box:1 true >/dev/null
    refuses "cannot join network of a non running container" --network container:still
    run_fails 1 "container cannot be connected to multiple networks with one of the networks in private (none) mode" \
        shale network connect one still
    run_fails 1 "is not connected to network one" shale network disconnect one still
    # a network that is gone when its container starts
    shale create --name lost --network one box:1 true >/dev/null
    shale network rm one >/dev/null
    run_fails 1 "not found" shale start lost
    clean
}

@test "published ports: from this host, from outside, on one address, on any port" {
    web one -p 8080:80 -p 127.0.0.1:8081:80 --expose 99
    run_ok here bash -c 'get http://127.0.0.1:8080/'
    [ "$output" = "this is one" ]
    run_ok here bash -c 'get http://192.0.2.1:8080/'
    run_ok outside bash -c 'get http://192.0.2.1:8080/'
    [ "$output" = "this is one" ]
    run_ok here bash -c 'get http://127.0.0.1:8081/'
    run_fails 1 "" outside bash -c 'get http://192.0.2.1:8081/'
    [ "$(shale ps --format '{{.Ports}}|{{.Networks}}')" = "99/tcp, 0.0.0.0:8080->80/tcp, 127.0.0.1:8081->80/tcp, [::]:8080->80/tcp|bridge" ]
    run_ok shale port one 80
    [ "$output" = "0.0.0.0:8080
127.0.0.1:8081
[::]:8080" ]
    [ "$(shale inspect one | jq -c '.[0] | .HostConfig.PortBindings["80/tcp"], .NetworkSettings.Ports["99/tcp"], .NetworkSettings.IPAddress, .Config.ExposedPorts')" = \
        '[{"HostIp":"","HostPort":"8080"},{"HostIp":"127.0.0.1","HostPort":"8081"}]
null
"172.17.0.2"
{"80/tcp":{},"99/tcp":{}}' ]
    # taken by a container, by a program, and a range that has room
    run_fails 125 "Bind for 0.0.0.0:8080 failed: port is already allocated" shale run --rm -p 8080:80 box:1 true
    nsenter --net="/run/netns/$ns" busybox httpd -f -p 9001 -h "$BATS_TEST_TMPDIR" 3>&- &
    server=$!
    echo program >"$BATS_TEST_TMPDIR/index.html"
    await here bash -c 'get http://127.0.0.1:9001/'
    run_fails 125 "failed to bind host port for 0.0.0.0:9001: address already in use" shale run --rm -p 9001:80 box:1 true
    web two -p 9000-9003:80 -p 8090-8091:90-91 -P --expose 70
    [ "$(shale port two 80)" = $'0.0.0.0:9000\n[::]:9000' ]
    [ "$(shale port two 91)" = $'0.0.0.0:8091\n[::]:8091' ]
    [[ $(shale port two 70) =~ ^0.0.0.0:([0-9]+)$'\n'.*:([0-9]+)$ && ${BASH_REMATCH[1]} = "${BASH_REMATCH[2]}" ]]
    run_ok outside bash -c 'get http://192.0.2.1:9000/'
    [ "$output" = "this is two" ]
    # no program of this host gets a port that is published
    run here busybox httpd -f -p 8080
    has "bind: Address already in use"
    [ "$(shale ps -q -f publish=80 -f name=one)" ]
    # the way out, by name of the default route; and nothing on "none"
    nsenter --net="/run/netns/$out" busybox httpd -f -p 80 -h "$BATS_TEST_TMPDIR" 3>&- &
    outside_server=$!
    run_ok shale exec one sh -c 'for i in $(seq 50); do timeout 3 wget -q -O - http://192.0.2.2/ && exit; sleep 0.1; done; exit 1'
    [ "$output" = program ]
    kill "$outside_server"
    shale stop -t 0 one two >/dev/null
    [ -z "$(shale port one)" ]
    run_ok shale start one
    serves one
    run_ok outside bash -c 'get http://192.0.2.1:8080/'
    shale rm -f one two >/dev/null
    clean
}

@test "names on networks of one's own; several networks; connect and disconnect" {
    shale network create front >/dev/null
    shale network create --subnet 10.5.0.0/24 back >/dev/null
    web one --network front --network-alias www -h myhost
    run_ok shale run --rm --network front box:1 sh -c 'wget -q -O - http://one/ && wget -q -O - http://www/ && cat /etc/resolv.conf'
    [ "${lines[0]} ${lines[1]}" = "this is one this is one" ]
    has "nameserver $(shale network inspect -f '{{(index .IPAM.Config 0).Gateway}}' front)"
    run_ok shale exec one sh -c 'cat /etc/hosts; hostname'
    has "$(address one front)"$'\t'"myhost"
    # the other network does not know it, and the default one resolves nothing
    run_fails 1 "bad address" shale run --rm --network back box:1 timeout 3 wget -q -O - http://one/
    # a new name, while it runs; the old one is free
    run_ok shale rename one uno
    await shale run --rm --network front box:1 sh -c 'wget -q -O - http://uno/ && wget -q -O - http://www/ && ! wget -q -O - http://one/'
    run_ok shale rename uno one
    await shale run --rm --network front box:1 wget -q -O - http://one/
    run_fails 1 "bad address" shale run --rm --dns 127.0.0.1 box:1 timeout 3 wget -q -O - http://one/
    run_ok shale network connect --alias db --ip 10.5.0.77 back one
    [ "$(address one back)" = 10.5.0.77 ]
    run_ok shale run --rm --network back box:1 wget -q -O - http://db/
    [ "$output" = "this is one" ]
    [ "$(shale ps --format '{{.Networks}}')" = front,back ]
    [ "$(shale ps -q -f network=back | wc -l)" = 1 ]
    [ "$(shale network inspect back | jq -r '.[0].Containers[] | .Name + " " + .IPv4Address')" = "one 10.5.0.77/24" ]
    run_fails 1 "endpoint with name one already exists in network back" shale network connect back one
    run_fails 1 "has active endpoints (name:\"one\"" shale network rm back
    run_fails 125 "Address already in use" shale run --rm --network back --ip 10.5.0.77 box:1 true
    run_ok shale network disconnect front one
    run_fails 1 "bad address" shale run --rm --network front box:1 timeout 3 wget -q -O - http://one/
    # what is connected stays so over a restart; a stopped one can be connected, too
    shale stop -t 0 one >/dev/null
    run_ok shale network connect front one
    run_ok shale start one
    serves one
    [ "$(address one back)" = 10.5.0.77 ]
    run_ok shale exec one sh -c 'ip -o -4 addr | grep -c eth'
    [ "$output" = 2 ]
    run_ok shale run --rm --network name=front,alias=x --network back --add-host gw:host-gateway box:1 sh -c 'ip route | grep -c default; ping -c 1 -W 2 gw >/dev/null; wget -q -O - http://db/'
    has "this is one"
    # the network of another container
    run_ok shale run --rm --network container:one box:1 sh -c 'wget -q -O - http://127.0.0.1/; hostname; cat /etc/hosts'
    has "this is one"
    has myhost
    shale rm -f one >/dev/null
    clean
}

@test "IPv6: addresses, names, the way out; as inspect shows them" {
    ip -n "$ns" addr add 2001:db8::1/64 dev outside nodad
    ip -n "$out" addr add 2001:db8::2/64 dev inside nodad
    run_ok shale network create --ipv6 --subnet 10.7.0.0/24 --subnet fd00:7::/64 six
    [ "$(shale network ls --format '{{.IPv6}}' -f name=six)" = true ]
    [ "$(shale network inspect six | jq -c '.[0] | [.EnableIPv6, .IPAM.Config]')" = '[true,[{"Subnet":"10.7.0.0/24","Gateway":"10.7.0.1"},{"Subnet":"fd00:7::/64","Gateway":"fd00:7::1"}]]' ]
    run_fails 1 "Pool overlaps with other one" shale network create --ipv6 --subnet fd00::/16 more
    web one --network six
    run_ok shale inspect -f '{{with index .NetworkSettings.Networks "six"}}{{.IPAddress}} {{.GlobalIPv6Address}}/{{.GlobalIPv6PrefixLen}} {{.IPv6Gateway}}{{end}}' one
    [ "$output" = "10.7.0.2 fd00:7::2/64 fd00:7::1" ]
    [ "$(shale network inspect -f '{{range .Containers}}{{.IPv6Address}}{{end}}' six)" = fd00:7::2/64 ]
    run_ok shale exec one cat /etc/hosts
    has "fd00:7::2"
    # from the next one, by address and by name; and to the world, from an address that it knows. An address is not in
    # use before the kernel has asked whether somebody else has it.
    shale run -d --name next --network six box:1 sleep 1000 >/dev/null
    await shale exec next wget -q -O - 'http://[fd00:7::2]/'
    await sh -c "nsenter --net=/run/netns/$ns '$SHALE_BIN' exec next nslookup -type=aaaa one | grep fd00:7::2"
    await shale exec next ping6 -c 1 -w 5 2001:db8::2
    shale rm -f next >/dev/null
    shale rm -f one >/dev/null
    shale network rm six >/dev/null
    # without a subnet: one of its own
    shale network create --ipv6 own >/dev/null
    [[ $(shale network inspect own | jq -r '.[0].IPAM.Config[1].Subnet') =~ ^fd[0-9a-f]{2}:[0-9a-f:]+::/64$ ]]
    # a gateway that is not the first address is nobody else's
    shale network create --ipv6 --subnet 10.8.0.0/24 --subnet fd00:8::/64 --gateway fd00:8::2 gate >/dev/null
    shale run -d --name two --network gate box:1 sleep 1000 >/dev/null
    [ "$(address two gate)" = 10.8.0.3 ]
    shale rm -f two >/dev/null
    shale network rm own gate >/dev/null
    clean
}

@test "the journal tells of networks, and of who joins and leaves them" {
    shale network create one >/dev/null
    shale network create two >/dev/null
    shale run -d --name box --network one box:1 sleep 100 >/dev/null
    shale network connect two box
    shale network disconnect two box
    shale kill box >/dev/null
    shale rm box >/dev/null
    shale network rm two >/dev/null
    shale network prune -f >/dev/null
    run_ok shale events --since 1h --until 0s --filter type=network --filter type=container \
        --format '{{.Type}} {{.Action}} {{index .Actor.Attributes "name"}}'
    [ "$output" = "network create one
network create two
container create box
network connect one
container start box
network connect two
network disconnect two
container kill box
container die box
network disconnect one
container destroy box
network destroy two
network destroy one
network prune " ] || { echo "$output"; return 1; }
    id=$(shale events --since 1h --until 0s --filter event=connect --format '{{index .Actor.Attributes "container"}} {{index .Actor.Attributes "type"}}' | head -n 1)
    [[ $id =~ ^[0-9a-f]{64}" bridge"$ ]]
}

@test "what is killed leaves nothing: shale, the monitor, the process" {
    shale network create net >/dev/null
    # the monitor, then the process: nobody is left to clear up but the next command
    web one --network net -p 8080:80
    kill -9 "$(cat "$SHALE_ROOT/containers/$(shale ps -q --no-trunc)/conmon.pid")"
    kill -9 "$(shale inspect -f '{{.State.Pid}}' one)"
    # it is the one that needs what is still taken
    web two --network net -p 8080:80
    run_ok outside bash -c 'get http://192.0.2.1:8080/'
    [ "$output" = "this is two" ]
    [ "$(shale ps -a --format '{{.Names}} {{.State}}')" = "two running
one exited" ]
    shale rm -f two >/dev/null
    cleared() { shale ps -a >/dev/null && [ -z "$(rows)" ]; }
    # shale itself: before netavark makes the network, and while it does
    for step in 1 2; do
        run here strace -o /dev/null -e trace=wait4 -e inject=wait4:signal=KILL:when=$step \
            "$SHALE_BIN" run --name "killed$step" --network net -p 8080:80 box:1 true
        [ "$status" -gt 128 ]
        # a child that is about to become netavark may have its lock for a moment still
        await cleared
        clean
    done
    # shale that watches one in the foreground
    nsenter --net="/run/netns/$ns" "$SHALE_BIN" run --rm --name fore --network net -p 8080:80 box:1 sleep 1000 3>&- >/dev/null 2>&1 &
    pid=$!
    running() { [ "$(shale inspect -f '{{.State.Status}}' fore)" = running ]; }
    await running
    init=$(shale inspect -f '{{.State.Pid}}' fore)
    kill -9 "$pid" "$init"
    wait "$pid" || true
    gone() { [ -z "$(shale ps -aq -f name=fore)" ]; }
    await gone
    clean
}

@test "without netavark: one line says what to install; none and host work" {
    mkdir "$BATS_TEST_TMPDIR/empty"
    hidden() { here unshare -m sh -c 'for d in /usr/lib/podman /usr/libexec/podman; do [ ! -d $d ] || mount --bind "$0" $d; done; exec "$@"' "$BATS_TEST_TMPDIR/empty" "$SHALE_BIN" "$@"; }
    ! command -v netavark || { echo "netavark is in PATH, where this test cannot hide it"; return 1; }
    run_fails 125 "netavark is not installed: it sets up networks; install the packages netavark and aardvark-dns, or use --network none or --network host" \
        hidden run --rm box:1 true
    run_ok hidden run --rm --network none box:1 true
    run_ok hidden run --rm --network host box:1 true
    run_ok hidden network ls
    clean
}
