#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # the libraries set status, output and lines
# The same Dockerfiles (tests/peers/builds) built by shale, docker's two builders and buildah: files, config and history
# are the same, but for what the second table of docs/DIFFERENCES.md lists, and all of that is different.
load lib

setup_file() {
    need_root
    ! grep -q __asan_init "$SHALE_BIN" || skip "a build with sanitizers makes the same images as the one without"
    export PEERS=$BATS_TEST_DIRNAME/../peers W=$BATS_FILE_TMPDIR TABLE=$BATS_TEST_DIRNAME/../../docs/DIFFERENCES.md
    local d c=$BATS_FILE_TMPDIR/ctx a=$BATS_FILE_TMPDIR/archive/x pids=()
    "$PEERS/prepare" "$W/in" "$SHALE_IMAGES/busybox"
    mkdir -p "$c/dir/sub" "$a"
    for d in file dir/a.txt dir/b.txt dir/sub/inner; do echo "$d" >"$c/$d"; done
    chmod 750 "$c/dir/sub"
    chmod 600 "$c/dir/b.txt"
    chown 11:12 "$c/dir/a.txt"
    ln -s a.txt "$c/dir/link"
    echo one >"$a/one"
    chmod 640 "$a/one"
    chown 21:22 "$a/one"
    ln -s one "$a/two"
    ln "$a/one" "$a/three"
    tar --numeric-owner -C "$W/archive" -czf "$c/archive.tar.gz" x
    for d in /usr/bin/docker docker; do
        [ -n "${DOCKER:-}" ] || ! "$d" --version 2>/dev/null | grep -q 'version 20\.10\.' || export DOCKER=$d
    done
    make_all() { for d in "$@"; do "$PEERS/builds.py" "$d" "$W" >"$W/$d.log" 2>&1 || echo "$d failed" >>"$W/$d.log"; done; }
    if [ -n "${DOCKER:-}" ] && dockerd --version 2>/dev/null | grep -q 'version 20\.10\.' && docker_engine; then
        export ENGINE ENGINE_PID
        make_all docker BuildKit 3>&- &
        pids+=($!)
    fi
    if buildah --version 2>/dev/null | grep -q 'version 1\.28\.'; then
        make_all buildah 3>&- &
        pids+=($!)
    fi
    make_all shale
    for d in "${pids[@]}"; do wait "$d" || true; done
    cat "$W/shale.log"
    [ ! -s "$W/shale.log" ]
}
teardown_file() { docker_engine_stop; }

# compare PEER: differences that are not in the table, and those of the table that are none
compare() {
    [ ! -s "$W/$1.log" ] || { cat "$W/$1.log"; return 1; }
    python3 - "$1" "$TABLE" "$W" <<'END2'
import json, os, re, sys

peer, table, work = sys.argv[1:]
listed = {}
for row in open(table):
    m = re.match(r"\| (\w+): (tree|config|history) \| (.*?) \| .+ \|$", row.rstrip("\n"))
    if m:
        assert (m[1], m[2]) not in listed, row
        listed[m[1], m[2]] = m[3].split(", ")
own = {"config": {"Image", "Hostname", "ArgsEscaped"}, "tree": {"/dev", "/proc", "/sys", "/run", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}}


def line(entry):
    text, empty = entry
    text = re.sub(r"^/bin/sh -c #\(nop\) +", "", text.removesuffix(" # buildkit")).strip()
    text = re.sub(r"^RUN (\||/bin)", r"\1", text)
    return [re.sub(r"^(COPY|ADD) .*", r"\1", text), empty]


def read(who, name):
    x = json.load(open(f"{work}/{who}/{name}.json"))
    for part, keys in own.items():
        for k in keys:
            x[part].pop(k, None)
    labels = x["config"].get("Labels", {})
    labels.pop("io.buildah.version", None)
    if not labels:
        x["config"].pop("Labels", None)
    x["history"] = [line(e) for e in x["history"]]
    return x


names = sorted(f[:-5] for f in os.listdir(f"{work}/shale") if f.endswith(".json"))
assert len(names) >= 6 and all(n in names for n, _ in listed), (names, listed)
bad = same = 0
for name in names:
    ours, theirs = read("shale", name), read(peer, name)
    assert len(ours["tree"]) >= 3
    for part in ("tree", "config") + (("history",) if peer != "buildah" else ()):
        differs, expected = ours[part] != theirs[part], peer in listed.get((name, part), [])
        same += not differs
        if differs == expected:
            continue
        bad += 1
        print(f"{name}: {part} {'differs' if differs else 'is the same, but docs/DIFFERENCES.md lists it'}")
        a, b = ours[part], theirs[part]
        if part == "history":
            a, b = (dict(enumerate(h)) for h in (a, b))
        for k in sorted(set(a) | set(b), key=str):
            if a.get(k) != b.get(k):
                print(f"  {k}\n    shale: {a.get(k)}\n    {peer}: {b.get(k)}")
sys.exit(bad > 0)
END2
}
need_docker() {
    [ -n "${DOCKER:-}" ] || skip "docker 20.10 is not here: $(docker --version 2>&1 | tail -n 1)"
    [ -n "${ENGINE:-}" ] || skip "docker's engine 20.10 does not come up here: $(dockerd --version 2>&1 | tail -n 1); $(tail -n 1 "$W/dockerd.log" 2>&1)"
}

@test "builds: the same as BuildKit's, but for what is listed" {
    need_docker
    compare BuildKit
}

@test "builds: the same as those of docker's classic builder, but for what is listed" {
    need_docker
    compare docker
}

@test "builds: the same as buildah's, but for what is listed" {
    buildah --version 2>/dev/null | grep -q 'version 1\.28\.' || skip "buildah 1.28 is not here: $(buildah --version 2>&1 | tail -n 1)"
    compare buildah
}
