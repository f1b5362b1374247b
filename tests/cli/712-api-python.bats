#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers through the Engine API with python3-docker; many clients at once, clients and daemons that go.
# shellcheck disable=SC2154 # bats sets output

load lib
load daemon

setup_file() {
    daemon_with_busybox
}
teardown_file() {
    drop_store
    daemon_stop
}

@test "python: run, logs, exec, files, wait, attach, stats, commit, prune" {
    python3 -c 'import docker' || skip "python3-docker is not installed"
    cat >"$BATS_TEST_TMPDIR/session.py" <<'PY'
import io, tarfile, docker
c = docker.from_env()
assert c.ping()
run = lambda *a, **k: c.containers.run("busybox", *a, network_mode="none", **k)
assert run("echo hi", remove=True) == b"hi\n"
try:
    run(["sh", "-c", "echo bad >&2; exit 4"], remove=True)
    assert False
except docker.errors.ContainerError as e:
    assert e.exit_status == 4 and e.stderr == b"bad\n", (e.exit_status, e.stderr)
try:
    c.containers.get("nosuch")
    assert False
except docker.errors.NotFound as e:
    assert "No such container: nosuch" in str(e)
try:
    c.containers.create("nosuch:1")
    assert False
except docker.errors.ImageNotFound:
    pass
d = run(["sh", "-c", "echo one; echo two >&2; exec sleep 1000"], detach=True, name="py", labels={"a": "b"},
        environment={"X": "y"}, tmpfs={"/t": "size=1m"}, mem_limit="64m")
assert d.status in ("created", "running") and d.labels["a"] == "b"
for line in d.logs(stream=True, follow=True, stderr=False):
    assert line == b"one\n"
    break
code, out = d.exec_run(["sh", "-c", "echo $X; echo e >&2; exit 3"], demux=True)
assert code == 3 and out == (b"y\n", b"e\n"), (code, out)
assert d.exec_run("cat", stdin=False)[0] == 0
s = d.exec_run("cat", stdin=True, socket=True)[1]._sock
s.sendall(b"through\n")
s.shutdown(1)
got = b""
while piece := s.recv(100):
    got += piece
assert got == b"\1\0\0\0\0\0\0\x08through\n", got
tar = io.BytesIO()
with tarfile.open(fileobj=tar, mode="w") as t:
    i = tarfile.TarInfo("file")
    i.size = 4
    t.addfile(i, io.BytesIO(b"text"))
assert d.put_archive("/tmp", tar.getvalue())
chunks, stat = d.get_archive("/tmp/file")
assert stat["name"] == "file" and stat["size"] == 4
with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as t:
    assert t.extractfile("file").read() == b"text"
assert {"Path": "/tmp/file", "Kind": 1} in d.diff()
assert d.top()["Processes"][0][-1] == "sleep 1000"
assert d.stats(stream=False)["pids_stats"]["current"] == 1
d.pause(); d.reload(); assert d.status == "paused"
d.unpause(); d.rename("py2"); d.reload(); assert d.name == "py2"
image = d.commit("made", "1", changes='CMD ["cat","/tmp/file"]')
assert c.containers.run("made:1", remove=True, network_mode="none") == b"text"
d.stop(timeout=0)
assert d.wait()["StatusCode"] == 137
d.start(); d.restart(timeout=0); d.kill(); d.wait()
assert [x.name for x in c.containers.list(all=True, filters={"name": "py2"})] == ["py2"]
d.remove()
c.containers.create("busybox", "true", name="idle")
assert len(c.containers.prune()["ContainersDeleted"]) == 1
PY
    run_ok timeout -s KILL 60 python3 -W ignore "$BATS_TEST_TMPDIR/session.py"
}

@test "many at once: each has its output, its status, and leaves nothing" {
    for i in $(seq 12); do
        (
            code=0
            out=$(docker run --network none --rm busybox sh -c "echo $i; exit $i") || code=$?
            [ "$out" = "$i" ] && [ "$code" = "$i" ]
        ) 3>&- &
        pids[i]=$!
    done
    for i in $(seq 12); do wait "${pids[i]}"; done
    for _ in $(seq 600); do [ "$(ls -A "$SHALE_ROOT/containers")" = "" ] && break; sleep 0.05; done
    [ "$(docker ps -aq)" = "" ]
    [ "$(ls -A "$SHALE_ROOT/containers")" = "" ]
    [ "$(find "$SHALE_ROOT/locks" -name 'attachers-*')" = "" ]
}

@test "a client that goes while it is attached, a daemon that is killed: the container goes on" {
    docker create --network none -i --name go busybox sh -c 'while sleep 0.1; do echo tick; done' >/dev/null
    docker start -a go >"$BATS_TEST_TMPDIR/first" 3>&- &
    pid=$!
    for _ in $(seq 600); do grep -q tick "$BATS_TEST_TMPDIR/first" && break; sleep 0.05; done
    kill -9 "$pid"
    [ "$(docker inspect -f '{{.State.Running}}' go)" = true ]
    docker attach --no-stdin go >"$BATS_TEST_TMPDIR/second" 3>&- &
    pid=$!
    for _ in $(seq 600); do grep -q tick "$BATS_TEST_TMPDIR/second" && break; sleep 0.05; done
    grep -q tick "$BATS_TEST_TMPDIR/second"
    before=$(docker inspect -f '{{.State.Pid}}' go)
    daemon_stop KILL
    wait "$pid" || true
    [ "$(shale inspect -f '{{.State.Pid}}' go)" = "$before" ]
    daemon_start
    run_ok docker ps --format '{{.Names}} {{.State}}'
    [ "$output" = "go running" ]
    [ "$(docker inspect -f '{{.State.Pid}}' go)" = "$before" ]
    [ "$(docker exec go echo in)" = in ]
    docker wait go >"$BATS_TEST_TMPDIR/code" 3>&- &
    pid=$!
    docker kill go
    wait "$pid"
    [ "$(cat "$BATS_TEST_TMPDIR/code")" = 137 ]
    docker rm go
}
