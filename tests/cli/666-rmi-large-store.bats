#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031 # each test has a store of its own
# rmi in a store of many images looks at what the removed image had, and at nothing else.

load lib

setup_file() { registry_with busybox debian; }
teardown_file() { registry_stop_all; }
setup() { fresh_store; }

# others N: rows of N more images, of busybox's layers
others() {
    python3 - "$SHALE_ROOT/shale.db" "$1" <<'PY'
import hashlib, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
row = list(db.execute("select * from images").fetchone())
layers = db.execute("select n, diff_id, blob from image_layers where image = ?", (row[0],)).fetchall()
for i in range(int(sys.argv[2])):
    row[0] = "sha256:" + hashlib.sha256(b"image %d" % i).hexdigest()
    row[1] = "sha256:" + hashlib.sha256(b"manifest %d" % i).hexdigest()
    db.execute("insert into images values (" + ",".join("?" * len(row)) + ")", row)
    for l in layers:
        db.execute("insert into image_layers values (?, ?, ?, ?)", (row[0], *l))
    db.execute("insert into tags values (?, 'v1', ?, ?, 1)", ("docker.io/library/app%d" % i, row[0], row[1]))
db.commit()
PY
}
files() { (cd "$SHALE_ROOT" && find blobs layers images -mindepth 1 | sort); }

one_driver() { # DRIVER
    export SHALE_ROOT=$BATS_TEST_TMPDIR/$1
    local opts=(--storage-driver "$1") before
    shale "${opts[@]}" pull -q "$REGISTRY_HOST/busybox:1.0" >/dev/null
    others 400
    before=$(files)
    shale "${opts[@]}" pull -q --all-platforms "$REGISTRY_HOST/debian:1.0" >/dev/null
    shale "${opts[@]}" edit --env A=1 -t child:1 "$REGISTRY_HOST/debian:1.0" >/dev/null
    all=$(files)
    # somebody was killed in the middle
    mkdir -p "$SHALE_ROOT/layers/$(printf 'f%.0s' $(seq 64))"
    # the child holds its layers
    shale "${opts[@]}" rmi -f "$(shale images -q "$REGISTRY_HOST/debian")" >/dev/null 2>&1 || shale "${opts[@]}" rmi "$REGISTRY_HOST/debian:1.0" >/dev/null
    shale "${opts[@]}" cat child:1 /etc/os-release | grep -q Debian
    dry=$(shale "${opts[@]}" rmi --dry-run child:1 | tail -1)
    shale "${opts[@]}" rmi child:1 >/dev/null
    diff <(files | grep -v ffffffff) <(echo "$before")
    [ "$all" != "$before" ]
    [[ $dry == *MB* ]] || { echo "$dry"; return 1; }
    [ -d "$SHALE_ROOT/layers/$(printf 'f%.0s' $(seq 64))" ]
    # a prune looks at everything
    shale "${opts[@]}" image prune -f >/dev/null
    diff <(files) <(echo "$before")
    shale "${opts[@]}" image prune -af >/dev/null
    [ -z "$(find "$SHALE_ROOT"/{blobs/*,layers,images} -mindepth 1)" ]
}

@test "erofs: nothing is left, nothing too much goes" {
    need_root
    one_driver erofs
}

@test "dir: the same" {
    need_root
    one_driver dir
}
