#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Platforms: which image of a list is taken, and what is said of those that do not fit.

load lib
load images

# entry LAYOUT OS ARCH [VARIANT [OS.VERSION]]: an image, its descriptor printed
entry() {
    local d
    oci_layer "$1" "$BATS_FILE_TMPDIR/file.tar"
    oci_config "$1" ".config.Env=[\"P=$2/$3/${4:-}/${5:-}\"]"
    [ -z "${5:-}" ] || oci_config "$1" ".\"os.version\"=\"$5\""
    d=$(oci_image "$1" "$2" "$3" "${4:-}")
    if [ -n "${5:-}" ]; then jq -c --arg v "$5" '.platform["os.version"]=$v' <<<"$d"; else echo "$d"; fi
}

setup_file() {
    local l=$BATS_FILE_TMPDIR/layout e=()
    echo file >"$BATS_FILE_TMPDIR/file"
    tar --mtime=@0 -C "$BATS_FILE_TMPDIR" -cf "$BATS_FILE_TMPDIR/file.tar" file
    oci_init "$l"
    e+=("$(entry "$l" linux arm v6)" "$(entry "$l" linux 386)" "$(entry "$l" linux amd64)" "$(entry "$l" linux arm v7)")
    e+=("$(entry "$l" linux arm64 v8)" "$(entry "$l" linux s390x)")
    e+=("$(entry "$l" windows amd64 '' 10.0.17763.1)" "$(entry "$l" windows amd64 '' 10.0.20348.2)")
    oci_index "$l" multi "${e[@]}"
    oci_index "$l" foreignonly "$(entry "$l" linux s390x)"
    oci_tag "$l" single "$(entry "$l" linux s390x | jq -c 'del(.platform)')"
    oci_tag "$l" windows "$(entry "$l" windows amd64 '' 10.0.20348.2 | jq -c 'del(.platform)')"
    registry_with
    push_layout "$l" x multi foreignonly single windows
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    R=$REGISTRY_HOST/x
}
teardown() { drop_store; }

# gets WANT PLATFORM: what is taken for it
gets() {
    run_ok shale pull -q --platform "$2" "$R:multi"
    run_ok shale inspect -f '{{index .Config.Env 0}}' "$R:multi"
    [ "$output" = "P=$1" ] || { echo "$2: $output, not $1"; return 1; }
}

@test "the best entry, by architecture and variant" {
    gets linux/amd64// linux/amd64
    gets linux/amd64// linux/amd64/v3
    gets linux/amd64// linux/x86_64
    gets linux/amd64// LINUX/AMD64
    gets linux/arm64/v8/ linux/arm64
    gets linux/arm64/v8/ linux/aarch64
    gets linux/arm64/v8/ linux/arm64/v8
    gets linux/arm/v7/ linux/arm
    gets linux/arm/v7/ linux/armhf
    gets linux/arm/v6/ linux/arm/v6
    gets linux/arm/v7/ linux/arm/v8
    gets linux/386// linux/386
    gets linux/s390x// linux/s390x
}

@test "one word: an operating system or an architecture" {
    host=$(shale version -f '{{.Server.Arch}}')
    gets linux/s390x// s390x
    gets linux/arm64/v8/ arm64
    run_ok shale pull -q --platform linux "$R:multi"
    [ "$(shale inspect -f '{{.Architecture}}' "$R:multi")" = "$host" ]
    run_ok shale pull -q "$R:multi"
    [ "$(shale inspect -f '{{.Architecture}}' "$R:multi")" = "$host" ]
}

@test "an image that would do is not up to date where the list has a better one" {
    gets linux/arm/v6/ linux/arm/v6
    gets linux/arm64/v8/ linux/arm64 # arm64 runs arm/v6
    gets linux/386// linux/386
    gets linux/amd64// linux/amd64 # amd64 runs 386
    [ "$(shale image inspect --platform linux/arm64 -f '{{.Architecture}}' "$R:multi")" = arm64 ]
    run_ok shale pull --platform linux/amd64 "$R:multi"
    has "Status: Image is up to date for $R:multi"
}

@test "DOCKER_DEFAULT_PLATFORM stands for --platform" {
    DOCKER_DEFAULT_PLATFORM=linux/s390x run_ok shale pull -q "$R:multi"
    [ "$(shale inspect -f '{{.Architecture}}' "$R:multi")" = s390x ]
}

