# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154 # image is container_setup's, output is bats'
# What the tests of `shale build` share: a context with a Dockerfile.

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
# context_setup: for setup: container_setup, and a context -> ctx
context_setup() {
    container_setup
    ctx=$BATS_TEST_TMPDIR/ctx
    mkdir -p "$ctx"
}
teardown() { drop_store; }

# dockerfile <<EOF: the Dockerfile of the context; @ is the image
dockerfile() { sed "s|@|$image|" >"$ctx/Dockerfile"; }
build() { shale build --network none --progress plain "$@" "$ctx" 2>&1; }
field() { shale inspect --format "$1" "$2"; }
# cached: how many steps of $output were there already
cached() { grep -c ' CACHED$' <<<"$output" || true; }
