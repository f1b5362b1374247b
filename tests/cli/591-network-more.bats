#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # status, output and lines are bats'
# Networks: ports of IPv6 addresses, addresses that are asked for, macvlan. As in 590-network.bats in a network namespace
# of the test's own; another one is the world outside.

load lib

# one store and one namespace for all: the last test leaves it without IPv6
setup_file() {
    net_archive
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker ns out
    mkdir -p "$DOCKER_CONFIG"
    net_setup
    ip -n "$ns" addr add 2001:db8::1/64 dev outside nodad
    ip -n "$out" addr add 2001:db8::2/64 dev inside nodad
    "$SHALE_BIN" load -q -i "$ARCHIVE" >/dev/null
}
teardown() {
    [ -z "$daemon" ] || kill "$daemon" || true
    drop_store
}
teardown_file() { net_teardown; }
shale() { here "$SHALE_BIN" "$@"; }
get() { timeout 5 busybox wget -q -O - "$1"; } # URL
export -f get
web() { shale run -d --name "$1" "${@:2}" box:1 sh -c "echo this is $1 >/index.html; exec httpd -f -p 80 -h /" >/dev/null && await shale exec "$1" wget -q -O - http://127.0.0.1/; }
proxies() { pgrep -f -- "__ports $SHALE_ROOT/containers/${1:+$(shale inspect -f '{{.Id}}' "$1")}" || true; }

@test "--link and --mac-address: on the bridge, on another network, while they are started again" {
    mac() { shale inspect -f "{{(index .NetworkSettings.Networks \"$2\").MacAddress}}" "$1"; }
    shale run -d --name db -h dbhost box:1 sleep 1000 >/dev/null
    shale run -d --name app --link db:data --mac-address 02-42-AA-BB-CC-DD box:1 sleep 1000 >/dev/null
    run_ok shale exec app sh -c 'cat /etc/hosts /sys/class/net/eth0/address; ping -c 1 -W 5 data'
    has "$(shale inspect -f '{{.NetworkSettings.IPAddress}}' db)	data dbhost db"
    has 02:42:aa:bb:cc:dd
    [ "$(mac app bridge)" = 02:42:aa:bb:cc:dd ]
    run_ok shale network inspect bridge
    has '"MacAddress": "02:42:aa:bb:cc:dd"'
    [ "$(shale inspect -f '{{.HostConfig.Links}}' app)" = "[/db:/app/data]" ]
    # another address is told; one that does not run is not started without
    shale stop -t 0 db >/dev/null
    shale run -d --name other box:1 sleep 1000 >/dev/null
    run_fails 1 "Cannot link to a non running container: /db AS /app/data" shale restart -t 0 app
    shale start db app >/dev/null
    shale exec app sh -c 'echo "192.0.2.9 mine" >>/etc/hosts'
    shale stop -t 0 db other >/dev/null
    shale start other db >/dev/null
    run_ok shale exec app grep -c mine /etc/hosts # only the link is another one
    [ "$output" = 1 ]
    run_ok shale exec app grep data /etc/hosts
    [ "$output" = "$(shale inspect -f '{{.NetworkSettings.IPAddress}}' db)	data dbhost db" ]
    [ "$(shale exec app cat /sys/class/net/eth0/address)" = 02:42:aa:bb:cc:dd ]
    # elsewhere a link is a name, whoever has it, and when
    shale network create links >/dev/null
    shale run -d --name two --network name=links,mac-address=02:00:00:00:00:09 --link one:first box:1 sleep 1000 >/dev/null
    [ "$(mac two links)" = 02:00:00:00:00:09 ]
    run_fails 1 "" shale exec two grep first /etc/hosts
    shale run -d --name one --network links box:1 sleep 1000 >/dev/null
    run_ok shale exec two grep first /etc/hosts
    [ "$output" = "$(shale inspect -f '{{.NetworkSettings.Networks.links.IPAddress}}' one)	first" ]
    run_ok shale network connect --link one:uno links app
    run_ok shale exec app grep -c -e uno -e data /etc/hosts
    [ "$output" = 2 ]
    [ "$(shale inspect -f '{{.NetworkSettings.Networks.links.Links}}' app)" = "[one:uno]" ]
    run_ok shale network disconnect links app
    run_fails 1 "" shale exec app grep uno /etc/hosts
    [ "$(ls "$SHALE_ROOT/links" | wc -l)" = 2 ]
    # off the bridge there are none of its links; back on it they are there again
    shale network disconnect bridge app >/dev/null
    shale network connect links app >/dev/null
    [ "$(ls "$SHALE_ROOT/links" | wc -l)" = 1 ]
    run_ok shale restart -t 0 app
    run_fails 1 "" shale exec app grep data /etc/hosts
    shale network connect bridge app >/dev/null
    run_ok shale exec app grep -c data /etc/hosts
    [ "$output" = 1 ]
    # at the same time: one may have no address yet when the other looks
    shale stop -t 0 one two >/dev/null
    shale start one >/dev/null &
    shale start two >/dev/null
    wait "$!"
    run_ok shale exec two grep -c first /etc/hosts
    [ "$output" = 1 ]
    shale rm -f app two one other db >/dev/null
    [ -z "$(ls "$SHALE_ROOT/links")" ]
    cannot() { run_fails 125 "$1" shale run --rm "${@:2}" box:1 true; }
    cannot "host type networking can't be used with links" --network host --link x
    cannot "invalid hostname: it has white space or control characters in it" -h $'x\n192.0.2.6 registry.corp'
    cannot "invalid domain name: it has white space or control characters in it" --domainname "a b"
    cannot "could not get container for nosuch: No such container: nosuch" --link nosuch
    cannot 'invalid argument "a:b:c" for "--link" flag: bad format for links: a:b:c' --link a:b:c
    cannot "conflicting options: mac-address and the network mode" --network host --mac-address 02:00:00:00:00:01
    cannot "cannot specify both --mac-address and per-network MAC address" \
        --network name=links,mac-address=02:00:00:00:00:09 --mac-address 02:00:00:00:00:08
    cannot "is a mac address of many receivers" --mac-address 01:00:5e:00:00:01
    shale network rm links >/dev/null
}

@test "ports of IPv6 addresses: of none in particular, of one; who else may have them" {
    web one -p 8080:80 -p '[::1]:8081:80' -p 127.0.0.1:8082:80 -p '[2001:db8:0::1]::80' -p 0.0.0.0:8085:80 \
        -p 5300:53/udp -p '[::1]:7000-7010:7000-7010'
    run_ok here bash -c 'get "http://[::1]:8080/"; get "http://[::1]:8081/"; get http://127.0.0.1:8080/; get http://127.0.0.1:8085/'
    [ "$output" = "this is one
this is one
this is one
this is one" ]
    run_ok outside bash -c 'get "http://[2001:db8::1]:8080/"'
    run_fails 1 "" outside bash -c 'get "http://[2001:db8::1]:8081/"'
    run_fails 1 "" here bash -c 'get "http://[::1]:8082/"'
    run_fails 1 "" here bash -c 'get "http://[::1]:8085/"'
    any=$(shale inspect -f '{{range index .NetworkSettings.Ports "80/tcp"}}{{if eq .HostIp "2001:db8::1"}}{{.HostPort}}{{end}}{{end}}' one)
    run_ok outside bash -c "get 'http://[2001:db8::1]:$any/'"
    [ "$(shale ps --format '{{.Ports}}')" = \
        "[::1]:7000-7010->7000-7010/tcp, 0.0.0.0:5300->53/udp, [::]:5300->53/udp, 0.0.0.0:8080->80/tcp, 0.0.0.0:8085->80/tcp, 127.0.0.1:8082->80/tcp, [2001:db8::1]:$any->80/tcp, [::]:8080->80/tcp, [::1]:8081->80/tcp" ] ||
        { shale ps --format '{{.Ports}}'; return 1; }
    run_ok shale port one 80
    has "[::1]:8081"
    has "0.0.0.0:8080"
    [ "$(shale inspect -f '{{json (index .HostConfig.PortBindings "80/tcp")}}' one)" = \
        '[{"HostIp":"","HostPort":"8080"},{"HostIp":"::1","HostPort":"8081"},{"HostIp":"127.0.0.1","HostPort":"8082"},{"HostIp":"2001:db8::1","HostPort":""},{"HostIp":"0.0.0.0","HostPort":"8085"}]' ]
    # a large file both ways is whole: the sender's end is passed on
    dd if=/dev/urandom of="$BATS_TEST_TMPDIR/big" bs=1M count=8 status=none
    shale exec -i one sh -c 'cat >/big' <"$BATS_TEST_TMPDIR/big"
    here bash -c 'get "http://[::1]:8080/big"' | cmp - "$BATS_TEST_TMPDIR/big"
    # datagrams
    cat >"$BATS_TEST_TMPDIR/echo.py" <<'P'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 53))
while True:
    s.sendto(*s.recvfrom(65536))
P
    nsenter --net="/proc/$(shale inspect -f '{{.State.Pid}}' one)/ns/net" python3 "$BATS_TEST_TMPDIR/echo.py" 3>&- &
    server=$!
    cat >"$BATS_TEST_TMPDIR/ask.py" <<'P'
import socket, sys
for host in ("::1", "2001:db8::1", "127.0.0.1"):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(0.5)
    s.connect((host, 5300))  # an answer from another address is not taken
    for n in range(60):
        s.send(b"word")
        try:
            if s.recv(100) == b"word":
                break
        except (TimeoutError, socket.timeout, ConnectionRefusedError):
            pass
    else:
        sys.exit("no answer from " + host)
    s.close()
P
    run_ok here python3 "$BATS_TEST_TMPDIR/ask.py"
    kill "$server"
    # the same port: of the other kind of address it is free
    run_fails 125 "Bind for ::1:8080 failed: port is already allocated" shale run --rm -p '[::1]:8080:80' box:1 true
    run_fails 125 "Bind for ::1:8081 failed: port is already allocated" shale run --rm -p '[::1]:8081:80' box:1 true
    run_fails 125 "Bind for :::8081 failed: port is already allocated" shale run --rm -p 8081:80 box:1 true
    run_fails 125 "ports of sctp cannot be those of IPv6 addresses" shale run --rm -p '[::1]:9:9/sctp' box:1 true
    run_fails 125 "more than 640 ports of IPv6 addresses: -p 0.0.0.0:PORT:PORT has IPv4 only" shale run --rm -p 20000-20640:20000-20640 box:1 true
    run_fails 125 "invalid IP address: ::x" shale run --rm -p '[::x]:9:9' box:1 true
    web two -p '127.0.0.1:8081:80' -p '[::1]:8082:80'
    # after a new start, and after a kill of the one who carries: the next start has another
    shale restart -t 0 one >/dev/null
    await here bash -c 'get "http://[::1]:8080/"'
    [ "$(proxies one | wc -l)" = 1 ]
    kill -9 "$(proxies one)"
    shale restart -t 0 one >/dev/null
    await here bash -c 'get "http://[::1]:8081/"'
    # off the network that they are of, there are none
    shale network disconnect bridge one
    [ -z "$(proxies one)" ]
    shale rm -f one >/dev/null
    # one that was killed, and the monitor with it: the next command clears up
    kill -9 "$(cat "$SHALE_ROOT/containers/$(shale ps -q --no-trunc)/conmon.pid")"
    kill -9 "$(shale inspect -f '{{.State.Pid}}' two)"
    none() { [ -z "$(shale ps -q)" ] && [ -z "$(proxies)" ]; }
    await none
}

