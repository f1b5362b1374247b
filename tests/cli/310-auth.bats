#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Credentials, tokens and certificates.

load lib

setup_file() {
    registry_doors plain htpasswd tls mtls token
    # A CA that has nothing to do with any of them.
    mkdir "$BATS_FILE_TMPDIR/other"
    registry_certificate "$BATS_FILE_TMPDIR/other"
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    CERTS=$BATS_TEST_TMPDIR/certs
    mkdir -p "$CERTS"
}
teardown() { drop_store; }

login() { # HOST USER PASSWORD
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$1" "$(printf '%s:%s' "$2" "$3" | base64 -w0)" >"$DOCKER_CONFIG/config.json"
}

@test "htpasswd: without credentials" {
    run_fails 1 "no basic auth credentials" shale pull "$HTPASSWD/busybox:1.0"
}

@test "htpasswd: a wrong password is refused, and not shown" {
    login "$HTPASSWD" user not-the-secret
    run_fails 1 "unauthorized: authentication required" shale pull "$HTPASSWD/busybox:1.0"
    hasnt not-the-secret
    hasnt "$(printf user:not-the-secret | base64 -w0)"
}

@test "htpasswd: user and password from config.json" {
    login "$HTPASSWD" user secret
    run_ok shale pull "$HTPASSWD/busybox:1.0"
    has "Status: Downloaded newer image"
    run_ok shale digest "$HTPASSWD/team/app:v1"
    run_fails 1 "manifest for $HTPASSWD/busybox:nope not found" shale pull "$HTPASSWD/busybox:nope"
}

@test "htpasswd: credentials of another registry are not used" {
    login "$PLAIN" user secret
    run_fails 1 "no basic auth credentials" shale pull "$HTPASSWD/busybox:1.0"
}

@test "htpasswd: a credential helper" {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/docker-credential-tst" <<END
#!/bin/sh
[ "\$1" = get ] && [ "\$(cat)" = "$HTPASSWD" ] || { echo "credentials not found in native keychain"; exit 1; }
echo '{"ServerURL":"$HTPASSWD","Username":"user","Secret":"secret"}'
END
    chmod +x "$BATS_TEST_TMPDIR/bin/docker-credential-tst"
    export PATH=$BATS_TEST_TMPDIR/bin:$PATH
    printf '{"credHelpers":{"%s":"tst"}}' "$HTPASSWD" >"$DOCKER_CONFIG/config.json"
    run_ok shale pull -q "$HTPASSWD/busybox:1.0"
    echo '{"credsStore":"tst"}' >"$DOCKER_CONFIG/config.json"
    run_ok shale digest "$HTPASSWD/busybox:1.0"
    run_ok shale digest "$PLAIN/busybox:1.0" # the helper knows nothing: none are needed
}

@test "a helper that is not installed matters only where a login is wanted" {
    echo '{"credsStore":"not-installed"}' >"$DOCKER_CONFIG/config.json"
    run_ok shale digest "$PLAIN/busybox:1.0"
    run_fails 1 "docker-credential-not-installed" shale digest "$HTPASSWD/busybox:1.0"
}

@test "a broken config.json is one clear error" {
    echo '{"auths":' >"$DOCKER_CONFIG/config.json"
    run_fails 1 "config.json" shale pull "$PLAIN/busybox:1.0"
    [ "${#lines[@]}" = 1 ]
}

@test "tls: the CA of certs.d" {
    mkdir -p "$CERTS/$TLS"
    cp "$BATS_FILE_TMPDIR/tls/ca.crt" "$CERTS/$TLS/ca.crt"
    run_ok shale --certs-dir "$CERTS" pull "$TLS/busybox:1.0"
    has "Status: Downloaded newer image"
}

@test "tls: a certificate of another CA is refused" {
    mkdir -p "$CERTS/$TLS"
    cp "$BATS_FILE_TMPDIR/other/ca.crt" "$CERTS/$TLS/ca.crt"
    run_fails 1 "x509: certificate signed by unknown authority" shale --certs-dir "$CERTS" pull "$TLS/busybox:1.0"
    has "https://$TLS/v2/"
}

@test "tls: loopback needs no CA, as with docker" {
    run_ok shale --certs-dir "$CERTS" digest "$TLS/busybox:1.0"
}

@test "mtls: the registry wants a certificate of ours" {
    mkdir -p "$CERTS/$MTLS"
    cp "$BATS_FILE_TMPDIR/mtls/ca.crt" "$CERTS/$MTLS/ca.crt"
    local no="pull access denied" # ours answers, in HTTP; the other one breaks the handshake off
    [ "${REGISTRY_KIND:-shale}" = shale ] || no="remote error: tls:"
    run_fails 1 "$no" shale --certs-dir "$CERTS" digest "$MTLS/busybox:1.0"
    cp "$BATS_FILE_TMPDIR"/mtls/client.cert "$CERTS/$MTLS/"
    run_fails 1 "missing key" shale --certs-dir "$CERTS" digest "$MTLS/busybox:1.0"
    cp "$BATS_FILE_TMPDIR"/mtls/client.key "$CERTS/$MTLS/"
    run_ok shale --certs-dir "$CERTS" pull "$MTLS/busybox:1.0"
}

@test "token: what everybody may pull needs no login, and one token" {
    : >"$BATS_FILE_TMPDIR/token/token.log"
    run_ok shale pull "$TOKEN/busybox:1.0"
    run cat "$BATS_FILE_TMPDIR/token/token.log"
    [ "$output" = "anonymous ['repository:busybox:pull']" ]
}

@test "token: what is not for everybody is refused in docker's words" {
    run_fails 1 "pull access denied for $TOKEN/team/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied" \
        shale pull "$TOKEN/team/app:v1"
}

@test "token: with credentials, which only the token server sees" {
    login "$TOKEN" user secret
    run_ok shale pull "$TOKEN/team/app:v1"
    login "$TOKEN" user wrong
    run_fails 1 "unauthorized: incorrect username or password" shale pull "$TOKEN/busybox:1.0"
}
