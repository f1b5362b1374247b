#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# `shale build` with Dockerfiles, options and agents that nobody means well.
load lib
load build

setup() { context_setup; }
teardown() {
    [ -z "${AGENT:-}" ] || kill "$AGENT" 2>/dev/null || true
    drop_store
}

@test "10,000 stages, each with a history: no more memory than one needs" {
    {
        echo 'FROM scratch AS s0'
        seq 9999 | awk '{printf "FROM s%d AS s%d\nENV A%d=1\n", $1 - 1, $1, $1 % 50}'
    } >"$ctx/Dockerfile"
    run_ok build -t long
    [ "$(shale history -q long | wc -l)" = 9999 ]
    # A stage that several others need is what it was for each of them.
    dockerfile <<'END2'
FROM @ AS base
ENV A=1
RUN echo base >/f
FROM base AS one
ENV B=1
COPY --from=base /f /g
FROM base AS two
ENV C=1
FROM two
COPY --from=one /g /h
COPY --from=base /f /i
END2
    run_ok build -t shared
    run_ok shale inspect -f '{{.Config.Env}} {{len .RootFS.Layers}}' shared
    has "A=1 C=1] $(($(shale inspect -f '{{len .RootFS.Layers}}' "$image") + 3))"
}

@test "secrets as variables, more than there may be mounts; what the shell expands is shown as it is" {
    {
        echo 'FROM @'
        printf 'RUN'
        printf ' --mount=type=secret,id=s,env=V%d' {1..300}
        # shellcheck disable=SC2016
        echo ' echo "$V1-$V300\n" | tr a-z A-Z'
    } | dockerfile
    printf xyzzy7plugh >"$BATS_TEST_TMPDIR/secret"
    run_ok build --secret id=s,src="$BATS_TEST_TMPDIR/secret"
    has 'echo "$V1-$V300\n" | tr'
    has "XYZZY7PLUGH-XYZZY7PLUGH"
    run grep -rl xyzzy7plugh "$SHALE_ROOT"
    [ "$status" = 1 ] || { echo "$output"; return 1; }
}

@test "RUN --mount=type=ssh alone has the agent where programs look for it" {
    need ssh-agent
    dockerfile <<'END2'
FROM @
RUN --mount=type=ssh test -S "$SSH_AUTH_SOCK" && echo "at $SSH_AUTH_SOCK"
RUN --mount=type=ssh,id=none echo "none: ${SSH_AUTH_SOCK:-}."
END2
    ssh-agent -D -a "$BATS_TEST_TMPDIR/sock" >/dev/null 2>&1 3>&- &
    AGENT=$!
    for _ in $(seq 600); do [ ! -S "$BATS_TEST_TMPDIR/sock" ] || break; sleep 0.05; done
    run_ok build --ssh default="$BATS_TEST_TMPDIR/sock"
    has 'at /run/buildkit/ssh_agent.0'
    has 'none: .'
}

