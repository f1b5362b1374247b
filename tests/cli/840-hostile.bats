#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Clients that mean no good, or are merely many: the registry answers others, and stays small.

load lib

setup() {
    own_registry reg
    HOST=${OWN%:*} PORT=${OWN##*:}
}
teardown() { own_stop_all; }

alive() { [ "$(curl -s -m 10 -o /dev/null -w '%{http_code}' "http://$OWN/v2/")" = 200 ]; }
rss_kib() { awk '/^VmRSS/ {print $2}' "/proc/$OWN_PID/status"; }
n_fds() { ls "/proc/$OWN_PID/fd" | wc -l; }
# py CODE: Python with connect(), HOST, PORT
py() {
    timeout 120 python3 -c "
import socket, sys, time, os
HOST, PORT = '$HOST', $PORT
def connect():
    s = socket.create_connection((HOST, PORT), 10); s.settimeout(30); return s
def read_all(s):
    out = b''
    try:
        while True:
            b = s.recv(65536)
            if not b: break
            out += b
    except (ConnectionResetError, socket.timeout) as e: out += b'<%s>' % type(e).__name__.encode()
    return out
$1"
}

@test "a TLS hello on a plain listener is answered so that clients fall back" {
    run py "
s = connect(); s.sendall(bytes.fromhex('16030100c8010000c40303') + b'x' * 300)
print(read_all(s))"
    has "HTTP/1.0 400 Bad Request"
    hasnt Reset
    # Go's clients, without being told that it is plain: docker's rule for loopback is to try both.
    run skopeo inspect --tls-verify=false "docker://$OWN/none:x"
    has "manifest unknown"
    alive
}

@test "heads that are too large, without end, or no HTTP" {
    run py "
for head in (b'GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ' + b'a' * (1 << 20) + b'\r\n\r\n',
             b'GET /' + b'a' * 200000 + b' HTTP/1.1\r\nHost: x\r\n\r\n',
             b'GET /v2/ HTTP/1.1\r\n' + b''.join(b'H%d: x\r\n' % i for i in range(20000)) + b'\r\n'):
    s = connect()
    try: s.sendall(head)
    except (BrokenPipeError, ConnectionResetError): pass
    out = read_all(s)
    print(out[:40])
    assert out[:12] in (b'HTTP/1.1 431', b'HTTP/1.1 414', b'HTTP/1.1 413', b'HTTP/1.1 400') or b'Reset' in out or out == b'', out[:60]
for junk in (b'\0' * 4096, b'\r\n' * 5000, b'FOO\r\n\r\n', b'GET\r\n\r\n', b'GET / HTTP/9.9\r\n\r\n', os.urandom(5000).replace(b'\x16', b'\x17')):
    s = connect()
    try: s.sendall(junk); s.shutdown(socket.SHUT_WR)
    except OSError: pass
    read_all(s)
print('through')"
    [ "$status" = 0 ] || { echo "$output"; false; }
    has through
    alive
}

@test "lengths that lie: negative, two of them, with chunks, more and less than comes" {
    run py "
P = b'POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\n'
for h in (b'Content-Length: -1', b'Content-Length: 18446744073709551616', b'Content-Length: x', b'Content-Length: 5, 5', b'Transfer-Encoding: nonsense'):
    s = connect(); s.sendall(P + h + b'\r\n\r\nhello'); s.shutdown(socket.SHUT_WR); out = read_all(s)
    print(h, out[:30])
for chunk in (b'ffffffffffffffffff\r\n', b'-5\r\nhello\r\n', b'zz\r\n', b'5\r\nhel'):
    s = connect(); s.sendall(P + b'Transfer-Encoding: chunked\r\n\r\n' + chunk); s.shutdown(socket.SHUT_WR); out = read_all(s)
    assert not out.startswith(b'HTTP/1.1 201'), out
s = connect(); s.sendall(P + b'Content-Length: 1000000\r\n\r\nhello'); s.shutdown(socket.SHUT_WR); read_all(s)
# what could be read in two ways is answered, and nothing behind it is taken for a request
for h in (b'Content-Length: 3\r\nContent-Length: 40', b'Content-Length: 40\r\nTransfer-Encoding: chunked', b'Transfer-Encoding: gzip, chunked', b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', b'Content-Length : 3'):
    s = connect(); s.sendall(P + h + b'\r\n\r\n0\r\n\r\nGET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n'); out = read_all(s)
    assert out.startswith(b'HTTP/1.1 400') and out.count(b'HTTP/1.1') == 1, (h, out)
s = connect(); s.sendall(P + b'Content-Length: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'); out = read_all(s)
assert out.startswith(b'HTTP/1.1 202'), out
print('through')"
    has through
    alive
}

@test "2,500 connections that say nothing cost little, and others are served" {
    [ "$(ulimit -Hn)" -ge 8192 ] || skip "the limit of open files is $(ulimit -Hn)"
    ulimit -Sn "$(ulimit -Hn)"
    own_stop
    own_registry reg
    PORT=${OWN##*:}
    alive
    before=$(rss_kib)
    py "
l = [connect() for _ in range(2500)]
open('$BATS_TEST_TMPDIR/ready', 'w').write('x')
while not os.path.exists('$BATS_TEST_TMPDIR/stop'): time.sleep(0.05)" &
    client=$!
    for _ in $(seq 300); do [ ! -e "$BATS_TEST_TMPDIR/ready" ] || break; sleep 0.1; done
    [ -e "$BATS_TEST_TMPDIR/ready" ]
    [ "$(n_fds)" -gt 2500 ]
    alive
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    grown=$(($(rss_kib) - before))
    echo "grew by $grown KiB"
    limit=12000
    ! grep -q __asan_init "$SHALE_BIN" || limit=24000 # the sanitizer keeps what was freed
    [ "$grown" -lt "$limit" ]
    touch "$BATS_TEST_TMPDIR/stop"
    wait $client
    for _ in $(seq 300); do [ "$(n_fds)" -gt 100 ] || break; sleep 0.1; done
    [ "$(n_fds)" -lt 100 ]
}

@test "10,000 connections, silent, idle, half a request: all are served when they speak" {
    [ "$(ulimit -Hn)" -ge 16000 ] || skip "the limit of open files is $(ulimit -Hn): this needs 16,000"
    ulimit -Sn "$(ulimit -Hn)"
    own_stop
    own_registry reg
    PORT=${OWN##*:}
    alive
    before=$(rss_kib)
    py "
GET = b'GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n'
def speak(s): s.sendall(GET)
def served(s): assert s.recv(1000).startswith(b'HTTP/1.1 200')
silent = [connect() for _ in range(5000)]
kept = [connect() for _ in range(4500)]
for s in kept: speak(s); served(s)
half = [connect() for _ in range(500)]
for s in half: s.sendall(GET[:-4])
open('$BATS_TEST_TMPDIR/ready', 'w').write('x')
while not os.path.exists('$BATS_TEST_TMPDIR/go'): time.sleep(0.05)
for s in half: s.sendall(GET[-4:])
for s in kept + silent: speak(s)
for s in half + kept + silent: served(s)
print('all were served')" >"$BATS_TEST_TMPDIR/out" 2>&1 &
    client=$!
    for _ in $(seq 300); do [ ! -e "$BATS_TEST_TMPDIR/ready" ] || break; sleep 0.1; done
    [ -e "$BATS_TEST_TMPDIR/ready" ] || { cat "$BATS_TEST_TMPDIR/out"; false; }
    [ "$(n_fds)" -gt 10000 ]
    grown=$(($(rss_kib) - before))
    echo "grew by $grown KiB: $((grown / 5000)) KiB for each that has spoken"
    grep -q __asan_init "$SHALE_BIN" || [ "$grown" -lt 250000 ]
    # others are served meanwhile, quickly
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    py "
begin = time.time()
for _ in range(20):
    s = connect(); s.sendall(b'GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n'); assert s.recv(1000).startswith(b'HTTP/1.1 200')
assert time.time() - begin < 3"
    touch "$BATS_TEST_TMPDIR/go"
    wait $client || { cat "$BATS_TEST_TMPDIR/out"; false; }
    grep -q "all were served" "$BATS_TEST_TMPDIR/out"
    for _ in $(seq 300); do [ "$(n_fds)" -gt 100 ] || break; sleep 0.1; done
    [ "$(n_fds)" -lt 100 ]
}

@test "connections that all speak at the same moment, as many as are looked at together: none is forgotten" {
    run py "
import signal
GET = b'GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n'
l = []
for n in (128, 256, 384, 512): # for as many threads of the network as there may be
    while len(l) < n:
        l.append(connect()); l[-1].sendall(GET); assert l[-1].recv(1000).startswith(b'HTTP/1.1 200')
    os.kill($OWN_PID, signal.SIGSTOP)
    while open('/proc/$OWN_PID/stat').read().rsplit(')', 1)[1].split()[0] != 'T': time.sleep(0.01)
    for s in l: s.sendall(GET)
    os.kill($OWN_PID, signal.SIGCONT)
    for s in l: assert s.recv(1000).startswith(b'HTTP/1.1 200'), n
print('all were served')"
    [ "$status" = 0 ] || { echo "$output"; false; }
    has "all were served"
    alive
}

@test "connections of one peer, and large heads, as far as the config lets them" {
    own_stop
    printf '[limits]\nconnections_per_peer = 5\nheader_size = 128k\n' >"$BATS_TEST_TMPDIR/r.conf"
    own_registry reg --config "$BATS_TEST_TMPDIR/r.conf"
    PORT=${OWN##*:}
    run py "
def from_(peer):
    s = socket.socket(); s.bind((peer, 0)); s.connect((HOST, PORT)); s.settimeout(10); return s
def get(s):
    try: s.sendall(b'GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n'); return s.recv(1000).split(b' ')[1].decode()
    except ConnectionResetError: return 'reset'
for round in range(3):
    l = [from_('127.0.0.1') for _ in range(5)]
    assert [get(s) for s in l[:3]] == ['200'] * 3 # two say nothing
    more = from_('127.0.0.1'); time.sleep(0.3)
    text = b''
    try: text = more.recv(1000)
    except ConnectionResetError: pass
    print('one more:', text[:30])
    assert b'429' in text
    assert get(from_('127.0.0.2')) == '200'
    l[0].close(); time.sleep(0.3)
    assert get(from_('127.0.0.1')) == '200'
    l[4].close(); time.sleep(0.3)
    assert get(from_('127.0.0.1')) == '200'
    for s in l: s.close()
    time.sleep(0.5)
s = from_('127.0.0.3')
s.sendall(b'GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ' + b'a' * 120000 + b'\r\n\r\n'); print('large:', s.recv(100)[:12]); s.close()
s = from_('127.0.0.4')
try: s.sendall(b'GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ' + b'a' * 140000 + b'\r\n\r\n')
except OSError: pass
print('larger:', read_all(s)[:12])"
    [ "$status" = 0 ] || { echo "$output"; false; }
    has "large: b'HTTP/1.1 200"
    has "larger: b'HTTP/1.1 431"
}

@test "more connections than allowed: the idle ones go, new ones are served" {
    own_stop
    (ulimit -n 512; exec "$SHALE_BIN" registry serve --storage "$OWN_DIR" --addr "127.0.0.1:$PORT" >"$OWN_DIR.log" 2>&1 3>&-) &
    OWN_PID=$! OWN_PIDS="$OWN_PIDS $!"
    for _ in $(seq 600); do ! alive || break; sleep 0.05; done
    run py "
l = []
for i in range(700):
    s = connect()
    if i % 2: s.sendall(b'GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n'); assert s.recv(100).startswith(b'HTTP/1.1 200'), i
    l.append(s)
print('through')"
    [ "$status" = 0 ] || { echo "$output"; false; }
    has through
    alive
}

@test "slow heads and slow bodies are dropped; a slow reader is not in the way" {
    own_stop
    own_registry reg --timeout 5s
    PORT=${OWN##*:}
    run py "
t = time.time()
def slow(first, drip):
    s = connect(); s.sendall(first)
    while time.time() - t < 40:
        try:
            s.sendall(drip); s.settimeout(0.2)
            try:
                if s.recv(1000) == b'': return
            except socket.timeout: pass
        except OSError: return
    raise SystemExit('not dropped: %r' % first)
slow(b'GET /v2/ HTTP/1.1\r\nHost: x\r\n', b'X: y\r\n')
slow(b'G', b'')
print('heads %.0f' % (time.time() - t)); t = time.time()
slow(b'POST /v2/a/blobs/uploads/?digest=sha256:' + b'0' * 64 + b' HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n', b'z')
print('bodies %.0f' % (time.time() - t))"
    [ "$status" = 0 ] || { echo "$output"; false; }
    has bodies
    head -c 16000000 /dev/urandom >"$BATS_TEST_TMPDIR/f"
    d=sha256:$(sha256sum "$BATS_TEST_TMPDIR/f" | cut -d' ' -f1)
    curl -s -o /dev/null -X POST --data-binary "@$BATS_TEST_TMPDIR/f" -H 'Content-Type: application/octet-stream' "http://$OWN/v2/a/blobs/uploads/?digest=$d"
    curl -s --limit-rate 3M "http://$OWN/v2/a/blobs/$d" | cmp - "$BATS_TEST_TMPDIR/f"
    alive
}

@test "256 pulls at once: memory stays flat, every byte is right" {
    head -c 20000000 /dev/urandom >"$BATS_TEST_TMPDIR/f"
    d=sha256:$(sha256sum "$BATS_TEST_TMPDIR/f" | cut -d' ' -f1)
    curl -s -o /dev/null -X POST --data-binary "@$BATS_TEST_TMPDIR/f" -H 'Content-Type: application/octet-stream' "http://$OWN/v2/a/blobs/uploads/?digest=$d"
    run py "
import threading, hashlib
bad = []
def pull():
    s = connect(); s.sendall(b'GET /v2/a/blobs/$d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    h = hashlib.sha256(); head, _, rest = b'', b'', b''
    while b'\r\n\r\n' not in head: head += s.recv(65536)
    h.update(head.split(b'\r\n\r\n', 1)[1])
    while True:
        b = s.recv(1 << 18)
        if not b: break
        h.update(b)
    if 'sha256:' + h.hexdigest() != '$d': bad.append(1)
l = [threading.Thread(target=pull) for _ in range(256)]
[t.start() for t in l]; [t.join() for t in l]
print('wrong:', len(bad))"
    has "wrong: 0"
    peak=$(awk '/^VmHWM/ {print $2}' "/proc/$OWN_PID/status")
    echo "peak $peak KiB"
    grep -q __asan_init "$SHALE_BIN" || [ "$peak" -lt 32768 ] # the sanitizer keeps what was freed
}

@test "TLS: pull and push, plain requests are told so, the certificate is read anew on HUP" {
    dir=$BATS_TEST_TMPDIR/certs
    mkdir -p "$dir"
    registry_certificate "$dir"
    own_registry tls --tls-cert "$dir/server.crt" --tls-key "$dir/server.key"
    grep -q "Listening on https://" "$OWN_DIR.log"
    mkdir "$dir/ca"
    cp "$dir/ca.crt" "$dir/ca/"
    run_ok skopeo copy --quiet --all --dest-cert-dir "$dir/ca" "oci:$SHALE_IMAGES/busybox:1.0" "docker://$OWN/busybox:1"
    [ "$(curl -s --cacert "$dir/ca.crt" "https://$OWN/v2/busybox/tags/list" | jq -c .tags)" = '["1"]' ]
    head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/f"
    d=sha256:$(sha256sum "$BATS_TEST_TMPDIR/f" | cut -d' ' -f1)
    [ "$(curl -s --cacert "$dir/ca.crt" -o /dev/null -w '%{http_code}' --data-binary "@$BATS_TEST_TMPDIR/f" "https://$OWN/v2/a/blobs/uploads/?digest=$d")" = 201 ]
    curl -s --cacert "$dir/ca.crt" "https://$OWN/v2/a/blobs/$d" | cmp - "$BATS_TEST_TMPDIR/f"
    run curl -s "http://$OWN/v2/"
    has "HTTP request to an HTTPS server"
    serial() { openssl s_client -connect "$OWN" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
    old=$(serial)
    registry_certificate "$dir"
    kill -HUP "$OWN_PID"
    for _ in $(seq 600); do [ "$(serial)" = "$old" ] || break; sleep 0.05; done
    [ "$(serial)" != "$old" ]
    curl -s --cacert "$dir/ca.crt" "https://$OWN/v2/" | grep -qx '{}'
    echo broken >"$dir/server.crt"
    own_reload
    curl -s --cacert "$dir/ca.crt" "https://$OWN/v2/" | grep -qx '{}'
    grep -q "is not in PEM form" "$OWN_DIR.log"
    run_fails 1 "is not in PEM form" shale registry serve --addr 127.0.0.1:0 --storage "$OWN_DIR" --tls-cert "$dir/server.crt" --tls-key "$dir/server.key"
}

@test "delete during pull: who has begun gets all of it" {
    head -c 8000000 /dev/urandom >"$BATS_TEST_TMPDIR/f"
    d=sha256:$(sha256sum "$BATS_TEST_TMPDIR/f" | cut -d' ' -f1)
    curl -s -o /dev/null -X POST --data-binary "@$BATS_TEST_TMPDIR/f" -H 'Content-Type: application/octet-stream' "http://$OWN/v2/a/blobs/uploads/?digest=$d"
    curl -s --limit-rate 6M -o "$BATS_TEST_TMPDIR/out" "http://$OWN/v2/a/blobs/$d" &
    client=$!
    sleep 0.4
    [ "$(curl -s -o /dev/null -w '%{http_code}' -X DELETE "http://$OWN/v2/a/blobs/$d")" = 202 ]
    run_ok shale registry gc --storage "$OWN_DIR" --grace 0s
    has "removed: blob $d"
    wait $client
    cmp "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/f"
}
