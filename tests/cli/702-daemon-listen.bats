#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Where the daemon listens and who may use it; its config; its beginning and its end.
# shellcheck disable=SC2034,SC2154

load lib
load daemon

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    mkdir tls
    cd tls || return 1
    local ext
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout ca-key.pem -out ca.pem -subj /CN=ca 2>/dev/null
    for n in server client other; do
        ext="subjectAltName=IP:127.0.0.1,DNS:localhost"
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$n-key.pem" -out "$n.csr" -subj "/CN=$n" 2>/dev/null
        if [ "$n" = other ]; then
            openssl x509 -req -in "$n.csr" -signkey "$n-key.pem" -days 2 -out "$n.pem" 2>/dev/null
        else
            openssl x509 -req -in "$n.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -out "$n.pem" -extfile <(printf '%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$ext") 2>/dev/null
        fi
    done
}
setup() {
    fresh_store
    cd "$BATS_TEST_TMPDIR" || return 1
    w=$BATS_TEST_TMPDIR
}
teardown() { serve_stop; }

# serve OPTION…: in the background, its output in serve.log -> PID, ADDRESS of its first line
serve() {
    "${PREFIX[@]}" "$SHALE_BIN" daemon "$@" >"$w/serve.log" 2>&1 3>&- &
    PID=$!
    for _ in $(seq 1500); do
        ADDRESS=$(sed -n 's/^Listening on //p' "$w/serve.log" | head -n 1)
        [ -z "$ADDRESS" ] || return 0
        kill -0 "$PID" 2>/dev/null || break
        sleep 0.02
    done
    cat "$w/serve.log"
    return 1
}
serve_stop() {
    [ -n "${PID:-}" ] || return 0
    kill "$PID" 2>/dev/null || true
    for _ in $(seq 400); do kill -0 "$PID" 2>/dev/null || break; sleep 0.05; done
    ! kill -0 "$PID" 2>/dev/null || { kill -9 "$PID"; return 1; }
    PID=
    ! grep -E "runtime error|Sanitizer|Assertion" "$w/serve.log"
}

@test "a socket: its mode, its group, one that was left behind, one in use, one that is none" {
    serve -H "unix://$w/a/d.sock" --config ''
    [ "$ADDRESS" = "unix://$w/a/d.sock" ]
    [ "$(stat -c %a "$w/a/d.sock")" = 600 ]
    run_fails 1 "somebody listens on $w/a/d.sock already" shale daemon -H "unix://$w/a/d.sock" --config ''
    serve_stop
    [ ! -e "$w/a/d.sock" ]
    serve -H "unix://$w/a/d.sock" --config ''
    kill -9 "$PID"
    wait "$PID" 2>/dev/null || true
    [ -S "$w/a/d.sock" ]
    if [ "$(id -u)" = 0 ]; then
        serve -H "unix://$w/a/d.sock" --config '' --group daemon
        [ "$(stat -c '%a %G' "$w/a/d.sock")" = "660 daemon" ]
    else
        serve -H "unix://$w/a/d.sock" --config ''
    fi
    run_ok docker -H "$ADDRESS" version --format '{{.Server.Os}}'
    touch "$w/file"
    run_fails 1 "is there and no socket" shale daemon -H "unix://$w/file" --config ''
    [ -f "$w/file" ]
    run_fails 1 "write unix:///PATH" shale daemon -H "unix://d.sock" --config ''
    run_fails 1 "write unix:///PATH, tcp://HOST:PORT or fd://" shale daemon -H "npipe:////x" --config ''
    run_fails 1 "there is no group nosuchgroup" shale daemon -H "unix://$w/b.sock" --config '' --group nosuchgroup
    run_fails 1 "handed over no sockets" shale daemon -H fd:// --config ''
    run_fails 1 "bytes" shale daemon -H "unix:///$(printf 'x%.0s' $(seq 200))" --config ''
}