@test "an IPv6 address that is asked for: run, create, connect; nobody else gets it" {
    shale network create --ipv6 --subnet 10.7.0.0/24 --subnet fd00:7::/64 six >/dev/null
    shale network create four >/dev/null
    run_ok shale run --rm --network six --ip6 fd00:7::2 --ip 10.7.0.9 box:1 sh -c 'ip -o addr show eth0; cat /etc/hosts'
    has "10.7.0.9/24"
    has "fd00:7::2/64"
    has "fd00:7::2	"
    shale run -d --name one --network name=six,ip6=fd00:7::3 box:1 sleep 1000 >/dev/null
    shape='{{with index .NetworkSettings.Networks "six"}}{{.IPAddress}} {{.GlobalIPv6Address}} {{json .IPAMConfig}}{{end}}'
    [ "$(shale inspect -f "$shape" one)" = '10.7.0.2 fd00:7::3 {"IPv6Address":"fd00:7::3"}' ]
    # the address whose counterpart it has is left out
    shale run -d --name two --network six box:1 sleep 1000 >/dev/null
    [ "$(shale inspect -f "$shape" two)" = '10.7.0.4 fd00:7::4 null' ]
    run_fails 125 "Address already in use" shale run --rm --network six --ip6 fd00:7::4 box:1 true
    run_fails 125 "Address already in use" shale run --rm --network six --ip6 fd00:7::3 box:1 true
    run_fails 125 "Address already in use" shale run --rm --network six --ip 10.7.0.3 box:1 true
    run_fails 125 "Address already in use" shale run --rm --network six --ip6 fd00:7::1 box:1 true
    [ "$(shale network inspect six | jq -r '.[0].Containers[].IPv6Address' | sort | tr '\n' ' ')" = "fd00:7::3/64 fd00:7::4/64 " ]
    run_ok shale exec two sh -c 'ping6 -c 1 -w 9 fd00:7::3 >/dev/null && ping6 -c 1 -w 9 one'
    # what makes no sense
    run_fails 125 'invalid argument "x" for "--ip6" flag: failed to parse IP: "x"' shale run --ip6 x box:1
    run_fails 125 "no configured subnet contains IP address fd00:8::2" shale run --rm --network six --ip6 fd00:8::2 box:1 true
    run_fails 125 "no configured subnet contains IP address fd00:7::9" shale run --rm --network four --ip6 fd00:7::9 box:1 true
    run_fails 125 "user-specified IP address is supported only when connecting to networks with user configured subnets" \
        shale run --rm --ip6 fd00:7::9 box:1 true
    run_fails 125 "cannot specify both --ip6 and per-network IPv6 address" shale create --network name=six,ip6=fd00:7::8 --ip6 fd00:7::9 box:1
    # connect: to one that runs, and to one that does not
    shale run -d --name three box:1 sleep 1000 >/dev/null
    run_fails 1 "invalid IPv6 address: y" shale network connect --ip6 y six three
    run_fails 1 "Address already in use" shale network connect --ip6 fd00:7::3 six three
    run_ok shale network connect --ip 10.7.0.50 --ip6 fd00:7::aa --alias third six three
    [ "$(shale inspect -f "$shape" three)" = '10.7.0.50 fd00:7::aa {"IPv4Address":"10.7.0.50","IPv6Address":"fd00:7::aa"}' ]
    await shale exec two ping6 -c 1 -w 5 third
    # that of one which has died unseen is free
    pids="$(cat "$SHALE_ROOT/containers/$(shale ps -q --no-trunc -f name=one)/conmon.pid") $(shale inspect -f '{{.State.Pid}}' one)"
    shale create --name later box:1 ip -o -6 addr >/dev/null
    shale network connect --ip6 fd00:7::3 six later
    # shellcheck disable=SC2086
    kill -9 $pids
    run_ok shale start -a later
    has "fd00:7::3/64"
}

