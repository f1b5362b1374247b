#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# `shale build`: outputs, named contexts, checks, stages side by side, interruption, and buildah beside it.
load lib
load build

setup() {
    context_setup
    mkdir -p "$ctx/src/d"
    echo hello >"$ctx/src/a.txt"
}

@test "build: a folder, a tar, an archive, a registry" {
    dockerfile <<<$'FROM scratch\nCOPY src /x'
    run_ok build -o "$BATS_TEST_TMPDIR/out"
    [ "$(cat "$BATS_TEST_TMPDIR/out/x/a.txt")" = hello ]
    shale build -q -o - "$ctx" | tar -t >"$BATS_TEST_TMPDIR/list"
    [ "$(tr '\n' ' ' <"$BATS_TEST_TMPDIR/list")" = "x/ x/a.txt x/d/ " ] || { cat "$BATS_TEST_TMPDIR/list"; return 1; }
    run_ok shale images -q
    [ "$(wc -l <<<"$output")" = 1 ] # only the base: files are no image
    run_ok build -t "$REGISTRY_HOST/made:1" -o "type=oci,dest=$BATS_TEST_TMPDIR/a.tar" --push
    run_ok skopeo inspect --tls-verify=false --config "docker://$REGISTRY_HOST/made:1"
    has '"created_by": "COPY src /x # buildkit"'
    run_ok skopeo inspect --config "oci-archive:$BATS_TEST_TMPDIR/a.tar"
    run_fails 1 "tag is needed when pushing to registry" build --push
    run_fails 1 "needs dest=" build -o type=local
    # Several at once; names and annotations that stand in them; what is so anyway.
    local out=$BATS_TEST_TMPDIR/several
    run_ok build -o "$out" -o "type=tar,dest=$out.tar" -o '"name=one:1,two:2",type=image,annotation.a=b,compression=gzip,oci-mediatypes=true' \
        -o "type=oci,dest=$out.oci" --iidfile "$out.id"
    [ "$(cat "$out/x/a.txt")" = hello ]
    tar -tf "$out.tar" | grep -qx x/a.txt
    [ "$(field '{{.Id}}' one:1)" = "$(cat "$out.id")" ]
    [ "$(field '{{.Id}}' two:2)" = "$(cat "$out.id")" ]
    digest=$(tar -xOf "$out.oci" index.json | jq -r '.manifests[0].digest')
    [ "$(tar -xOf "$out.oci" "blobs/sha256/${digest#*:}" | jq -r .annotations.a)" = b ]
    run_ok build -o "$out" --metadata-file "$out.json"
    [ "$(cat "$out.json")" = "{}" ]
    run_ok build -o "$out" -o "$out.2" -o "type=tar,dest=$out.2.tar" -o type=cacheonly
    [ "$(cat "$out.2/x/a.txt")" = hello ]
    tar -tf "$out.2.tar" | grep -qx x/a.txt
    run_fails 1 "two cannot go to standard output" build -o - -o type=oci,dest=-
    run_fails 1 "type=image has no dest=" build -o type=image,dest=x
    run_fails 1 "push=maybe is neither true nor false" build -o type=image,push=maybe
    run_fails 1 "cowardly refusing to write a tar to a terminal" python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' "$SHALE_BIN" build -o - "$ctx"
    BUILDKIT_PROGRESS=rawjson shale build --network none "$ctx" 2>&1 | head -n 1 | grep -q '^{"vertexes"'
}

@test "build: compressions, a layout in a folder, nothing but the cache" {
    local out=$BATS_TEST_TMPDIR/layout name
    dockerfile <<<$'FROM @\nCOPY src /x\nRUN head -c 100000 /dev/zero >/zero'
    types() { jq -r '[.layers[].mediaType | sub(".*\\.tar"; "")] | join(" ")' "$1/blobs/sha256/$(jq -r ".manifests[$2].digest[7:]" "$1/index.json")"; }
    run_ok build -t a:1 -o "type=oci,dest=$out,tar=false,compression=zstd,compression-level=19"
    [ "$(types "$out" 0)" = "+gzip +zstd +zstd" ]
    run_ok skopeo inspect "oci:$out:1"
    # Another name comes beside it, the same one in its place; the next time nothing is compressed.
    run_ok build -t b:2 -o "type=oci,dest=$out,tar=false,compression=uncompressed,force-compression=true"
    run_ok build -t a:1 -o "type=oci,dest=$out,tar=false,compression=zstd"
    [ "$(jq -c '[.manifests[].annotations."io.containerd.image.name"]' "$out/index.json")" = '["docker.io/library/a:1","docker.io/library/b:2"]' ]
    [ "$(types "$out" 0), $(types "$out" 1)" = "+gzip +zstd +zstd,   " ]
    # An entry of others has only a tag, and gives way to that; what else the index says stays.
    jq '.annotations = {k: "v"} | (.manifests[] | select(.annotations."org.opencontainers.image.ref.name" == "1").annotations) |= del(."io.containerd.image.name")' \
        "$out/index.json" >"$out.json" && mv "$out.json" "$out/index.json"
    run_ok build -t c:2 -o "type=oci,dest=$out,tar=false" &
    run_ok build -t a:1 -o "type=oci,dest=$out,tar=false,compression=zstd"
    wait $!
    [ "$(jq -c '[.annotations.k, ([.manifests[].annotations."io.containerd.image.name" | sub(".*/"; "")] | sort)]' "$out/index.json")" = '["v",["a:1","b:2","c:2"]]' ]
    (cd "$out/blobs/sha256" && sha256sum -- * | awk '$1 != $2 {exit 1}')
    [ ! -e "$out/manifest.json" ]
    rows=$(shale builder du | grep -c compressed)
    run_ok build -t a:1 -o "type=image,compression=zstd,compression-level=0"
    [ "$(shale builder du | grep -c compressed)" = "$rows" ]
    # Names with other manifests of one image have each its own.
    run_ok build -t noted:1 --annotation a=b --sbom=true
    run_ok build -t plain:1
    run_ok shale images --tree
    for name in a:1 noted:1 plain:1; do has "$name"; done
    run_ok shale tag a:1 "$REGISTRY_HOST/zstd:1"
    run_ok shale push -q --platform linux/amd64 "$REGISTRY_HOST/zstd:1"
    shale manifest inspect --insecure "$REGISTRY_HOST/zstd:1" | jq -e '[.layers[].mediaType | endswith("+zstd")] == [false, true, true]'
    for want in a:1=+gzip,+zstd,+zstd plain:1=+gzip,+gzip,+gzip noted:1=+gzip,+gzip,+gzip; do
        for how in "" --platform=linux/amd64; do
            run_ok shale save $how -o "$out.tar" "${want%=*}"
            digest=$(tar -xOf "$out.tar" index.json | jq -r '.manifests[0].digest[7:]')
            [ "$want" != noted:1=+gzip,+gzip,+gzip ] || [ -n "$how" ] ||
                digest=$(tar -xOf "$out.tar" "blobs/sha256/$digest" | jq -r '.manifests[0].digest[7:]')
            [ "$(tar -xOf "$out.tar" "blobs/sha256/$digest" | jq -r '[.layers[].mediaType | sub(".*\\.tar"; "")] | join(",")')" = "${want#*=}" ]
        done
    done
    shale rmi plain:1 noted:1 "$REGISTRY_HOST/zstd:1" >/dev/null
    # It is the same image, also for who gets it.
    id=$(field '{{.Id}}' a:1)
    run_ok build -t "$REGISTRY_HOST/packed:1" --push -o "type=image,compression=zstd,force-compression=true"
    shale rmi -f "$REGISTRY_HOST/packed:1" a:1 b:2 >/dev/null
    shale builder prune -af >/dev/null
    run_ok shale pull -q "$REGISTRY_HOST/packed:1"
    [ "$(field '{{.Id}}' "$REGISTRY_HOST/packed:1")" = "$id" ]
    [ "$(run_rm "$REGISTRY_HOST/packed:1" cat /x/a.txt)" = hello ]
    shale manifest inspect --insecure "$REGISTRY_HOST/packed:1" | jq -e '[.layers[].mediaType | endswith("+zstd")] | all'

    run_ok build -t never:1 -o type=cacheonly
    run_fails 1 "No such object" shale inspect never:1
    run_ok build -t ever:1
    [ "$(cached)" = 3 ] || { echo "$output"; return 1; }
    echo no >"$BATS_TEST_TMPDIR/index.json"
    run_fails 1 "index.json in $BATS_TEST_TMPDIR is none of an OCI layout" build -o "type=oci,dest=$BATS_TEST_TMPDIR,tar=false"
    echo '{"schemaVersion":1,"manifests":[]}' >"$BATS_TEST_TMPDIR/index.json"
    run_fails 1 "is none of an OCI layout" build -o "type=oci,dest=$BATS_TEST_TMPDIR,tar=false"
    run_fails 1 "all outputs of a build have the same image" build -o type=image,compression=zstd -o "type=oci,dest=$out.2,compression=gzip"
    run_fails 1 "compression=estargz is not supported" build -o type=image,compression=estargz
    run_fails 1 "compression=lzma: gzip, zstd or uncompressed" build -o type=image,compression=lzma
    run_fails 1 "compression-level=23: a number from 0 to 22" build -o type=image,compression=zstd,compression-level=23
    run_fails 1 "uncompressed has no compression-level=" build -o type=image,compression=uncompressed,compression-level=1
    run_fails 1 "type=tar has no compression=" build -o "type=tar,dest=$out.2,compression=gzip"
    run_fails 1 "type=local has no tar=" build -o "type=local,dest=$out.2,tar=false"
    run_fails 1 "tar=false needs dest=FOLDER" build -o type=oci,tar=false
    [ ! -e "$out.2" ]
}

@test "build: named contexts, checks" {
    mkdir "$BATS_TEST_TMPDIR/other"
    echo other >"$BATS_TEST_TMPDIR/other/o"
    dockerfile <<<$'FROM base\nCOPY --from=more o /o\nRUN --mount=type=bind,from=more,target=/m cp /m/o /o2'
    run_ok build -t x --build-context "more=$BATS_TEST_TMPDIR/other" --build-context "base=docker-image://$image"
    [ "$(shale cat x /o /o2)" = "other
other" ]
    run_fails 1 "invalid context value" build --build-context nothing
    dockerfile <<<$'FROM @ AS B\nCMD echo x'
    run build --check
    [ "$status" = 1 ]
    has "WARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/"
    has "Check complete, 2 warnings have been found!"
    run_ok build
    has "warning: JSONArgsRecommended"
    dockerfile <<<'FROM @'
    run_ok build --check
    [ "$output" = "Check complete, no warnings found." ]
}

@test "build: stages run side by side; one that is stopped leaves nothing" {
    # Each waits for the other, through a folder that both have.
    dockerfile <<'END'
FROM @ AS one
RUN --mount=type=cache,id=meet,target=/m touch /m/one; n=0; until [ -e /m/two ]; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ] || exit 1; done
FROM @ AS two
RUN --mount=type=cache,id=meet,target=/m touch /m/two; n=0; until [ -e /m/one ]; do sleep 0.1; n=$((n+1)); [ $n -lt 300 ] || exit 1; done
FROM scratch
COPY --from=one /etc/passwd /1
COPY --from=two /etc/passwd /2
END
    run_ok build -t both
    dockerfile <<<$'FROM @\nRUN echo kept > /k\nRUN echo begun; sleep 1000'
    for signal in TERM KILL; do
        "$SHALE_BIN" build --network none --progress plain -t slow "$ctx" >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
        pid=$!
        for _ in $(seq 600); do grep -q ' begun$' "$BATS_TEST_TMPDIR/log" && break; sleep 0.1; done
        kill -$signal $pid
        status=0
        wait $pid || status=$?
        [ "$status" = "$([ $signal = KILL ] && echo 137 || echo 143)" ] || { echo "$signal: $status"; return 1; }
    done
    dockerfile <<<$'FROM @\nRUN echo kept > /k\nRUN true'
    run_ok build # clears up, and goes on from what was done
    has "RUN echo kept > /k
#3 CACHED"
    [ -z "$(ls -A "$SHALE_ROOT/builds" 2>/dev/null)" ]
    [ -z "$(awk -v r="$SHALE_ROOT/" 'index($5, r) == 1' /proc/self/mountinfo)" ]
    run_fails 1 "No such object" shale inspect slow
}

@test "build: config and files are as buildah makes them" {
    need buildah
    keys='{User, Env, Entrypoint, Cmd, WorkingDir, Labels, StopSignal, Healthcheck, ExposedPorts, Shell} | del(.Labels."io.buildah.version")'
    dockerfile <<'END'
FROM @
ARG V=1
ENV A=1 B="two words" C=${V}x
LABEL x=y
WORKDIR /app/w
RUN echo hi $V > /out; chown 5:6 /out; rm /etc/group
COPY src/ ./src/
COPY --chown=7:8 --chmod=640 src/a.txt /new/dir/
ADD src/d /d
EXPOSE 80
HEALTHCHECK --interval=5s --retries=2 CMD true
STOPSIGNAL SIGTERM
CMD echo hello
ENTRYPOINT ["/bin/echo"]
USER 1:2
END
    ln -s a.txt "$ctx/src/l"
    chmod 750 "$ctx/src/d"
    run_ok build -t ours
    store=(--root "$BATS_TEST_TMPDIR/bs" --runroot "$BATS_TEST_TMPDIR/br" --storage-driver vfs)
    run_ok buildah "${store[@]}" bud -q --isolation chroot --network host --tls-verify=false --format docker -t theirs "$ctx"
    run_ok buildah "${store[@]}" inspect --type image --format '{{.Config}}' theirs
    jq -S ".config | $keys" <<<"$output" >"$BATS_TEST_TMPDIR/theirs"
    shale save ours -o "$BATS_TEST_TMPDIR/ours.tar"
    skopeo inspect --config --raw "docker-archive:$BATS_TEST_TMPDIR/ours.tar" | jq -S ".config | $keys" >"$BATS_TEST_TMPDIR/ours"
    diff "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
    # Mount points and files of the network are left behind by buildah.
    files() { (cd "$1" && find . -mindepth 1 \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./etc/hosts \
        -o -path ./etc/hostname -o -path ./etc/resolv.conf \) -prune -o -printf '%y %m %U:%G %p %l\n' | sort); }
    echo "{}" >"$DOCKER_CONFIG/config.json"
    run_ok buildah "${store[@]}" from --name c theirs
    files "$(buildah "${store[@]}" mount c)" >"$BATS_TEST_TMPDIR/theirs"
    mkdir "$BATS_TEST_TMPDIR/tree"
    shale build -q --network none -o - "$ctx" | tar -x -p --numeric-owner -C "$BATS_TEST_TMPDIR/tree"
    files "$BATS_TEST_TMPDIR/tree" >"$BATS_TEST_TMPDIR/ours"
    buildah "${store[@]}" umount c >/dev/null
    diff "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
}
