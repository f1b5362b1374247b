#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Between shale and the registry: HTTP/2 (nginx), proxies (tinyproxy), IPv6, and a registry on another host: a network
# namespace, whose address is not loopback.

load lib

THERE=10.213.77.2 HERE=10.213.77.1

setup_file() {
    local dir=$BATS_FILE_TMPDIR
    export NS=shale-test-$$ VETH=shl$$
    registry_start plain "$dir/plain"
    push "$SHALE_IMAGES/busybox:1.0" busybox:1.0
    export PLAIN=$REGISTRY_HOST
    hostile_start "$SHALE_IMAGES/busybox" ::1
    export HOSTILE6=$HOSTILE
    [ "$(id -u)" = 0 ] || return 0
    ip netns add "$NS"
    ip link add "$VETH" type veth peer name eth0 netns "$NS"
    ip addr add "$HERE/30" dev "$VETH"
    ip link set "$VETH" up
    ip -n "$NS" addr add "$THERE/30" dev eth0
    ip -n "$NS" link set eth0 up
    # A plain registry there; here, on an address that is not loopback either, TLS and HTTP/2 before the plain one.
    hostile_start "$SHALE_IMAGES/busybox" "$THERE" ip netns exec "$NS"
    export FAR=$HOSTILE FAR_LOG=$HOSTILE_LOG
    nginx_start "$dir/nginx"
    proxy_start "$dir/proxy"
    proxy_start "$dir/locked" 'BasicAuth user proxy-secret'
}
teardown_file() {
    registry_stop_all
    hostile_stop
    for pid in "$BATS_FILE_TMPDIR"/*/pid; do [ ! -s "$pid" ] || kill "$(cat "$pid")" || true; done
    [ "$(id -u)" != 0 ] || ip netns del "$NS"
}
setup() {
    fresh_store
    unset HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy
    export SHALE_RETRIES=1 CERTS=$BATS_TEST_TMPDIR/certs
    mkdir -p "$CERTS"
}
teardown() { drop_store; }

nginx_start() { # DIR: TLS and HTTP/2 on $HERE and on loopback, before $PLAIN -> TLS2 and NEAR2
    local dir=$1 port
    mkdir -p "$dir"
    registry_certificate "$dir" "IP:$HERE"
    port=$(free_port)
    cat >"$dir/nginx.conf" <<END
daemon off;
pid $dir/pid;
error_log $dir/error.log;
events {}
http {
    log_format one '\$server_protocol \$request_method \$uri \$status';
    access_log $dir/access.log one;
    client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3; uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
    server {
        listen $HERE:$port ssl http2;
        listen 127.0.0.1:$port ssl http2;
        ssl_certificate $dir/server.crt;
        ssl_certificate_key $dir/server.key;
        location / { proxy_pass http://$PLAIN; proxy_set_header Host \$http_host; }
    }
}
END
    nginx -c "$dir/nginx.conf" >"$dir/out" 2>&1 3>&- &
    export TLS2=$HERE:$port NEAR2=127.0.0.1:$port
    for _ in $(seq 600); do curl -sk -o /dev/null "https://$TLS2/v2/" && return 0; sleep 0.05; done
    cat "$dir/out"
    return 1
}

proxy_start() { # DIR [LINE]: tinyproxy; its port is in DIR/port
    mkdir -p "$1"
    free_port >"$1/port"
    printf 'Port %s\nListen 127.0.0.1\nTimeout 60\nLogFile "%s/log"\nLogLevel Connect\nPidFile "%s/pid"\nMaxClients 20\n%s\n' \
        "$(cat "$1/port")" "$1" "$1" "${2:-}" >"$1/conf"
    tinyproxy -d -c "$1/conf" >"$1/out" 2>&1 3>&- &
    for _ in $(seq 600); do curl -s -o /dev/null "http://127.0.0.1:$(cat "$1/port")/" && return 0; sleep 0.05; done
    cat "$1/out"
    return 1
}
proxy() { echo "http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/$1/port")"; }
far() { shale --insecure-registry "$FAR" "$@"; }
trust() {
    mkdir -p "$CERTS/$1"
    cp "$BATS_FILE_TMPDIR/nginx/ca.crt" "$CERTS/$1/"
}
secure() { shale --certs-dir "$CERTS" "$@"; }
# through NAME TEXT CMD…: CMD works, and the proxy's log has TEXT
through() {
    local log=$BATS_FILE_TMPDIR/$1/log want=$2
    : >"$log"
    shift 2
    run_ok "$@"
    grep -q "$want" "$log" || { echo "no '$want' in the proxy's log:"; cat "$log"; return 1; }
}
direct() { # CMD…: CMD works, and no proxy sees it
    : >"$BATS_FILE_TMPDIR/proxy/log"
    run_ok "$@"
    ! grep Request "$BATS_FILE_TMPDIR/proxy/log"
}

@test "IPv6 loopback speaks plain http" {
    run_ok shale pull "$HOSTILE6/ok:1"
    has "Status: Downloaded newer image for $HOSTILE6/ok:1"
    run_ok shale images --format '{{.Repository}}'
    [ "$output" = "$HOSTILE6/ok" ]
    run_ok shale fsck --check
}

@test "HTTP/2" {
    need_root
    : >"$BATS_FILE_TMPDIR/nginx/access.log"
    trust "$TLS2"
    run_ok secure pull -q "$TLS2/busybox:1.0"
    grep -q '^HTTP/2.0 GET /v2/busybox/blobs/.* 200$' "$BATS_FILE_TMPDIR/nginx/access.log"
    [ -z "$(grep '^HTTP/1' "$BATS_FILE_TMPDIR/nginx/access.log")" ]
    run_ok shale fsck --check
    trust "$NEAR2"
    run_ok secure digest "$NEAR2/busybox:1.0"
}

@test "another host must speak TLS, unless it is listed" {
    need_root
    refused "Get \"https://$FAR/v2/\": http: server gave HTTP response to HTTPS client" shale pull "$FAR/ok:1"
    refused "http: server gave HTTP response" shale --insecure-registry "10.0.0.1" --insecure-registry 10.213.78.0/24 pull "$FAR/ok:1"
    [ ! -s "$FAR_LOG" ] # nothing was said in the clear
    run_ok far pull -q "$FAR/ok:1"
    run_ok shale --insecure-registry 10.213.77.0/24 digest "$FAR/ok:1"
    run_ok shale fsck --check
}

@test "another host's certificate is verified, unless it is listed" {
    need_root
    refused "Get \"https://$TLS2/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority" shale digest "$TLS2/busybox:1.0"
    run_ok shale --insecure-registry "$TLS2" digest "$TLS2/busybox:1.0"
    trust "$TLS2"
    run_ok secure digest "$TLS2/busybox:1.0"
    SSL_CERT_FILE=$BATS_FILE_TMPDIR/nginx/ca.crt run_ok shale digest "$TLS2/busybox:1.0"
}

@test "nobody there" {
    need_root
    refused "Get \"https://$HERE:9/v2/\": dial tcp $HERE:9: connect: connection refused" shale pull "$HERE:9/x:1"
    refused "Get \"http://127.0.0.1:9/v2/\": dial tcp 127.0.0.1:9: connect: connection refused" shale pull 127.0.0.1:9/x:1
    refused "no such host" shale pull does-not-exist.invalid/x:1
    ip netns exec "$NS" ip link set eth0 down
    SHALE_CONNECT_TIMEOUT=1 SHALE_RETRIES=0 refused "dial tcp" far pull "$FAR/ok:1"
    ip netns exec "$NS" ip link set eth0 up
}

@test "a line that goes down in the middle of a pull, and comes back" {
    need_root
    SHALE_STALL_TIMEOUT=1 SHALE_RETRIES=20 far pull -q "$FAR/early:1" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    # It has asked the registry once: who is refused at the very beginning is told so at once.
    for _ in $(seq 400); do [ -z "$(ls "$SHALE_ROOT/ingest" 2>/dev/null)" ] && kill -0 $pid 2>/dev/null || break; sleep 0.05; done
    for _ in 1 2 3; do
        sleep 0.3
        ip link set "$VETH" down
        sleep 1
        ip link set "$VETH" up
        ip addr replace "$HERE/30" dev "$VETH"
    done
    wait $pid || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
    run_ok shale fsck --check
}

@test "http through a proxy" {
    need_root
    HTTP_PROXY=$(proxy proxy) through proxy "GET http://$FAR/v2/ok/manifests/1" far pull -q "$FAR/ok:1"
    http_proxy=$(proxy proxy) through proxy Request far digest "$FAR/ok:1"
    http_proxy=${FAR} HTTP_PROXY=$(proxy proxy) through proxy Request far digest "$FAR/ok:1" # upper case first, as Go
    run_ok shale fsck --check
}

@test "https through a proxy" {
    need_root
    trust "$TLS2"
    HTTPS_PROXY=$(proxy proxy) through proxy "CONNECT $TLS2" secure pull -q "$TLS2/busybox:1.0"
    https_proxy=$(proxy proxy) through proxy CONNECT secure digest "$TLS2/busybox:1.0"
    HTTPS_PROXY=$(proxy proxy | sed 's|http://||') through proxy CONNECT secure digest "$TLS2/busybox:1.0"
    HTTP_PROXY=$(proxy proxy) direct secure digest "$TLS2/busybox:1.0"
}

@test "NO_PROXY, and loopback" {
    need_root
    export HTTP_PROXY HTTPS_PROXY
    HTTP_PROXY=$(proxy proxy) HTTPS_PROXY=$(proxy proxy)
    for list in "$THERE" "$FAR" 10.213.77.0/24 'x.y, 10.213.77.2' '*'; do
        NO_PROXY=$list direct far digest "$FAR/ok:1" || { echo "NO_PROXY=$list"; return 1; }
    done
    for list in "$THERE:1" 10.213.78.0/24 13.77.2 ''; do
        NO_PROXY=$list through proxy Request far digest "$FAR/ok:1" || { echo "NO_PROXY=$list"; return 1; }
    done
    direct shale digest "$PLAIN/busybox:1.0"
    direct shale digest "$HOSTILE6/ok:1"
}

@test "a proxy that is not there, or wants a password" {
    need_root
    HTTP_PROXY=http://127.0.0.1:9 refused "proxyconnect tcp: dial tcp 127.0.0.1:9: connect: connection refused" far digest "$FAR/ok:1"
    HTTP_PROXY=$(proxy locked) refused "407" far digest "$FAR/ok:1"
    HTTPS_PROXY=$(proxy locked) refused "proxyconnect tcp: the proxy answers CONNECT with status 407" shale digest "$TLS2/busybox:1.0"
    with=$(proxy locked | sed 's|//|//user:proxy-secret@|')
    HTTP_PROXY=$with run_ok far digest "$FAR/ok:1"
    HTTPS_PROXY=$with run_ok shale --insecure-registry "$TLS2" digest "$TLS2/busybox:1.0"
    wrong=$(proxy locked | sed 's|//|//user:wrong-secret@|')
    HTTP_PROXY=$wrong refused "auth" far digest "$FAR/ok:1" # tinyproxy answers with 401 here
    hasnt wrong-secret
    HTTPS_PROXY=$wrong refused "answers CONNECT with status 40" shale digest "$TLS2/busybox:1.0"
    hasnt wrong-secret
}
