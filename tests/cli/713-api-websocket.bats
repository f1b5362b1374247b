#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Attaching over a WebSocket: python3-docker's client for it, and one that breaks the rules.
# A configuration in the body of a commit.
# shellcheck disable=SC2154 # bats sets output

load lib
load daemon

setup_file() {
    daemon_with_busybox -H tcp://127.0.0.1:0
    ADDRESS=$(sed -n 's/^Listening on tcp:/http:/p' "$DAEMON_LOG")
    export ADDRESS
}
teardown_file() {
    drop_store
    daemon_stop
}

@test "websocket: python3-docker attaches: output, input, a terminal, logs, detach keys" {
    /usr/bin/python3 -c 'import docker, websocket' || skip "python3-docker or python3-websocket is not installed"
    cat >"$BATS_TEST_TMPDIR/session.py" <<'PY'
import sys, docker, websocket
TEXT, BINARY, CLOSE = 1, 2, 8
def client(version):
    return docker.APIClient(base_url=sys.argv[1], version=version)
c = client("1.41")
def make(command, **k):
    return c.create_container("busybox", command, host_config=c.create_host_config(network_mode="none"), **k)["Id"]
def attach(id, c=c, **k):
    ws = c.attach_socket(id, dict({"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}, **k), ws=True)
    ws.settimeout(30)
    return ws
def rest(ws):
    got = b""
    while True:
        op, data = ws.recv_data()
        if op == CLOSE:
            assert data[:2] == b"\x03\xe8", data
            ws.close()
            return got
        assert op in (TEXT, BINARY), op
        got += data
# before it starts; what it writes, of both streams, as it is
id = make(["sh", "-c", "echo out; echo err >&2; head -c 300000 /dev/zero; cat"], stdin_open=True)
ws = attach(id)
c.start(id)
ws.ping("there?")
while True:
    op, frame = ws.recv_data_frame(True)
    if op == websocket.ABNF.OPCODE_PONG:
        assert frame.data == b"there?"
        break
    assert op == BINARY
ws.send("typed\n")
ws.send_frame(websocket.ABNF.create_frame("in ", TEXT, 0))
ws.send_frame(websocket.ABNF.create_frame("pieces\n", 0, 1))
ws.send_binary(b"\0\xff" * 40000)
got = b""
while not got.endswith(b"\0\xff" * 40000):
    op, data = ws.recv_data()
    assert op == BINARY, op
    got += data
assert got.count(b"typed\nin pieces\n\0\xff") == 1
# what was sent comes in, though the client goes at once
ws.send("last\n")
ws.close()
assert c.wait(id)["StatusCode"] == 0
logs = c.logs(id)
assert logs.startswith(b"out\n") and b"err\n" in logs and logs.endswith(b"last\n"), logs[-20:]
# only what is asked for; what has been logged, without a stream
new = client("1.42")
id = make(["sh", "-c", "echo out; echo err >&2"])
ws = attach(id, new, stdout=0)
c.start(id)
assert rest(ws) == b"err\n"
assert rest(attach(id, new, stream=0, logs=1, stdin=0, stderr=0)) == b"out\n"
both = rest(attach(id, client("1.24"), stream=0, logs=1, stdin=0, stdout=0))
assert sorted(both.split()) == [b"err", b"out"], both
# a terminal, and its detach keys
id = make(["sh"], stdin_open=True, tty=True)
ws = attach(id, detachKeys="ctrl-e,x")
c.start(id)
ws.send("echo a$((40+2))\n")
got = b""
while b"a42\r\n" not in got:
    got += ws.recv()
ws.send("\x05x")
rest(ws)
assert c.inspect_container(id)["State"]["Running"]
ws = attach(id, new)
ws.send("exit 4\n")
assert b"exit 4" in rest(ws)
assert c.wait(id)["StatusCode"] == 4
# text in old versions
id = make(["echo", "hi"])
ws = attach(id, client("1.24"))
c.start(id)
assert ws.recv_data() == (TEXT, b"hi\n")
rest(ws)
for bad, status in ((lambda: attach("nosuch"), 404), (lambda: attach(id, detachKeys="ctrl-1"), 400)):
    try:
        bad()
        assert False
    except websocket.WebSocketBadStatusException as e:
        assert e.status_code == status, e
# pages of other hosts
try:
    websocket.create_connection(sys.argv[1].replace("http", "ws") + "/containers/" + id + "/attach/ws?stdout=1&stream=1",
                                origin="http://evil.example")
    assert False
except websocket.WebSocketBadStatusException as e:
    assert e.status_code == 403, e
PY
    run_ok timeout -s KILL 60 /usr/bin/python3 -W ignore "$BATS_TEST_TMPDIR/session.py" "$ADDRESS"
}

@test "websocket: what is no handshake, frames that break the rules, a client that goes" {
    docker create --network none -i --name ws busybox sh -c 'trap exit TERM; while read -r x; do echo "$x"; done; sleep 1000 & wait' >/dev/null
    [ "$(api_status GET '/containers/ws/attach/ws?stream=1')" = 400 ]
    run_ok api GET '/containers/ws/attach/ws?stream=1'
    has "WebSocket handshake"
    cat >"$BATS_TEST_TMPDIR/raw.py" <<'PY'
import socket, struct, sys
def attach(more="", to="ws", logs="1"):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(sys.argv[1])
    s.sendall(("GET /v1.41/containers/" + to + "/attach/ws?stream=1&logs=" + logs + " HTTP/1.1\r\nHost: d\r\nConnection: keep-alive, Upgrade\r\n"
               "Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" + more + "\r\n").encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += s.recv(1)
    return s, head
def closed(sent):
    s, head = attach()
    s.sendall(sent)
    f = s.makefile("rb")
    while True:
        a, n = f.read(2)
        data = f.read(n)
        if a == 0x88:
            assert f.read() == b""
            return struct.unpack(">H", data)[0] if data else None
def frame(first, data, length=None):
    return bytes([first, 0x80 | (len(data) if length is None else length)]) + b"\0\0\0\0" + data
s, head = attach()
assert head.startswith(b"HTTP/1.1 101 ") and b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head, head
s.sendall(frame(0x81, b"typed\n"))
want = b"\x82\x06typed\n"
got = b""
while len(got) < len(want):
    got += s.recv(100)
assert got == want, got
s.close()
assert closed(b"\x81\x05hello") == 1002
assert closed(frame(0xc1, b"x")) == 1002
assert closed(frame(0x80, b"x")) == 1002
assert closed(frame(0x83, b"x")) == 1002
assert closed(b"\x82\xff\0\0\0\0\x04\0\0\x01\0\0\0\0") == 1009
assert closed(frame(0x88, b"\x03\xe9")) == 1001
assert closed(frame(0x88, b"")) is None
# the frame comes with the head
assert b"HTTP/1.1 101 " in attach()[1]
# behind a ping, from one that goes at once
s, head = attach(to="echo", logs="0")
s.sendall(frame(0x81, b"first\n"))
assert s.recv(100) == b"\x82\x06first\n"
s.sendall(frame(0x89, b"?") * 2 + frame(0x81, b"behind\n"))
s.shutdown(socket.SHUT_RDWR)
while s.recv(1000):
    pass
s.close()
PY
    docker run -d --network none -i --name echo busybox cat >/dev/null
    docker start ws
    open_files() { find "/proc/$DAEMON_PID/fd" -type l | wc -l; }
    before=$(open_files)
    run_ok timeout -s KILL 60 python3 "$BATS_TEST_TMPDIR/raw.py" "$DAEMON_SOCK"
    [ "$(docker inspect -f '{{.State.Running}}' ws)" = true ]
    behind() { docker logs echo | grep -q '^behind$'; }
    await behind
    run_ok docker rm -f ws echo
    # nothing is left of the clients that went
    for _ in $(seq 400); do [ "$(open_files)" -le "$before" ] && break; sleep 0.05; done
    [ "$(open_files)" -le "$before" ]
}

@test "commit: a configuration in the body, merged with the container's; then changes" {
    docker create --network none --name base -e A=1 -e B=2 -l l=1 -w /tmp -u 5 --entrypoint sh busybox -c true >/dev/null
    commit() { # BODY [QUERY]: the config of the image
        run_ok api POST "/commit?container=base&repo=made$2" -H 'Content-Type: application/json' -d "$1"
        docker image inspect -f '{{json .Config}}' made
    }
    is() { jq -e "$2" <<<"$1" >/dev/null || { echo "$1: not $2"; return 1; }; }
    c=$(commit '{"Env":["B=3","C=4"],"Labels":{"m":"2"},"cmd":["id"],"ExposedPorts":{"80/tcp":{}},"Volumes":{"/v":{}},"Healthcheck":{"Test":["CMD","true"]},"StopSignal":"SIGINT"}')
    is "$c" '.Env[:2] == ["B=3","C=4"] and (.Env | index("A=1")) and (.Env | index("B=2") | not)'
    is "$c" '.Labels.l == "1" and .Labels.m == "2" and .Cmd == ["id"] and .Entrypoint == ["sh"] and .WorkingDir == "/tmp" and .User == "5"'
    is "$c" '.Volumes == {"/v":{}} and .ExposedPorts == {"80/tcp":{}} and .StopSignal == "SIGINT" and .Healthcheck.Test == ["CMD","true"]'
    c=$(commit '{"Entrypoint":["cat"],"User":"7"}' '&changes=ENV%20D=5&changes=LABEL%20n=3')
    is "$c" '.Entrypoint == ["cat"] and (.Cmd | not) and .User == "7" and (.Env | index("D=5")) and .Labels.n == "3"'
    c=$(commit '{}' '&changes=CMD%20x')
    is "$c" '.Cmd == ["/bin/sh","-c","x"] and .Entrypoint == ["sh"]'
    [ "$(api_status POST '/commit?container=base' -H 'Content-Type: application/json' -d '{"Env":7}')" = 400 ]
    run_ok api POST '/commit?container=base' -H 'Content-Type: application/json' -d '{"Labels":[]}'
    has 'is not an object of strings'
    docker rm base
}
