#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # status, output and lines are bats'
# Two stores on one host: networks of the same name, and neither disturbs the other. In a network namespace of the
# test's own; another one is the world outside.

load lib

setup_file() { net_archive; }
setup() {
    need_root
    command -v netavark >/dev/null || [ -x /usr/lib/podman/netavark ] || skip "netavark is not installed"
    net_setup
    fresh_store
    for s in A B; do in_store "$s" load -q -i "$ARCHIVE" >/dev/null; done
}
teardown() {
    for s in A B; do SHALE_ROOT=$BATS_TEST_TMPDIR/$s drop_store; done
    net_teardown
}
shale() { here "$SHALE_BIN" "$@"; }
in_store() { SHALE_ROOT=$BATS_TEST_TMPDIR/$1 shale "${@:2}"; }
# web STORE NAME [OPTION…]: serves the store's and its own name on port 80
web() {
    in_store "$1" run -d --name "$2" "${@:3}" box:1 sh -c "echo $1 $2 >/index.html; exec httpd -f -p 80 -h /" >/dev/null
}
# answers PORT TEXT: from outside
answers() {
    for _ in $(seq 600); do
        run outside timeout 5 busybox wget -q -O - "http://192.0.2.1:$1/"
        [ "$output" = "$2" ] && return
        sleep 0.05
    done
    echo "port $1: '$output', not '$2'"
    return 1
}
subnet() { in_store "$1" network inspect -f '{{(index .IPAM.Config 0).Subnet}}' "$2"; }

@test "the default network, and one of the same name: each store has its own" {
    # both are chosen while nothing is up: the same subnet, until it is wanted
    [ "$(subnet A bridge)" = "$(subnet B bridge)" ]
    for s in A B; do in_store $s network create net >/dev/null; done
    web A one -p 8081:80
    web B one -p 8082:80
    web A two --network net -p 8083:80
    web B two --network net -p 8084:80
    [ "$(for s in A B; do subnet $s bridge; subnet $s net; done | sort -u | wc -l)" = 4 ]
    [ "$(ip -n "$ns" -o link show type bridge | wc -l)" = 4 ]
    answers 8081 "A one"
    answers 8082 "B one"
    answers 8083 "A two"
    answers 8084 "B two"
    # the last of the one store's goes, with its rules: the other's stay
    in_store A rm -f one two >/dev/null
    answers 8082 "B one"
    answers 8084 "B two"
    run_ok in_store B exec two wget -q -O - http://two/
    [ "$output" = "B two" ]
    # its names are not those of the other store
    web A three --network net
    run in_store A exec three timeout 5 wget -q -O - http://two/
    [ "$status" != 0 ]
    in_store B rm -f one two >/dev/null
    in_store A rm -f three >/dev/null
    [ -z "$(ip -n "$ns" -o link show type bridge)" ]
    run here sh -c 'iptables-save | grep -E "DNAT --to|-d 1(72|92)\.(1|2|3|168)"'
    [ -z "$output" ] || { echo "rules are left: $output"; return 1; }
}

@test "starts of both at the same moment do not get one subnet" {
    for s in A B; do web "$s" one 3>&- & done
    wait
    for s in A B; do [ "$(in_store $s inspect -f '{{.State.Status}}' one)" = running ]; done
    [ "$(subnet A bridge)" != "$(subnet B bridge)" ]
}
