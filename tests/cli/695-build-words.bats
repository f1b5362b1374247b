#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# `shale build`: what Dockerfiles may say, and what is said of them when they are wrong.
load lib
load build

setup() { context_setup; }

@test "what a stage declares goes on into stages on top; ports, signals, and other things that builders take" {
    echo here >"$ctx/file"
    printf s3cret >"$BATS_TEST_TMPDIR/secret"
    dockerfile <<'END2'
FROM @ AS one
ARG WHO=me NOT
FROM one AS two
ENV GREET="hi $WHO" none=""
WORKDIR /var/www
COPY file $none
RUN --mount=type=secret,source=s,ro test "$WHO|$(cat /run/secrets/s /var/www/file)" = "me|s3crethere"
EXPOSE 80/TCP 127.0.0.1:81:82/ [::1]:83-84:8000-8001/udp
STOPSIGNAL SIGRTMIN+3
FROM @
RUN test -z "$WHO"
COPY --from=two /var/www/file /
END2
    run_ok build -t two --target two --secret "id=s,src=$BATS_TEST_TMPDIR/secret" --build-arg NOT=1
    hasnt "not consumed"
    hasnt UndefinedVar
    run_ok shale inspect -f '{{.Config.Env}} {{.Config.ExposedPorts}} {{.Config.StopSignal}}' two
    has 'GREET=hi me none=] map[80/tcp:{} 8000/udp:{} 8001/udp:{} 82/tcp:{}] SIGRTMIN+3'
    run_ok shale history --format '{{.CreatedBy}}' --no-trunc two
    has 'EXPOSE map[80/tcp:{} 8000/udp:{} 8001/udp:{} 82/tcp:{}]'
    has 'RUN |2 WHO=me NOT=1 /bin/sh -c'
    run_ok build --secret "id=s,src=$BATS_TEST_TMPDIR/secret"
    # A text that is too long for an argument of a program.
    { printf 'FROM %s\nRUN <<E\n' "$image"; yes ': a line that is long' | head -n 10000; printf 'echo "to the end" >/end\nE\n'; } >"$ctx/Dockerfile"
    run_ok build -t long
    [ "$(shale cat long /end)" = "to the end" ]
    # A context has all names of an image.
    mkdir "$BATS_TEST_TMPDIR/other"
    echo other >"$BATS_TEST_TMPDIR/other/o"
    printf 'FROM debian:latest\nCOPY --from=docker.io/library/alpine:3 o /p\n' >"$ctx/Dockerfile"
    run_ok build -t named --build-context "debian=$BATS_TEST_TMPDIR/other" --build-context "alpine:3=$BATS_TEST_TMPDIR/other"
    [ "$(shale cat named /o /p | sort -u)" = other ]
}

