#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# `shale build`: caches in registries, in folders, in images.
load lib
load build

setup() {
    context_setup
    echo one >"$ctx/a"
    # What a RUN gives is another thing each time: the same again comes out of a cache.
    dockerfile <<'END'
FROM @ AS made
RUN head -c 100000 /dev/urandom >/r
RUN true
FROM @
WORKDIR /w
COPY a /w/a
COPY --from=made /r /w/r
RUN cat /proc/sys/kernel/random/uuid >/w/u
END
}
cached() { grep -c ' CACHED$' <<<"$output"; }
# another_machine: a store that has the base only
another_machine() {
    drop_store
    n=$((${n:-0} + 1))
    export SHALE_ROOT=$BATS_TEST_TMPDIR/store$n
    shale pull -q "$image" >/dev/null
}
layers() { shale inspect --format '{{json .RootFS.Layers}}' "$1"; }

@test "build --cache-to, --cache-from: a registry, in the form that BuildKit has" {
    ref=$REGISTRY_HOST/app:cache
    run_ok build -t x --cache-to "type=registry,ref=$ref,mode=max" --cache-from "$ref"
    has "the cache $ref is not used: " # there is none at first
    has "exporting cache to $ref"
    want=$(layers x)
    # A manifest of the steps' layers, its config the document.
    run_ok skopeo inspect --raw --tls-verify=false "docker://$ref"
    [ "$(jq -r '.mediaType, .config.mediaType, (.layers | length)' <<<"$output")" = "application/vnd.oci.image.manifest.v1+json
application/vnd.buildkit.cacheconfig.v0
5" ] || { echo "$output"; return 1; }
    digest=$(jq -r .config.digest <<<"$output")
    curl -sf "http://$REGISTRY_HOST/v2/app/blobs/$digest" >"$BATS_TEST_TMPDIR/doc"
    jq -e '(.records | length) >= 6 and all(.records[]; .digest | test("^sha256:[0-9a-f]{64}$"))
        and all(.layers[]; .annotations.diffID and .annotations.size > 0 and .blob)
        and ([.records[] | select(.chains)] | length) == 1' "$BATS_TEST_TMPDIR/doc" || { cat "$BATS_TEST_TMPDIR/doc"; return 1; }

    another_machine
    run_ok build -t x --cache-from "$ref"
    [ "$(layers x)" = "$want" ] || { echo "$output"; return 1; }
    [ "$(cached)" = 8 ] || { echo "$output"; return 1; } # two bases, six steps
    # Once more: nothing is fetched, also when the images are gone.
    shale rmi x >/dev/null
    curl -sf "http://$REGISTRY_HOST/v2/" >/dev/null
    run_ok build -t x --cache-from "type=registry,ref=$ref"
    [ "$(layers x)" = "$want" ]
    # A build that does not name it does not believe it.
    run_ok build -t y
    [ "$(layers y)" != "$want" ]
    # With what was found it goes on to another place. mode=min: what is in the image only.
    run_ok build -t x --cache-from "$ref" --cache-to "type=registry,ref=$REGISTRY_HOST/app:min"
    run_ok skopeo inspect --raw --tls-verify=false "docker://$REGISTRY_HOST/app:min"
    [ "$(jq '.layers | length' <<<"$output")" = 4 ] || { echo "$output"; return 1; }
    # What has changed is built, the rest comes from there.
    another_machine
    echo two >"$ctx/a"
    run_ok build -t x --cache-from "$ref"
    [ "$(shale cat x /w/a)" = two ]
    [ "$(layers x)" != "$want" ]
    has "RUN head -c 100000 /dev/urandom >/r"
    [ "$(cached)" = 5 ] || { echo "$output"; return 1; }
}

@test "build --cache-to, --cache-from: a folder, an image; --ignore-error" {
    dir=$BATS_TEST_TMPDIR/cache
    run_ok build -t "$REGISTRY_HOST/app:1" --push --cache-to "type=local,dest=$dir,mode=max" --cache-to type=inline
    want=$(layers "$REGISTRY_HOST/app:1")
    [ "$(jq -r '.manifests[0].annotations."org.opencontainers.image.ref.name"' "$dir/index.json")" = latest ]
    run_ok skopeo inspect --raw "oci:$dir:latest"
    has vnd.buildkit.cacheconfig.v0
    run_ok build --cache-to "type=local,dest=$dir,tag=other"
    [ "$(jq -c '[.manifests[].annotations."org.opencontainers.image.ref.name"]' "$dir/index.json")" = '["latest","other"]' ]
    run_ok build --cache-to "type=local,dest=$dir,tag=packed,mode=max,compression=zstd"
    [ "$(jq -r '[.layers[].mediaType | endswith("+zstd")] | all' "$dir/blobs/sha256/$(jq -r '.manifests[2].digest[7:]' "$dir/index.json")")" = true ]
    # Its blobs are all there, whole.
    (cd "$dir/blobs/sha256" && sha256sum -- * | awk '$1 != $2 {exit 1}')

    another_machine
    for tag in packed latest; do
        run_ok build -t x --cache-from "type=local,src=$dir,tag=$tag"
        [ "$(layers x)" = "$want" ]
        [ "$(cached)" = 8 ]
    done
    # What that cache has goes on under another compression only by force.
    for force in false true; do
        run_ok build --cache-from "type=local,src=$dir,tag=latest" \
            --cache-to "type=local,dest=$dir.$force,mode=max,compression=zstd,force-compression=$force"
        [ "$(jq -r '[.layers[].mediaType | endswith("+zstd")] | all' "$dir.$force/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$dir.$force/index.json")")" = $force ]
    done
    # In the image: the records of its own layers. The other stage is built, so its file is another.
    another_machine
    run_ok build -t x --cache-from "$REGISTRY_HOST/app:1"
    [ "$(cached)" = 4 ] || { echo "$output"; return 1; }
    run_ok skopeo inspect --config --tls-verify=false "docker://$REGISTRY_HOST/app:1" --raw
    [ "$(jq -r '."moby.buildkit.cache.v0"' <<<"$output" | base64 -d | jq -c '[.[] | has("digest")] | unique')" = '[true]' ]
    # An image that is built on it has none of it, and the other way to ask for it.
    printf 'FROM %s\nRUN echo z >/z' "$REGISTRY_HOST/app:1" >"$ctx/Dockerfile"
    run_ok build -t "$REGISTRY_HOST/on:1" --push
    run_ok skopeo inspect --config --tls-verify=false "docker://$REGISTRY_HOST/on:1" --raw
    hasnt moby.buildkit
    run_ok build -t "$REGISTRY_HOST/on:2" --push --build-arg BUILDKIT_INLINE_CACHE=1
    hasnt "not consumed"
    run_ok skopeo inspect --config --tls-verify=false "docker://$REGISTRY_HOST/on:2" --raw
    has moby.buildkit

    # A place that cannot be written to fails the build, before a name moves, or is passed over.
    run_fails 1 "--cache-to $ctx/a/x" build -t never --cache-to "type=local,dest=$ctx/a/x"
    run_fails 1 "No such object" shale inspect never
    run_ok build -t ever --cache-to "type=local,dest=$ctx/a/x,ignore-error=true"
    has "warning: the cache was not put to $ctx/a/x"
}

@test "build --cache-from: what is wrong there does not get in" {
    dir=$BATS_TEST_TMPDIR/cache
    run_ok build -t x --cache-to "type=local,dest=$dir,mode=max"
    want=$(layers x)
    manifest=$dir/blobs/sha256/$(jq -r '.manifests[0].digest | ltrimstr("sha256:")' "$dir/index.json")
    doc=$dir/blobs/sha256/$(jq -r '.config.digest | ltrimstr("sha256:")' "$manifest")
    another_machine
    # Layers with other bytes than their digests say: the steps are done, and it is told once.
    cp -r "$dir" "$BATS_TEST_TMPDIR/good"
    for victim in $(jq -r '.layers[].digest | ltrimstr("sha256:")' "$manifest"); do
        printf x | dd of="$dir/blobs/sha256/$victim" bs=1 seek=60 conv=notrunc status=none
    done
    rm "$dir/blobs/sha256/$victim" # or no file at all: nothing waits for who writes to it
    mkfifo "$dir/blobs/sha256/$victim"
    run_ok build -t x --cache-from "type=local,src=$dir"
    [ "$(grep -c "warning: the cache $dir is not used: layer sha256:[0-9a-f]*: " <<<"$output")" = 1 ] || { echo "$output"; return 1; }
    # What was believed until then is not any more.
    [ "$(sed -n '/is not used/,$p' <<<"$output" | grep -c ' CACHED$')" = 2 ] || { echo "$output"; return 1; }
    [ "$(layers x)" != "$want" ]
    run_ok shale fsck
    rm -r "$dir"
    cp -r "$BATS_TEST_TMPDIR/good" "$dir"

    # A record that gives a step's key another layer, of which the digests are right: only who names the cache has it.
    # One with a diffID that the layer does not have: nobody.
    another_machine
    with() { # JQ-PROGRAM: the document changed by it, under the tag evil
        local text size digest
        text=$(jq -c "$1" "$doc")
        digest=$(printf %s "$text" | sha256sum | cut -d' ' -f1)
        printf %s "$text" >"$dir/blobs/sha256/$digest"
        size=${#text}
        text=$(jq -c ".config.digest = \"sha256:$digest\" | .config.size = $size" "$manifest")
        digest=$(printf %s "$text" | sha256sum | cut -d' ' -f1)
        printf %s "$text" >"$dir/blobs/sha256/$digest"
        jq -c ".manifests += [{mediaType: .manifests[0].mediaType, digest: \"sha256:$digest\", size: ${#text}, annotations: {\"org.opencontainers.image.ref.name\": \"evil\"}}]
            | .manifests |= unique_by(.annotations)" "$dir/index.json" >"$BATS_TEST_TMPDIR/index"
        jq -c ".manifests |= map(if .annotations.\"org.opencontainers.image.ref.name\" == \"evil\" then .digest = \"sha256:$digest\" | .size = ${#text} else . end)" \
            "$BATS_TEST_TMPDIR/index" >"$dir/index.json"
    }
    with '.layers[0].annotations.diffID as $a | .layers[0].annotations.diffID = .layers[1].annotations.diffID | .layers[1].annotations.diffID = $a'
    run_ok build -t x --cache-from "type=local,src=$dir,tag=evil"
    has "is not used: "
    run_ok shale fsck
    # Nonsense of every kind costs a line.
    for wrong in '.records' '.records |= map(.layers = [{"layer": 99999}])' '.layers |= map(.blob = "sha256:x")'; do
        with "$wrong"
        run_ok build --cache-from "type=local,src=$dir,tag=evil" --target made
    done
    echo nonsense >"$dir/index.json"
    run_ok build --cache-from "type=local,src=$dir"
    has "is not used: index.json: "
    run_fails 1 "--cache-to $dir: $dir: index.json" build --cache-to "type=local,dest=$dir"
    run_ok build --cache-from "type=local,src=/nosuch" --cache-from "$image"
    has "warning: the cache /nosuch is not used"
    hasnt "the cache $image is not used" # it only has no records
}

@test "build --cache-to, --cache-from: what is written wrongly" {
    one_line() { # TEXT OPTION...
        run_fails 1 "$1" build "${@:2}" || return 1
        [ "${#lines[@]}" = 1 ] || { echo "not one line: $output"; return 1; }
    }
    one_line '--cache-to "type=gha": type=gha: registry, local or inline' --cache-to type=gha
    one_line '--cache-from "type=inline": type=inline: registry or local' --cache-from type=inline
    one_line '--cache-from "type=registry": ref= is missing' --cache-from type=registry
    one_line '--cache-to "type=local": dest= is missing' --cache-to type=local
    one_line 'type=local knows no ref=' --cache-from type=local,src=x,ref=y
    one_line 'mode=most: min or max' --cache-to type=inline,mode=most
    one_line 'compression=lzma: gzip, zstd or uncompressed' --cache-to type=registry,ref=x,compression=lzma
    one_line 'force-compression=2 is neither true nor false' --cache-to type=local,dest=x,force-compression=2
    one_line 'type=inline knows no compression=' --cache-to type=inline,compression=zstd
    one_line 'image-manifest=false is not supported yet' --cache-to type=registry,ref=x,image-manifest=false
    one_line 'scope is not supported yet' --cache-from type=registry,ref=x,scope=y
    one_line '"ref" is no field key=value' --cache-from type=registry,ref
    one_line 'invalid reference format' --cache-from 'A:B:C'
    one_line 'a reference is missing' --cache-from ''
    one_line 'nothing can be put under a digest' --cache-to "type=registry,ref=x@sha256:$(printf %064d 0)"
    one_line 'tag=:: is no tag' --cache-to type=local,dest=x,tag=::
}
