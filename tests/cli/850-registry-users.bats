#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Users, keys and the config file of a registry, by command.
load lib.bash

setup() {
    fresh_store
    cd "$BATS_TEST_TMPDIR" || return 1
}

@test "users: add, list, new password, remove; Apache's htpasswd agrees" {
    echo one | shale registry user add --file users --cost 4 --password-stdin alice
    printf 'two words\r\n' | shale registry user add --file users --cost 4 --password-stdin bob
    run_ok shale registry user ls --file users
    [ "$output" = "alice
bob" ]
    htpasswd -vb users alice one
    htpasswd -vb users bob "two words"
    echo three | shale registry user passwd --file users --cost 4 --password-stdin alice
    run_fails 3 "verification failed" htpasswd -vb users alice one
    htpasswd -vb users alice three
    run_ok shale registry user rm --file users alice
    run_ok shale registry user ls --file users
    [ "$output" = bob ]
    [ "$(stat -c %a users)" = 640 ]
}

@test "users: mistakes are told and change nothing" {
    echo one | shale registry user add --file users --cost 4 --password-stdin alice
    sum=$(sha256sum users)
    run_fails 1 "user alice exists already" shale registry user add --file users --password-stdin alice <<<x
    run_fails 1 "no such user: bob" shale registry user passwd --file users --password-stdin bob <<<x
    run_fails 1 "no such user: bob" shale registry user rm --file users bob
    run_fails 1 "no blanks" shale registry user add --file users --password-stdin "a b" <<<x
    run_fails 1 "no password" shale registry user add --file users --password-stdin carol </dev/null
    run_fails 1 "an empty password" shale registry user add --file users --password-stdin carol <<<""
    run_fails 1 "at most 72 bytes" shale registry user add --file users --password-stdin carol <<<"$(printf 'x%.0s' {1..73})"
    run_fails 1 "a bcrypt cost is from 4 to 16" shale registry user add --file users --cost 31 --password-stdin carol <<<x
    run_fails 1 "use --password-stdin" shale registry user add --file users carol </dev/null
    run_fails 1 "which password file" shale registry user ls --config none.conf
    [ "$(sha256sum users)" = "$sum" ]
}

# Types a line each time the terminal's log has one more question: type_after LOG LINE...
type_after() {
    local log=$1 n=0 line
    shift
    for line in "$@"; do
        n=$((n + 1))
        for _ in $(seq 600); do
            [ "$(grep -aoE '(Password|Again): ' "$log" 2>/dev/null | wc -l)" -ge "$n" ] && break
            sleep 0.05
        done
        printf '%s\n' "$line"
    done
}

@test "users: at a terminal the password is asked for twice and not shown" {
    type_after log secret secret | script -qfec "$SHALE_BIN registry user add --file users --cost 4 alice" log
    htpasswd -vb users alice secret
    run_fails 1 "" grep -c secret log
    if type_after log2 one two | script -qfec "$SHALE_BIN registry user add --file users bob" log2; then return 1; fi
    grep -q "the passwords differ; nothing is changed" log2
    [ "$(shale registry user ls --file users)" = alice ]
}

@test "config: the example is right, a mistake has its line; it names the password file" {
    shale registry config --example >example.conf
    run_ok shale registry config example.conf
    [ -z "$output" ]
    printf '[auth]\ntype = htpasswd\nhtpasswd = users\n' >r.conf
    run_ok shale registry config r.conf
    echo x | shale registry user add --config r.conf --cost 4 --password-stdin alice
    [ "$(shale registry user ls --config r.conf)" = alice ]
    [ -f users ]
    printf '[listen]\nadress = :1\n' >bad.conf
    run_fails 1 'bad.conf:2: unknown key "adress" in [listen]; did you mean "address"?' shale registry config bad.conf
    run_fails 1 "none.conf" shale registry config none.conf
}

@test "keygen: a key that openssl reads; an existing file stays" {
    run_ok shale registry keygen key.pem
    openssl pkey -in key.pem -noout -text | grep -q prime256v1
    [ "$(stat -c %a key.pem)" = 640 ]
    sum=$(sha256sum key.pem)
    run_fails 1 "key.pem" shale registry keygen key.pem
    [ "$(sha256sum key.pem)" = "$sum" ]
}

@test "registry.conf(5) comes from the same table" {
    shale __man registry.conf >registry.conf.5
    grep -q '^.B token_key$' registry.conf.5
    grep -q 'SH \[rule "GLOB"\]' registry.conf.5
}
