#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every client, over HTTP and TLS, without users, with passwords and with tokens: a wrong password is refused, then it
# logs in, pushes, pulls, logs out, and is refused again. One test a client, a round for each of the doors.

load lib

# transport, users
DOORS='http none
http htpasswd
http token
tls none
tls htpasswd
tls token'
# With sanitizers each of them once; all together are for the build without.
! grep -q __asan_init "$SHALE_BIN" || DOORS=$'http none\nhttp token\ntls htpasswd'

setup_file() {
    need_root
    local transport auth tls dir=$BATS_FILE_TMPDIR
    export CERTS=$dir/certs
    mkdir -p "$CERTS/ca"
    registry_certificate "$CERTS"
    cp "$CERTS/ca.crt" "$CERTS/ca/"
    shale registry keygen "$dir/token.pem"
    echo secret | shale registry user add --file "$dir/users" --cost 4 --password-stdin user
    while read -r transport auth; do
        {
            printf '[auth]\ntype = %s\nfailure_delay = 0s\nfailures = 1000\n' "$auth"
            [ "$auth" = none ] || echo 'htpasswd = users'
            [ "$auth" != token ] || echo 'token_key = token.pem'
            printf '[log]\naccess_file = %s.%s.access\n' "$transport" "$auth"
        } >"$dir/$transport.$auth.conf"
        tls=()
        [ "$transport" = http ] || tls=(--tls-cert "$CERTS/server.crt" --tls-key "$CERTS/server.key")
        BATS_TEST_TMPDIR=$dir own_registry "$transport.$auth" --config "$dir/$transport.$auth.conf" "${tls[@]}"
        export "AT_${transport}_$auth=$OWN"
    done <<<"$DOORS"
    # shellcheck disable=SC2154 # it is exported above
    export PLAIN=$AT_http_none
    # The image all rounds are about: its config's digest is its ID whoever pushes it.
    export IMAGE=$SHALE_IMAGES/busybox:1.0
    skopeo copy --quiet --dest-tls-verify=false "oci:$IMAGE" "docker://$PLAIN/seed:1"
    CONFIG=$(curl -s "http://$PLAIN/v2/seed/manifests/1" | jq -r .config.digest)
    export CONFIG
    [[ $CONFIG == sha256:* ]]
}
teardown_file() { BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR own_stop_all; }
setup() {
    fresh_store
    echo '{}' >"$DOCKER_CONFIG/config.json" # buildah and podman want the file to be there
    w=$BATS_TEST_TMPDIR
    SEED=$PLAIN/seed:1
}
teardown() {
    [ ! -f "$w/daemon" ] || { kill "$(cat "$w/daemon")" && wait "$(cat "$w/daemon")"; } 2>/dev/null || true
    awk -v r="$w/" 'index($5, r) == 1 {print $5}' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
    drop_store
}