@test "RUN --mount=type=ssh with keys has an agent of the build's own, which ends with it" {
    need ssh-agent
    local k=$BATS_TEST_TMPDIR/key
    ssh-keygen -q -t ed25519 -N '' -f "$k"
    ssh-keygen -q -t rsa -b 2048 -N '' -f "$k.rsa"
    ssh-keygen -q -t ed25519 -N secret -f "$k.locked"
    chmod 644 "$k" # whoever may read it
    push "$SHALE_IMAGES/debian:1.0" debian:1.0
    # Its keys, and a signature of the first.
    cat >"$ctx/ask.pl" <<'END2'
use Socket;
sub ask { my ($m) = @_; my ($n, $b); syswrite S, pack("N/a", $m); sysread S, $n, 4; sysread S, $b, unpack("N", $n); $b }
socket(S, AF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ENV{SSH_AUTH_SOCK})) or die $!;
my ($type, $keys, $first) = unpack("CNN/a", ask(chr 11));
my $signed = ask(pack("CN/aN/aN", 13, $first, "data", 0));
print "$ENV{SSH_AUTH_SOCK}: keys $keys, signed ", unpack("C", $signed) == 14 ? "yes" : "no", "\n";
END2
    printf 'FROM %s AS one\nCOPY ask.pl /\n%s\nFROM one\n%s\n' "$REGISTRY_HOST/debian:1.0" \
        'RUN --mount=type=ssh,required perl /ask.pl' 'RUN --mount=type=ssh,id=more perl /ask.pl && ls -R /run/buildkit /tmp' >"$ctx/Dockerfile"
    before=$(ls -d /tmp/ssh-* 2>/dev/null) || true
    run_ok build --ssh "default=$k,$k.rsa" --ssh "more=$k"
    has "/run/buildkit/ssh_agent.0: keys 2, signed yes"
    has "/run/buildkit/ssh_agent.0: keys 1, signed yes"
    [ "$(ls -d /tmp/ssh-* 2>/dev/null)" = "$before" ] # and the folder of its socket is gone
    run_fails 1 "one with a passphrase has to be given to an agent" build --no-cache --ssh "default=$k,$k.locked"
    has "no $k.locked"
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$k.sock"
    run_fails 1 "only a single socket is allowed" build --ssh "default=$k,$k.sock"
    run_fails 1 "openssh-client" env PATH=/nosuch "$SHALE_BIN" build --ssh "default=$k" "$ctx"
    mkfifo "$k.fifo"
    run_fails 1 "nor an ordinary file" timeout 10 "$SHALE_BIN" build --ssh "default=$k.fifo" "$ctx"
    # One that hangs ends with the build.
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\necho $$ >"%s"\nexec sleep 60\n' "$k.fifo" >"$BATS_TEST_TMPDIR/bin/ssh-add"
    chmod +x "$BATS_TEST_TMPDIR/bin/ssh-add"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH "$SHALE_BIN" build --no-cache --ssh "default=$k" "$ctx" >"$k.out" 2>&1 3>&- &
    local build=$! hung
    read -r hung <"$k.fifo"
    kill -TERM "$build"
    timeout 8 tail --pid="$build" -f /dev/null
    if wait "$build"; then false; fi
    ! grep -q '^State:.[^Z]' "/proc/$hung/status" 2>/dev/null # nothing but what its parent has to see
}

@test "options that make no sense are refused, whether they are needed or not" {
    printf 'FROM scratch\nENV A=1\n' >"$ctx/Dockerfile"
    run_fails 1 'invalid argument "foo" for --ulimit' build --ulimit foo
    run_fails 1 'bad format for add-host: "foo"' build --add-host foo
    run_fails 1 '--network: unsupported network mode "moon"' build --network moon
    run_fails 1 '--ssh "=x": write default, ID=SOCKET or ID=KEYFILE' build --ssh =x
    run_fails 1 '--label "=x" has no name' build --label =x
    run_fails 1 '--output: a folder, - or type=... is missing' build --output ''
}

@test "a step that another's failure stops is CANCELED; so is all that Ctrl-C stops" {
    dockerfile <<'END2'
FROM @ AS one
RUN echo running; exec sleep 300
FROM @ AS two
RUN --mount=type=cache,target=/c until [ -e /c/go ]; do sleep 0.05; done; exit 9
FROM scratch
COPY --from=one / /
COPY --from=two / /
END2
    build -t never >"$BATS_TEST_TMPDIR/log" 3>&- &
    pid=$!
    for _ in $(seq 600); do
        go=$(find "$SHALE_ROOT/buildcache" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | head -n 1)
        if [ -n "$go" ] && grep -q ' running$' "$BATS_TEST_TMPDIR/log"; then break; fi
        sleep 0.05
    done
    printf 'FROM %s\nRUN --mount=type=cache,target=/c touch /c/go\n' "$image" >"$BATS_TEST_TMPDIR/go"
    run_ok build -f "$BATS_TEST_TMPDIR/go"
    status=0
    wait "$pid" || status=$?
    output=$(cat "$BATS_TEST_TMPDIR/log")
    [ "$status" = 9 ] || { echo "$status: $output"; return 1; }
    [ "$(grep -c ' CANCELED$' <<<"$output")" = 1 ] || { echo "$output"; return 1; }
    [ "$(grep -c '^#[0-9]* ERROR' <<<"$output")" = 1 ] || { echo "$output"; return 1; }

    "$SHALE_BIN" build --network none --progress plain --target one --no-cache "$ctx" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
    pid=$!
    for _ in $(seq 600); do ! grep -q ' running$' "$BATS_TEST_TMPDIR/log" || break; sleep 0.05; done
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    output=$(cat "$BATS_TEST_TMPDIR/log")
    [ "$status" -gt 128 ] || { echo "$status: $output"; return 1; }
    has ' CANCELED'
    hasnt ERROR
    [ -z "$(ls "$SHALE_ROOT/builds")" ]
}
