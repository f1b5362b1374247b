#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Tars from the web, and packed with xz and bzip2.
# shellcheck disable=SC2154 # stderr is of bats' run

bats_require_minimum_version 1.5.0
load lib

setup_file() {
    mkdir -p "$BATS_FILE_TMPDIR/web/root"
    echo hello >"$BATS_FILE_TMPDIR/web/root/motd"
    head -c 300000 /dev/urandom >"$BATS_FILE_TMPDIR/web/root/noise"
    cd "$BATS_FILE_TMPDIR/web" || return 1
    tar -C root -cf a.tar .
    gzip -k a.tar
    xz -k a.tar
    bzip2 -k a.tar
    head -c 10000 a.tar >cut.tar
    head -c 10000 a.tar.xz >cut.tar.xz
    head -c 5000 /dev/urandom >noise
    python3 -B - "$BATS_FILE_TMPDIR/port" >/dev/null 2>&1 3>&- <<'EOF' &
import http.server, os, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/a.tar.gz")
            self.end_headers()
        elif self.path == "/broken":
            self.send_response(200)
            self.send_header("Content-Length", "300000")
            self.end_headers()
            self.wfile.write(open("a.tar", "rb").read(20000))
        elif self.path == "/denied":
            self.send_error(403)
        else:
            super().do_GET()
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(s.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
s.serve_forever()
EOF
    export WEB_PID=$!
    for _ in $(seq 600); do [ ! -s "$BATS_FILE_TMPDIR/port" ] || break; sleep 0.05; done
    WEB=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")
    export WEB
}
teardown_file() { kill "$WEB_PID"; }
setup() {
    fresh_store
    w=$BATS_FILE_TMPDIR/web
    diff_id=sha256:$(sha256sum "$w/a.tar" | cut -d' ' -f1)
}
teardown() { drop_store; }

@test "a URL, packed or not, moved or not: the same layer as from a file" {
    for from in "$WEB/a.tar" "$WEB/a.tar.gz" "$WEB/a.tar.xz" "$WEB/a.tar.bz2" "$WEB/moved" "$w/a.tar.xz" "$w/a.tar.bz2"; do
        run_ok shale import "$from" flat
        [[ ${lines[-1]} =~ ^sha256:[0-9a-f]{64}$ ]]
        [[ $from != http* ]] || [ "${lines[0]}" = "Downloading from $from" ]
        run_ok shale inspect --format '{{join .RootFS.Layers " "}}' flat
        [ "$output" = "$diff_id" ]
    done
    run_ok shale cat flat /motd
    [ "$output" = hello ]
    run_ok shale import "$WEB/a.tar"
    run_ok shale inspect --format '{{.Comment}}' "${lines[-1]}"
    [ "$output" = "Imported from $WEB/a.tar" ]
    run_ok shale fsck --check
}

@test "archives packed with xz and bzip2, in files and pipes" {
    id=$(shale import "$w/a.tar" flat:1)
    shale save -o "$BATS_TEST_TMPDIR/a.tar" flat:1
    xz -k "$BATS_TEST_TMPDIR/a.tar"
    bzip2 -k "$BATS_TEST_TMPDIR/a.tar"
    for how in "-i $BATS_TEST_TMPDIR/a.tar.xz" "<$BATS_TEST_TMPDIR/a.tar.xz" "-i $BATS_TEST_TMPDIR/a.tar.bz2" "<$BATS_TEST_TMPDIR/a.tar.bz2"; do
        shale rmi flat:1 >/dev/null
        run_ok bash -c "'$SHALE_BIN' load $how"
        [ "$output" = "Loaded image: flat:1" ]
        [ "$(shale images -q --no-trunc flat:1)" = "$id" ]
    done
}

@test "what is wrong is said in one line, and nothing stays" {
    SHALE_RETRIES=0
    export SHALE_RETRIES
    bad() { # TEXT URL
        run --separate-stderr "$SHALE_BIN" import "$2" flat
        [ "$status" = 1 ] && [ -z "$output" ]
        [[ $(grep -v ^Downloading <<<"$stderr") == "Error: "*"$1"* ]] || { echo "$2: $stderr"; return 1; }
        [ "$(wc -l <<<"$stderr")" = 2 ]
    }
    bad "failed to GET $WEB/none with status 404" "$WEB/none"
    bad "failed to GET $WEB/denied with status 403" "$WEB/denied"
    bad "" "$WEB/broken"
    bad "cut off" "$WEB/cut.tar"
    bad "xz: the data is cut off" "$WEB/cut.tar.xz"
    bad "$WEB/noise: tar" "$WEB/noise"
    bad "connection refused" http://127.0.0.1:1/a.tar
    bad "http: server gave HTTP response to HTTPS client" "https${WEB#http}/a.tar"
    [ -z "$(shale images -aq)" ]
    [ -z "$(find "$SHALE_ROOT/blobs" "$SHALE_ROOT/layers" -type f)" ]
}
