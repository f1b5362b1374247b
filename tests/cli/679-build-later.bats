#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# `shale build`: a shell where a step failed.
load lib
load build

setup() { context_setup; }

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

@test "build --platform of several: a list under the names, and what cannot run here" {
    dockerfile <<'END'
FROM --platform=$BUILDPLATFORM @ AS build
ARG TARGETARCH
RUN echo $TARGETARCH >/arch
FROM scratch
COPY --from=build /arch /arch
ENV A=1
END
    run_ok build --platform linux/amd64,linux/arm64/v8 --platform linux/s390x -t "$REGISTRY_HOST/many:1" --push \
        --metadata-file "$BATS_TEST_TMPDIR/meta"
    has "[linux/s390x stage-1 1/1] COPY --from=build /arch /arch"
    for p in amd64 arm64 s390x; do
        run_ok shale cat --platform "linux/$p" "$REGISTRY_HOST/many:1" /arch
        [ "$output" = $p ]
    done
    run_ok skopeo inspect --tls-verify=false --raw "docker://$REGISTRY_HOST/many:1"
    [ "$(jq -c '[.mediaType, [.manifests[].platform.architecture]]' <<<"$output")" = \
        '["application/vnd.oci.image.index.v1+json",["amd64","arm64","s390x"]]' ] || { echo "$output"; return 1; }
    [ "sha256:$(printf %s "$output" | sha256sum | cut -d' ' -f1)" = "$(jq -r '."containerimage.digest"' "$BATS_TEST_TMPDIR/meta")" ]
    run_ok shale images -q --filter dangling=true # the others belong to the list
    [ -z "$output" ]
    # Built again: the same. Removed: all of it goes.
    run_ok build --platform linux/amd64,linux/arm64,linux/s390x -t other
    [ "$(grep -c ' CACHED$' <<<"$output")" -ge 6 ] || { echo "$output"; return 1; }
    run_ok shale rmi "$REGISTRY_HOST/many:1" other
    run_ok shale images -aq
    [ "$(wc -l <<<"$output")" = 1 ] || { echo "$output"; return 1; }
    run_ok build --platform linux/amd64,linux/arm/v7 -o "$BATS_TEST_TMPDIR/out"
    [ "$(cat "$BATS_TEST_TMPDIR/out/linux_amd64/arch" "$BATS_TEST_TMPDIR/out/linux_arm_v7/arch")" = $'amd64\narm' ]
    run_ok build --platform linux/amd64,linux/arm/v7 -o "type=tar,dest=$BATS_TEST_TMPDIR/out.tar"
    [ "$(tar -tf "$BATS_TEST_TMPDIR/out.tar" | grep -v '_.*/.*/' | tr '\n' ' ')" = "linux_amd64/ linux_amd64/arch linux_arm_v7/ linux_arm_v7/arch " ] ||
        { tar -tvf "$BATS_TEST_TMPDIR/out.tar"; return 1; }
    [ "$(tar -xOf "$BATS_TEST_TMPDIR/out.tar" linux_amd64/arch linux_arm_v7/arch)" = $'amd64\narm' ]
    run_fails 1 "a name is missing" build --platform linux/amd64,
    run_fails 1 "--platform: \"a/b/c/d\": cannot parse" build --platform linux/amd64,a/b/c/d

    # A base of another platform has a program in it that cannot run.
    printf 'FROM scratch\nCOPY arch /arch' >"$ctx/Dockerfile"
    echo x >"$ctx/arch"
    run_ok build --platform linux/sparc64 -t strange
    printf 'FROM strange\nENV B=2\nRUN true' >"$ctx/Dockerfile"
    run_fails 1 "programs of linux/sparc64 do not run here" build --platform linux/sparc64
    has 'register an emulator (binfmt_misc'
    has "Dockerfile:3"
}

@test "build --annotation, --squash" {
    dockerfile <<<$'FROM @\nRUN echo a >/a; echo gone >/gone\nRUN rm /gone\nRUN echo b >/b\nCMD ["/b"]'
    run_ok build -t plain
    run_ok build -t "$REGISTRY_HOST/flat:1" --squash --push --annotation org.opencontainers.image.title=it --annotation "manifest:a=x:y=z" \
        --annotation "manifest[linux/s390x]:not=here"
    run_ok skopeo inspect --tls-verify=false --raw "docker://$REGISTRY_HOST/flat:1"
    [ "$(jq -Sc .annotations <<<"$output")" = '{"a":"x:y=z","org.opencontainers.image.title":"it"}' ] || { echo "$output"; return 1; }
    n=$(field '{{len .RootFS.Layers}}' "$image")
    [ "$(field '{{len .RootFS.Layers}}' "$REGISTRY_HOST/flat:1")" = $((n + 1)) ]
    [ "$(field '{{len .RootFS.Layers}}' plain)" = $((n + 3)) ]
    [ "$(field '{{.Config.Cmd}}' "$REGISTRY_HOST/flat:1")" = "[/b]" ]
    run_ok shale image diff --only files plain "$REGISTRY_HOST/flat:1"
    run_ok shale history --format '{{.Comment}}' "$REGISTRY_HOST/flat:1"
    has "3 layers in one"
    # Again: nothing is made. One layer, or none, stays what it is.
    id=$(field '{{.Id}}' "$REGISTRY_HOST/flat:1")
    run_ok build -t again --squash
    [ "$(field '{{.Id}}' again)" = "$id" ]
    dockerfile <<<$'FROM @\nRUN echo a >/a'
    run_ok build -t one
    run_ok build -t two --squash
    [ "$(field '{{.Id}}' one)" = "$(field '{{.Id}}' two)" ]

    dockerfile <<<$'FROM scratch\nCOPY Dockerfile /'
    run_fails 1 "are not supported" build --platform linux/amd64,linux/arm64 --annotation "pdf:y=1"
    run_ok build --platform linux/amd64,linux/arm64 -t "$REGISTRY_HOST/list:1" --push --annotation "index:i=1" \
        --annotation "manifest-descriptor[linux/arm64]:d=2"
    run_ok skopeo inspect --tls-verify=false --raw "docker://$REGISTRY_HOST/list:1"
    [ "$(jq -c '[.annotations, .manifests[0].annotations, .manifests[1].annotations]' <<<"$output")" = '[{"i":"1"},null,{"d":"2"}]' ] || { echo "$output"; return 1; }
    run_fails 1 "has no list" build --annotation index:i=1
    run_fails 1 "write NAME=value" build --annotation nothing
}