@test "macvlan: on the network of an interface of this host, with an address there" {
    shale network create -d macvlan -o parent=outside --subnet 192.0.2.0/24 --gateway 192.0.2.2 lan >/dev/null
    [ "$(shale network ls --format '{{.Name}} {{.Driver}}' -f driver=macvlan)" = "lan macvlan" ]
    [ "$(shale network inspect -f '{{.Options.parent}} {{(index .IPAM.Config 0).Subnet}}' lan)" = "outside 192.0.2.0/24" ]
    # a port of this host makes no sense there and is none; it is one of the first other network
    run_ok shale create --name one --network lan --ip 192.0.2.77 -p 8080:80 box:1 sh -c 'echo here >/index.html; exec httpd -f -p 80 -h /'
    has "Published ports are discarded when using macvlan networks only"
    shale start one >/dev/null
    run_ok shale exec one ip -o addr show eth0
    has "192.0.2.77/24"
    await outside bash -c 'get http://192.0.2.77/'
    [ -z "$(shale port one)" ]
    run_ok shale run -d --name both --network lan --network bridge -p 8081:80 box:1 sh -c 'echo both >/index.html; exec httpd -f -p 80 -h /'
    hasnt "discarded"
    run_ok shale exec both ping -c 1 -W 5 192.0.2.77
    await here bash -c 'get http://127.0.0.1:8081/'
    await here bash -c 'get "http://[::1]:8081/"'
    shale rm -f both >/dev/null
    [ "$(shale network inspect lan | jq -r '.[0].Containers[].IPv4Address')" = 192.0.2.77/24 ]
    run_fails 1 "has active endpoints" shale network rm lan
    shale rm -f one >/dev/null
    shale network rm lan >/dev/null
    [ -z "$(ip -n "$ns" -o link show type macvlan)" ]
    run_fails 1 "-o parent=INTERFACE" shale network create -d macvlan x
    run_fails 1 "-o parent interface was not found on the host: nope" shale network create -d macvlan -o parent=nope x
    run_fails 1 "requested macvlan mode 'odd' is not valid" shale network create -d macvlan -o parent=outside -o macvlan_mode=odd x
    run_fails 1 'network option "foo" is not supported yet, only parent, macvlan_mode' shale network create -d macvlan -o foo=1 x
    run_fails 1 'network driver "ipvlan" is not supported yet, only "bridge" and "macvlan" are' shale network create -d ipvlan x
}

