#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Our registry with users: real clients log in, push and pull; rules, tokens, log, metrics, events.

load lib

setup() {
    fresh_store
    dir=$BATS_TEST_TMPDIR/conf
    mkdir "$dir"
    local user
    for user in alice bob carol; do
        echo "pw-$user" | shale registry user add --file "$dir/users" --cost 4 --password-stdin "$user"
    done
}
teardown() {
    own_stop_all
    registry_stop_all
    [ ! -f "$BATS_TEST_TMPDIR/helper.pid" ] || kill "$(cat "$BATS_TEST_TMPDIR/helper.pid")" 2>/dev/null || true
    drop_store
}

# config TYPE: a file with users, a group, and rules
config() {
    cat >"$dir/r.conf" <<END
[auth]
type = $1
htpasswd = users
failure_delay = 600ms
failures = 4
[group "dev"]
members = alice, bob
[rule "public/**"]
pull = anyone
push = @dev
[rule "secret/**"]
pull = alice
push = alice
hidden = yes
[rule "team/*"]
pull = users
push = @dev
delete = alice
[log]
access_file = access.log
END
}
serve_with() {
    config "$1"
    if [ "$1" = token ]; then
        shale registry keygen "$dir/key.pem"
        sed -i 's/^htpasswd = .*/&\ntoken_key = key.pem/' "$dir/r.conf"
    fi
    shift
    own_registry reg --config "$dir/r.conf" "$@"
}
as() { # as USER NAME:TAG: pushes
    skopeo copy --quiet --all --dest-tls-verify=false --dest-creds "$1:pw-$1" "oci:$SHALE_IMAGES/busybox:1.0" "docker://$OWN/$2"
}
# layer_of USER NAME: the digest of a layer of NAME:1, which has several platforms
layer_of() {
    local m
    m=$(curl -s -u "$1:pw-$1" "http://$OWN/v2/$2/manifests/1" | jq -r '.manifests[0].digest')
    curl -s -u "$1:pw-$1" "http://$OWN/v2/$2/manifests/$m" | jq -r '.layers[0].digest'
}

@test "htpasswd: skopeo, podman, buildah and shale log in, push and pull" {
    serve_with htpasswd
    run_fails 1 "" skopeo copy --quiet --dest-tls-verify=false --dest-no-creds "oci:$SHALE_IMAGES/busybox:1.0" "docker://$OWN/team/a:1"
    run_fails 1 "" skopeo login --tls-verify=false -u alice -p wrong --authfile "$DOCKER_CONFIG/config.json" "$OWN"
    run_ok skopeo login --tls-verify=false -u alice -p pw-alice --authfile "$DOCKER_CONFIG/config.json" "$OWN"
    run_ok skopeo copy --quiet --all --authfile "$DOCKER_CONFIG/config.json" --dest-tls-verify=false "oci:$SHALE_IMAGES/busybox:1.0" "docker://$OWN/team/a:1"
    run_ok shale pull -q "$OWN/team/a:1"
    rm "$DOCKER_CONFIG/config.json"
    run_fails 1 "" shale pull -q "$OWN/team/a:1"
    need_root
    podman_here() { podman --root "$BATS_TEST_TMPDIR/p" --runroot "$BATS_TEST_TMPDIR/p.run" --storage-driver vfs "$@"; }
    run_ok podman_here login --tls-verify=false --authfile "$BATS_TEST_TMPDIR/auth" -u bob -p pw-bob "$OWN"
    run_ok podman_here pull -q --tls-verify=false --authfile "$BATS_TEST_TMPDIR/auth" "$OWN/team/a:1"
    run_ok podman_here push -q --tls-verify=false --authfile "$BATS_TEST_TMPDIR/auth" "$OWN/team/a:1" "$OWN/team/b:1"
}

