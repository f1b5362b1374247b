#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Searching our registry: by name with docker and shale, by what is known of images and what is inside of them.

load lib

setup() {
    fresh_store
    dir=$BATS_TEST_TMPDIR/conf
    mkdir "$dir"
}
teardown() {
    own_stop_all
    drop_store
}

users() {
    local user
    for user in alice bob; do
        echo "pw-$user" | shale registry user add --file "$dir/users" --cost 4 --password-stdin "$user"
    done
    cat >"$dir/r.conf" <<END
[auth]
type = htpasswd
htpasswd = users
$1
[rule "public/**"]
pull = anyone
push = users
[rule "secret/**"]
pull = alice
push = alice
hidden = yes
[rule "team/*"]
pull = users
push = users
delete = alice
END
    own_registry reg --config "$dir/r.conf"
}
as() { # as USER LAYOUT NAME:TAG: pushes
    skopeo copy --quiet --all --dest-tls-verify=false --dest-creds "$1:pw-$1" "oci:$SHALE_IMAGES/$2:1.0" "docker://$OWN/$3"
}
# tiny NAME TAG DESCRIPTION [CONFIG]: an image without layers, pushed with curl
tiny() {
    local config=${4:-"{}"} d
    d=sha256:$(printf %s "$config" | sha256sum | cut -d' ' -f1)
    curl -sf -o /dev/null -X POST -H 'Content-Type: application/octet-stream' --data-binary "$config" \
        "http://$OWN/v2/$1/blobs/uploads/?digest=$d"
    jq -cn --arg d "$d" --arg t "$3" --argjson n "${#config}" '{schemaVersion:2,
        mediaType:"application/vnd.oci.image.manifest.v1+json",
        config:{mediaType:"application/vnd.oci.image.config.v1+json",digest:$d,size:$n},layers:[],
        annotations:{"org.opencontainers.image.description":$t}}' |
        curl -sf -o /dev/null -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @- \
            "http://$OWN/v2/$1/manifests/$2"
}
names() { jq -r '[.results[].name] | join(" ")'; }
status_of() { curl -s -o /dev/null -w '%{http_code}' "$@"; }

