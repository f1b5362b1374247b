#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Logging in to registries and out of them; what docker and skopeo then find in config.json.

load lib

setup_file() { registry_doors htpasswd token; }
teardown_file() { registry_stop_all; }
setup() { fresh_store; }
teardown() { drop_store; }

config() { jq -c "$1" "$DOCKER_CONFIG/config.json"; }
login() { shale login -u user --password-stdin "$@" <<<secret; }

@test "a good password is kept, and used by others" {
    run_ok login "$HTPASSWD"
    has "Login Succeeded"
    has "WARNING! Your credentials are stored unencrypted in '$DOCKER_CONFIG/config.json'."
    [ "$(config ".auths[\"$HTPASSWD\"].auth")" = "\"$(printf user:secret | base64)\"" ]
    [ "$(stat -c %a "$DOCKER_CONFIG/config.json")" = 600 ]
    run_ok shale pull -q "$HTPASSWD/busybox:1.0"
    run_ok skopeo inspect --raw --tls-verify=false --authfile "$DOCKER_CONFIG/config.json" "docker://$HTPASSWD/busybox:1.0"
    run_ok shale login "$HTPASSWD" </dev/null
    has "Authenticating with existing credentials... [Username: user]"
    has "Login Succeeded"
}

@test "what else is in config.json stays" {
    echo '{"auths":{"other.example.com":{"auth":"eDp5"}},"detachKeys":"ctrl-a","HttpHeaders":{"X-Meta-A":"b"}}' >"$DOCKER_CONFIG/config.json"
    run_ok login "http://$HTPASSWD/v1/"
    [ "$(config '.auths | keys | length')" = 2 ]
    [ "$(config .detachKeys)" = '"ctrl-a"' ]
    run_ok shale logout "$HTPASSWD"
    [ "$output" = "Removing login credentials for $HTPASSWD" ]
    [ "$(config '.auths | keys')" = '["other.example.com"]' ]
    run_ok shale logout "$HTPASSWD"
    [ "$output" = "Not logged in to $HTPASSWD" ]
    [ "$(config .HttpHeaders)" = '{"X-Meta-A":"b"}' ]
}

@test "a link to config.json stays one" {
    mv "$DOCKER_CONFIG" "$DOCKER_CONFIG.real" 2>/dev/null || mkdir "$DOCKER_CONFIG.real"
    mkdir -p "$DOCKER_CONFIG"
    echo '{}' >"$DOCKER_CONFIG.real/my.json"
    ln -s ../docker.real/my.json "$DOCKER_CONFIG/config.json"
    run_ok login "$HTPASSWD"
    [ -L "$DOCKER_CONFIG/config.json" ]
    [ "$(jq -c '.auths | keys | length' "$DOCKER_CONFIG.real/my.json")" = 1 ]
}

@test "tokens" {
    run_ok login "$TOKEN"
    run_ok shale pull -q "$TOKEN/team/app:v1"
    run_fails 1 "unauthorized: incorrect username or password" shale login -u user --password-stdin "$TOKEN" <<<wrong
}

@test "a wrong password is not kept" {
    run_fails 1 "unauthorized: authentication required" shale login -u user --password-stdin "$HTPASSWD" <<<wrong
    hasnt wrong
    [ ! -e "$DOCKER_CONFIG/config.json" ]
    # and does not take the place of a good one
    run_ok login "$HTPASSWD"
    run_fails 1 "unauthorized" shale login -u user --password-stdin "$HTPASSWD" <<<wrong
    [ "$(config ".auths[\"$HTPASSWD\"].auth")" = "\"$(printf user:secret | base64)\"" ]
}

@test "a credential helper keeps it" {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    cat >"$BATS_TEST_TMPDIR/bin/docker-credential-tst" <<END
#!/bin/sh
f=$BATS_TEST_TMPDIR/kept
case \$1 in
store) cat >\$f ;;
get) [ -e \$f ] && cat \$f || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) rm -f \$f ;;
esac
END
    chmod +x "$BATS_TEST_TMPDIR/bin/docker-credential-tst"
    export PATH=$BATS_TEST_TMPDIR/bin:$PATH
    echo '{"credsStore":"tst"}' >"$DOCKER_CONFIG/config.json"
    run_ok login "$HTPASSWD"
    hasnt WARNING
    [ "$(jq -c . "$BATS_TEST_TMPDIR/kept")" = "{\"ServerURL\":\"$HTPASSWD\",\"Username\":\"user\",\"Secret\":\"secret\"}" ]
    [ "$(config .auths)" = null ]
    run_ok shale pull -q "$HTPASSWD/busybox:1.0"
    run_ok shale logout "$HTPASSWD"
    has "Removing login credentials"
    [ ! -e "$BATS_TEST_TMPDIR/kept" ]
    run_ok shale logout "$HTPASSWD"
    has "Not logged in"
}

@test "a terminal is asked for what is missing, and does not show the password" {
    run python3 - "$SHALE_BIN" "$HTPASSWD" <<'END'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "login", sys.argv[2]])
seen = b""
def until(text):
    global seen
    end = time.time() + 20
    while text not in seen and time.time() < end:
        seen += os.read(fd, 4096)
until(b"Username: ")
os.write(fd, b"user\n")
until(b"Password: ")
time.sleep(0.2)
os.write(fd, b"secret\n")
until(b"Login Succeeded")
_, status = os.waitpid(pid, 0)
print(seen.decode())
sys.exit(os.waitstatus_to_exitcode(status))
END
    [ "$status" = 0 ]
    has "Login Succeeded"
    hasnt secret
}

@test "mistakes" {
    run_fails 1 "Cannot perform an interactive login from a non TTY device" shale login "$HTPASSWD" </dev/null
    run_fails 1 "cannot specify both --password and --password-stdin" shale login -u a -p b --password-stdin "$HTPASSWD"
    run_fails 1 "the --password-stdin option requires --username to be set" shale login --password-stdin "$HTPASSWD"
    run_fails 1 "password is required" shale login -u user --password-stdin "$HTPASSWD" </dev/null
    run_fails 1 "connection refused" login 127.0.0.1:1
    run_fails 1 "not a registry" login "a b"
    echo '{' >"$DOCKER_CONFIG/config.json"
    run_fails 1 "config.json" login "$HTPASSWD"
    [ "$(cat "$DOCKER_CONFIG/config.json")" = "{" ]
}
