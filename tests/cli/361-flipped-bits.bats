#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One flipped bit, wherever it is: fsck finds it, repairs what can be repaired, says what to do about the rest.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    image=$REGISTRY_HOST/busybox:1.0
}
teardown() { drop_store; }

flip() { # FILE OFFSET [BIT]: one bit; the file's times stay
    python3 - "$@" <<'PY'
import os, sys
name, at, bit = sys.argv[1], int(sys.argv[2]), int((sys.argv[3:] or ["2"])[0])
st = os.stat(name)
with open(name, "r+b") as f:
    f.seek(at)
    b = f.read(1)[0]
    f.seek(at)
    f.write(bytes([b ^ 1 << bit]))
os.utime(name, ns=(st.st_atime_ns, st.st_mtime_ns))
PY
}

# places FILE N: N offsets all over it, the first and the last byte among them
places() {
    python3 -c 'import os, sys
n, k = os.path.getsize(sys.argv[1]), int(sys.argv[2])
print(*sorted({i * (n - 1) // (k - 1) for i in range(k)}))' "$1" "$2"
}

# found_and_repaired FILE OFFSET
found_and_repaired() {
    local before
    before=$(sha256sum <"$1")
    flip "$1" "$2"
    run_fails 1 "damaged" shale fsck --check || { echo "byte $2 of $1"; return 1; }
    run_ok shale fsck || { echo "byte $2 of $1"; return 1; }
    has repaired
    run_ok shale fsck --check
    [ "$(sha256sum <"$1")" = "$before" ] || { echo "byte $2 of $1: other bytes than before"; return 1; }
}

@test "in a layer, its table of contents, an index" {
    need_root
    shale pull -q "$image" >/dev/null
    for f in "$SHALE_ROOT"/layers/*/layer.tar "$SHALE_ROOT"/layers/*/toc "$SHALE_ROOT"/images/*/index.erofs; do
        for at in $(places "$f" 4); do found_and_repaired "$f" "$at"; done
    done
}

@test "in a table of contents, found before it is used after another boot" {
    need_root
    shale pull -q "$image" >/dev/null
    toc=$(echo "$SHALE_ROOT"/layers/*/toc)
    before=$(sha256sum <"$toc")
    python3 - "$SHALE_ROOT/shale.db" <<'PY'
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("update layers set boot_id = '00000000-0000-0000-0000-000000000000'")
c.execute("update stacks set boot_id = '00000000-0000-0000-0000-000000000000'")
c.commit()
PY
    flip "$toc" 40
    run_ok shale run --rm --network none "$image" echo good
    [ "$output" = good ]
    [ "$(sha256sum <"$toc")" = "$before" ]
}

@test "a layer whose blob is gone gets its table of contents from its tar" {
    need_root
    shale pull -q "$image" >/dev/null
    toc=$(echo "$SHALE_ROOT"/layers/*/toc)
    before=$(sha256sum <"$toc")
    rm "$SHALE_ROOT/blobs/sha256/$(ls -S "$SHALE_ROOT/blobs/sha256" | head -n 1)"
    flip "$toc" 100
    run_fails 1 "made again" shale fsck
    [ "$(sha256sum <"$toc")" = "$before" ]
}

@test "in the tree of the dir driver: content, metadata, attributes, links" {
    need_root
    shale --storage-driver dir pull -q "$image" >/dev/null
    tree=$(echo "$SHALE_ROOT"/images/*/dir/diff)
    again() { # a change that only fsck can see
        run_fails 1 "damaged" shale --storage-driver dir fsck --check || { echo "not found: $1"; return 1; }
        run_ok shale --storage-driver dir fsck
        has repaired
        run_ok shale --storage-driver dir fsck --check
    }
    run_ok shale --storage-driver dir fsck --check
    busybox=$(find "$tree" -type f -size +500k | head -n 1)
    for at in $(places "$busybox" 4); do flip "$busybox" "$at"; again "content at $at"; done
    setfattr -n user.extra -v 1 "$busybox"; again "an attribute"
    chmod 0700 "$busybox"; again "a mode"
    chown 3 "$busybox"; again "an owner"
    touch "$busybox"; again "a time"
    ln "$busybox" "$tree/one-more"; again "a link"
    rm "$busybox"; again "a file less"
}

@test "in every kind of blob: found, and the next pull fetches it again" {
    need_root
    shale pull -q "$image" >/dev/null
    for f in "$SHALE_ROOT"/blobs/sha256/*; do
        before=$(sha256sum <"$f")
        for at in 0 $(($(stat -c %s "$f") - 1)); do
            flip "$f" "$at"
            run_fails 1 "$(basename "$f")" shale fsck --check
            run_fails 1 "pull" shale fsck
            run_ok shale pull -q "$image"
            run_ok shale fsck
            run_ok shale fsck --check
            [ "$(sha256sum <"$f")" = "$before" ]
        done
    done
    run_ok shale run --rm --network none "$image" true
}

# The database has no sums of its own. Whatever bit flips, a command must end with an answer or one clear line, never
# with a crash; and fsck must not call a store good whose database SQLite finds wrong.
@test "in the database" {
    shale pull -q "$image" >/dev/null
    python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("pragma wal_checkpoint(truncate)")' "$SHALE_ROOT/shale.db"
    rm -f "$SHALE_ROOT"/shale.db-*
    cp "$SHALE_ROOT/shale.db" "$BATS_TEST_TMPDIR/good.db"
    found=0 total=0
    for at in 0 17 18 24 30 100 105 4096 4100 $(places "$BATS_TEST_TMPDIR/good.db" 25); do
        cp "$BATS_TEST_TMPDIR/good.db" "$SHALE_ROOT/shale.db"
        rm -f "$SHALE_ROOT"/shale.db-*
        flip "$SHALE_ROOT/shale.db" "$at" 6
        run shale fsck --check
        [ "$status" -le 1 ] || { echo "byte $at: status $status: $output"; return 1; }
        if [ "$status" = 1 ]; then
            found=$((found + 1))
            [ -n "$output" ] || { echo "byte $at: nothing said"; return 1; }
        else
            sound=$(python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("pragma integrity_check").fetchone()[0])' "$SHALE_ROOT/shale.db" 2>&1) || sound=$?
            [ "$sound" = ok ] || { echo "byte $at: fsck is content, SQLite says $sound"; return 1; }
        fi
        run shale images
        [ "$status" -le 1 ] || { echo "byte $at: status $status: $output"; return 1; }
        total=$((total + 1))
    done
    echo "found $found of $total"
    [ "$found" -ge 5 ]
}
