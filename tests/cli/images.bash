# SPDX-License-Identifier: Apache-2.0
# Small images for the tests of image commands, and a registry that serves any layout.

# shellcheck disable=SC2154  # top is lib.bash's

# tiny LAYOUT TAG CREATED JQ TEXT…: an image of one layer a TEXT, its config changed by JQ
tiny() {
    # shellcheck disable=SC2034  # OCI_CREATED is read by oci.bash
    local layout=$1 tag=$2 OCI_CREATED=$3 change=$4 text dir
    shift 4
    [ -f "$layout/oci-layout" ] || oci_init "$layout"
    dir=$(mktemp -d "$BATS_FILE_TMPDIR/tiny.XXXXXX")
    for text in "$@"; do
        mkdir -p "$dir/$text"
        printf '%s\n' "$text" >"$dir/$text/$text"
        tar --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 -C "$dir/$text" -cf "$dir/$text.tar" .
        oci_layer "$layout" "$dir/$text.tar" gzip "COPY $text /"
    done
    oci_config "$layout" "${change//$'\n'/ }"
    oci_tag "$layout" "$tag" "$(oci_image "$layout" linux amd64)"
}

# push_tag LAYOUT TAG NAME:TAG
push_tag() { skopeo copy --quiet --all --dest-tls-verify=false "oci:$1:$2" "docker://$REGISTRY_HOST/$3"; }

# push_layout LAYOUT NAME TAG…: its images byte for byte, whatever is in them
push_layout() { python3 -B "$top/tests/cli/push-layout.py" "$1" "$REGISTRY_HOST" "${@:2}"; }

# layout_registry_start LAYOUT: LAYOUT_HOST serves it whatever is in it; layout_registry_stop
layout_registry_start() {
    local port=$BATS_FILE_TMPDIR/layout.port
    rm -f "$port"
    python3 "$top/tests/cli/layout-registry.py" "$1" "$port" 3>&- &
    LAYOUT_PID=$!
    for _ in $(seq 600); do
        [ ! -s "$port" ] || break
        sleep 0.05
    done
    LAYOUT_HOST=$(cat "$port")
    LAYOUT_LOG=$port.log
    export LAYOUT_PID LAYOUT_HOST LAYOUT_LOG
}
layout_registry_stop() {
    kill "$LAYOUT_PID" 2>/dev/null || true
    wait "$LAYOUT_PID" 2>/dev/null || true
}
