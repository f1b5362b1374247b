#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# `shale build`: images from Dockerfiles, their cache, and what goes wrong. RUN has no network here.
load lib
load build

setup() {
    context_setup
    mkdir -p "$ctx/src"
    echo hello >"$ctx/src/a.txt"
}


@test "build: files, config and history; a second time nothing is done" {
    dockerfile <<'END'
FROM @ AS base
ARG WHO=world
ENV A=1 B="two words"
WORKDIR /app
RUN echo hi $WHO $B > /out
COPY src/ ./src/
CMD ["cat", "/app/src/a.txt"]

FROM base
COPY --from=base /out /copied
LABEL x="y z"
EXPOSE 80 53/udp
USER 1000
END
    run_ok build -t app --label z=1
    run_ok shale run --rm --network none app
    [ "$output" = hello ]
    run_ok shale cat app /copied
    [ "$output" = "hi world two words" ]
    run_ok field '{{.Config.WorkingDir}} {{.Config.User}} {{.Config.Env}} {{.Config.Labels.x}} {{.Config.Labels.z}}' app
    [ "$output" = "/app 1000 [PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin A=1 B=two words] y z 1" ] ||
        { echo "$output"; return 1; }
    run_ok shale history --no-trunc --format '{{.CreatedBy}}|{{.Comment}}' app
    has 'USER 1000|buildkit.dockerfile.v0
EXPOSE map[53/udp:{} 80/tcp:{}]|buildkit.dockerfile.v0
LABEL x=y z|buildkit.dockerfile.v0
COPY /out /copied # buildkit|buildkit.dockerfile.v0
CMD ["cat" "/app/src/a.txt"]|buildkit.dockerfile.v0
COPY src/ ./src/ # buildkit|buildkit.dockerfile.v0
RUN |1 WHO=world /bin/sh -c echo hi $WHO $B > /out # buildkit|buildkit.dockerfile.v0
WORKDIR /app|buildkit.dockerfile.v0
ENV A=1 B=two words|buildkit.dockerfile.v0
ARG WHO=world|buildkit.dockerfile.v0'

    # Nothing is run or mounted, no layer is made, and the image is the same one.
    first=$(field '{{.Id}}' app)
    layers=$(ls "$SHALE_ROOT/layers")
    export ASAN_OPTIONS=detect_leaks=0 # the search for leaks does not work while strace looks on
    run_ok strace -f -qq -e trace=execve,mount,fsopen,fsmount,open_tree -o "$BATS_TEST_TMPDIR/trace" \
        "$SHALE_BIN" build --network none --progress plain -t app --label z=1 "$ctx"
    [ "$(cached)" = 5 ] || { echo "$output"; return 1; }
    [ "$(field '{{.Id}}' app)" = "$first" ]
    [ "$(ls "$SHALE_ROOT/layers")" = "$layers" ]
    [ "$(grep -cv 'execve("[^"]*shale"' "$BATS_TEST_TMPDIR/trace")" = 0 ] || { cat "$BATS_TEST_TMPDIR/trace"; return 1; }

    # Another file: what stands before it stays; another argument: what follows it does not.
    echo changed >"$ctx/src/a.txt"
    run_ok build -t app
    [ "$(cached)" = 3 ] || { echo "$output"; return 1; }
    [ "$(shale run --rm --network none app)" = changed ]
    run_ok shale images -q --filter dangling=true
    [ "$(wc -l <<<"$output")" = 1 ]
    run_ok build -t app --build-arg WHO=me --build-arg NOBODY=1
    has '[Warning] One or more build-args [NOBODY] were not consumed'
    [ "$(shale cat app /copied)" = "hi me two words" ]
}

@test "build: what fails says where, ends with the command's status, and changes nothing" {
    dockerfile <<<$'FROM @\nRUN echo first > /f'
    run_ok build -t app
    before=$(field '{{.Id}}' app)
    dockerfile <<'END'
FROM @
RUN echo first > /f
RUN echo why it failed >&2; \
    exit 42
END
    run build -t app
    [ "$status" = 42 ] || { echo "$status: $output"; return 1; }
    has "process \"/bin/sh -c echo why it failed >&2;     exit 42\" did not complete successfully: exit code: 42"
    has "   3 | >>> RUN echo why it failed >&2; \\"
    [ "$(cached)" = 2 ]
    has "The steps that were done are kept: the same build goes on behind them."
    [ "$(field '{{.Id}}' app)" = "$before" ]
    [ -z "$(ls -A "$SHALE_ROOT/builds" 2>/dev/null)" ]

    dockerfile <<<$'FROM @\nCOPY nosuch /'
    run_fails 1 'Dockerfile:2:1: "/nosuch": not found' build
    hasnt "are kept"
    dockerfile <<<$'FROM @\nRUNN x'
    run_fails 1 "did you mean RUN?" build
    dockerfile <<<$'FROM @ AS a\nCOPY --from=b /x /\nFROM @ AS b\nCOPY --from=a /x /'
    run_fails 1 "circular dependency detected on stage" build
    dockerfile <<<'FROM @'
    run_fails 1 'target stage "nosuch" could not be found' build --target nosuch
    run_fails 1 'invalid reference format' build -t 'X:?'
    run_fails 1 'path "/nosuch" not found' shale build /nosuch
}

@test "build: stages that are not needed, arguments, output files" {
    dockerfile <<'END'
ARG BASE=nosuch
FROM $BASE AS one
ARG TARGETARCH
RUN echo one $TARGETARCH > /one
FROM one AS two
RUN exit 1
FROM scratch
COPY --from=one /one /one
END
    run_ok build -q --build-arg "BASE=$image" --iidfile "$BATS_TEST_TMPDIR/iid" --metadata-file "$BATS_TEST_TMPDIR/meta" -t a:1 -t b
    id=$(field '{{.Id}}' a:1)
    [ "$output" = "$id" ] || { echo "$output"; return 1; }
    [ "$(cat "$BATS_TEST_TMPDIR/iid")" = "$id" ]
    [ "$(field '{{.Id}}' b)" = "$id" ]
    [ "$(jq -r '."containerimage.config.digest", ."image.name"' "$BATS_TEST_TMPDIR/meta")" = "$id
docker.io/library/a:1,docker.io/library/b:latest" ]
    [ "$(shale cat a:1 /one)" = "one $(field '{{.Architecture}}' a:1)" ]
    [ "$(shale inspect --format '{{len .RootFS.Layers}}' a:1)" = 1 ]
    # A tar on standard output stays one.
    shale build -q --network none --build-arg "BASE=$image" -o - -o type=image,name=c "$ctx" >"$BATS_TEST_TMPDIR/tar"
    [ "$(tar xOf "$BATS_TEST_TMPDIR/tar" one)" = "$(shale cat c /one)" ]
    [ "$(grep -ac sha256: "$BATS_TEST_TMPDIR/tar")" = 0 ]
    run_ok build --build-arg "BASE=$image" --no-cache --target one
    [ "$(cached)" = 1 ] || { echo "$output"; return 1; }
}

@test "build: mounts of RUN, heredocs, triggers, times that are given" {
    echo s3cret >"$BATS_TEST_TMPDIR/secret"
    dockerfile <<'END'
FROM @
RUN --mount=type=bind,source=src,target=/ctx --mount=type=tmpfs,target=/t cat /ctx/a.txt > /got; touch /t/x
RUN --mount=type=cache,target=/c date +%s%N > /c/f
RUN --mount=type=secret,id=s wc -c < /run/secrets/s > /count
RUN <<A
#!/bin/cat
A
COPY <<B <<"C" /h/
$PATH
B
$PATH
C
ONBUILD RUN echo triggered > /t2
HEALTHCHECK --interval=5s CMD true
END
    run_ok build -t base --secret "id=s,src=$BATS_TEST_TMPDIR/secret" --build-arg SOURCE_DATE_EPOCH=86400
    has '#!/bin/cat'
    [ "$(shale cat base /got /count)" = "hello
7" ]
    [ "$(shale cat base /h/B /h/C)" = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
\$PATH" ]
    run_ok shale ls base /
    hasnt secrets
    [ "$(field '{{.Created}}' base)" = 1970-01-02T00:00:00Z ]
    run_ok field '{{.Config.Healthcheck.Test}} {{.Config.OnBuild}}' base
    [ "$output" = "[CMD-SHELL true] [RUN echo triggered > /t2]" ]
    dockerfile <<<$'FROM base\nRUN cat /t2'
    run_ok build -t top
    has triggered
    [ "$(field '{{.Config.OnBuild}}' top)" = "[]" ]
}

@test "build: the cache holds layers, is shown, and is pruned" {
    dockerfile <<<$'FROM @\nRUN echo x > /x'
    run_ok build -t app
    run_ok shale rmi app
    run_ok shale builder du
    has "/bin/sh -c echo x > /x"
    run_ok build -t app
    [ "$(cached)" = 2 ]
    run_ok shale builder prune -f
    has "Total:"
    run_ok build -t app
    [ "$(cached)" = 2 ]
    shale rmi app
    run_ok shale builder prune -f --filter until=1h
    hasnt "Deleted"
    run_ok shale builder prune -f
    has "Deleted build cache objects:"
    [ "$(find "$SHALE_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" = 1 ]
    run_ok build -t app
    [ "$(cached)" = 1 ]
    run_fails 1 "invalid filter" shale builder prune -f --filter nosuch=1
}
