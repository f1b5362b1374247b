# SPDX-License-Identifier: Apache-2.0
# Steps of a build by tests/tools/step_tool, in the store of the test, without network.
# shellcheck disable=SC2154 # bats sets status, output and lines

step_tool=${SHALE_BUILD:-$top/build}/tests/tools/step_tool
step() { "$step_tool" --net none "$@" 3>&1; }
# The layer that the last `run_ok step` has told of.
layer() { sed -n 's/^\(sha256:[0-9a-f]*\) sha256:.*/\1/p' <<<"$output"; }
layer_tar() {
    local d
    d=$(layer)
    echo "$SHALE_ROOT/layers/${d#sha256:}/layer.tar"
}
# Names in it, on one line.
members() { tar -tf "$(layer_tar)" | tr '\n' ' ' | sed 's/ $//'; }
# Nothing of a step is left: folders, locks, mounts, control groups.
no_leftovers() {
    local left
    left=$(ls -A "$SHALE_ROOT/builds" 2>/dev/null; find "$SHALE_ROOT/locks" -name 'build-*'
        awk -v r="$SHALE_ROOT/" 'index($5, r) == 1 {print $5}' /proc/self/mountinfo)
    [ -z "$left" ] || { echo "left: $left"; return 1; }
}
