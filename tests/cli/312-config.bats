#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# config.json as docker's users have it: keys of auths, credential helpers and their faults, identity tokens, headers.

load lib

setup_file() {
    registry_doors htpasswd token
    hostile_start "$SHALE_IMAGES/busybox"
}
teardown_file() {
    registry_stop_all
    hostile_stop
}
setup() {
    fresh_store
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    export PATH=$BATS_TEST_TMPDIR/bin:$PATH SHALE_HELPER_TIMEOUT=1
    : >"$HOSTILE_LOG"
}
teardown() { drop_store; }

config() { printf "$@" >"$DOCKER_CONFIG/config.json"; }
basic() { printf '%s' "$1" | base64 -w0; }
helper() { # NAME: the script is on standard input
    { echo '#!/bin/sh'; cat; } >"$BATS_TEST_TMPDIR/bin/docker-credential-$1"
    chmod +x "$BATS_TEST_TMPDIR/bin/docker-credential-$1"
}
good_helper() { helper "$1" <<<"cat >/dev/null; echo '{\"Username\":\"user\",\"Secret\":\"secret\"}'"; }
opens() { run_ok shale digest "$HTPASSWD/busybox:1.0"; }
shut() { refused "$1" shale digest "$HTPASSWD/busybox:1.0"; }

@test "auths: keys with a scheme, a path, or neither" {
    for key in "$HTPASSWD" "http://$HTPASSWD" "https://$HTPASSWD" "https://$HTPASSWD/v1/" "https://$HTPASSWD/v2/" "$HTPASSWD/"; do
        config '{"auths":{"%s":{"auth":"%s"}}}' "$key" "$(basic user:secret)"
        opens || { echo "key $key"; return 1; }
    done
    for key in "${HTPASSWD}0" "x.$HTPASSWD" "other/$HTPASSWD" "https://index.docker.io/v1/"; do
        config '{"auths":{"%s":{"auth":"%s"}}}' "$key" "$(basic user:secret)"
        shut "no basic auth credentials" || { echo "key $key"; return 1; }
    done
}

@test "auths: the exact key before others that mean the same" {
    config '{"auths":{"https://%s/v1/":{"auth":"%s"},"%s":{"auth":"%s"}}}' "$HTPASSWD" "$(basic user:wrong)" "$HTPASSWD" "$(basic user:secret)"
    opens
}

@test "auths: username and password, empty entries, entries that are none" {
    config '{"auths":{"%s":{"username":"user","password":"secret"}}}' "$HTPASSWD"
    opens
    config '{"auths":{"%s":{"auth":" %s\\n%s\\r\\n"}}}' "$HTPASSWD" dXNlcjpz ZWNyZXQ= # lines, as docker takes them
    opens
    config '{"auths":{"%s":{}}}' "$HTPASSWD"
    shut "no basic auth credentials"
    config '{"auths":{"%s":{"auth":"%%%%%%"}}}' "$HTPASSWD"
    shut "not valid base64"
    config '{"auths":{"%s":{"auth":"%s"}}}' "$HTPASSWD" "$(basic nocolon)"
    shut 'not "user:password"'
    config '{"auths":{"%s":5},"credHelpers":[],"credsStore":7,"HttpHeaders":"x"}' "$HTPASSWD"
    shut "no basic auth credentials"
    config '{"auths":{"%s":{"auth":7}}}' "$HTPASSWD"
    shut '"auth" is not a string'
    config '' ""
    shut "no basic auth credentials"
}

@test "a password with colons and other signs" {
    config '{"auths":{"%s":{"auth":"%s"}}}' "$HTPASSWD" "$(basic 'user:a:b c"é')"
    shut "unauthorized: authentication required"
}

@test "credHelpers before credsStore before auths; an empty helper means auths" {
    good_helper good
    helper bad <<<'cat >/dev/null; echo "{\"Username\":\"user\",\"Secret\":\"wrong\"}"'
    config '{"credHelpers":{"%s":"good"},"credsStore":"bad","auths":{"%s":{"auth":"%s"}}}' "$HTPASSWD" "$HTPASSWD" "$(basic user:wrong)"
    opens
    config '{"credsStore":"good","auths":{"%s":{"auth":"%s"}}}' "$HTPASSWD" "$(basic user:wrong)"
    opens
    config '{"credHelpers":{"%s":""},"credsStore":"bad","auths":{"%s":{"auth":"%s"}}}' "$HTPASSWD" "$HTPASSWD" "$(basic user:secret)"
    opens
    config '{"credHelpers":{"other":"good"},"credsStore":"bad"}'
    shut "unauthorized: authentication required"
}