# rounds CLIENT: its function, once for each door, with at, transport, auth and no set
rounds() {
    local transport auth at no
    while read -r transport auth <&9; do
        at=AT_${transport}_$auth at=${!at}
        no=unauthorized # the word for whoever has not logged in
        [ "$auth" != token ] || no="denied: requested access to the resource is denied"
        "$1" || { echo "$1: $transport, $auth"; return 1; }
    done 9<<<"$DOORS"
}
users() { [ "$auth" != none ]; }
# ask PATH [OPTION…]: with curl, as the user
ask() {
    local scheme=http token=() path=$1
    shift
    [ "$transport" = http ] || scheme=https
    if [ "$auth" = token ]; then
        token=(-H "Authorization: Bearer $(curl -s -u user:secret --cacert "$CERTS/ca.crt" \
            "$scheme://$at/auth/token?service=shale-registry&scope=repository:$(cut -d/ -f3,4 <<<"$path"):pull" | jq -r .token)")
    elif users; then
        token=(-u user:secret)
    fi
    curl -sf --cacert "$CERTS/ca.crt" "${token[@]}" -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json' \
        "$@" "$scheme://$at$path"
}
# arrived NAME: what was pushed as by/NAME:1 is the image, and each of its layers is there, bit for bit
arrived() {
    local m d
    m=$(ask "/v2/by/$1/manifests/1") || { echo "by/$1:1 is not there"; return 1; }
    [ "$(jq -r .config.digest <<<"$m")" = "$CONFIG" ] || { echo "by/$1:1 has another config: $m"; return 1; }
    for d in $(jq -r '.config.digest, .layers[].digest' <<<"$m"); do
        [ "sha256:$(ask "/v2/by/$1/blobs/$d" | sha256sum | cut -d' ' -f1)" = "$d" ] || { echo "$d differs"; return 1; }
    done
}

skopeo_round() {
    local file=$w/auth.$auth tls=(--tls-verify=false) to=(--dest-tls-verify=false) from=(--src-tls-verify=false)
    [ "$transport" = http ] || tls=(--cert-dir "$CERTS/ca") to=(--dest-cert-dir "$CERTS/ca") from=(--src-cert-dir "$CERTS/ca")
    if users; then
        run_fails 1 "$no" skopeo copy --quiet "${to[@]}" --dest-no-creds "oci:$IMAGE" "docker://$at/by/skopeo:1" || return 1
        run_fails 1 "invalid username/password" skopeo login "${tls[@]}" -u user -p wrong --authfile "$file" "$at" || return 1
        run_ok skopeo login "${tls[@]}" -u user -p secret --authfile "$file" "$at" || return 1
    else
        echo '{}' >"$file"
    fi
    run_ok skopeo copy --quiet --authfile "$file" "${to[@]}" "oci:$IMAGE" "docker://$at/by/skopeo:1" || return 1
    run_ok skopeo copy --quiet --all --authfile "$file" "${to[@]}" "oci:$IMAGE" "docker://$at/by/all:1" || return 1
    arrived skopeo || return 1
    run_ok skopeo copy --quiet --all --authfile "$file" "${from[@]}" "docker://$at/by/all:1" "oci:$w/$transport.$auth:x" || return 1
    for d in "$SHALE_IMAGES"/busybox/blobs/sha256/*; do
        cmp "$d" "$w/$transport.$auth/blobs/sha256/${d##*/}" || return 1
    done
    users || return 0
    run_ok skopeo logout --authfile "$file" "$at" || return 1
    run_fails 1 "$no" skopeo inspect "${tls[@]}" --authfile "$file" "docker://$at/by/skopeo:1"
}

@test "skopeo" { rounds skopeo_round; }

shale_round() {
    local file=$DOCKER_CONFIG/config.json
    rm -f "$file"
    mkdir -p "$w/certs.d/$at"
    [ "$transport" = http ] || cp "$CERTS/ca.crt" "$w/certs.d/$at/"
    ours() { shale --certs-dir "$w/certs.d" "$@"; }
    run_ok shale pull -q "$SEED" || return 1
    shale tag "$SEED" "$at/by/shale:1"
    if users; then
        run_fails 1 "$([ "$auth" = token ] && echo denied || echo "no basic auth credentials")" ours push "$at/by/shale:1" || return 1
        run_fails 1 "$([ "$auth" = token ] && echo "pull access denied" || echo "no basic auth credentials")" ours pull "$at/by/none:1" || return 1
        printf '{"auths":{"%s":{"auth":"%s"}}}' "$at" "$(printf user:wrong | base64)" >"$file"
        run_fails 1 "unauthorized: " ours push "$at/by/shale:1" || return 1
        printf '{"auths":{"%s":{"auth":"%s"}}}' "$at" "$(printf user:secret | base64)" >"$file"
    fi
    run_ok ours push "$at/by/shale:1" || return 1
    arrived shale || return 1
    shale rmi -f "$at/by/shale:1" "$SEED" >/dev/null
    run_ok ours pull "$at/by/shale:1" || return 1
    has "Status: Downloaded newer image" || return 1
    [ "$(shale inspect -f '{{.Id}}' "$at/by/shale:1")" = "$CONFIG" ] || return 1
    run_ok ours pull "$at/by/shale:1" || return 1
    has "Status: Image is up to date" || return 1
    shale rmi -f "$at/by/shale:1" >/dev/null
}

@test "shale" { rounds shale_round; }

