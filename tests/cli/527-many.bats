#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Lists of many: all are there, each once, newest first.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }

# rows N: that many images and containers, made at 100 moments, in no order
rows() {
    python3 - "$SHALE_ROOT/shale.db" "$1" <<'PY'
import hashlib, random, sqlite3, sys
rnd = random.Random(7)
db = sqlite3.connect(sys.argv[1])
def columns(table):
    return [r[1] for r in db.execute("pragma table_info(%s)" % table)]
def copy(table, row, **new):
    row = list(row)
    for name, value in new.items():
        row[columns(table).index(name)] = value
    db.execute("insert into %s values (%s)" % (table, ",".join("?" * len(row))), row)
image = db.execute("select * from images").fetchone()
container = db.execute("select * from containers").fetchone()
for i in range(int(sys.argv[2]) - 1):
    digest = "sha256:" + hashlib.sha256(b"image %d" % i).hexdigest()
    at = rnd.randrange(100) * 86400 * 10**9 + 15 * 10**17
    copy("images", image, id=digest, manifest="sha256:" + hashlib.sha256(b"manifest %d" % i).hexdigest(), created=at)
    copy("containers", container, id=hashlib.sha256(b"container %d" % i).hexdigest(), name="name%d" % i, created=at)
    if i % 3:
        db.execute("insert into tags values ('docker.io/team/app', ?, ?, ?, 1)", ("v%d" % i, digest, digest))
db.commit()
PY
}

@test "images and containers: newest first, those of one moment by ID" {
    shale create --name first --network none "$image" true >/dev/null
    rows 500
    sql() { sqlite3 -cmd '.timeout 10000' "$SHALE_ROOT/shale.db" "$1"; }
    [ "$(sql 'SELECT count(*) FROM images') $(sql 'SELECT count(*) FROM containers')" = "500 500" ]
    shale images -aq --no-trunc | diff <(sql 'SELECT id FROM images ORDER BY created DESC, id') -
    shale images -q --no-trunc -f dangling=true | diff <(sql 'SELECT id FROM images WHERE id NOT IN (SELECT image FROM tags) ORDER BY created DESC, id') -
    shale images --format '{{.Repository}}:{{.Tag}}' -f 'reference=team/app:*' |
        diff <(sql "SELECT 'team/app:' || tag FROM tags JOIN images ON id = image WHERE repo LIKE '%team/app' ORDER BY created DESC, id") -
    shale ps -aq --no-trunc | diff <(sql 'SELECT id FROM containers ORDER BY created DESC, id') -
    shale ps --no-trunc -qn 123 | diff <(sql 'SELECT id FROM containers ORDER BY created DESC, id LIMIT 123') -
    [ "$(shale ps -aq -f name=name4 | wc -l)" = 110 ]
    [ "$(shale ps -q | wc -l)" = 0 ]
    [ "$(shale info --format '{{.Containers}}')" = 500 ]
    # columns are as wide as the widest of all rows
    run_ok shale ps -a
    [ "$(cut -c1-15 <<<"$output" | sort -u | grep -vc '^[0-9a-f]\{12\}   $')" = 1 ]
}
