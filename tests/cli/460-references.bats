#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# References: familiar names, hosts, tags, digests, IDs, and what is none of them.

load lib
load images

setup_file() {
    registry_with
    local l=$BATS_FILE_TMPDIR/layout
    tiny "$l" one 2024-01-02T03:04:05Z . one
    tiny "$l" two 2024-01-02T03:04:05Z . two
    push_tag "$l" one one:1
    push_tag "$l" one one:2
    push_tag "$l" two two:1
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
    mkdir -p "$DOCKER_CONFIG"
    shale pull -q "$REGISTRY_HOST/one:1" >/dev/null
    shale pull -q "$REGISTRY_HOST/two:1" >/dev/null
}
teardown_file() { registry_stop_all; }
setup() {
    R=$REGISTRY_HOST
    ONE=$(shale inspect -f '{{.Id}}' "$R/one:1")
    DIGEST=$(shale inspect -f '{{index .RepoDigests 0}}' "$R/one:1" | cut -d@ -f2)
}

finds() { # REFERENCE…: all are the first image
    for ref in "$@"; do
        run_ok shale image inspect -f '{{.Id}}' "$ref"
        [ "$output" = "$ONE" ] || { echo "$ref: $output"; return 1; }
    done
}

@test "familiar and full names are the same" {
    while read -r given shown; do
        run_ok shale tag "$ONE" "$given"
        [ -z "$output" ]
        shale inspect -f '{{range .RepoTags}}{{println .}}{{end}}' "$ONE" | grep -qxF "$shown" || { echo "$given is not $shown"; return 1; }
        run_ok shale rmi "$given"
        [ "${lines[0]}" = "Untagged: $shown" ]
    done <<'ROWS'
ubuntu ubuntu:latest
u/app:1 u/app:1
index.docker.io/ubuntu ubuntu:latest
index.docker.io/u/ubuntu u/ubuntu:latest
docker.io/library/ubuntu:x ubuntu:x
library/ubuntu ubuntu:latest
localhost/x localhost/x:latest
localhost:5000/x:1 localhost:5000/x:1
127.0.0.1:5000/a/b 127.0.0.1:5000/a/b:latest
[::1]:5000/x [::1]:5000/x:latest
[fe80::1]/x/y:z [fe80::1]/x/y:z
foo:5000 foo:5000
Foo/bar Foo/bar:latest
A.com/x A.com/x:latest
a__b a__b:latest
a---b a---b:latest
a_b.c-d a_b.c-d:latest
a.b.c.d/e/f/g/h:j a.b.c.d/e/f/g/h:j
x:_a x:_a
ROWS
}

@test "one name, many spellings" {
    shale tag "$ONE" spelled:1
    finds spelled:1 library/spelled:1 docker.io/spelled:1 docker.io/library/spelled:1 index.docker.io/library/spelled:1
    shale rmi spelled:1
}

@test "what is no reference" {
    hex=${ONE:7}
    for bad in a//b -a a_ a___b a..b a-_b a._b x: :x x@ x@sha256:aa 'x y' /x x/ 'x:a b' 'x:-a' "x:$(printf 'a%.0s' {1..129})" '[::1' 'h.com:abc/x' http://x/y; do
        run_fails 1 "invalid reference format" shale pull -- "$bad"
    done
    run_fails 1 "Error: invalid reference format: repository name (library/FOO) must be lowercase" shale pull FOO
    run_fails 1 "Error: invalid reference format: repository name (foo/BAR) must be lowercase" shale pull foo/BAR
    run_fails 1 "Error: invalid repository name ($hex), cannot specify 64-byte hexadecimal strings" shale pull "$hex"
    run_fails 1 "Error: repository name must not be more than 255 characters" shale pull "localhost/$(printf 'a%.0s' {1..256})"
    run_fails 1 "Error: 'scratch' is a reserved name" shale pull scratch
    run_fails 1 "Error: tag can't be used with --all-tags/-a" shale pull -a "$R/one:1"
}

@test "tags, digests, both" {
    finds "$R/one:1" "$R/one@$DIGEST" "$R/one:1@$DIGEST" "$R/one:other@$DIGEST"
    run_fails 1 "Error: No such image: $R/two@$DIGEST" shale image inspect "$R/two@$DIGEST"
    run_fails 1 "Error: No such image: $R/one:latest" shale image inspect "$R/one"
    run_ok shale pull "$R/one:1@$DIGEST"
    [ "${lines[0]}" = "$R/one@$DIGEST: Pulling from one" ]
    [ "${lines[1]}" = "Digest: $DIGEST" ]
    [ "${lines[2]}" = "Status: Image is up to date for $R/one@$DIGEST" ]
    [ "${lines[3]}" = "$R/one:1@$DIGEST" ]
}