@test "no entry fits" {
    run_fails 1 "Error: no matching manifest for linux/ppc64le in the manifest list entries" shale pull --platform linux/ppc64le "$R:multi"
    has "multi: Pulling from x"
    run_fails 1 "Error: no matching manifest for linux/arm/v5 in the manifest list entries" shale pull --platform linux/arm/v5 "$R:multi"
    run_fails 1 "no matching manifest for linux/$(shale version -f '{{.Server.Arch}}')" shale pull "$R:foreignonly"
    [ -z "$(shale images -q)" ]
}

@test "what is no platform" {
    run_fails 1 'Error: "a/b/c/d": cannot parse platform specifier: invalid argument' shale pull --platform a/b/c/d "$R:multi"
    run_fails 1 'Error: "foo": unknown operating system or architecture: invalid argument' shale pull --platform foo "$R:multi"
    run_fails 1 'wildcards not yet supported' shale pull --platform 'linux/*' "$R:multi"
    run_fails 1 'is an invalid component of "linux/a b"' shale pull --platform 'linux/a b' "$R:multi"
}

@test "a single image of another platform: a warning, and it is pulled" {
    run_ok shale pull --platform linux/arm64 "$R:single"
    [ "${lines[-2]}" = "WARNING: image with reference $R:single was found but its platform (linux/s390x) does not match the specified platform (linux/arm64)" ]
    [ "${lines[-1]}" = "$R:single" ]
    run_ok shale pull "$R:single"
    hasnt WARNING
    run_fails 1 "Error: image with reference $R:single was found but its platform (linux/s390x) does not match the specified platform (linux/arm64)" \
        shale image inspect --platform linux/arm64 "$R:single"
}

@test "several platforms of one list stay side by side" {
    shale pull -q --platform linux/arm64 "$R:multi" >/dev/null
    arm=$(shale inspect -f '{{.Id}}' "$R:multi")
    shale pull -q --platform linux/s390x "$R:multi" >/dev/null
    [ "$(shale image inspect --platform linux/arm64 -f '{{.Id}}' "$R:multi")" = "$arm" ]
    [ "$(shale inspect -f '{{.Architecture}}' "$R:multi")" = s390x ]
    run_ok shale history --platform linux/arm64 -q --no-trunc "$R:multi"
    [ "${lines[0]}" = "$arm" ]
    run_ok shale image ls --tree
    has "linux/arm64/v8"
    has "windows/amd64"
    [ "$(grep -c "linux/arm64/v8" <<<"$output")" = 1 ] # the image that lost its name has no entry of its own
}

@test "windows: pulled and looked at here, run elsewhere" {
    run_ok shale pull "$R:windows"
    [ "${lines[-1]}" = "$R:windows" ]
    run_ok shale inspect -f '{{.Os}} {{.OsVersion}}' "$R:windows"
    [ "$output" = "windows 10.0.20348.2" ]
    run_ok shale history "$R:windows"
    run_fails 125 'image operating system "windows" cannot be used on this platform' shale run --rm "$R:windows"
    run_ok shale pull -q --platform windows/amd64 "$R:multi"
    run_ok shale inspect -f '{{.Os}}' "$R:multi"
    [ "$output" = windows ]
    run_ok shale rmi "$R:windows"
}

@test "digest: of a list, of its entries, of what does not fit" {
    list=$(jq -r '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == "multi").digest' "$BATS_FILE_TMPDIR/layout/index.json")
    arm=$(jq -r '.manifests[] | select(.platform.architecture == "arm64").digest' "$BATS_FILE_TMPDIR/layout/blobs/sha256/${list:7}")
    run_ok shale digest "$R:multi"
    [ "$output" = "$list" ]
    run_ok shale digest --platform linux/arm64 "$R:multi"
    [ "$output" = "$arm" ]
    run_fails 1 "no matching manifest for linux/ppc64le" shale digest --platform linux/ppc64le "$R:multi"
    run_fails 1 "does not match the specified platform (linux/arm64)" shale digest --platform linux/arm64 "$R:single"
    run shale digest "$R:multi" "$R:nope" "$R:single"
    [ "$status" = 1 ]
    has "$list"
    has "Error: manifest for $R:nope not found: manifest unknown: manifest unknown"
    [ -z "$(shale images -q)" ]
}