@test "helpers that hang, fail, or print what is no answer" {
    config '{"credsStore":"x"}'
    helper x <<<'exec sleep 20'
    SECONDS=0
    shut "docker-credential-x"
    [ "$SECONDS" -lt 10 ]
    helper x <<<'trap "" TERM; exec 2>/dev/null; sleep 20 & sleep 20' # its children keep the pipe open
    SECONDS=0
    shut "docker-credential-x"
    [ "$SECONDS" -lt 10 ]
    helper x <<<'echo garbage'
    shut "not valid JSON"
    helper x <<<'echo "[]"'
    shut "docker-credential-x"
    helper x <<<'echo "{\"Username\":5}"'
    shut "docker-credential-x"
    helper x <<<'yes | head -c 10000000'
    shut "docker-credential-x"
    helper x <<<'yes'
    SECONDS=0
    shut "docker-credential-x"
    [ "$SECONDS" -lt 10 ]
    helper x <<<'echo "the key ring is locked"; exit 3'
    shut "the key ring is locked"
    helper x <<<'kill -SEGV $$'
    shut "docker-credential-x"
    helper x <<<'exec 0<&-; echo "{\"Username\":\"user\",\"Secret\":\"secret\"}"' # does not read what it is asked
    opens
    config '{"credsStore":"../x"}'
    shut "bad name of a credential helper"
    # where no login is wanted none of it matters
    run_ok shale digest "$HOSTILE/ok:1"
}

@test "an identity token, from config.json and from a helper" {
    : >"$BATS_FILE_TMPDIR/token/token.log"
    config '{"auths":{"%s":{"identitytoken":"identity"}}}' "$TOKEN"
    run_ok shale pull -q "$TOKEN/team/app:v1"
    [ "$(cat "$BATS_FILE_TMPDIR/token/token.log")" = "oauth2 ['repository:team/app:pull']" ]
    helper x <<<'cat >/dev/null; echo "{\"Username\":\"<token>\",\"Secret\":\"identity\"}"'
    config '{"credsStore":"x"}'
    run_ok shale digest "$TOKEN/team/app:v1"
    config '{"auths":{"%s":{"identitytoken":"stale"}}}' "$TOKEN"
    refused "unauthorized: incorrect username or password" shale digest "$TOKEN/team/app:v1"
    hasnt stale
}

@test "HttpHeaders: X-Meta- ones reach the registry, and nobody else" {
    config '{"HttpHeaders":{"X-Meta-Test":"mine","User-Agent":"other","Authorization":"Basic x"}}'
    run_ok shale pull -q "$HOSTILE/moved:1"
    grep -q '/v2/moved/manifests/1 - - mine$' "$HOSTILE_LOG"
    grep -q '/v2/moved/blobs/.* - mine$' "$HOSTILE_LOG"
    grep -q '/v2/ok/blobs/.* - -$' "$HOSTILE_LOG"
    [ -z "$(grep '/v2/ok/blobs/.*mine' "$HOSTILE_LOG")" ]
    config '{"HttpHeaders":{"X-Meta-Test":"a\\r\\nEvil: b"}}'
    refused "HttpHeaders" shale digest "$HOSTILE/ok:1"
    config '{"HttpHeaders":{"X-Meta-Test":5}}'
    refused "HttpHeaders" shale digest "$HOSTILE/ok:1"
}

@test "credentials do not follow a redirect to another host" {
    config '{"auths":{"%s":{"auth":"%s"}}}' "$HOSTILE" "$(basic user:secret)"
    run_ok shale pull -q "$HOSTILE/guarded:1"
    grep -q '/v2/guarded/blobs/.* Basic ' "$HOSTILE_LOG"
    [ -n "$(grep '/v2/ok/' "$HOSTILE_LOG")" ]
    ! grep '/v2/ok/.* Basic ' "$HOSTILE_LOG"
}
