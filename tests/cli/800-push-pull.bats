#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Our registry: what goes in comes out, bit for bit. 805-clients.bats has all the clients.

load lib

setup() {
    fresh_store
    own_registry reg
}
teardown() {
    own_stop_all
    registry_stop_all
    drop_store
}

# layout_of REF DIR: copies an image to an OCI layout; its blobs have the digests as names
layout_of() { run_ok skopeo copy --quiet --all --src-tls-verify=false "docker://$1" "oci:$2:x"; }
blobs_of() { (cd "$1/blobs/sha256" && ls | sort); }

@test "skopeo: push and pull keep every digest" {
    own_push "$SHALE_IMAGES/debian:1.0" team/debian:1
    layout_of "$OWN/team/debian:1" "$BATS_TEST_TMPDIR/back"
    skopeo copy --quiet --all "oci:$SHALE_IMAGES/debian:1.0" "oci:$BATS_TEST_TMPDIR/there:x"
    diff <(blobs_of "$BATS_TEST_TMPDIR/back") <(blobs_of "$BATS_TEST_TMPDIR/there")
    (cd "$BATS_TEST_TMPDIR/back/blobs/sha256" && for f in *; do echo "$f  $f"; done | sha256sum -c --quiet)
    [ "$(skopeo list-tags --tls-verify=false "docker://$OWN/team/debian" | jq -c .Tags)" = '["1"]' ]
    [ "$(curl -s "http://$OWN/v2/_catalog" | jq -c .)" = '{"repositories":["team/debian"]}' ]
}

@test "shale: pull and run from it" {
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    run_ok shale pull "$OWN/busybox:1"
    has "Status: Downloaded newer image"
    run_ok shale digest "$OWN/busybox:1"
    run_ok shale pull "$OWN/busybox:1"
    has "Image is up to date"
}

# put HOST NAME KIND FILE: a blob (KIND empty) or a manifest, with a tag -> its digest
put() {
    local d
    d=sha256:$(sha256sum "$4" | cut -d' ' -f1)
    if [ -n "$3" ]; then
        curl -sf -X PUT -H "Content-Type: $3" --data-binary "@$4" "http://$1/v2/$2" || return 1
    else
        at=$(curl -sf -o /dev/null -D - -X POST "http://$1/v2/$2/blobs/uploads/" | tr -d '\r' | sed -n 's,^Location: \(http://[^/]*\)\?,,Ip')
        curl -sf -X PUT --data-binary "@$4" -H 'Content-Type: application/octet-stream' "http://$1$at$([[ $at == *\?* ]] && echo '&' || echo '?')digest=$d" || return 1
    fi
    echo "$d"
}

@test "copies between Debian's docker-registry and ours keep every digest, both ways" {
    local oci=application/vnd.oci.image.manifest.v1+json tag empty subject
    REGISTRY_KIND=docker registry_start plain "$BATS_TEST_TMPDIR/theirs"
    # a list, layers, docker's own format, an artifact with a subject
    push "$SHALE_IMAGES/busybox:1.0" x/all:list
    push "$SHALE_IMAGES/debian:1.0" x/all:layers
    push "$SHALE_IMAGES/busybox:1.0" x/all:docker --format v2s2
    cd "$BATS_TEST_TMPDIR"
    printf '{}' >empty
    empty=$(put "$REGISTRY_HOST" x/all "" empty)
    subject=$(curl -s -H "Accept: $oci" "http://$REGISTRY_HOST/v2/x/all/manifests/layers" | tee subject | sha256sum | cut -d' ' -f1)
    printf '{"schemaVersion":2,"mediaType":"%s","artifactType":"a/b","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"%s","size":2},"layers":[{"mediaType":"application/vnd.oci.empty.v1+json","digest":"%s","size":2}],"subject":{"mediaType":"%s","digest":"sha256:%s","size":%s}}' \
        "$oci" "$empty" "$empty" "$oci" "$subject" "$(stat -c %s subject)" >artifact
    put "$REGISTRY_HOST" x/all/manifests/artifact "$oci" artifact
    raw() { skopeo inspect --raw --tls-verify=false "docker://$1:$tag"; }
    for tag in list layers docker artifact; do
        run_ok skopeo copy --quiet --all --preserve-digests --src-tls-verify=false --dest-tls-verify=false \
            "docker://$REGISTRY_HOST/x/all:$tag" "docker://$OWN/y/all:$tag"
        run_ok skopeo copy --quiet --all --preserve-digests --src-tls-verify=false --dest-tls-verify=false \
            "docker://$OWN/y/all:$tag" "docker://$REGISTRY_HOST/z/all:$tag"
        raw "$REGISTRY_HOST/x/all" >one
        raw "$OWN/y/all" | cmp - one
        raw "$REGISTRY_HOST/z/all" | cmp - one
    done
    # ours knows whom the artifact belongs to
    [ "$(curl -s "http://$OWN/v2/y/all/referrers/sha256:$subject" | jq -r '.manifests[].digest')" = "sha256:$(sha256sum artifact | cut -d' ' -f1)" ]
    # the whole of what skopeo sync sees
    mkdir sync
    run_ok skopeo sync --src docker --dest dir --src-tls-verify=false --all "$OWN/y/all" sync
    [ "$(ls sync | wc -l)" = 4 ]
}

@test "what was pushed is there after a restart" {
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    before=$(curl -s "http://$OWN/v2/busybox/manifests/1" | sha256sum)
    own_stop
    own_registry reg
    [ "$(curl -s "http://$OWN/v2/busybox/manifests/1" | sha256sum)" = "$before" ]
}

@test "serve: says where it listens, ends with 0 on TERM, refuses what it cannot do" {
    grep -qx "Listening on http://$OWN" "$OWN_DIR.log"
    status=0
    own_stop || status=$?
    [ "$status" = 0 ]
    run_fails 1 "could push and delete: set [auth] type, or say open = yes" shale registry serve --addr 0.0.0.0:0 --storage "$OWN_DIR"
    run_fails 1 "tls_cert and tls_key belong together; tls_key is missing" shale registry serve --tls-cert x --storage "$OWN_DIR"
    run_fails 1 "address = 127.0.0.1:x: a port is a number up to 65535" shale registry serve --addr 127.0.0.1:x --storage "$OWN_DIR"
    run_fails 1 "65535" shale registry serve --addr 127.0.0.1:99999 --storage "$OWN_DIR"
    own_registry reg
    run_fails 1 "Address already in use" shale registry serve --addr "$OWN" --storage "$OWN_DIR"
}

@test "read-only: pulls go on, pushes and deletes are refused" {
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    own_stop
    own_registry reg --read-only
    run_ok shale pull -q "$OWN/busybox:1"
    [ "$(curl -s -o /dev/null -w '%{http_code}' -X POST "http://$OWN/v2/busybox/blobs/uploads/")" = 405 ]
    [ "$(curl -s -X DELETE "http://$OWN/v2/busybox/manifests/1" | jq -r ".errors[0] | .code + \": \" + .message")" = "UNSUPPORTED: the registry is read-only" ]
}

# one_line TEXT CMD…: it does not start, and says why in one line
one_line() {
    run_fails 1 "$1" timeout 10 "${@:2}" || return 1
    [ "${#lines[@]}" = 1 ] && [[ $output == "Error: "* ]] || { echo "not one line: $output"; return 1; }
}

@test "serve: what is wrong with certificates, folders and addresses is told in one line" {
    local c=$BATS_TEST_TMPDIR/c bin=$BATS_TEST_TMPDIR/bin at=(--addr 127.0.0.1:0 --storage "$BATS_TEST_TMPDIR/new")
    mkdir "$c" "$c/2"
    registry_certificate "$c"
    registry_certificate "$c/2"
    one_line "certificate: open $c/none: No such file" "$SHALE_BIN" registry serve "${at[@]}" --tls-cert "$c/none" --tls-key "$c/server.key"
    one_line "do not go together" "$SHALE_BIN" registry serve "${at[@]}" --tls-cert "$c/server.crt" --tls-key "$c/2/server.key"
    one_line "do not go together" "$SHALE_BIN" registry serve "${at[@]}" --tls-cert "$c/server.key" --tls-key "$c/server.crt"
    one_line "certificate: read $c: Is a directory" "$SHALE_BIN" registry serve "${at[@]}" --tls-cert "$c" --tls-key "$c/server.key"
    echo junk >"$c/file"
    one_line "Not a directory" "$SHALE_BIN" registry serve --addr 127.0.0.1:0 --storage "$c/file"
    mkdir "$c/db"
    echo junk >"$c/db/registry.db"
    one_line "registry.db is not a database" "$SHALE_BIN" registry serve --addr 127.0.0.1:0 --storage "$c/db"
    one_line "Cannot assign requested address" "$SHALE_BIN" registry serve "${at[@]}" --open --addr 192.0.2.1:0
    need_root
    mkdir "$c/ro"
    mount -t tmpfs -o ro tmpfs "$c/ro"
    run "$SHALE_BIN" registry serve --addr 127.0.0.1:0 --storage "$c/ro/x"
    umount "$c/ro"
    [ "$status" = 1 ]
    has "Read-only file system"
    # somebody who is not root; the binary lies where only root looks
    mkdir "$bin"
    cp "$SHALE_BIN" "$bin/shale"
    chmod -R a+rX "$bin"
    for d in "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")" "$BATS_RUN_TMPDIR"; do chmod a+x "$d"; done
    nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all "$bin/shale" registry serve --addr 127.0.0.1:0 "$@"; }
    chmod 711 "$c"
    run nobody --storage "$c/mine"
    [ "$status" = 1 ]
    has "mkdir $c/mine: Permission denied"
    chmod 777 "$c"
    chmod a+r "$c/server.crt"
    run nobody --storage "$c/mine" --tls-cert "$c/server.crt" --tls-key "$c/server.key"
    [ "$status" = 1 ]
    has "key: open $c/server.key: Permission denied"
}

@test "serve: two servers on one folder do not harm each other, and each sees at once what the other took" {
    local one=$OWN i k pushes=()
    own_registry reg
    for i in 1 2 3; do
        for k in "$one" "$OWN"; do
            skopeo copy --quiet --all --dest-tls-verify=false "oci:$SHALE_IMAGES/busybox:1.0" "docker://$k/x/${k##*:}:$i" 3>&- &
            pushes+=("$!")
        done
    done
    for i in "${pushes[@]}"; do wait "$i"; done
    for i in 1 2 3; do
        for k in "$one" "$OWN"; do
            [ "$(curl -s -o "$BATS_TEST_TMPDIR/a" -w '%{http_code}' "http://$one/v2/x/${k##*:}/manifests/$i")" = 200 ]
            curl -s "http://$OWN/v2/x/${k##*:}/manifests/$i" | cmp - "$BATS_TEST_TMPDIR/a"
        done
    done
    [ "$(curl -s -o /dev/null -w '%{http_code}' -X DELETE "http://$one/v2/x/${OWN##*:}/manifests/1")" = 202 ]
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$OWN/v2/x/${OWN##*:}/manifests/1")" = 404 ]
}