@test "IDs: whole, short, prefixes; a name goes first" {
    finds "$ONE" "${ONE:7}" "${ONE:7:12}" "${ONE:7:5}" "${ONE:0:12}"
    other=$(shale inspect -f '{{.Id}}' "$R/two:1")
    shale tag "$other" "${ONE:7:5}" # looks like an ID, and is a name now
    [ "$(shale image inspect -f '{{.Id}}' "${ONE:7:5}")" = "$other" ]
    finds "${ONE:7:6}" "sha256:${ONE:7:5}"
    shale rmi "${ONE:7:5}"
    # what begins both IDs is none of them
    run_fails 1 "Error: No such image: sha256:latest" shale image inspect sha256
}

@test "a prefix of several IDs is not found" {
    # enough images that two IDs begin alike (birthday: 40 images, 16 first digits)
    export SHALE_ROOT=$BATS_TEST_TMPDIR/store
    local l=$BATS_TEST_TMPDIR/layout
    for i in $(seq 18); do tiny "$l" "t$i" 2024-01-02T03:04:05Z ".config.Env=[\"N=$i\"]" same; done
    layout_registry_start "$l"
    for i in $(seq 18); do shale pull -q "$LAYOUT_HOST/x:t$i" >/dev/null; done
    layout_registry_stop
    twice=$(shale images -q | cut -c1 | sort | uniq -d | head -n 1)
    [ -n "$twice" ]
    run_fails 1 "Error: No such image: $twice:latest" shale image inspect "$twice"
    run_fails 1 "Error: No such image: $twice:latest" shale rmi "$twice"
    [ "$(shale images -q | wc -l)" = 18 ]
}

@test "tag: mistakes, in the order in which they are found" {
    run_fails 1 'Error: Error parsing reference: "Foo:bar" is not a valid repository/tag: invalid reference format: repository name (library/Foo) must be lowercase' \
        shale tag "$R/one:1" Foo:bar
    run_fails 1 'Error parsing reference: "Foo" is not a valid repository/tag' shale tag Foo x
    run_fails 1 'Error parsing reference: "" is not a valid repository/tag: invalid reference format' shale tag "" x
    run_fails 1 'Error parsing reference: "" is not a valid repository/tag: invalid reference format' shale tag "$R/one:1" ""
    run_fails 1 "Error: refusing to create a tag with a digest reference" shale tag "$R/one:1" "x@$DIGEST"
    run_fails 1 "Error: refusing to create an ambiguous tag using digest algorithm as name" shale tag "$R/one:1" sha256:1
    run_fails 1 "Error: No such image: nope:latest" shale tag nope x
    run_fails 1 "'shale tag' requires 2 arguments" shale tag a
    has "Run 'shale tag --help' for more information"
    run_fails 125 "unknown shorthand flag: 'x' in -x" shale tag -x a b
    shale tag "$R/one:1" moves:1
    shale tag "$R/two:1" moves:1
    [ "$(shale inspect -f '{{.Id}}' moves:1)" != "$ONE" ]
    shale rmi moves:1
}

@test "pull: tags of a repository, several references, mistakes" {
    export SHALE_ROOT=$BATS_TEST_TMPDIR/store
    run_ok shale pull -a "$R/one"
    [[ ${lines[0]} == [12]": Pulling from one" ]] # in the registry's order
    [ "$(grep -c '^Digest: ' <<<"$output")" = 2 ]
    hasnt "Already exists" # the second tag is the same image
    [ "${lines[-2]}" = "Status: Downloaded newer image for $R/one" ]
    [ "${lines[-1]}" = "$R/one" ]
    run_ok shale pull -a "$R/one"
    [ "${lines[-2]}" = "Status: Image is up to date for $R/one" ]
    run shale pull -q "$R/two:1" "$R/two:nope" "$R/one:2"
    [ "$status" = 1 ]
    [ "${lines[0]}" = "$R/two:1" ]
    has "Error: manifest for $R/two:nope not found: manifest unknown: manifest unknown"
    [ "${lines[-1]}" = "$R/one:2" ]
    run_fails 1 "Error: manifest for $R/two:zz not found" shale pull "$R/two:zz"
    hasnt "Pulling from"
    run_fails 1 "Error: 'scratch' is a reserved name" shale pull scratch
    has "Using default tag: latest"
}