@test "build: the cache stays under its limit; cache mounts are shown and pruned; HOSTNAME" {
    step() { # a layer of 300 kB that no image has, by name
        dockerfile <<<$'FROM @ AS made\nRUN : '"$1"$'; head -c 300000 /dev/urandom >/f\nFROM scratch\nCOPY --from=made /etc/passwd /'"$1"
        run_ok build --target made -o "$BATS_TEST_TMPDIR/out"
    }
    rows() { shale builder du --format '{{.Description}}' | grep -o 'RUN : .*;\|: [a-z]*;' | tr -dc a-z; }
    step a
    step b
    step a # of use again
    [ "$(rows)" = ab ] || { shale builder du; return 1; }
    export SHALE_BUILD_CACHE_LIMIT=700k
    step c # now b is too much
    [ "$(rows)" = ca ] || { shale builder du; return 1; }
    step a
    has CACHED
    SHALE_BUILD_CACHE_LIMIT=lots run_fails 1 'SHALE_BUILD_CACHE_LIMIT' build
    unset SHALE_BUILD_CACHE_LIMIT

    dockerfile <<<$'FROM @\nRUN --mount=type=cache,target=/c head -c 100000 /dev/zero >/c/x; env >/env; hostname >>/env'
    run_ok build -t x
    run_ok shale cat x /env
    hasnt HOSTNAME
    has buildkitsandbox
    run_ok build -t x --build-arg BUILDKIT_SANDBOX_HOSTNAME=other
    [ "$(grep -c CACHED <<<"$output")" = 1 ] || { echo "$output"; return 1; } # the base
    hasnt "not consumed"
    run_ok shale cat x /env
    has $'\nother'
    run_ok shale builder du
    has "exec.cachemount"
    has "cached mount /c"
    run_ok shale builder prune -f # not these
    run_ok shale builder du --format '{{.Type}} {{.Description}}'
    has "exec.cachemount cached mount /c"
    run_ok shale builder prune -f --filter type=exec.cachemount
    has "Deleted build cache objects:"
    hasnt $'Total:\t0B'
    [ -z "$(ls "$SHALE_ROOT/buildcache")" ]
    run_ok build --no-cache -t x
    run_ok shale builder prune -af
    [ -z "$(ls "$SHALE_ROOT/buildcache")" ]
    run_ok shale builder du --format '{{.ID}}'
    [ -z "$output" ]
}

# What is registered is a stand-in for an emulator: busybox, which takes the program's name as that of the applet.
@test "build: a RUN of another platform, where the kernel has an emulator" {
    grep -q binfmt_misc /proc/filesystems || skip "this kernel has no binfmt_misc"
    shale cat "$image" /bin/busybox >"$BATS_TEST_TMPDIR/busybox"
    chmod 755 "$BATS_TEST_TMPDIR/busybox"
    { printf '\x7fELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\2\1\1\0\0\0'; head -c 200 /dev/zero; } >"$ctx/sh"
    chmod 755 "$ctx/sh"
    dockerfile <<<$'FROM scratch\nCOPY sh /bin/sh'
    run_ok build --platform linux/loong64 -t base
    dockerfile <<<$'FROM base\nARG TARGETARCH\nRUN echo emulated $TARGETARCH $0 >/out'
    run_fails 1 "programs of linux/loong64 do not run here" build --platform linux/loong64
    cat >"$BATS_TEST_TMPDIR/registered" <<'END'
dir=/proc/sys/fs/binfmt_misc
mount -t binfmt_misc none $dir || exit 99
trap '[ ! -e $dir/shale-679 ] || echo -1 >$dir/shale-679' EXIT
head='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x02\x01'
printf '%s' ":shale-679:M:0:$head::$1:F" >$dir/register || exit 99
shift
"$@"
END
    run unshare -m --propagation private bash "$BATS_TEST_TMPDIR/registered" "$BATS_TEST_TMPDIR/busybox" \
        "$SHALE_BIN" build --network none --platform linux/loong64 -t x "$ctx"
    [ "$status" != 99 ] || skip "binfmt_misc cannot be set up here: $output"
    [ "$status" = 0 ] || { echo "$output"; return 1; }
    [ "$(shale cat x /out)" = "emulated loong64 /bin/sh" ]
}