@test "mistakes are told before anything is done: where, and what was meant" {
    # wrong TEXT LINE [OPTION...]: as the last instruction
    wrong() {
        printf 'FROM %s AS build\nRUN echo has begun\n%s\n' "$image" "$2" >"$ctx/Dockerfile"
        run_fails 1 "$1" build "${@:3}" || return 1
        hasnt "#2 "
        has "   3 | >>> ${2%%$'\n'*}"
    }
    wrong 'Dockerfile:3:5: --mount: unsupported mount type "bnd" (did you mean bind?)' 'RUN --mount=type=bnd,target=/x true'
    wrong 'Dockerfile:3:20: --mount: unexpected key "taget" (did you mean target?)' 'RUN --network=none --mount=type=cache,taget=/x true'
    wrong '--mount: unsupported sharing value "lokced" (did you mean locked?)' 'RUN --mount=type=cache,target=/x,sharing=lokced true'
    wrong "both source and id can't be set" 'RUN --mount=type=secret,id=a,source=b true'
    wrong 'secret a: not given' 'RUN --mount=type=secret,target=/x/a,required true'
    wrong 'must be allowed' 'RUN --security=insecure true'
    wrong '--allow network.host' 'RUN --network=host true'
    wrong "invalid chmod parameter: 'rwx'" 'COPY --chmod=rwx x /'
    wrong 'invalid signal: SIGNOPE' 'STOPSIGNAL SIGNOPE'
    wrong 'invalid hostPort: a' 'EXPOSE a:80'
    wrong 'time: missing unit in duration "5"' 'HEALTHCHECK --interval=5 CMD true'
    wrong "missing '}'" 'WORKDIR /x${X'
    wrong 'unsupported modifier (!)' 'ENV X="${X!y}"'
    wrong 'Dockerfile:3:1: invalid from flag value 7: index out of bounds' 'COPY --from=7 /a /b'
    printf 'FROM %s AS build\nFROM biuld\n' "$image" >"$ctx/Dockerfile"
    https_proxy=http://127.0.0.1:1 run_fails 1 '(did you mean the stage build?)' build
    printf 'FROM %s AS build\n' "$image" >"$ctx/Dockerfile"
    run_fails 1 'target stage "bild" could not be found (did you mean build?)' build --target bild
    run_fails 1 'could not be found (did you mean build?)' build --check --target bild
    run_fails 1 'is neither a folder nor a URL of http, https, git or ssh' shale build ftp://127.0.0.1/x
    run_fails 1 'neither the socket of an agent nor a private key' build --ssh "default=$ctx/Dockerfile"
    run_fails 1 "$ctx/nosuch" build --ssh "default=$ctx/nosuch"
    SSH_AUTH_SOCK='' run_fails 1 '--ssh default: no agent' build --ssh default
    # --check needs nothing that only the build itself is given, and sees the stages that it has
    printf 'FROM %s AS low\nRUN --mount=type=secret,id=a,required true\nRUN --mount=type=ssh,required true\nRUN --security=insecure true\n' "$image" >"$ctx/Dockerfile"
    SSH_AUTH_SOCK='' run_ok build --check
    SSH_AUTH_SOCK='' run_ok build --check --platform linux/amd64,linux/arm64
    [ "$output" = "Check complete, no warnings found." ]
    run_fails 1 '--platform' build --check --platform linux/amd64,linux/nosuch:x
    printf 'FROM scratch AS s\nCOPY --from=more a /\nFROM scratch AS more\nCOPY --from=s /a /\n' >"$ctx/Dockerfile"
    run_fails 1 'circular dependency' build --check
    run_ok build --check --build-context "more=docker-image://$image"
    run_fails 1 'invalid context value' build --check --build-context more
    # --check shows the place, too, and takes its options from outside
    printf 'FROM %s\nRUNN x\n' "$image" >"$ctx/Dockerfile"
    run_fails 1 '   2 | >>> RUNN x' build --check
    printf 'FROM %s\nMAINTAINER x\nUSER $NOWHERE$PATH\nRUN --mount=tagret=/x true\n' "$image" >"$ctx/Dockerfile"
    run_fails 1 'Dockerfile:4:5: --mount: unexpected key "tagret"' build --check
    sed -i '$d' "$ctx/Dockerfile"
    run_fails 1 "Usage of undefined variable '\$NOWHERE'" build --check
    has MaintainerDeprecated
    run_fails 1 "UndefinedVar" build --check --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=MaintainerDeprecated
    hasnt MaintainerDeprecated
    run_fails 1 'BUILDKIT_DOCKERFILE_CHECK: invalid check option "x"' build --check --build-arg BUILDKIT_DOCKERFILE_CHECK=x
}

@test "--call: what a Dockerfile offers; --builder, and what says nothing" {
    cat >"$ctx/Dockerfile" <<'END2'
# VERSION of the base
ARG VERSION=1
ARG UNUSED=2
FROM base:$VERSION AS low
# WHO is greeted
ARG WHO=you
ENV GREETING=hello
RUN --mount=type=secret,id=token,required --mount=type=ssh true
FROM scratch AS other
ARG ELSEWHERE
FROM scratch
# last is what people want
FROM low AS last
ARG VERSION
ARG TEXT="$GREETING $WHO"
RUN --mount=type=secret,id=token --mount=type=secret,id=$WHO true
END2
    table() { sed 's/ *$//' <<<"$output"; } # cells are padded
    run_ok build --call targets
    diff - <(table) <<'END2'
TARGET           DESCRIPTION
low
other
2
last (default)   is what people want
END2
    run_ok build --call=outline --builder default --build-arg WHO=me
    diff - <(table) <<'END2'
TARGET:        last
DESCRIPTION:   is what people want

BUILD ARG   VALUE      DESCRIPTION
VERSION     1          of the base
WHO         me         is greeted
TEXT        hello me

SECRET    REQUIRED
token     true
me

SSH       REQUIRED
default
END2
    run_ok build --call outline --target other
    diff - <(table) <<'END2'
TARGET:   other

BUILD ARG   VALUE     DESCRIPTION
ELSEWHERE
END2
    run_fails 1 "Check complete, 2 warnings" build --call check
    run_fails 1 '--call "x": build, check, outline or targets' build --call x
    run_fails 1 'no builder "x" found' build --builder x
    printf 'FROM scratch\nENV A=1\n' >"$ctx/Dockerfile"
    run_ok build --isolation hyperv --security-opt seccomp=unconfined
    has "WARNING: isolation flag is deprecated"
    has "WARNING: security-opt flag is deprecated"
}
