#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# `shale build`: a shell where a step failed.
load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() {
    container_setup
    ctx=$BATS_TEST_TMPDIR/ctx
    mkdir -p "$ctx"
}
teardown() { drop_store; }
dockerfile() { sed "s|@|$image|" >"$ctx/Dockerfile"; }
build() { shale build --network none --progress plain "$@" "$ctx" 2>&1; }

@test "build --debug-on-error: a shell in the state before the step" {
    dockerfile <<<$'FROM @\nENV WHO=me\nWORKDIR /w\nRUN echo before >f\nRUN --mount=type=tmpfs,target=/t echo after >>f; exit 7'
    run_fails 1 "must be a terminal" build --debug-on-error
    run python3 - "$SHALE_BIN" "$ctx" <<'END'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "build", "--network", "none", "--debug-on-error", "-t", "x", sys.argv[2]])
os.write(fd, b"echo [$WHO $(cat f) $(pwd) $(grep -c ' /t tmpfs ' /proc/mounts)]; exit 3\n")
seen = b""
while True:
    try:
        seen += os.read(fd, 4096)
    except OSError: # its end is closed
        break
_, status = os.waitpid(pid, 0)
print(seen.decode())
sys.exit(os.waitstatus_to_exitcode(status))
END
    [ "$status" = 7 ] || { echo "$status: $output"; return 1; }
    has "The command ended with status 7. This is /bin/sh in the state before it"
    has "[me before /w 1]"
    run_fails 1 "No such object" shale inspect x
    [ -z "$(ls -A "$SHALE_ROOT/builds" 2>/dev/null)" ]
}
