#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Our registry as a cache of others: docker-registry, another of ours, and one that misbehaves (tests/cli/hostile).

load lib

setup() {
    fresh_store
    export REGISTRY_KIND=docker # Debian's
    dir=$BATS_TEST_TMPDIR/conf
    mkdir "$dir"
}
teardown() {
    own_stop_all
    registry_stop_all
    [ ! -f "$BATS_FILE_TMPDIR/hostile.pids" ] || { hostile_stop || true; rm -f "$BATS_FILE_TMPDIR/hostile.pids"; }
    if [ -f "$BATS_TEST_TMPDIR/dockerd.pid" ]; then kill "$(cat "$BATS_TEST_TMPDIR/dockerd.pid")" 2>/dev/null || true; fi
    drop_store
}

# cache NAME URL [LINE…]: a cache of URL under hub/ -> CACHE, CACHE_PID, CACHE_LOG
cache() {
    local name=$1 url=$2
    shift 2
    printf '%s\n' "[upstream \"${PREFIX-hub/}\"]" "url = $url" "$@" >"$dir/$name.conf"
    own_registry "$name" --config "$dir/$name.conf" || return 1
    CACHE=$OWN CACHE_PID=$OWN_PID CACHE_DIR=$OWN_DIR
}
# origin: one of ours with an image -> ORIGIN, ORIGIN_LOG, ORIGIN_PID
origin() {
    own_registry origin || return 1
    ORIGIN=$OWN ORIGIN_LOG=$OWN_DIR.log ORIGIN_PID=$OWN_PID
    own_push "$SHALE_IMAGES/busybox:1.0" app:1
    : >"$ORIGIN_LOG"
}
metric() { curl -s "http://$CACHE/metrics" | sed -n "s/^shale_registry_upstream_$1_total //p"; }
# asked TEXT: how many lines of the origin's log have it
asked() { grep -c "$1" "${LOG:-$ORIGIN_LOG}" || true; }
# layer_of BASE: the first layer of BASE/manifests/1
layer_of() {
    local m
    m=$(curl -s "$1/manifests/1" | jq -r '.manifests[0].digest')
    curl -s "$1/manifests/$m" | jq -r '.layers[0].digest'
}
# good FILE DIGEST
good() { [ "sha256:$(sha256sum <"$1" | cut -d' ' -f1)" = "$2" ]; }
@test "skopeo, podman and shale pull through; the second pull asks nothing" {
    origin
    cache c "http://$ORIGIN"
    run_ok skopeo copy --quiet --all --src-tls-verify=false "docker://$CACHE/hub/app:1" "oci:$BATS_TEST_TMPDIR/out:1"
    n=$(asked HTTP)
    [ "$n" -gt 0 ]
    run_ok shale pull -q "$CACHE/hub/app:1"
    run_ok shale run --network none --rm "$CACHE/hub/app:1" /bin/busybox true
    run_ok skopeo copy --quiet --all --src-tls-verify=false "docker://$CACHE/hub/app:1" "oci:$BATS_TEST_TMPDIR/out:2"
    [ "$(asked HTTP)" = "$n" ]
    [ "$(asked 'GET.*blobs')" = "$(asked 'GET.*blobs.* 200 ')" ]
    [ "$(curl -s "http://$CACHE/v2/_catalog" | jq -c .repositories)" = '["hub/app"]' ]
    [ "$(curl -s "http://$CACHE/v1/search?q=app" | jq -r '.results[0].name')" = hub/app ]
    # Layers come after their manifests, and are looked into all the same.
    for _ in $(seq 300); do [ "$(curl -s "http://$CACHE/shale/v1/search?file=busybox" | jq -r '.results[0].name')" != hub/app ] || break; sleep 0.1; done
    [ "$(curl -s "http://$CACHE/shale/v1/search?file=busybox" | jq -r '.results[0].name')" = hub/app ]
    need_root
    echo "{}" >"$DOCKER_CONFIG/config.json" # podman wants one where the variable is set
    run_ok podman --root "$BATS_TEST_TMPDIR/p" --runroot "$BATS_TEST_TMPDIR/p.run" --storage-driver vfs pull -q --tls-verify=false "$CACHE/hub/app:1"
    [ "$(asked HTTP)" = "$n" ]
    # It is a whole image: it can be collected around, and deleted.
    run_ok shale registry gc --storage "$CACHE_DIR" --grace 1ms
    [ "$(status_of "http://$CACHE/v2/hub/app/blobs/$(layer_of "http://$CACHE/v2/hub/app")")" = 200 ]
    [ "$(asked HTTP)" = "$n" ]
    [ "$(status_of -X DELETE "http://$CACHE/v2/hub/app/manifests/1")" = 202 ]
    [ "$(status_of "http://$CACHE/v2/hub/app/manifests/1")" = 200 ]
    [ "$(asked HTTP)" -gt "$n" ]
}

@test "docker-registry with a certificate and a login: the password stays between the two" {
    registry_start htpasswd "$BATS_TEST_TMPDIR/r"
    skopeo copy --quiet --all --dest-tls-verify=false --dest-creds user:secret "oci:$SHALE_IMAGES/busybox:1.0" "docker://$REGISTRY_HOST/app:1"
    echo secret >"$dir/pw"
    cache c "http://$REGISTRY_HOST" "username = user" "password_file = pw"
    run_ok skopeo copy --quiet --all --src-tls-verify=false "docker://$CACHE/hub/app:1" "oci:$BATS_TEST_TMPDIR/out:1"
    own_stop
    # A login of docker's.
    mkdir "$dir/docker"
    skopeo login --tls-verify=false -u user -p secret --authfile "$dir/docker/config.json" "$REGISTRY_HOST"
    cache d "http://$REGISTRY_HOST" "docker_config = docker"
    run_ok shale pull -q "$CACHE/hub/app:1"
    own_stop
    # A wrong password is told to whoever asks, who is not asked for one.
    echo wrong >"$dir/pw"
    cache e "http://$REGISTRY_HOST" "username = user" "password_file = pw"
    run curl -si "http://$CACHE/v2/hub/app/manifests/1"
    has "502 Bad Gateway"
    has "unauthorized"
    hasnt "WWW-Authenticate"
    hasnt "wrong"
    run curl -si "http://$CACHE/v2/hub/app/blobs/sha256:$(printf %064d 0)"
    has "502 Bad Gateway"
    # The file is read again on HUP.
    echo secret >"$dir/pw"
    kill -HUP "$CACHE_PID"
    for _ in $(seq 300); do [ "$(status_of "http://$CACHE/v2/hub/app/manifests/1")" != 200 ] || break; sleep 0.1; done
    [ "$(status_of "http://$CACHE/v2/hub/app/manifests/1")" = 200 ]
    own_stop
    registry_start tls "$BATS_TEST_TMPDIR/t"
    skopeo copy --quiet --all --dest-tls-verify=false "oci:$SHALE_IMAGES/busybox:1.0" "docker://$REGISTRY_HOST/app:1"
    cache f "https://$REGISTRY_HOST" "ca_file = $REGISTRY_CA"
    run_ok shale pull -q "$CACHE/hub/app:1"
    own_stop
    cache g "https://$REGISTRY_HOST"
    run curl -si "http://$CACHE/v2/hub/app/manifests/1"
    has "502 Bad Gateway"
    has "certificate"
    own_stop
    cache h "https://$REGISTRY_HOST" "insecure = yes"
    [ "$(status_of "http://$CACHE/v2/hub/app/manifests/1")" = 200 ]
    own_stop
    # One that wants a certificate of ours.
    registry_start mtls "$BATS_TEST_TMPDIR/t"
    cache i "https://$REGISTRY_HOST" "ca_file = $REGISTRY_CA" "cert_file = $BATS_TEST_TMPDIR/t/client.cert" "key_file = $BATS_TEST_TMPDIR/t/client.key"
    [ "$(status_of "http://$CACHE/v2/hub/app/manifests/1")" = 200 ]
    own_stop
    # One with tokens.
    registry_start token "$BATS_TEST_TMPDIR/k"
    skopeo copy --quiet --all --dest-tls-verify=false --dest-creds user:secret "oci:$SHALE_IMAGES/busybox:1.0" "docker://$REGISTRY_HOST/app:1"
    cache k "http://$REGISTRY_HOST" "username = user" "password_file = pw"
    run_ok shale pull -q "$CACHE/hub/app:1"
}

@test "twenty clients of a cold blob: one transfer, and bytes long before it has ended" {
    hostile_start "$SHALE_IMAGES/busybox"
    cache c "http://$HOSTILE"
    base=http://$CACHE/v2/hub/slow
    layer=$(layer_of "$base")
    cd "$BATS_TEST_TMPDIR"
    pids=
    for i in $(seq 20); do
        curl -s -o "out$i" -w '%{http_code} %{time_starttransfer} %{time_total}\n' "$base/blobs/$layer" >"times$i" &
        pids="$pids $!"
    done
    sleep 1
    # Meanwhile: what is there of it is a range, HEAD knows its size, others are served.
    [ "$(curl -s -r 100-199 "$base/blobs/$layer" | wc -c)" = 100 ]
    curl -sI "$base/blobs/$layer" | grep -qi "^content-length: $(wc -c <"$SHALE_IMAGES/busybox/blobs/sha256/${layer#*:}")"
    [ "$(status_of -r 5000000-  "$base/blobs/$layer")" = 416 ]
    [ "$(status_of "http://$CACHE/v2/hub/ok/manifests/1")" = 200 ]
    for p in $pids; do wait "$p"; done
    for i in $(seq 20); do good "out$i" "$layer"; done
    cat times*
    # the first bytes were here long before the last, for each of them
    [ "$(awk '$1 == 200 && $3 - $2 > 1' times* | wc -l)" = 20 ]
    [ "$(LOG=$HOSTILE_LOG asked "GET.*blobs/$layer")" = 1 ]
    [ "$(metric bytes)" = "$(wc -c <out1)" ]
    good <(curl -s "$base/blobs/$layer") "$layer"
    [ "$(LOG=$HOSTILE_LOG asked "GET.*blobs/$layer")" = 1 ]
}

@test "clients that go do not end a transfer; with finish = no the last one does, and it goes on from there" {
    hostile_start "$SHALE_IMAGES/busybox"
    cache c "http://$HOSTILE"
    base=http://$CACHE/v2/hub/slow
    layer=$(layer_of "$base")
    run curl -s -m 1 -o /dev/null "$base/blobs/$layer"
    [ "$status" = 28 ]
    for _ in $(seq 300); do [ ! -f "$CACHE_DIR/blobs/sha256/${layer#*:}" ] || break; sleep 0.1; done
    good <(curl -s "$base/blobs/$layer") "$layer"
    [ "$(LOG=$HOSTILE_LOG asked "GET.*blobs/$layer")" = 1 ]
    own_stop
    cache d "http://$HOSTILE" "finish = no"
    base=http://$CACHE/v2/hub/slow
    layer=$(layer_of "$base")
    run curl -s -m 1 -o /dev/null "$base/blobs/$layer"
    sleep 3
    [ ! -f "$CACHE_DIR/blobs/sha256/${layer#*:}" ]
    good <(curl -s "$base/blobs/$layer") "$layer"
    grep "GET.*blobs/$layer bytes=" "$HOSTILE_LOG"
}

@test "killed in the middle of a transfer: the next server goes on where it was" {
    hostile_start "$SHALE_IMAGES/busybox"
    cache c "http://$HOSTILE"
    base=http://$CACHE/v2/hub/slow
    layer=$(layer_of "$base")
    curl -s -o "$BATS_TEST_TMPDIR/out" "$base/blobs/$layer" &
    curl=$!
    sleep 1
    own_stop KILL || true
    run wait "$curl"
    [ "$status" != 0 ]
    own_registry c --config "$dir/c.conf"
    CACHE=$OWN
    base=http://$CACHE/v2/hub/slow
    curl -s -o "$BATS_TEST_TMPDIR/out" "$base/blobs/$layer"
    good "$BATS_TEST_TMPDIR/out" "$layer"
    grep "GET.*blobs/$layer bytes=[1-9]" "$HOSTILE_LOG"
    run_ok shale registry gc --storage "$OWN_DIR" --grace 1ms
    good <(curl -s "$base/blobs/$layer") "$layer"
}

@test "transfers that break go on; what fails or is wrong is cut, never stored, never whole" {
    hostile_start "$SHALE_IMAGES/busybox"
    for how in early norange wrongrange moved; do
        cache "$how" "http://$HOSTILE"
        layer=$(layer_of "http://$CACHE/v2/hub/$how")
        curl -sf -o "$BATS_TEST_TMPDIR/out" "http://$CACHE/v2/hub/$how/blobs/$layer"
        good "$BATS_TEST_TMPDIR/out" "$layer"
        own_stop
    done
    for how in wrongblob slowflip truncate bigger; do
        cache "$how" "http://$HOSTILE"
        layer=$(layer_of "http://$CACHE/v2/hub/$how")
        run curl -s -w '%{http_code}' -o "$BATS_TEST_TMPDIR/out" "http://$CACHE/v2/hub/$how/blobs/$layer"
        # 18: the transfer was closed with bytes outstanding; or it was known before the first was sent.
        [ "$status" = 18 ] || [ "$output" = 502 ]
        [ ! -f "$CACHE_DIR/blobs/sha256/${layer#*:}" ]
        [ -z "$(ls "$CACHE_DIR/ingest")" ]
        run_fails 1 "" shale pull -q "$CACHE/hub/$how:1"
        own_stop
    done
    # Right bytes, but fewer than clients have been told: they are cut; the next one is told right.
    cache l "http://$HOSTILE"
    layer=$(layer_of "http://$CACHE/v2/hub/otherlength")
    run curl -s -m 60 -o "$BATS_TEST_TMPDIR/out" "http://$CACHE/v2/hub/otherlength/blobs/$layer"
    [ "$status" = 18 ] || { echo "$status"; return 1; }
    [ ! -f "$CACHE_DIR/blobs/sha256/${layer#*:}" ]
    good <(curl -sf -m 60 "http://$CACHE/v2/hub/otherlength/blobs/$layer") "$layer"
    own_stop
    cache m "http://$HOSTILE"
    run curl -si "http://$CACHE/v2/hub/wrongmanifest/manifests/1"
    has "502 Bad Gateway"
    has "manifest verification failed"
    run curl -si "http://$CACHE/v2/hub/html/manifests/1"
    has "does not answer as a registry does"
    [ "$(metric failures)" = 2 ]
}

@test "the upstream is away: what is here is served with a warning; what is not is 502, and it is not asked each time" {
    origin
    cache c "http://$ORIGIN" "tag_ttl = 1s" "timeout = 2s"
    url=http://$CACHE/v2/hub/app
    layer=$(layer_of "$url")
    run_ok shale pull -q "$CACHE/hub/app:1"
    kill "$ORIGIN_PID"
    wait "$ORIGIN_PID" || true
    sleep 1.2
    run curl -si "$url/manifests/1"
    has "200 OK"
    has 'Warning: 111 - "Revalidation Failed"'
    has "Age: "
    [ "$(curl -s "$url/tags/list" | jq -c .tags)" = '["1"]' ]
    [ "$(status_of "$url/blobs/$layer")" = 200 ]
    SHALE_ROOT=$BATS_TEST_TMPDIR/store2 run_ok shale pull -q "$CACHE/hub/app:1"
    run_fails 1 "connection refused" shale pull -q --platform linux/arm64 "$CACHE/hub/app:1"
    [ "$(metric stale)" -ge 2 ]
    run curl -si "$url/manifests/2"
    has "502 Bad Gateway"
    has "connection refused"
    n=$(metric requests)
    for _ in $(seq 10); do [ "$(status_of "$url/manifests/3")" = 502 ]; done
    [ "$(metric requests)" -le $((n + 2)) ] # one in five seconds tries again
    [ "$(grep -c "^Warning: upstream \"hub/\": http://$ORIGIN cannot be asked: .*connection refused" "$OWN_DIR.log")" -le 2 ] # questions; blobs
    grep -q "cannot be asked" "$OWN_DIR.log"
    own_stop
    printf 'stale = no\n' >>"$dir/c.conf"
    own_registry c --config "$dir/c.conf"
    [ "$(status_of "http://$OWN/v2/hub/app/manifests/1")" = 502 ]
}

@test "what is not there is asked for once; a tag that moves is seen after tag_ttl; one that goes is gone" {
    origin
    # what the tags will be is there already: they move at once
    own_push "$SHALE_IMAGES/debian:1.0" app:new
    for name in 1 new; do curl -s -o "$BATS_TEST_TMPDIR/$name" -w '%{content_type}' "http://$ORIGIN/v2/app/manifests/$name" >"$BATS_TEST_TMPDIR/$name.type"; done
    retag() { [ "$(status_of -X PUT -H "Content-Type: $(cat "$BATS_TEST_TMPDIR/$1.type")" --data-binary "@$BATS_TEST_TMPDIR/$1" "http://$ORIGIN/v2/app/manifests/$2")" = 201 ]; }
    cache c "http://$ORIGIN" "tag_ttl = 2s" "negative_ttl = 6s"
    url=http://$CACHE/v2/hub/app
    for _ in $(seq 20); do [ "$(status_of "$url/manifests/none")" = 404 ]; done
    [ "$(asked manifests/none)" = 1 ]
    for _ in $(seq 20); do [ "$(status_of "$url/blobs/sha256:$(printf %064d 1)")" = 404 ]; done
    [ "$(asked "blobs/sha256:$(printf %064d 1)")" = 1 ]
    first=$(curl -sI "$url/manifests/1" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //p')
    retag new 1
    retag 1 none
    [ "$(curl -sI "$url/manifests/1" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //p')" = "$first" ]
    sleep 2.2
    second=$(curl -sI "$url/manifests/1" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //p')
    [ -n "$second" ] && [ "$second" != "$first" ]
    [ "$(status_of "$url/manifests/$first")" = 200 ]
    for _ in $(seq 300); do [ "$(status_of "$url/manifests/none")" != 200 ] || break; sleep 0.1; done
    [ "$(status_of "$url/manifests/none")" = 200 ]
    # Unchanged: asked by HEAD only.
    sleep 2.2
    : >"$ORIGIN_LOG"
    [ "$(status_of "$url/manifests/1")" = 200 ]
    # a line of its log may come after the answer
    for _ in $(seq 600); do [ "$(asked 'HEAD.*manifests/1 ')" = 0 ] || break; sleep 0.05; done
    [ "$(asked 'HEAD.*manifests/1 ')" = 1 ] || { cat "$ORIGIN_LOG"; return 1; }
    [ "$(asked 'GET.*manifests')" = 0 ]
    curl -s -X DELETE "http://$ORIGIN/v2/app/manifests/1"
    sleep 2.2
    [ "$(status_of "$url/manifests/1")" = 404 ]
    [ "$(status_of "$url/manifests/$first")" = 200 ]
}

@test "limits of the upstream: 429 with its Retry-After, what is here is served" {
    hostile_start "$SHALE_IMAGES/busybox"
    cache c "http://$HOSTILE"
    run curl -si "http://$CACHE/v2/hub/ratelimit/manifests/1"
    has "429 Too Many Requests"
    has "Retry-After: 86"
    has "toomanyrequests: You have reached your pull rate limit"
    n=$(LOG=$HOSTILE_LOG asked manifests)
    run curl -si "http://$CACHE/v2/hub/ratelimit/manifests/2"
    has "429 Too Many Requests"
    [ "$(LOG=$HOSTILE_LOG asked manifests)" = "$n" ]
}

@test "pushes are refused, rules count, prefixes choose; names of one part can get library/" {
    origin
    own_push "$SHALE_IMAGES/busybox:1.0" library/one:1
    own_push "$SHALE_IMAGES/busybox:1.0" deep/hub/two:1
    cat >"$dir/c.conf" <<-EOF
	[upstream "hub/"]
	url = http://$ORIGIN
	library = yes
	[upstream "hub/deep/"]
	url = http://$ORIGIN
	strip = no
	path = deep
	[rule "hub/secret/**"]
	[rule "**"]
	pull = anyone
	push = anyone
	delete = anyone
	EOF
    sed -i 's,hub/deep/,hub/two/,' "$dir/c.conf"
    own_push "$SHALE_IMAGES/busybox:1.0" deep/hub/two/x:1
    own_registry c --config "$dir/c.conf"
    [ "$(status_of "http://$OWN/v2/hub/one/manifests/1")" = 200 ]
    [ "$(status_of "http://$OWN/v2/hub/two/x/manifests/1")" = 200 ]
    [ "$(status_of "http://$OWN/v2/hub/secret/app/manifests/1")" = 403 ]
    [ "$(status_of "http://$OWN/v2/hub/../app/manifests/1")" = 404 ]
    run_fails 1 "is a cache of http://$ORIGIN: push there" skopeo copy --quiet --all --dest-tls-verify=false "oci:$SHALE_IMAGES/busybox:1.0" "docker://$OWN/hub/one:2"
    run_ok own_push "$SHALE_IMAGES/busybox:1.0" mine:1
    run curl -si "http://$OWN/v2/hub/one/tags/list?n=1"
    has '{"name":"hub/one","tags":["1"]}'
    run_fails 1 "cannot keep what an [upstream] sends" shale registry serve --config "$dir/c.conf" --read-only
}

@test "referrers come through; without the list the tag does" {
    origin
    d=$(curl -sI "http://$ORIGIN/v2/app/manifests/1" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //p')
    printf '{}' >"$BATS_TEST_TMPDIR/e"
    e=sha256:$(sha256sum <"$BATS_TEST_TMPDIR/e" | cut -d' ' -f1)
    curl -s -X POST --data-binary @"$BATS_TEST_TMPDIR/e" "http://$ORIGIN/v2/app/blobs/uploads/?digest=$e"
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"x/y","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"%s","size":2},"layers":[],"subject":{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"%s","size":5}}' "$e" "$d" >"$BATS_TEST_TMPDIR/m"
    [ "$(status_of -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @"$BATS_TEST_TMPDIR/m" "http://$ORIGIN/v2/app/manifests/sig")" = 201 ]
    cache c "http://$ORIGIN"
    [ "$(curl -s "http://$CACHE/v2/hub/app/referrers/$d" | jq -r '.manifests[0].artifactType')" = x/y ]
    own_stop
    registry_start plain "$BATS_TEST_TMPDIR/r" # which has no such list
    push "$SHALE_IMAGES/busybox:1.0" app:1
    cache n "http://$REGISTRY_HOST"
    [ "$(status_of "http://$CACHE/v2/hub/app/referrers/$d")" = 404 ]
}

@test "keep: what nobody asks for goes, and gc frees its bytes" {
    origin
    cache c "http://$ORIGIN" "keep = 1s"
    layer=$(layer_of "http://$CACHE/v2/hub/app")
    [ "$(status_of "http://$CACHE/v2/hub/app/blobs/$layer")" = 200 ]
    sleep 1.2
    own_stop
    own_registry c --config "$dir/c.conf" # it looks when it starts, and each hour
    for _ in $(seq 300); do [ "$(curl -s "http://$OWN/v2/_catalog" | jq '.repositories | length')" != 0 ] || break; sleep 0.1; done
    [ "$(curl -s "http://$OWN/v2/_catalog" | jq '.repositories | length')" = 0 ]
    sleep 0.1
    run_ok shale registry gc --storage "$OWN_DIR" --grace 1ms
    [ ! -f "$OWN_DIR/blobs/sha256/${layer#*:}" ]
    [ "$(status_of "http://$OWN/v2/hub/app/blobs/$layer")" = 200 ]
}

@test "stopping: a transfer that clients wait for gets its grace, then they are cut" {
    hostile_start "$SHALE_IMAGES/busybox"
    cache c "http://$HOSTILE" "timeout = 20s"
    layer=$(layer_of "http://$CACHE/v2/hub/ok")
    printf '[server]\nshutdown_timeout = 1s\n' >>"$dir/c.conf"
    own_stop
    own_registry c --config "$dir/c.conf"
    curl -s -o /dev/null "http://$OWN/v2/hub/stall/blobs/$layer" &
    a=$!
    curl -s -o /dev/null "http://$OWN/v2/hub/silent/blobs/$layer" &
    b=$!
    curl -s -o /dev/null "http://$OWN/v2/hub/silent/manifests/1" &
    c=$!
    sleep 1
    begin=$(date +%s)
    own_stop
    [ $(($(date +%s) - begin)) -lt 15 ]
    run wait "$a"
    [ "$status" != 0 ]
    wait "$b" "$c" || true
}

@test "docker with registry-mirrors pulls through, as from Docker Hub" {
    plain_only
    need_root
    command -v dockerd >/dev/null && command -v docker >/dev/null || skip "docker is not installed"
    own_registry origin
    ORIGIN=$OWN ORIGIN_LOG=$OWN_DIR.log
    own_push "$SHALE_IMAGES/busybox:1.0" library/app:1
    PREFIX='' cache c "http://$ORIGIN"
    w=$BATS_TEST_TMPDIR
    dockerd --bridge=none --iptables=false --ip-forward=false --data-root "$w/d" --exec-root "$w/e" --pidfile "$w/dockerd.pid" \
        --registry-mirror "http://$CACHE" -H "unix://$w/s" >"$w/dockerd.log" 2>&1 3>&- &
    for _ in $(seq 300); do [ ! -S "$w/s" ] || ! docker -H "unix://$w/s" version >/dev/null 2>&1 || break; sleep 0.1; done
    run_ok docker -H "unix://$w/s" pull app:1
    has "app:1"
    [ "$(asked 'GET /v2/library/app/blobs')" -gt 0 ]
    n=$(asked HTTP)
    run_ok docker -H "unix://$w/s" rmi app:1
    run_ok docker -H "unix://$w/s" pull app:1
    [ "$(asked HTTP)" = "$n" ]
}