@test "names: words, order, pages, records" {
    local q
    own_registry reg
    q="http://$OWN/v1/search"
    for name in debian team/debian-slim team/app; do tiny "$name" 1 ""; done
    [ "$(curl -s "$q?q=debian" | names)" = "debian team/debian-slim" ]
    [ "$(curl -s "$q?q=DEBIAN+slim" | names)" = "team/debian-slim" ]
    [ "$(curl -s "$q?q=" | names)" = "debian team/app team/debian-slim" ]
    [ "$(curl -s "$q?q=team&n=1&page=2" | names)" = "team/debian-slim" ]
    [ "$(curl -s "$q?q=team&n=1" | jq -c '[.num_results,.num_pages,.page,.page_size]')" = "[2,2,1,1]" ]
    [ "$(status_of "$q?q=x&n=101")" = 400 ]
    [ "$(status_of "$q?q=$(head -c 300 /dev/zero | tr '\0' x)")" = 400 ]
    # what is said of a repository, is found, and ranks it
    [ "$(status_of -X PATCH -d '{"description":"Holds \"things\"","stars":7,"official":true}' "http://$OWN/shale/v1/repositories/team/app")" = 200 ]
    [ "$(curl -s "$q?q=%22things" | jq -c '.results')" = '[{"name":"team/app","description":"Holds \"things\"","star_count":7,"is_official":true,"is_automated":false,"is_trusted":true}]' ]
    [ "$(curl -s "$q?q=team" | names)" = "team/app team/debian-slim" ]
    [ "$(curl -s "http://$OWN/shale/v1/repositories/team/app" | jq -r '.stars')" = 7 ]
    [ "$(status_of -X PATCH -d '{"star":7}' "http://$OWN/shale/v1/repositories/team/app")" = 400 ]
    [ "$(status_of -X PATCH -d '{"stars":-7}' "http://$OWN/shale/v1/repositories/team/app")" = 400 ]
    [ "$(status_of -X PATCH -d '{"stars":7}' "http://$OWN/shale/v1/repositories/nobody")" = 404 ]
    # what is removed, is not found
    d=$(curl -sI -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$OWN/v2/debian/manifests/1" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //p')
    [ "$(status_of -X DELETE "http://$OWN/v2/debian/manifests/$d")" = 202 ]
    [ "$(curl -s "$q?q=debian" | names)" = "team/debian-slim" ]
}

@test "shale search: table, formats, filters, mistakes" {
    own_registry reg
    for name in a/one a/two; do tiny "$name" 1 ""; done
    curl -sf -o /dev/null -X PATCH -d '{"description":"A text that is longer than the column that it goes into","stars":3,"official":true}' "http://$OWN/shale/v1/repositories/a/two"
    run_ok shale search "$OWN/a"
    [ "${lines[0]}" = "NAME      DESCRIPTION                                     STARS     OFFICIAL" ]
    [ "${lines[1]}" = "a/two     A text that is longer than the column that i…   3         [OK]" ]
    run_ok shale search --no-trunc "$OWN/a/two"
    has "that it goes into"
    run_ok shale search --format '{{.Name}}:{{.StarCount}}:{{.IsOfficial}}' --filter stars=1 "$OWN/a"
    [ "$output" = "a/two:3:[OK]" ]
    run_ok shale search --format json --filter is-official=false "$OWN/a"
    [ "$output" = '{"Description":"","IsOfficial":"false","Name":"a/one","StarCount":"0"}' ]
    run_ok shale search --limit 1 --format '{{.Name}}' "$OWN/a"
    [ "$output" = a/two ]
    run_fails 1 "limit 101 is outside the range of [1, 100]" shale search --limit 101 "$OWN/a"
    run_fails 1 "invalid filter 'stars=x'" shale search --filter stars=x "$OWN/a"
    run_fails 1 "invalid filter 'x'" shale search --filter x=1 "$OWN/a"
    run_fails 1 "should not have a scheme" shale search "http://$OWN/a"
    run_fails 1 "connection refused" shale search 127.0.0.1:1/a
}

@test "who may search, and what they find" {
    local q
    users ""
    q="http://$OWN/v1/search?q="
    for name in public/a team/b; do as bob busybox "$name:1"; done
    as alice busybox secret/c:1
    [ "$(status_of "$q")" = 401 ]
    [ "$(curl -s -u alice:pw-alice "$q" | names)" = "public/a secret/c team/b" ]
    [ "$(curl -s -u bob:pw-bob "$q" | names)" = "public/a team/b" ]
    [ "$(curl -s -u bob:pw-bob "${q}secret" | jq .num_results)" = 0 ]
    [ "$(status_of -u bob:pw-bob "http://$OWN/shale/v1/repositories/secret/c")" = 404 ]
    # whoever pushes may describe; stars are up to who may delete
    [ "$(status_of -u bob:pw-bob -X PATCH -d '{"description":"x"}' "http://$OWN/shale/v1/repositories/team/b")" = 200 ]
    [ "$(status_of -u bob:pw-bob -X PATCH -d '{"stars":9}' "http://$OWN/shale/v1/repositories/team/b")" = 403 ]
    [ "$(status_of -u alice:pw-alice -X PATCH -d '{"stars":9}' "http://$OWN/shale/v1/repositories/team/b")" = 200 ]
    [ "$(status_of -X PATCH -d '{"stars":9}' "http://$OWN/shale/v1/repositories/public/a")" = 401 ]
    # with a login
    run_fails 1 "no basic auth credentials" shale search "$OWN/a"
    skopeo login --tls-verify=false --authfile "$DOCKER_CONFIG/config.json" -u bob -p pw-bob "$OWN"
    run_ok shale search --format '{{.Name}}' "$OWN/"
    [ "$output" = $'team/b\npublic/a' ]
    own_stop
    # strangers too; then nobody
    sed -i 's/^htpasswd = users/&\nsearch = anyone/' "$dir/r.conf"
    own_registry reg --config "$dir/r.conf"
    [ "$(curl -s "http://$OWN/v1/search?q=" | names)" = "public/a" ]
    own_stop
    sed -i 's/^search = .*/search = nobody/' "$dir/r.conf"
    own_registry reg --config "$dir/r.conf"
    [ "$(status_of -u alice:pw-alice "http://$OWN/v1/search?q=")" = 403 ]
    skopeo login --tls-verify=false --authfile "$DOCKER_CONFIG/config.json" -u bob -p pw-bob "$OWN"
    run_fails 1 "you may not search there" shale search "$OWN/a"
}

@test "docker search: engine and command" {
    need_root
    command -v dockerd >/dev/null && command -v docker >/dev/null || skip "docker is not installed"
    local w=$BATS_TEST_TMPDIR/dk
    mkdir -p "$w"
    own_registry reg
    for name in team/one team/two; do tiny "$name" 1 ""; done
    curl -sf -o /dev/null -X PATCH -d '{"description":"Second","stars":3,"official":true}' "http://$OWN/shale/v1/repositories/team/two"
    dockerd --bridge=none --iptables=false --ip-forward=false --data-root "$w/d" --exec-root "$w/e" --pidfile "$w/p" \
        -H "unix://$w/s" --storage-driver vfs >"$w/out" 2>&1 3>&- &
    OWN_PIDS="$OWN_PIDS $!"
    here() { timeout 60 docker -H "unix://$w/s" "$@"; }
    for _ in $(seq 150); do ! here version >/dev/null 2>&1 || break; sleep 0.2; done
    run_ok here search --format '{{.Name}}|{{.Description}}|{{.StarCount}}|{{.IsOfficial}}' "$OWN/team"
    [ "$output" = $'team/two|Second|3|[OK]\nteam/one||0|' ]
    run_ok here search --filter stars=1 --format '{{.Name}}' "$OWN/t"
    [ "$output" = team/two ]
    # the same words, the same table
    here search "$OWN/team" >"$w/theirs"
    shale search "$OWN/team" | sed 's/ *$//' >"$w/ours"
    sed -i 's/ *$//; s/ *AUTOMATED$//' "$w/theirs"
    diff "$w/theirs" "$w/ours"
}