@test "tcp: on this machine with a warning, beyond it only when told twice" {
    run_fails 1 "say --open if that is what you want" shale daemon -H tcp://0.0.0.0:0 --config ''
    serve -H tcp://127.0.0.1:0 --config ''
    run_ok docker -H "$ADDRESS" version --format '{{.Server.Os}}'
    grep -q "Warning: $ADDRESS: every user of this machine can do what" "$w/serve.log"
    # Pages in a browser here: they name themselves, or a name that was turned to our address.
    asked() { curl -sS -m 20 -o /dev/null -w '%{http_code}' "$@" "http://${ADDRESS#tcp://}/_ping"; }
    [ "$(asked)$(asked -H 'Host: localhost')$(asked -H 'Host: box')" = 200200200 ]
    [ "$(asked -H 'Origin: http://evil.example')$(asked -H 'Host: evil.example:2375')" = 403403 ]
    serve_stop
    serve -H tcp://0.0.0.0:0 --open --config ''
    grep -q "whoever reaches it can do what" "$w/serve.log"
    # From beyond this machine, too, a page's own name may have been turned to our address; other clients name it as they like.
    ip=$(hostname -I | cut -d ' ' -f 1)
    [[ $ip = *.* ]] || skip "this machine has no address but its own: pages are not tried from beyond it"
    ADDRESS=tcp://$ip:${ADDRESS##*:}
    [ "$(asked -H 'Host: evil.example:1' -H 'Origin: http://evil.example:1')$(asked -H 'Host: box.example')" = 403200 ]
    [ "$(asked -H "Origin: http://${ADDRESS#tcp://}")$(asked -H 'Host: box:1' -H 'Origin: http://box:1')" = 200200 ]
}

@test "TLS: clients with a certificate, and no others; a new certificate on HUP" {
    t=$BATS_FILE_TMPDIR/tls
    run_fails 1 "TLS needs --tlscert and --tlskey" shale daemon -H tcp://127.0.0.1:0 --tls --config ''
    run_fails 1 "--tlsverify needs --tlscacert" shale daemon -H tcp://127.0.0.1:0 --tlsverify --tlscert "$t/server.pem" --tlskey "$t/server-key.pem" --config ''
    run_fails 1 "say --tls" shale daemon -H tcp://127.0.0.1:0 --tlscert "$t/server.pem" --config ''
    run_fails 1 "TLS cannot be set up" shale daemon -H tcp://127.0.0.1:0 --tls --tlscert "$t/server.pem" --tlskey "$t/client-key.pem" --config ''
    cp "$t/server.pem" cert.pem
    cp "$t/server-key.pem" key.pem
    serve -H tcp://127.0.0.1:0 --tlsverify --tlscacert "$t/ca.pem" --tlscert cert.pem --tlskey key.pem --config ''
    docker_tls() { docker -H "$ADDRESS" --tlsverify --tlscacert "$t/ca.pem" --tlscert "$t/$1.pem" --tlskey "$t/$1-key.pem" "${@:2}"; }
    run_ok docker_tls client version --format '{{.Server.Os}}'
    [ "$output" = linux ]
    run_ok docker_tls client events --since 1h --until 0s
    run docker_tls other version --format '{{.Server.Os}}'
    [ "$status" != 0 ]
    port=${ADDRESS##*:}
    run curl -sS -m 20 --cacert "$t/ca.pem" "https://127.0.0.1:$port/_ping"
    [ "$status" != 0 ]
    run curl -sS -m 20 "http://127.0.0.1:$port/_ping"
    [ "$status" != 0 ]
    # many small requests on one encrypted connection, and a large body
    run_ok curl -sS -m 20 --cacert "$t/ca.pem" --cert "$t/client.pem" --key "$t/client-key.pem" "https://127.0.0.1:$port/_ping?[1-20]"
    [ "$output" = OKOKOKOKOKOKOKOKOKOKOKOKOKOKOKOKOKOKOKOK ]
    if [ "$(id -u)" = 0 ]; then # a connection that is taken over: all of it arrives, also where nobody hurries
        skopeo copy --quiet "oci:$SHALE_IMAGES/busybox:1.0" "docker-archive:$w/box.tar:box:1"
        run_ok docker_tls client load -i box.tar
        [ "$(docker_tls client run --rm --network none box:1 head -c 3000000 /dev/zero | (sleep 1; wc -c))" = 3000000 ]
        [ "$(echo typed | docker_tls client run -i --rm --network none box:1 cat)" = typed ]
    fi
    head -c 9000000 /dev/zero >big
    [ "$(curl -sS -m 60 -o /dev/null -w '%{http_code}' --cacert "$t/ca.pem" --cert "$t/client.pem" --key "$t/client-key.pem" -H 'Content-Type: application/json' --data-binary @big "https://127.0.0.1:$port/auth")" = 413 ]
    before=$(openssl x509 -in cert.pem -noout -fingerprint)
    cp "$t/client.pem" cert.pem
    cp "$t/client-key.pem" key.pem
    kill -HUP "$PID"
    served() { openssl s_client -connect "127.0.0.1:$port" -cert "$t/client.pem" -key "$t/client-key.pem" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint; }
    for _ in $(seq 600); do [ "$(served)" = "$before" ] || break; sleep 0.05; done
    [ "$(served)" = "$(openssl x509 -in "$t/client.pem" -noout -fingerprint)" ]
}

@test "daemon.json: keys that are followed, refused, unknown; --validate; reload" {
    cat >daemon.json <<-END
	{"hosts": ["unix://$w/c.sock"], "debug": true, "insecure-registries": ["reg.example:5000", "10.0.0.0/8"],
	 "live-restore": true, "log-driver": "json-file", "max-concurrent-downloads": 3, "data-root": "$w/data",
	 "registry-mirrors": [], "log-opts": {}, "pidfile": "$w/d.pid", "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 20, "Soft": 10}}}
	END
    unset SHALE_ROOT
    run_ok shale daemon --config daemon.json --validate
    [ "$output" = "configuration OK" ]
    serve --config daemon.json
    [ "$ADDRESS" = "unix://$w/c.sock" ]
    run_ok docker -H "$ADDRESS" info --format '{{.DockerRootDir}} {{.Debug}} {{.RegistryConfig.InsecureRegistryCIDRs}} {{range $k, $v := .RegistryConfig.IndexConfigs}}{{$k}} {{end}}'
    has "$w/data true"
    has 10.0.0.0/8
    has reg.example:5000
    # Limits count where a request says nothing of them.
    touch file
    tar -c file | docker -H "$ADDRESS" import - limited >/dev/null
    docker -H "$ADDRESS" create --name l1 --ulimit nproc=5 limited x
    docker -H "$ADDRESS" create --name l2 --ulimit nofile=30:40 limited x
    run_ok docker -H "$ADDRESS" inspect --format '{{.Name}}{{range .HostConfig.Ulimits}} {{.Name}}={{.Soft}}:{{.Hard}}{{end}}' l1 l2
    has "nofile=10:20"
    has "nproc=5:5"
    has "/l2 nofile=30:40"
    docker -H "$ADDRESS" rm l1 l2
    [ "$(cat d.pid)" = "$PID" ]
    run_fails 1 "process $PID is there already" shale --root "$w/other" daemon --config '' -H "unix://$w/x.sock" --pidfile "$w/d.pid"
    [ ! -e "$w/x.sock" ]
    sed -i 's/"debug": true/"debug": false/; s/reg.example/reg2.example/' daemon.json
    kill -HUP "$PID"
    for _ in $(seq 600); do run docker -H "$ADDRESS" info --format '{{.Debug}} {{json .RegistryConfig.IndexConfigs}}'; [[ $output == true* ]] || break; sleep 0.05; done
    has false
    has reg2.example:5000
    echo '{"debug": 1}' >daemon.json # a mistake: everything stays
    kill -HUP "$PID"
    for _ in $(seq 600); do grep -q 'Error: .*"debug" must be true or false' "$w/serve.log" && break; sleep 0.05; done
    grep -q 'Error: .*"debug" must be true or false' "$w/serve.log"
    run_ok docker -H "$ADDRESS" info --format '{{.Debug}}'
    serve_stop
    [ ! -e d.pid ] && [ ! -e c.sock ]
    while IFS='|' read -r json text; do
        echo "$json" >daemon.json
        run_fails 1 "$text" shale daemon --config daemon.json --validate
        has "daemon.json: "
    done <<-'END'
	{"debgu": true}|"debgu" is no setting: did you mean "debug"?
	{"iptables": false}|"iptables" is not supported yet: take it out
	{"registry-mirrors": ["m:5000"]}|invalid mirror: "m:5000" is not a valid URI
	{"registry-mirrors": ["https://m", "ftp://m"]}|invalid mirror: unsupported scheme "ftp"
	{"registry-mirrors": ["https://me:secret@m"]}|username/password not allowed
	{"log-driver": "syslog"}|logging driver "syslog" is not supported yet
	{"log-opts": {"max-size": "1x"}}|max-size: invalid size: '1x'
	{"log-opts": {"max-size": 1}}|"log-opts" must be an object of texts
	{"hosts": "unix:///x"}|"hosts" must be a list of texts
	{"max-concurrent-downloads": 0}|"max-concurrent-downloads" must be a number from 1 to
	{"default-ulimits": {"nofile": 1}}|"default-ulimits" must be an object
	[]|no JSON object
	{|JSON
	END
    run_fails 1 "nosuch.json" shale daemon --config nosuch.json --validate
}

@test "sockets of the service manager, told when it is ready" {
    need systemd-socket-activate
    systemd-socket-activate -l "$w/act.sock" "$SHALE_BIN" --root "$w/store" daemon --config '' >"$w/act.log" 2>&1 3>&- &
    PID=$!
    for _ in $(seq 600); do [ -S "$w/act.sock" ] && break; sleep 0.05; done
    cp /dev/null serve.log
    run_ok docker -H "unix://$w/act.sock" version --format '{{.Server.Os}}'
    [ "$output" = linux ]
    grep -q "Listening on unix://$w/act.sock" act.log
    kill "$PID"
    for _ in $(seq 600); do kill -0 "$PID" 2>/dev/null || break; sleep 0.05; done
    [ -S "$w/act.sock" ] # it is not ours to remove
    PID=
    # Type=notify
    python3 - "$w/n.sock" >"$w/notified" 3>&- <<-'END' &
	import socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind(sys.argv[1])
	s.settimeout(30)
	while True:
	    m = s.recv(4096).decode()
	    print(m, flush=True)
	    if "STOPPING" in m:
	        break
	END
    py=$!
    for _ in $(seq 600); do [ -S "$w/n.sock" ] && break; sleep 0.05; done
    export NOTIFY_SOCKET=$w/n.sock
    serve -H "unix://$w/d.sock" --config ''
    unset NOTIFY_SOCKET
    serve_stop
    wait "$py"
    grep -q READY=1 notified
    grep -q "listening on unix://$w/d.sock" notified
}

@test "the end: waiting requests are let go at once, others finish" {
    serve -H "unix://$w/d.sock" --config ''
    curl -sN -m 60 --unix-socket "$w/d.sock" http://d/events >events 3>&- &
    curl=$!
    for _ in $(seq 600); do [ "$(docker -H "$ADDRESS" info --format '{{.NEventsListener}}')" = 1 ] && break; sleep 0.05; done
    start=$SECONDS
    serve_stop
    wait "$curl"
    [ $((SECONDS - start)) -lt 9 ] # not the grace time
    serve -H "unix://$w/d.sock" --config '' # the same place again
}

@test "the end: what a client has begun in a container is let alone, and does not keep the daemon" {
    need_root
    serve -H "unix://$w/d.sock" --config '' --grace 1s
    skopeo copy --quiet "oci:$SHALE_IMAGES/busybox:1.0" "docker-archive:$w/box.tar:box:1"
    docker -H "$ADDRESS" load -q -i box.tar >/dev/null
    docker -H "$ADDRESS" run -d --network none --name kept box:1 sleep 600 >/dev/null
    docker -H "$ADDRESS" exec kept sh -c 'echo begun; exec sleep 601' >out 2>&1 3>&- &
    for _ in $(seq 600); do grep -q begun out && break; sleep 0.05; done
    grep -q begun out
    serve_stop
    wait
    run_ok shale top kept
    has "sleep 601"
    drop_store
}

@test "a body that is broken off is no image" {
    serve -H "unix://$w/d.sock" --config ''
    run_ok python3 - "$w/d.sock" <<-'END'
	import io, socket, sys, tarfile
	b = io.BytesIO()
	t = tarfile.open(fileobj=b, mode="w")
	t.addfile(tarfile.TarInfo("file"))
	part = b.getvalue()[:512] # a whole member, and no end of the archive
	for end in b"zz\r\n", b"":
	    s = socket.socket(socket.AF_UNIX)
	    s.settimeout(30)
	    s.connect(sys.argv[1])
	    s.sendall(b"POST /images/create?fromSrc=-&repo=broken HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n"
	              + b"%x\r\n" % len(part) + part + b"\r\n" + end)
	    if not end:
	        s.shutdown(socket.SHUT_WR)
	    answer = b""
	    while True:
	        got = s.recv(4096)
	        if not got:
	            break
	        answer += got
	    assert b" 200 " not in answer or b"errorDetail" in answer, answer
	END
    [ -z "$(shale images -q)" ]
}
