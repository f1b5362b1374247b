#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2034 # image and SHALE_* are container_setup's
# `shale build`: what stages wait for, and what they do not. RUN has no network here.
load lib
load build

setup() { context_setup; }

@test "a stage waits for another one where it needs it, and not before" {
    # `late` tells `early` through the shared folder that it is running: it could not if it began after it.
    dockerfile <<'END2'
FROM @ AS early
RUN --mount=type=cache,target=/c for i in $(seq 600); do [ ! -e /c/late ] || break; sleep 0.1; done; cat /c/late >/seen
FROM @ AS late
RUN --mount=type=cache,target=/c echo running >/c/late
COPY --from=early /seen /copied
RUN --mount=from=early,target=/e cat /e/seen >/mounted
END2
    run_ok build -t app
    [ "$(shale cat app /copied)" = running ] || { echo "$output"; return 1; }
    [ "$(shale cat app /mounted)" = running ]
    run_ok build
    [ "$(cached)" = 6 ] || { echo "$output"; return 1; }

    # A hundred stages, each begun before the one that it copies from is done.
    {
        printf 'FROM scratch AS s0\nCOPY Dockerfile /f0\n'
        seq 99 | awk '{printf "FROM scratch AS s%d\nENV A=%d\nCOPY --from=s%d /f%d /f%d\n", $1, $1, $1 - 1, $1 - 1, $1}'
    } >"$ctx/Dockerfile"
    run_ok build -t chain
    [ "$(shale cat chain /f99 | sha256sum)" = "$(sha256sum <"$ctx/Dockerfile")" ]
}

@test "triggers of ONBUILD have other stages built, which nobody has seen coming" {
    dockerfile <<'END2'
FROM @
ONBUILD COPY --from=made /made /got
ONBUILD RUN --mount=from=used,target=/u cat /u/used >>/got
END2
    run_ok build -t base
    dockerfile <<'END2'
FROM @ AS low
RUN echo low >/low
FROM low AS made
RUN cat /low >/made; echo made >>/made
FROM @ AS used
COPY --from=low /low /used
FROM base AS top
RUN cp /got /end
FROM scratch
COPY --from=used /used /first
COPY --from=top /end /end
END2
    run_ok build -t app
    [ "$(shale cat app /end)" = "low
made
low" ] || { echo "$output"; return 1; }
    # `low` is not done twice, and nothing is the second time.
    [ "$(grep -o '^#[0-9]* .* RUN echo low' <<<"$output" | sort -u | wc -l)" = 1 ] || { echo "$output"; return 1; }
    run_ok build
    [ "$(grep -c ' DONE ' <<<"$output")" -le 3 ] || { echo "$output"; return 1; }

    # Of a stage of the same file: what is needed is begun only then.
    dockerfile <<'END2'
FROM scratch AS parent
ONBUILD COPY --from=made /made /got
COPY Dockerfile /one
FROM @ AS made
RUN echo made >/made
FROM parent
COPY --from=parent /one /two
END2
    run_ok build -t child
    [ "$(shale cat child /got)" = made ]
    run_ok shale ls child /
    [ "$(tr '\n' ' ' <<<"$output")" = "got one two " ] || { echo "$output"; return 1; }

    # One that needs itself by way of a trigger is told so, at the FROM that has it.
    dockerfile <<'END2'
FROM base AS used
FROM used AS made
FROM made
END2
    run_fails 1 "Dockerfile:1:1: a trigger of ONBUILD needs stage made, which needs this one" build
    dockerfile <<<$'FROM base AS made'
    run_fails 1 "Dockerfile:1:1: a trigger of ONBUILD needs stage made, which needs this one" build
    # What fails in a trigger is shown at FROM, too.
    dockerfile <<<$'FROM scratch AS made\nFROM scratch AS used\nFROM base'
    run_fails 1 "Dockerfile:3" build
    has '"/made"'
}

@test "what is needed once more after it has gone, or has lent its config, is done again" {
    # `low` has given its config to `holds`, which waits until what a trigger wants of `low`, too, is made.
    dockerfile <<'END2'
FROM @ AS low
RUN echo low >/low
FROM low AS holds
RUN --mount=type=cache,target=/c touch /c/held; for i in $(seq 1200); do [ ! -e /c/made ] || break; sleep 0.1; done; cp /c/made /held
FROM low AS made
RUN --mount=type=cache,target=/c cp /low /made; cp /made /c/new; mv /c/new /c/made
FROM @ AS parent
ONBUILD COPY --from=made /made /got
RUN --mount=type=cache,target=/c for i in $(seq 1200); do [ ! -e /c/held ] || break; sleep 0.1; done; [ -e /c/held ]
FROM parent AS child
FROM scratch
COPY --from=holds /held /held
COPY --from=child /got /got
END2
    run_ok build -t app
    [ "$(shale cat app /held /got)" = "low
low" ] || { echo "$output"; return 1; }

    # One with triggers of its own does these once.
    dockerfile <<<$'FROM @\nONBUILD RUN echo once >>/t'
    run_ok build -t base
    dockerfile <<'END2'
FROM base AS low
RUN cp /t /x
FROM scratch AS mid
COPY --from=low /x /m
FROM scratch AS parent
ONBUILD COPY --from=low /x /got
COPY --from=mid /m /one
FROM parent
END2
    run_ok build -t app
    [ "$(shale cat app /got /one)" = "once
once" ] || { echo "$output"; return 1; }
    [ "$(grep -c '/5\]' <<<"$output")" = 0 ] || { echo "$output"; return 1; }

    # A variable names a stage that nobody has seen to be needed here, and that has gone.
    dockerfile <<'END2'
FROM scratch AS low
COPY Dockerfile /low
FROM scratch AS mid
COPY --from=low /low /m
FROM mid
ARG V=low
COPY --from=$V /low /x
END2
    run_fails 1 "variable expansion is not supported for --from of a stage (low)" build
}
