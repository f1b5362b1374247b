#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What hostile and clumsy clients send to the daemon.
# shellcheck disable=SC2154

load lib
load daemon

setup_file() { daemon_start; }
teardown_file() { daemon_stop; }

hostile() { run_ok "$BATS_TEST_DIRNAME/api-hostile" "$DAEMON_SOCK" "$DAEMON_PID" "$1"; }

@test "heads that are none, or too large" { hostile heads; }
@test "paths with every trick of percent-encoding" { hostile paths; }
@test "bodies: malformed, of another type, 100 MB, broken chunks" { hostile bodies; }
@test "2,000 connections, and slow ones, cost no threads" { hostile many; }
@test "1,000 clients that wait; then they go" { hostile watchers; }
@test "clients that do not read" {
    for i in $(seq 60); do shale volume create "v$i" --label "big=$(printf '%2000d' 0)" >/dev/null; done
    hostile unread
}
