#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# `shale build --verify`: everything is done once more, and must give the same.
load lib
load build

setup() { context_setup; }

@test "build --verify: the same again, or what differs" {
    dockerfile <<<$'FROM @\nCOPY Dockerfile /d\nRUN mkdir /x; echo same >/x/s; date +%s%N >/dev/null'
    run_fails 1 "--verify needs SOURCE_DATE_EPOCH" build --verify -t x
    [ "${#lines[@]}" = 1 ]
    export SOURCE_DATE_EPOCH=1700000000
    run_ok build --verify -t x --sbom=true
    id=$(shale inspect -f '{{.Id}}' x)
    [ "$(grep -c ' RUN mkdir /x' <<<"$output")" = 3 ] || { echo "$output"; return 1; }
    [ "$(grep -c ' CACHED$' <<<"$output")" = 5 ] || { echo "$output"; return 1; } # bases, and all of the third
    [ "$(shale images -aq | wc -l)" = 2 ]
    run_ok build -t y # from the variable, too
    [ "$(shale inspect -f '{{.Id}}' y)" = "$id" ]

    dockerfile <<<$'FROM @\nRUN echo same >/same\nRUN mkdir /x; cat /proc/sys/kernel/random/uuid >/x/u; touch /x/$(head -c 3 /dev/urandom | od -An -tx1 | tr -d " ")'
    images=$(shale images -aq | sort)
    run_fails 1 "the build is not reproducible: it gave sha256:" build --verify -t x
    has "layer 3 differs: RUN /bin/sh -c mkdir /x;"
    hasnt "layer 2 differs"
    has "/x/u differs: content"
    has " only in the first"
    has " only in the second"
    [ "$(shale images -aq | sort)" = "$images" ] || { shale images -a; return 1; }
    [ "$(shale inspect -f '{{.Id}}' x)" = "$id" ]
    # With the record of what was built it is the same again: verification does every step itself.
    run_fails 1 "not reproducible" build --verify -t x
    run_ok shale fsck

    # Times of files that are copied from an image, and of folders, are bounded by it: another one, other layers.
    dockerfile <<<$'FROM scratch\nWORKDIR /w\nCOPY --from=x /d /d'
    for epoch in 1500000000 1600000000; do
        SOURCE_DATE_EPOCH=$epoch run_ok build -t w
        run_ok shale ls -l w /
        [ "$(grep -c "$(date -u -d @$epoch +%Y-%m-%d)" <<<"$output")" = 2 ] || { echo "$epoch: $output"; return 1; }
    done

    # Of several platforms, those that differ.
    dockerfile <<<$'FROM --platform=$BUILDPLATFORM @ AS made\nARG TARGETARCH\nRUN mkdir /o; [ $TARGETARCH = amd64 ] || cat /proc/sys/kernel/random/uuid >/o/u\nFROM scratch\nCOPY --from=made /o /o'
    run_fails 1 "not reproducible" build --verify -t z --platform linux/amd64,linux/arm64
    has "linux/arm64: sha256:"
    hasnt "linux/amd64: sha256:"
    dockerfile <<<$'FROM --platform=$BUILDPLATFORM @ AS made\nARG TARGETARCH\nRUN mkdir /o; echo $TARGETARCH >/o/u\nFROM scratch\nCOPY --from=made /o /o'
    run_ok build --verify -t z --platform linux/amd64,linux/arm64
    [ "$(shale cat --platform linux/arm64 z /o/u)" = arm64 ]
    [ "$(shale cat --platform linux/amd64 z /o/u)" = amd64 ]

    # What is something else when the names are given, after it was the same twice: they do not move.
    timeout 120 python3 -u - >"$BATS_TEST_TMPDIR/port" 3>&- <<'END2' &
import http.server
n = 0


class Server(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        global n
        n += 1
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"one" if n < 3 else b"two")


s = http.server.HTTPServer(("127.0.0.1", 0), Server)
print(s.server_port)
s.serve_forever()
END2
    pid=$!
    for _ in $(seq 600); do [ ! -s "$BATS_TEST_TMPDIR/port" ] || break; sleep 0.05; done
    printf 'FROM scratch\nADD http://127.0.0.1:%s/f /f\n' "$(cat "$BATS_TEST_TMPDIR/port")" >"$ctx/Dockerfile"
    images=$(shale images -aq | sort)
    run_fails 1 "what is built has changed while it was verified" build --verify -t z
    kill "$pid"
    [ "$(shale cat --platform linux/amd64 z /o/u)" = amd64 ]
    [ "$(shale images -aq | sort)" = "$images" ] || { shale images -a; return 1; }

    run_fails 1 "--verify of files is not supported yet" build --verify -o "$BATS_TEST_TMPDIR/out"
    run_fails 1 "standard input cannot be" shale build --verify - <"$ctx/Dockerfile"
}