@test "the same through the Engine API" {
    command -v docker >/dev/null || skip "docker's command is not installed"
    sock=$BATS_TEST_TMPDIR/sock
    nsenter --net="/run/netns/$ns" "$SHALE_BIN" daemon -H "unix://$sock" 3>&- >"$BATS_TEST_TMPDIR/daemon.log" 2>&1 &
    daemon=$!
    api() { docker -H "unix://$sock" "$@"; }
    await api version
    api network create --ipv6 --subnet fd00:9::/64 more >/dev/null
    run_ok api run -d --name one -p 8080:80 --network more --ip6 fd00:9::77 box:1 sh -c 'echo this is one >/index.html; exec httpd -f -p 80 -h /'
    await here bash -c 'get http://127.0.0.1:8080/'
    [ "$(api ps --format '{{.Ports}}')" = "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp" ]
    api create --name two box:1 true >/dev/null
    run_fails 1 "invalid IPv6 address: y" api network connect --ip6 y more two
    api network connect --ip6 fd00:9::88 more two
    [ "$(api inspect -f '{{(index .NetworkSettings.Networks "more").GlobalIPv6Address}}' one)" = fd00:9::77 ]
    [ "$(api inspect -f '{{(index .NetworkSettings.Networks "more").IPAMConfig.IPv6Address}}' two)" = fd00:9::88 ]
    api rm -f one two >/dev/null
}

@test "ports of IPv6 addresses: a host without IPv6: those of no address in particular are there without it" {
    here sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    web old -p 8090:80
    [ "$(shale port old)" = "80/tcp -> 0.0.0.0:8090" ] || [ "$(shale port old | wc -l)" = 2 ]
    run_fails 125 "failed to bind host port for 2001:db8::1:8091" shale run --rm -p '[2001:db8::1]:8091:80' box:1 true
    shale rm -f old >/dev/null
    [ -z "$(proxies)" ]
}