podman_round() {
    local file=$w/auth.$auth tls=(--tls-verify=false)
    [ "$transport" = http ] || tls=(--cert-dir "$CERTS/ca")
    echo '{}' >"$file"
    if users; then
        run_fails 125 "$no" here push -q "${tls[@]}" --authfile "$file" "$SEED" "$at/by/podman:1" || return 1
        run_fails 125 "invalid username/password" here login "${tls[@]}" -u user -p wrong --authfile "$file" "$at" || return 1
        run_ok here login "${tls[@]}" -u user -p secret --authfile "$file" "$at" || return 1
    fi
    run_ok here push -q "${tls[@]}" --authfile "$file" "$SEED" "$at/by/podman:1" || return 1
    arrived podman || return 1
    run_ok here pull -q "${tls[@]}" --authfile "$file" "$at/by/podman:1" || return 1
    [ "sha256:${lines[-1]}" = "$CONFIG" ] || { echo "another ID: $output"; return 1; }
    users || return 0
    run_ok here logout --authfile "$file" "$at" || return 1
    run_fails 125 "$no" here pull -q "${tls[@]}" --authfile "$file" "$at/by/podman:1"
}

@test "podman" {
    here() { podman --root "$w/p" --runroot "$w/p.run" --storage-driver vfs "$@"; }
    run_ok here pull -q --tls-verify=false "$SEED"
    rounds podman_round
}

buildah_round() {
    local file=$w/auth.$auth tls=(--tls-verify=false)
    [ "$transport" = http ] || tls=(--cert-dir "$CERTS/ca")
    echo '{}' >"$file"
    if users; then
        run_fails 125 "invalid username/password" here login "${tls[@]}" -u user -p wrong --authfile "$file" "$at" || return 1
        run_ok here login "${tls[@]}" -u user -p secret --authfile "$file" "$at" || return 1
    fi
    run_ok here push -q "${tls[@]}" --authfile "$file" "$SEED" "docker://$at/by/buildah:1" || return 1
    arrived buildah || return 1
    # and an image that buildah made
    run_ok here commit -q "${tls[@]}" --authfile "$file" "$made" "docker://$at/made/buildah:1" || return 1
    run_ok here pull -q "${tls[@]}" --authfile "$file" "$at/made/buildah:1" || return 1
    users || return 0
    run_ok here logout --authfile "$file" "$at" || return 1
    run_fails 125 "$no" here push -q "${tls[@]}" --authfile "$file" "$SEED" "docker://$at/by/buildah:2"
}

@test "buildah" {
    here() { buildah --root "$w/b" --runroot "$w/b.run" --storage-driver vfs "$@"; }
    made=$(here from --tls-verify=false "$SEED")
    echo made >"$w/file"
    run_ok here copy "$made" "$w/file" /file
    rounds buildah_round
}

ctr_round() {
    local how=(--plain-http) as=()
    if [ "$transport" = tls ]; then # for ctr loopback means HTTP, unless a file says otherwise
        how=(--hosts-dir "$w/hosts")
        mkdir -p "$w/hosts/$at"
        printf 'server = "https://%s"\n[host."https://%s"]\nca = "%s"\n' "$at" "$at" "$CERTS/ca.crt" >"$w/hosts/$at/hosts.toml"
    fi
    users && as=(--user user:secret)
    run_ok here images tag --force "$SEED" "$at/by/ctr:1" || return 1
    if users; then
        run_fails 1 "" here images push "${how[@]}" "$at/by/ctr:1" || return 1
        run_fails 1 "" here images push "${how[@]}" --user user:wrong "$at/by/ctr:1" || return 1
    fi
    run_ok here images push "${how[@]}" "${as[@]}" "$at/by/ctr:1" || return 1
    arrived ctr || return 1
    run_ok here images rm "$at/by/ctr:1" || return 1
    run_ok here images pull --snapshotter native "${how[@]}" "${as[@]}" "$at/by/ctr:1" || return 1
}

