#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# random.sh MKTAR ROOTFS_TOOL: stacks of random layers (random_layers.py) with every driver and with
# umoci, compared file by file. $SHALE_SUITE_SEEDS: other
# seeds than the usual ones, "1000 1001" or "1000-1099".
# shellcheck source=tests/suite/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=tests/suite/compare.sh
. "$here/compare.sh"

seeds() {
    for s in ${SHALE_SUITE_SEEDS:-1-6}; do
        seq "${s%-*}" "${s#*-}"
    done
}

for seed in $(seeds); do
    "$here/random_layers.py" "$seed" >"$work/spec" || { fail "seed $seed: no layers"; continue; }
    run_case "random-$seed" "$work/spec"
done
finish
