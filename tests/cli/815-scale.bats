#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Large and many: layers of hundreds of megabytes, images of 127 layers, a manifest of 4 MiB, an index of a thousand
# images, five thousand referrers. SHALE_SLOW=1 (make check-slow) adds a layer of 2 GB.

load lib

MANIFEST=application/vnd.oci.image.manifest.v1+json

setup() {
    fresh_store
    cd "$BATS_TEST_TMPDIR" || return 1
}
teardown() {
    own_stop_all
    drop_store
    if [ -d "$BATS_TEST_TMPDIR/ram" ]; then
        ! grep -HE "runtime error|Sanitizer" "$BATS_TEST_TMPDIR"/ram/*.log || status=1
        umount "$BATS_TEST_TMPDIR/ram"
    fi
    return "${status:-0}"
}

# Thousands of pushes one after the other would be thousands of times what a disk takes to sync: in memory.
in_memory() {
    need_root
    mkdir ram
    mount -t tmpfs -o size=300m tmpfs ram
    own_registry ram/reg
}

peak_kib() { awk '/^VmHWM/ {print $2}' "/proc/$OWN_PID/status"; }
# flat KIB: the server has never had more than that
flat() {
    local peak
    peak=$(peak_kib)
    echo "# peak of the server: $peak KiB" >&3
    # the sanitizer keeps what was freed
    grep -q __asan_init "$SHALE_BIN" || [ "$peak" -lt "$1" ] || { echo "peak $peak KiB"; return 1; }
}
# lean KIB ARGUMENT…: shale works, and never has more than that
lean() {
    local most=$1 peak
    shift
    python3 -B -c 'import os, subprocess, sys
p = subprocess.Popen(sys.argv[2:], stdout=sys.stderr)
_, status, used = os.wait4(p.pid, 0)
open(sys.argv[1], "w").write(str(used.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))' peak "$SHALE_BIN" "$@" || return 1
    peak=$(cat peak)
    echo "# peak of shale $1: $peak KiB" >&3
    grep -q __asan_init "$SHALE_BIN" || [ "$peak" -lt "$most" ] || { echo "peak $peak KiB"; return 1; }
}
# random BYTES FILE: bytes that no compression makes smaller, at the speed of AES
random() { openssl enc -aes-128-ctr -pass "pass:$2" -nosalt -pbkdf2 -iter 1 </dev/zero 2>/dev/null | head -c "$1" >"$2" || true; }

# large BYTES: an image of one layer that is not compressed, pushed and pulled by skopeo, pulled by shale
large() {
    local d
    own_registry reg
    mkdir root
    random "$1" root/f
    tar -C root -cf f.tar f
    rm root/f
    oci_init layout
    oci_layer layout f.tar none
    rm f.tar
    oci_config layout .
    oci_tag layout big "$(oci_image layout linux amd64)"
    # without the option skopeo would pack it
    run_ok skopeo copy --quiet --preserve-digests --dest-tls-verify=false "oci:$PWD/layout:big" "docker://$OWN/big:1"
    flat 40000
    run_ok skopeo copy --quiet --src-tls-verify=false "docker://$OWN/big:1" "dir:$PWD/back"
    d=$(jq -r '.layers[0].digest[7:]' back/manifest.json)
    cmp "back/$d" "layout/blobs/sha256/$d"
    rm -r back
    lean 30000 pull -q "$OWN/big:1"
    cmp "$SHALE_ROOT/layers/$d/layer.tar" "layout/blobs/sha256/$d"
    # our own client pushes it to another server, which has nothing yet
    shale tag "$OWN/big:1" other/big:1
    own_stop
    own_registry other
    shale tag other/big:1 "$OWN/big:1"
    lean 30000 push -q "$OWN/big:1"
    # and back into another store
    SHALE_ROOT=$PWD/second lean 30000 pull -q "$OWN/big:1"
    cmp "second/layers/$d/layer.tar" "layout/blobs/sha256/$d"
    rm -r second
    # and a part from its end
    [ "$(curl -s -r "$(($1 - 1000))-" "http://$OWN/v2/big/blobs/sha256:$d" | sha256sum)" = "$(tail -c "+$(($1 - 999))" "layout/blobs/sha256/$d" | sha256sum)" ]
    flat 40000
}

@test "a layer of 200 MB goes in and out; the server's memory stays flat" {
    # with sanitizers memory says nothing, and the same loops run over less
    if grep -q __asan_init "$SHALE_BIN"; then large 20000000; else large 200000000; fi
}

@test "a layer of 2 GB" {
    [ -n "${SHALE_SLOW:-}" ] || skip "takes two minutes and 9 GB of $BATS_RUN_TMPDIR: make check-slow, or SHALE_SLOW=1"
    large 2200000000
}

# An image of 127 layers, one of them busybox, and one of the first 100 of them.
layers() {
    python3 - "$PWD/layout" "$(command -v busybox)" "$(dpkg --print-architecture)" <<'END'
import gzip, hashlib, io, json, os, sys, tarfile
layout, busybox, arch = sys.argv[1:]
os.makedirs(layout + "/blobs/sha256")
oci = "application/vnd.oci.image."
def blob(data, kind):
    digest = hashlib.sha256(data).hexdigest()
    with open(layout + "/blobs/sha256/" + digest, "wb") as f: f.write(data)
    return {"mediaType": oci + kind, "digest": "sha256:" + digest, "size": len(data)}
layers, diffs = [], []
for i in range(127):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        data = b"layer %d\n" % i
        for name in ("f%d" % i, "last"):
            m = tarfile.TarInfo(name); m.size = len(data); tar.addfile(m, io.BytesIO(data))
        if i == 0: tar.add(os.path.realpath(busybox), "busybox")
    diffs.append("sha256:" + hashlib.sha256(out.getvalue()).hexdigest())
    layers.append(blob(gzip.compress(out.getvalue(), mtime=0), "layer.v1.tar+gzip"))
tags = []
for n in (100, 127):
    config = {"architecture": arch, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diffs[:n]}}
    m = {"schemaVersion": 2, "mediaType": oci + "manifest.v1+json", "config": blob(json.dumps(config).encode(), "config.v1+json"), "layers": layers[:n]}
    d = blob(json.dumps(m).encode(), "manifest.v1+json")
    d["annotations"] = {"org.opencontainers.image.ref.name": "l%d" % n}
    tags.append(d)
with open(layout + "/oci-layout", "w") as f: f.write('{"imageLayoutVersion":"1.0.0"}')
with open(layout + "/index.json", "w") as f: json.dump({"schemaVersion": 2, "manifests": tags}, f)
END
}

@test "images of 100 and of 127 layers: pushed by skopeo, pulled by skopeo and by shale, run" {
    local n
    in_memory
    layers
    for n in 100 127; do
        own_push "$PWD/layout:l$n" "many:$n"
        run_ok skopeo copy --quiet --src-tls-verify=false "docker://$OWN/many:$n" "oci:$PWD/back:l$n"
        lean 30000 pull -q "$OWN/many:$n"
        [ "$(shale inspect -f '{{range .RootFS.Layers}}{{println .}}{{end}}' "$OWN/many:$n" | grep -c sha256:)" = "$n" ]
        run_ok shale run --rm --network none "$OWN/many:$n" /busybox sh -c '/busybox ls / | /busybox grep -c "^f[0-9]"; /busybox cat /last'
        [ "${lines[0]}" = "$n" ]
        [ "${lines[1]}" = "layer $((n - 1))" ]
        shale tag "$OWN/many:$n" "$OWN/again/many:$n"
        lean 30000 push -q "$OWN/again/many:$n"
        [ "$(curl -s "http://$OWN/v2/again/many/manifests/$n" | sha256sum)" = "$(curl -s "http://$OWN/v2/many/manifests/$n" | sha256sum)" ]
    done
    diff -r layout/blobs back/blobs
    run_ok shale fsck
    hasnt damaged:
    # to a server that has none of the layers, from where it comes back
    shale tag "$OWN/many:127" many:127
    flat 40000
    own_stop
    own_registry ram/other
    shale tag many:127 "$OWN/many:127"
    lean 30000 push -q "$OWN/many:127"
    SHALE_ROOT=$PWD/second lean 30000 pull -q "$OWN/many:127"
    diff -r layout/blobs ram/other/blobs | grep -v '^Only in layout' >difference || true
    [ ! -s difference ]
    flat 40000
}

# put_manifest NAME TAG FILE [TYPE]: -> the answer's status, its body in the file `answer`
put_manifest() {
    curl -s -o answer -w '%{http_code}' -X PUT -H "Content-Type: ${4:-$MANIFEST}" -H Expect: --data-binary "@$3" "http://$OWN/v2/$1/manifests/$2"
}
put_blob() { # NAME FILE: -> its digest
    local d
    d=sha256:$(sha256sum "$2" | cut -d' ' -f1)
    [ "$(curl -s -o answer -w '%{http_code}' -H 'Content-Type: application/octet-stream' --data-binary "@$2" "http://$OWN/v2/$1/blobs/uploads/?digest=$d")" = 201 ] || { cat answer; return 1; }
    echo "$d"
}

@test "a manifest of exactly 4 MiB is taken and comes back; one byte more is refused" {
    local d n
    own_registry reg
    printf '{}' >config
    d=$(put_blob x config)
    head='{"schemaVersion":2,"mediaType":"'$MANIFEST'","config":{"mediaType":"a/b","digest":"'$d'","size":2},"layers":[],"annotations":{"x":"'
    n=$((4 * 1024 * 1024 - ${#head} - 3))
    { printf '%s' "$head"; head -c "$n" /dev/zero | tr '\0' y; printf '"}}'; } >m
    [ "$(stat -c %s m)" = 4194304 ]
    [ "$(put_manifest x big m)" = 201 ]
    curl -s "http://$OWN/v2/x/manifests/big" | cmp - m
    curl -s "http://$OWN/v2/x/manifests/sha256:$(sha256sum m | cut -d' ' -f1)" | cmp - m
    { printf '%s' "$head"; head -c "$((n + 1))" /dev/zero | tr '\0' y; printf '"}}'; } >m
    [ "$(put_manifest x bigger m)" = 413 ]
    grep -q "a manifest has at most" answer || { cat answer; false; }
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$OWN/v2/x/manifests/bigger")" = 404 ]
    flat 60000
}

@test "an index of 1,000 images: pushed, read, its tag found again, pulled by platform" {
    in_memory
    # made by one program: a thousand calls of curl would be most of the time
    python3 - "$OWN" "$SHALE_IMAGES/busybox" <<'END'
import hashlib, http.client, json, sys
c = http.client.HTTPConnection(sys.argv[1])
kind, index = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
def call(method, path, body=b"", kind="application/octet-stream", want=201):
    c.request(method, path, body, {"Content-Type": kind})
    r = c.getresponse(); text = r.read()
    assert r.status == want, (r.status, text)
def sha(b): return "sha256:" + hashlib.sha256(b).hexdigest()
entries = []
for i in range(1000):
    arch = "amd64" if i == 999 else "arch%d" % i
    config = json.dumps({"architecture": arch, "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    call("POST", "/v2/x/blobs/uploads/?digest=" + sha(config), config)
    m = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha(config), "size": len(config)}, "layers": []}).encode()
    call("PUT", "/v2/x/manifests/" + sha(m), m, kind)
    entries.append({"mediaType": kind, "digest": sha(m), "size": len(m), "platform": {"os": "linux", "architecture": arch}})
body = json.dumps({"schemaVersion": 2, "mediaType": index, "manifests": entries}).encode()
call("PUT", "/v2/x/manifests/thousand", body, index)
c.request("GET", "/v2/x/manifests/thousand"); assert c.getresponse().read() == body
# one that names an image that is not there
entries[500]["digest"] = "sha256:" + "0" * 64
body = json.dumps({"schemaVersion": 2, "mediaType": index, "manifests": entries}).encode()
call("PUT", "/v2/x/manifests/hole", body, index, 400)
END
    [ "$(skopeo inspect --raw --tls-verify=false "docker://$OWN/x:thousand" | jq '.manifests | length')" = 1000 ]
    run_ok skopeo inspect --config --override-arch arch500 --tls-verify=false "docker://$OWN/x:thousand"
    has '"architecture": "arch500"'
    run_ok shale registry gc --storage "$OWN_DIR" --grace 0s
    [ "$(skopeo inspect --raw --tls-verify=false "docker://$OWN/x:thousand" | jq '.manifests | length')" = 1000 ]
    if [ -n "${SHALE_SLOW:-}" ]; then # skopeo takes a quarter of a minute for it
        run_ok skopeo copy --quiet --all --src-tls-verify=false --dest-tls-verify=false "docker://$OWN/x:thousand" "docker://$OWN/y:thousand"
    fi
    flat 40000
}

@test "5,000 referrers: all on the pages, once each, by type too" {
    in_memory
    python3 - "$OWN" <<'END'
import hashlib, http.client, json, re, sys
c = http.client.HTTPConnection(sys.argv[1])
kind = "application/vnd.oci.image.manifest.v1+json"
def call(method, path, body=b"", kind="application/octet-stream"):
    c.request(method, path, body, {"Content-Type": kind})
    r = c.getresponse(); text = r.read()
    assert r.status in (200, 201), (r.status, path, text[:300])
    return r, text
def sha(b): return "sha256:" + hashlib.sha256(b).hexdigest()
call("POST", "/v2/x/blobs/uploads/?digest=" + sha(b"{}"), b"{}")
empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha(b"{}"), "size": 2}
subject = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": empty, "layers": [empty]}).encode()
call("PUT", "/v2/x/manifests/" + sha(subject), subject, kind)
pushed = {}
for i in range(5000):
    m = json.dumps({"schemaVersion": 2, "mediaType": kind, "artifactType": "application/type.%d" % (i % 5), "config": empty, "layers": [empty],
                    "subject": {"mediaType": kind, "digest": sha(subject), "size": len(subject)}, "annotations": {"n": str(i)}}).encode()
    r, _ = call("PUT", "/v2/x/manifests/" + sha(m), m, kind)
    assert r.headers["OCI-Subject"] == sha(subject)
    pushed[sha(m)] = i
def pages(query):
    path, seen, n = "/v2/x/referrers/" + sha(subject) + query, [], 0
    while path:
        r, text = call("GET", path)
        assert r.headers["Content-Type"] == "application/vnd.oci.image.index.v1+json"
        assert len(text) <= 4 << 20, len(text)
        seen += json.loads(text)["manifests"]; n += 1
        link = r.headers.get("Link")
        path = re.match(r'<([^>]*)>; *rel="next"', link)[1] if link else None
        assert n < 6000
    return seen, n
seen, n = pages("")
assert sorted(d["digest"] for d in seen) == sorted(pushed), len(seen)
assert all(d["annotations"]["n"] == str(pushed[d["digest"]]) for d in seen)
print("pages:", n)
seen, n = pages("?artifactType=application/type.3")
assert sorted(d["digest"] for d in seen) == sorted(k for k, i in pushed.items() if i % 5 == 3), len(seen)
END
    flat 60000
}