@test "containerd's ctr" {
    printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\nroot = "%s"\nstate = "%s"\n[grpc]\naddress = "%s"\n' \
        "$w/root" "$w/state" "$w/c.sock" >"$w/c.toml"
    containerd -c "$w/c.toml" -l error >"$w/out" 2>&1 3>&- &
    echo $! >"$w/daemon"
    here() { timeout 60 ctr -a "$w/c.sock" "$@"; }
    for _ in $(seq 300); do ! here version >/dev/null 2>&1 || break; sleep 0.1; done
    run_ok here content fetch --plain-http "$SEED"
    rounds ctr_round
    # all platforms, with the bytes of the list
    skopeo copy --quiet --all --dest-tls-verify=false "oci:$IMAGE" "docker://$PLAIN/list:1"
    run_ok here content fetch --plain-http --all-platforms "$PLAIN/list:1"
    run_ok here images tag "$PLAIN/list:1" "$PLAIN/by/list:2"
    run_ok here images push --plain-http "$PLAIN/by/list:2"
    a=$(curl -s "http://$PLAIN/v2/list/manifests/1" | sha256sum)
    [ "$(curl -s "http://$PLAIN/v2/by/list/manifests/2" | sha256sum)" = "$a" ]
}

docker_round() {
    run_ok here tag "$SEED" "$at/by/docker:1" || return 1
    if users; then
        run_fails 1 "" here push "$at/by/docker:1" || return 1
        [[ $output == *"no basic auth credentials"* || $output == *"$no"* ]] || { echo "$output"; return 1; }
        run_fails 1 "nauthorized" here login -u user --password-stdin "$at" <<<wrong || return 1
        run_ok here login -u user --password-stdin "$at" <<<secret || return 1
        has "Login Succeeded" || return 1
    fi
    run_ok here push "$at/by/docker:1" || return 1
    arrived docker || return 1
    run_ok here push "$at/by/docker:1" || return 1
    has "Layer already exists" || return 1
    run_ok here tag "$SEED" "$at/by/docker2:1" || return 1
    run_ok here push "$at/by/docker2:1" || return 1
    has "Mounted from by/docker" || return 1
    run_ok here manifest inspect --insecure "$at/by/docker:1" || return 1
    run_ok here rmi "$at/by/docker:1" "$at/by/docker2:1" || return 1
    run_ok here pull "$at/by/docker:1" || return 1
    [ "$(here image inspect -f '{{.Id}}' "$at/by/docker:1")" = "$CONFIG" ] || return 1
    users || return 0
    run_ok here logout "$at" || return 1
    run_fails 1 "" here pull "$at/by/docker:1"
}

@test "docker: command and engine" {
    need dockerd
    need docker
    dockerd --bridge=none --iptables=false --ip-forward=false --data-root "$w/d" --exec-root "$w/e" --pidfile "$w/p" \
        -H "unix://$w/s" --storage-driver vfs >"$w/out" 2>&1 3>&- &
    echo $! >"$w/daemon"
    here() { timeout 60 docker -H "unix://$w/s" "$@"; }
    for _ in $(seq 150); do ! here version >/dev/null 2>&1 || break; sleep 0.2; done
    run_ok here pull "$SEED"
    rounds docker_round
}

umoci_round() {
    local l=$w/u.$transport.$auth to=(--dest-tls-verify=false) from=(--src-tls-verify=false)
    [ "$transport" = http ] || to=(--dest-cert-dir "$CERTS/ca") from=(--src-cert-dir "$CERTS/ca")
    skopeo copy --quiet "${to[@]}" --dest-creds user:secret "oci:$IMAGE" "docker://$at/base/umoci:1" || return 1
    run_ok skopeo copy --quiet "${from[@]}" --src-creds user:secret "docker://$at/base/umoci:1" "oci:$l:base" || return 1
    run_ok umoci unpack --image "$l:base" "$l.bundle" || return 1
    echo "by umoci" >"$l.bundle/rootfs/etc/made"
    run_ok umoci repack --image "$l:made" "$l.bundle" || return 1
    run_ok skopeo copy --quiet "${to[@]}" --dest-creds user:secret "oci:$l:made" "docker://$at/made/umoci:1" || return 1
    run_ok skopeo copy --quiet "${from[@]}" --src-creds user:secret "docker://$at/made/umoci:1" "oci:$l.back:made" || return 1
    run_ok umoci unpack --image "$l.back:made" "$l.bundle2" || return 1
    diff -r --no-dereference "$l.bundle/rootfs" "$l.bundle2/rootfs"
}

@test "umoci, through skopeo" {
    need umoci
    rounds umoci_round
}
