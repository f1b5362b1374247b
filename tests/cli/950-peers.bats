#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The same command lines (tests/peers/lines) given to shale, docker and podman: exit status, output and errors are the
# same, but for what docs/DIFFERENCES.md lists, and all of that is different. The table is for the releases of Debian 12.
# shellcheck disable=SC2154 # the libraries set status, output and lines

load lib

setup_file() {
    need_root
    # With sanitizers every command is run elsewhere, and the peers take their time.
    ! grep -q __asan_init "$SHALE_BIN" || skip "a build with sanitizers says the same as the one without"
    export PEERS=$BATS_TEST_DIRNAME/../peers W=$BATS_FILE_TMPDIR TABLE=$BATS_TEST_DIRNAME/../../docs/DIFFERENCES.md
    local d pids=()
    "$PEERS/prepare" "$W/in" "$SHALE_IMAGES/busybox"
    for d in /usr/bin/docker docker; do
        [ -n "${DOCKER:-}" ] || ! "$d" --version 2>/dev/null | grep -q 'version 20\.10\.' || export DOCKER=$d
    done
    if [ -n "${DOCKER:-}" ] && dockerd --version 2>/dev/null | grep -q 'version 20\.10\.'; then
        if docker_engine; then
            export ENGINE ENGINE_PID
            "$PEERS/run" docker "$W" >"$W/docker.log" 2>&1 3>&- &
            pids+=($!)
        fi
    fi
    if podman --version 2>/dev/null | grep -q 'version 4\.3\.'; then
        "$PEERS/run" podman "$W" >"$W/podman.log" 2>&1 3>&- &
        pids+=($!)
    fi
    "$PEERS/run" shale "$W"
    for d in "${pids[@]}"; do wait "$d" || true; done
}
teardown_file() { docker_engine_stop; }

# compare PEER: differences that are not in the table, and those of the table that are none
compare() {
    PEER=$1 python3 - "$PEERS/lines" "$TABLE" "$W" <<'END'
import os, re, sys

peer, (lines, table, work) = os.environ["PEER"], sys.argv[1:]
lines = [l.rstrip("\n") for l in open(lines) if not l.startswith("#")]
given = {l.removeprefix("! "): peer == "docker" or not l.startswith("! ") for l in lines}
lines = [l.removeprefix("! ") for l in lines]
listed = {}
for row in open(table):
    m = re.match(r"\| `(.+?)` \| (.*?) \| (.+) \|$", row.rstrip("\n"))
    if m:
        line = m[1].replace("\\|", "|")
        assert line in lines, f"{line}: no such line"
        assert line not in listed, f"{line}: twice in the table"
        listed[line] = m[2].split(", ")
assert len(lines) == len(set(lines)) >= 60, "lines are missing, or there twice"


def read(who, n):
    with open(f"{work}/{who}/{n}") as f:
        return f.read()


def success(text):  # without standard error: progress
    return [l for l in text.splitlines() if not l.startswith("err: ")]


bad = same = 0
for n, line in enumerate(lines, 1):
    if not given[line]:
        continue
    ours, theirs = read("shale", n), read(peer, n)
    fails, they_fail = (not t.startswith("exit 0\n") for t in (ours, theirs))
    if peer == "docker":
        differs = ours != theirs
    else:  # podman's messages and statuses are its own: of a failure, only that it is one
        differs = not they_fail if fails else success(ours) != success(theirs)
    expected = peer in listed.get(line, [])
    same += not differs
    if differs != expected:
        bad += 1
        print(f"{line}\n  {'differs' if differs else 'is the same, but docs/DIFFERENCES.md lists it'}:")
        print("\n".join(f"  shale: {l}" for l in ours.splitlines()))
        print("\n".join(f"  {peer}: {l}" for l in theirs.splitlines()))
assert sum(given.values()) >= 60, "too few lines"
sys.exit(bad > 0)
END
}

@test "docker: the same, but for what is listed" {
    [ -n "${DOCKER:-}" ] || skip "docker 20.10 is not here: $(docker --version 2>&1 | tail -n 1)"
    [ -n "${ENGINE:-}" ] || skip "docker's engine 20.10 does not come up here: $(dockerd --version 2>&1 | tail -n 1); $(tail -n 1 "$W/dockerd.log" 2>&1)"
    [ ! -s "$W/docker.log" ] || { cat "$W/docker.log"; return 1; }
    compare docker
}

@test "podman: the same, but for what is listed" {
    podman --version 2>/dev/null | grep -q 'version 4\.3\.' || skip "podman 4.3 is not here: $(podman --version 2>&1 | tail -n 1)"
    [ ! -s "$W/podman.log" ] || { cat "$W/podman.log"; return 1; }
    compare podman
}