@test "tokens: skopeo and shale get one, with what the rules give; docker's refresh tokens" {
    serve_with token
    run_ok as alice secret/a:1
    run_ok as bob public/a:1
    run_fails 1 "denied" as carol public/b:1
    run_ok skopeo inspect --no-creds --tls-verify=false "docker://$OWN/public/a:1"
    run_fails 1 "denied" skopeo inspect --creds bob:pw-bob --tls-verify=false "docker://$OWN/secret/a:1"
    run_ok skopeo login --tls-verify=false -u alice -p pw-alice --authfile "$DOCKER_CONFIG/config.json" "$OWN"
    run_ok shale pull -q "$OWN/secret/a:1"
    # What docker login does: a refresh token for the password, then tokens for it until the password changes.
    refresh=$(curl -s -d 'grant_type=password&service=shale-registry&client_id=x&access_type=offline&username=alice&password=pw-alice' "http://$OWN/auth/token" | jq -r .refresh_token)
    post() { curl -s -d "grant_type=refresh_token&service=shale-registry&client_id=x&scope=repository:secret/a:pull&refresh_token=$refresh" "$@" "http://$OWN/auth/token"; }
    token=$(post | jq -r .access_token)
    [ "$(status_of -H "Authorization: Bearer $token" "http://$OWN/v2/secret/a/manifests/1")" = 200 ]
    [ "$(status_of -H "Authorization: Bearer $token" "http://$OWN/v2/public/other/manifests/1")" = 404 ]
    run curl -s -i -H "Authorization: Bearer $token" -X POST "http://$OWN/v2/secret/a/blobs/uploads/"
    has "401 Unauthorized"
    has 'scope="repository:secret/a:pull,push",error="insufficient_scope"'
    [ "$(status_of -H "Authorization: Bearer ${token%?????}AAAAA" "http://$OWN/v2/secret/a/manifests/1")" = 401 ]
    echo new | shale registry user passwd --file "$dir/users" --cost 4 --password-stdin alice
    sleep 1.2
    [ "$(post -o /dev/null -w '%{http_code}')" = 401 ]
}

@test "rules: strangers pull what is open, pushes and hidden repositories are refused, lists show what one sees" {
    serve_with htpasswd
    as alice secret/a:1
    as alice public/a:1
    url=http://$OWN/v2
    [ "$(status_of "$url/")" = 401 ]
    [ "$(status_of "$url/public/a/manifests/1")" = 200 ]
    [ "$(status_of "$url/public/a/manifests/1")" = 200 ] # from memory
    [ "$(status_of -X POST "$url/public/a/blobs/uploads/")" = 401 ]
    [ "$(status_of -u carol:pw-carol -X POST "$url/public/a/blobs/uploads/")" = 403 ]
    [ "$(curl -s -u carol:pw-carol -X POST "$url/public/a/blobs/uploads/" | jq -r '.errors[0].code')" = DENIED ]
    [ "$(status_of "$url/secret/a/manifests/1")" = 401 ]
    [ "$(status_of -u alice:pw-alice "$url/secret/a/manifests/1")" = 200 ]
    [ "$(status_of -u bob:pw-bob "$url/secret/a/manifests/1")" = 404 ]
    [ "$(curl -s -u bob:pw-bob "$url/secret/a/manifests/1")" = "$(curl -s -u alice:pw-alice "$url/secret/none/manifests/1")" ]
    [ "$(status_of -u alice:pw-alice "$url/elsewhere/a/manifests/1")" = 403 ]
    [ "$(status_of "$url/_catalog")" = 401 ]
    [ "$(curl -s -u bob:pw-bob "$url/_catalog" | jq -c .repositories)" = '["public/a"]' ]
    [ "$(curl -s -u alice:pw-alice "$url/_catalog?n=1" | jq -c .repositories)" = '["public/a"]' ]
    curl -s -i -u alice:pw-alice "$url/_catalog?n=1" | grep -qi '^link: </v2/_catalog?n=1&last=public/a>; rel="next"'
    [ "$(curl -s -u alice:pw-alice "$url/_catalog?n=1&last=public/a" | jq -c .repositories)" = '["secret/a"]' ]
    run curl -s -i -u bob:pw-bob "$url/_catalog?n=1"
    hasnt "Link:"
    as alice team/a:1
    [ "$(status_of -u bob:pw-bob -X DELETE "$url/team/a/manifests/1")" = 403 ]
    [ "$(status_of -u alice:pw-alice -X DELETE "$url/team/a/manifests/1")" = 202 ]
}

@test "a mount needs pull on the source" {
    serve_with htpasswd
    as alice secret/a:1
    blob=$(layer_of alice secret/a)
    [[ $blob == sha256:* ]]
    mount() { status_of -u "$1:pw-$1" -X POST "http://$OWN/v2/team/x/blobs/uploads/?mount=$blob$2"; }
    [ "$(mount bob "&from=secret/a")" = 202 ]
    [ "$(mount bob "")" = 202 ]
    [ "$(status_of -u bob:pw-bob "http://$OWN/v2/team/x/blobs/$blob")" = 404 ]
    [ "$(mount alice "&from=secret/a")" = 201 ]
    [ "$(status_of -u bob:pw-bob "http://$OWN/v2/team/x/blobs/$blob")" = 200 ]
}

@test "wrong passwords wait, hold nobody up, and are turned away when they are many" {
    serve_with htpasswd --timeout 20s
    begin=$(date +%s%N)
    [ "$(status_of -u alice:wrong "http://$OWN/v2/")" = 401 ]
    [ $(($(date +%s%N) - begin)) -ge 600000000 ]
    sed -i 's/^failures = .*/failures = 100000/; s/^failure_delay = .*/failure_delay = 3s/' "$dir/r.conf"
    own_reload
    # 200 that wait, at 16 work threads: others are answered meanwhile.
    for _ in $(seq 200); do echo "url = http://$OWN/v2/"; echo 'output = /dev/null'; done >"$dir/many"
    curl -s -Z --parallel-max 200 -u alice:wrong -w '%{http_code}\n' -K "$dir/many" >"$dir/codes" &
    pid=$!
    sleep 1.5
    begin=$(date +%s%N)
    [ "$(status_of -u bob:pw-bob "http://$OWN/v2/")" = 200 ]
    [ $(($(date +%s%N) - begin)) -lt 10000000000 ] # in the order of their coming it would take 35 s
    wait "$pid"
    [ "$(sort "$dir/codes" | uniq -c | tr -s ' ')" = " 200 401" ]
    sed -i 's/^failures = .*/failures = 2/; s/^failure_delay = .*/failure_delay = 0s/' "$dir/r.conf"
    own_reload
    [ "$(status_of -u alice:wrong "http://$OWN/v2/")" = 401 ]
    [ "$(status_of -u alice:wrong "http://$OWN/v2/")" = 401 ]
    run curl -s -i -u alice:pw-alice "http://$OWN/v2/"
    has "429 Too Many Requests"
    has "Retry-After: "
    has TOOMANYREQUESTS
    # Answers that wait do not hold up the end.
    sed -i 's/^failures = .*/failures = 100/; s/^failure_delay = .*/failure_delay = 50s/' "$dir/r.conf"
    own_reload
    curl -s -o /dev/null -u alice:wrong "http://$OWN/v2/" &
    sleep 0.3
    begin=$(date +%s%N)
    own_stop
    [ $(($(date +%s%N) - begin)) -lt 5000000000 ]
}

@test "HUP: users, rules and log are read anew during a pull; a file with a mistake changes nothing" {
    serve_with htpasswd
    head -c 8000000 /dev/urandom >"$dir/f"
    d=sha256:$(sha256sum "$dir/f" | cut -d' ' -f1)
    [ "$(status_of -u alice:pw-alice --data-binary "@$dir/f" "http://$OWN/v2/public/f/blobs/uploads/?digest=$d")" = 201 ]
    curl -s --limit-rate 4M "http://$OWN/v2/public/f/blobs/$d" >"$dir/back" &
    pid=$!
    sleep 0.3
    sed -i 's/pull = anyone/pull = alice/' "$dir/r.conf"
    mv "$dir/access.log" "$dir/access.log.1"
    kill -HUP "$OWN_PID"
    for _ in $(seq 600); do [ "$(status_of "http://$OWN/v2/public/f/blobs/$d")" = 200 ] || break; sleep 0.05; done
    [ "$(status_of "http://$OWN/v2/public/f/blobs/$d")" = 401 ]
    wait "$pid"
    cmp "$dir/f" "$dir/back"
    for _ in $(seq 600); do grep -q '" 401 ' "$dir/access.log" 2>/dev/null && break; sleep 0.05; done
    grep -q '" 401 ' "$dir/access.log"
    grep -q '" 201 ' "$dir/access.log.1"
    echo nonsense >>"$dir/r.conf"
    kill -HUP "$OWN_PID"
    for _ in $(seq 600); do grep -q Error "$OWN_DIR.log" && break; sleep 0.05; done
    grep -q "r.conf:[0-9]*: neither \[section\] nor key = value: nonsense" "$OWN_DIR.log"
    [ "$(status_of "http://$OWN/v2/public/f/blobs/$d")" = 401 ]
    [ "$(status_of -u alice:pw-alice "http://$OWN/v2/public/f/blobs/$d")" = 200 ]
}

@test "log and metrics: a line and a count for each request, with the user" {
    serve_with htpasswd
    as alice public/a:1
    curl -s -o /dev/null -A 'my "agent"' "http://$OWN/v2/public/a/manifests/1"
    status_of -u bob:wrong "http://$OWN/v2/"
    for _ in $(seq 600); do grep -q '"GET /v2/ HTTP/1.1" 401 .*curl' "$dir/access.log" && break; sleep 0.05; done
    grep -q '^127.0.0.1 - alice \[.*\] "PUT /v2/public/a/manifests/1 HTTP/1.1" 201 ' "$dir/access.log"
    grep -q '^127.0.0.1 - - \[.*\] "GET /v2/public/a/manifests/1 HTTP/1.1" 200 [1-9].* "my \\x22agent\\x22"' "$dir/access.log"
    run_ok curl -s "http://$OWN/metrics"
    has 'shale_registry_requests_total{route="manifest",method="PUT",status="2xx"} 3'
    has 'shale_registry_auth_failures_total 1'
    has 'shale_registry_uploads_done_total '
    has 'shale_registry_connections 1'
    [ "$(status_of -H 'X-Forwarded-For: 192.0.2.1' "http://$OWN/metrics")" = 403 ]
    [ "$(status_of "http://$OWN/healthz")" = 200 ]
}

@test "events: push, pull, mount and delete arrive in docker's envelope" {
    python3 -B - "$dir" <<'END' 3>&- &
import http.server, sys, os
class H(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        with open(sys.argv[1] + '/events', 'ab') as f: f.write(body.replace(b'\n', b' ') + b'\n')
        self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()
    def log_message(self, *a): pass
s = http.server.HTTPServer(('127.0.0.1', 0), H)
open(sys.argv[1] + '/port.new', 'w').write(str(s.server_port)); os.rename(sys.argv[1] + '/port.new', sys.argv[1] + '/port')
s.serve_forever()
END
    echo $! >"$BATS_TEST_TMPDIR/helper.pid"
    for _ in $(seq 600); do [ -f "$dir/port" ] && break; sleep 0.05; done
    config htpasswd
    printf '[notify "ci"]\nurl = http://127.0.0.1:%s/\nevents = push, pull, delete, mount\n' "$(cat "$dir/port")" >>"$dir/r.conf"
    own_registry reg --config "$dir/r.conf"
    as alice team/a:1
    blob=$(layer_of bob team/a)
    [ "$(status_of -u bob:pw-bob -X POST "http://$OWN/v2/team/b/blobs/uploads/?mount=$blob&from=team/a")" = 201 ]
    [ "$(status_of -u alice:pw-alice -X DELETE "http://$OWN/v2/team/a/manifests/1")" = 202 ]
    for _ in $(seq 600); do grep -q '"delete"' "$dir/events" 2>/dev/null && break; sleep 0.05; done
    event() { jq -r ".events[] | select(.action == \"$1\") | $2" "$dir/events"; }
    [ "$(event push 'select(.target.tag == "1") | .target.repository + " " + .actor.name')" = "team/a alice" ]
    m=$(event push 'select(.target.tag == "1") | .target.digest')
    refs='[.mediaType, .size, .digest]'
    [ "$(event push "select(.target.tag == \"1\") | .target.references | map($refs) | @json")" = \
        "$(curl -s -u alice:pw-alice "http://$OWN/v2/team/a/manifests/$m" | jq -r "(.manifests // [.config] + .layers) | map($refs) | @json")" ]
    [ "$(event pull 'select(.target.tag == "1") | .actor.name + " " + .request.method')" = "bob GET" ]
    [ "$(event mount '.target.digest + " " + .target.fromRepository')" = "$blob team/a" ]
    [ "$(event delete '.target.repository + ":" + .target.tag + " " + .actor.name')" = "team/a:1 alice" ]
}

@test "service manager: ready, watchdog, reloading, stopping" {
    python3 -B - "$dir" <<'END' 3>&- &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1] + '/notify')
f = open(sys.argv[1] + '/told', 'wb', 0)
while True: f.write(s.recv(4096).replace(b'\n', b' ') + b'\n')
END
    echo $! >"$BATS_TEST_TMPDIR/helper.pid"
    for _ in $(seq 600); do [ -S "$dir/notify" ] && break; sleep 0.05; done
    config htpasswd
    NOTIFY_SOCKET=$dir/notify WATCHDOG_USEC=400000 own_registry reg --config "$dir/r.conf"
    for _ in $(seq 600); do [ "$(grep -c WATCHDOG=1 "$dir/told")" -lt 2 ] || break; sleep 0.05; done
    [ "$(grep -c WATCHDOG=1 "$dir/told")" -ge 2 ]
    head -n 1 "$dir/told" | grep -q "READY=1.*STATUS=listening on http://$OWN"
    kill -HUP "$OWN_PID"
    for _ in $(seq 600); do grep -q RELOADING=1 "$dir/told" && [ "$(grep -c READY=1 "$dir/told")" = 2 ] && break; sleep 0.05; done
    [ "$(grep -c READY=1 "$dir/told")" = 2 ]
    own_stop
    for _ in $(seq 600); do grep -q STOPPING=1 "$dir/told" && break; sleep 0.05; done
    tail -n 1 "$dir/told" | grep -q STOPPING=1
}

@test "config: mistakes have their line, what is not there yet is told so, options count more than the file" {
    config htpasswd
    sed -i 's/^type = .*/type = htpaswd/' "$dir/r.conf"
    run_fails 1 "r.conf:2: type = htpaswd: must be one of" shale registry serve --config "$dir/r.conf" --storage "$BATS_TEST_TMPDIR/x"
    run_fails 1 "none.conf" shale registry serve --config "$dir/none.conf"
    printf '[auth]\ntype = htpasswd\nhtpasswd = missing\n' >"$dir/m.conf"
    run_fails 1 "[auth] htpasswd: there is no file $dir/missing; make it: shale registry user add --file $dir/missing NAME" shale registry serve --config "$dir/m.conf" --addr 127.0.0.1:0 --storage "$BATS_TEST_TMPDIR/x"
    printf '[auth]\ntype = token\nhtpasswd = users\ntoken_key = none.pem\n' >"$dir/m.conf"
    run_fails 1 "[auth] token_key: there is no file $dir/none.pem; make it: shale registry keygen $dir/none.pem" shale registry serve --config "$dir/m.conf"
    printf '[auth]\nhtpasswd = users\n' >"$dir/m.conf"
    run_fails 1 "m.conf:1: [auth] has users or keys, and nobody is asked for them: set type = htpasswd" shale registry serve --config "$dir/m.conf"
    printf '[log]\naccess_file = none/x\n' >"$dir/m.conf"
    run_fails 1 "[log] access_file: open $dir/none/x: No such file" shale registry serve --config "$dir/m.conf" --storage "$BATS_TEST_TMPDIR/x"
    printf '[listen]\naddress = 0.0.0.0:1\n[storage]\nroot = /nonexistent/x\n[limits]\nupload_size = 1000\n' >"$dir/o.conf"
    own_registry reg --config "$dir/o.conf"
    head -c 1001 /dev/zero >"$dir/f"
    d=sha256:$(sha256sum "$dir/f" | cut -d' ' -f1)
    run curl -s -i --data-binary "@$dir/f" "http://$OWN/v2/a/blobs/uploads/?digest=$d"
    has "400 Bad Request"
    has "a blob has at most 1000 bytes here"
}

@test "our tokens are good for Debian's docker-registry, which knows our key" {
    serve_with token
    openssl req -x509 -new -key "$dir/key.pem" -subj /CN=tokens -days 30 -out "$dir/token.crt" 2>/dev/null
    port=$(free_port)
    mkdir "$dir/theirs"
    cat >"$dir/theirs.yml" <<END
version: 0.1
storage: {filesystem: {rootdirectory: $dir/theirs}}
http: {addr: "127.0.0.1:$port"}
auth:
  token: {realm: "http://$OWN/auth/token", service: shale-registry, issuer: shale-registry, rootcertbundle: $dir/token.crt}
END
    docker-registry serve "$dir/theirs.yml" >"$dir/theirs.log" 2>&1 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/helper.pid"
    for _ in $(seq 600); do [ "$(status_of "http://127.0.0.1:$port/v2/")" != 401 ] || break; sleep 0.05; done
    copy() { skopeo copy --quiet --all --dest-tls-verify=false --dest-creds "$1:pw-$1" "oci:$SHALE_IMAGES/busybox:1.0" "docker://127.0.0.1:$port/$2"; }
    run_ok copy alice team/a:1
    run_fails 1 "denied" copy carol team/b:1
    run_ok skopeo inspect --creds carol:pw-carol --tls-verify=false "docker://127.0.0.1:$port/team/a:1"
}

@test "TLS of its own for each listener" {
    registry_certificate "$dir"
    config htpasswd
    { printf '[listen]\naddress = 127.0.0.1:0\n[listen]\naddress = localhost:0\ntls_cert = server.crt\ntls_key = server.key\n'; cat "$dir/r.conf"; } >"$dir/two.conf"
    mkdir -p "$BATS_TEST_TMPDIR/two"
    OWN_DIR=$BATS_TEST_TMPDIR/two
    "$SHALE_BIN" registry serve --config "$dir/two.conf" --storage "$OWN_DIR" >"$OWN_DIR.log" 2>&1 3>&- &
    OWN_PID=$!
    export OWN_PIDS=$OWN_PID
    for _ in $(seq 600); do grep -q "Listening on https://" "$OWN_DIR.log" && break; sleep 0.05; done
    plain=$(sed -n 's,^Listening on \(http://.*\),\1,p' "$OWN_DIR.log") tls=$(sed -n 's,^Listening on \(https://.*\),\1,p' "$OWN_DIR.log")
    [ "$(status_of -u bob:pw-bob "$plain/v2/")" = 200 ]
    [ "$(status_of -u bob:pw-bob --cacert "$dir/ca.crt" "$tls/v2/")" = 200 ]
}

@test "HUP: with one certificate that is broken none is changed" {
    local one=$dir/one two=$dir/two
    mkdir -p "$one" "$two"
    registry_certificate "$one"
    registry_certificate "$two"
    printf '[listen]\naddress = 127.0.0.1:0\ntls_cert = one/server.crt\ntls_key = one/server.key\n' >"$dir/two.conf"
    printf '[listen]\naddress = localhost:0\ntls_cert = two/server.crt\ntls_key = two/server.key\n' >>"$dir/two.conf"
    OWN_DIR=$BATS_TEST_TMPDIR/two
    mkdir -p "$OWN_DIR"
    "$SHALE_BIN" registry serve --config "$dir/two.conf" --storage "$OWN_DIR" >"$OWN_DIR.log" 2>&1 3>&- &
    OWN_PID=$!
    export OWN_PIDS=$OWN_PID
    both() { [ "$(grep -c "Listening on https://" "$OWN_DIR.log")" = 2 ]; }
    await both
    mapfile -t at < <(sed -n 's,^Listening on https://,,p' "$OWN_DIR.log")
    serial() { openssl s_client -connect "$1" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
    local old=("$(serial "${at[0]}")" "$(serial "${at[1]}")")
    registry_certificate "$one"
    cp "$two/server.crt" "$dir/kept"
    echo broken >"$two/server.crt"
    own_reload
    grep -q "two/server.crt is not in PEM form" "$OWN_DIR.log"
    [ "$(serial "${at[0]}")" = "${old[0]}" ]
    [ "$(serial "${at[1]}")" = "${old[1]}" ]
    cp "$dir/kept" "$two/server.crt"
    own_reload
    [ "$(serial "${at[0]}")" != "${old[0]}" ]
    [ "$(serial "${at[1]}")" = "${old[1]}" ]
}
