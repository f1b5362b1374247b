# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Read by the scripts of this folder: SCRIPT MKTAR ROOTFS_TOOL. Makes $work with a store root in it,
# cleaned up at the end; counts what failed.
set -u
mktar=$1 tool=$2
here=$(cd "$(dirname "$0")" && pwd)

skip() { echo "SKIPPED: $*" >&2; exit 77; }

[ "$(id -u)" = 0 ] || skip "the suite needs root (it mounts, and makes devices)"

work=$(mktemp -d /var/tmp/shale-suite-XXXXXX)
root=$work/store
mkdir -p "$root/layers" "$root/images" "$root/locks" "$work/mnt"
n_passed=0 n_failed=0

cleanup() {
    while umount "$work/mnt" 2>/dev/null; do :; done
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

pass() { n_passed=$((n_passed + 1)); }
fail() { n_failed=$((n_failed + 1)); echo "FAILED: $*" >&2; }

finish() {
    echo "$n_passed passed, $n_failed failed"
    [ "$n_failed" = 0 ] && [ "$n_passed" -gt 0 ]
    exit
}
