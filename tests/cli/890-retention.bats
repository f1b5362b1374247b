#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Retention, immutable tags, and the collection that a server does by itself.

load lib

setup() {
    dir=$BATS_TEST_TMPDIR/conf
    mkdir "$dir"
}
teardown() { own_stop_all; }

OCI=application/vnd.oci.image.manifest.v1+json
INDEX=application/vnd.oci.image.index.v1+json
dig() { printf 'sha256:%s' "$(printf %s "$1" | sha256sum | cut -d' ' -f1)"; }
code() { curl -s -o /dev/null -w '%{http_code}' "${@:2}" "http://$OWN$1"; }
put() { code "/v2/$1/manifests/$2" -X PUT -H "Content-Type: $4" --data-binary "$3"; }
# image REPO TAG TEXT [MORE]: an image with one blob, TEXT -> $M, $MD
image() {
    [ "$(code "/v2/$1/blobs/uploads/?digest=$(dig "$3")" -X POST -H 'Content-Type: application/octet-stream' --data-binary "$3")" = 201 ]
    M='{"schemaVersion":2,"mediaType":"'$OCI'","config":{"mediaType":"a/b","digest":"'$(dig "$3")'","size":'${#3}'},"layers":[]'${4:-}'}'
    MD=$(dig "$M")
    [ "$(put "$1" "${2:-$MD}" "$M" $OCI)" = 201 ]
}
gc() { run_ok shale registry gc --storage "$OWN_DIR" --config "$dir/r.conf" "$@"; }
# A dry run says word by word what the collection after it does.
gc_as_told() {
    local told
    gc --dry-run "$@"
    told=${output//would remove/removed} told=${told/Would remove/Removed}
    gc "$@"
    diff <(echo "$told") <(echo "$output")
}
tags() { curl -s "http://$OWN/v2/$1/tags/list" | jq -r '[.tags[]?] | join(" ")'; }
conf() { cat >"$dir/r.conf"; }
logged() { grep -q "$1" "$OWN_DIR.log"; }
wait_for() { for _ in $(seq 300); do ! "$@" || return 0; sleep 0.1; done; echo "never: $*"; cat "$OWN_DIR.log"; return 1; }

@test "the newest stay, pinned ones too; a dry run says what would go, and why, and removes nothing" {
    conf <<END
[retention "app/**"]
keep_tags = 2
pins = latest, v?
END
    own_registry reg
    for t in latest v1 b1 b2 b3 b4; do image app/x $t "text of $t"; sleep 0.01; done
    image other b1 "text of b1"
    gc --dry-run --grace 0s
    has "would remove: tag app/x:b1 ($(dig '{"schemaVersion":2,"mediaType":"'$OCI'","config":{"mediaType":"a/b","digest":"'"$(dig 'text of b1')"'","size":10},"layers":[]}')): not one of the 2 newest"
    has "would remove: tag app/x:b2"
    has "would remove: manifest app/x@"
    has "its tags were removed by retention"
    has "would remove: blob $(dig 'text of b2') (10B): no repository has it"
    hasnt "would remove: blob $(dig 'text of b1')" # other has it
    has "Would remove 2 tags, 2 manifests, 2 blobs, 0 uploads"
    [ "$(tags app/x)" = "b1 b2 b3 b4 latest v1" ]
    gc --grace 0s
    has "removed: tag app/x:b1"
    has "Removed 2 tags, 2 manifests, 2 blobs, 0 uploads"
    [ "$(tags app/x)" = "b3 b4 latest v1" ]
    [ "$(tags other)" = b1 ]
    [ "$(code /v2/app/x/manifests/b1)" = 404 ]
    [ "$(code "/v2/app/x/blobs/$(dig 'text of b2')")" = 404 ]
    [ "$(code "/v2/other/blobs/$(dig 'text of b1')")" = 200 ]
    gc --grace 0s
    has "Removed 0 manifests, 0 blobs"
}

@test "age and number together; pushing a tag again makes it new; images stay for the grace time" {
    conf <<END
[retention "**"]
tags = ci-*
keep_tags = 1
max_age = 6s
END
    own_registry reg
    for t in ci-1 ci-2 ci-3 release; do image a $t $t; sleep 0.01; done
    gc
    has "Removed 0 manifests" # all are young
    sleep 6.1
    image a ci-1 ci-1
    gc
    has "removed: tag a:ci-2"
    has "not one of the 1 newest, and older than 6 s"
    has "Removed 2 tags, 0 manifests, 0 blobs" # 24 h
    [ "$(tags a)" = "ci-1 release" ]
    [ "$(code "/v2/a/blobs/$(dig ci-2)")" = 200 ]
    gc --grace 1ms
    has "Removed 2 manifests, 4 blobs" # a manifest is one too
}

@test "an image goes with all that came with it: the images of an index, signatures, tags of its digest" {
    conf <<END
[retention "**"]
keep_tags = 1
END
    own_registry reg
    image a "" child; child=$MD childn=${#M}
    index='{"schemaVersion":2,"mediaType":"'$INDEX'","manifests":[{"mediaType":"'$OCI'","digest":"'$child'","size":'$childn'}]}'
    [ "$(put a old "$index" $INDEX)" = 201 ]
    id=$(dig "$index")
    image a "" sbom ',"artifactType":"x/y","subject":{"mediaType":"'$INDEX'","digest":"'$id'","size":'${#index}'}'; sbom=$MD
    image a "${id/:/-}.sig" signature; signature=$MD
    image a "" digest-only; alone=$MD
    sleep 0.01
    image a new new
    # what a crash leaves; an upload that nobody went on with, and one of now
    printf orphan >"$OWN_DIR/blobs/sha256/$(dig orphan | cut -d: -f2)"
    for i in 1 2; do
        loc=$(curl -s -o /dev/null -D - -X POST "http://$OWN/v2/a/blobs/uploads/" | tr -d '\r' | sed -n 's/^Location: //Ip')
        [ $i = 2 ] || touch -d '8 days ago' "$OWN_DIR/uploads/${loc##*/}"
    done
    gc_as_told --grace 0s
    has "removed: blob $(dig orphan) (6B): of a push that was not finished"
    has "Removed 2 tags, 4 manifests, 8 blobs, 1 uploads"
    for m in "$id" "$child" "$sbom" "$signature"; do [ "$(code "/v2/a/manifests/$m")" = 404 ]; done
    [ "$(code "/v2/a/manifests/$alone")" = 200 ] # nobody said anything of manifests that never had a tag
    [ "$(tags a)" = new ]
}

@test "untagged manifests by rule: from when they lost their tag on" {
    conf <<END
[retention "a"]
untagged_after = 3s
END
    own_registry reg
    image a t old; old=$MD
    image b t old
    sleep 3.1
    image a t new; new=$MD
    image b t new
    gc --grace 0s
    has "Removed 0 manifests"
    sleep 3.1
    gc --grace 0s
    has "removed: manifest a@$old"
    has "untagged"
    has "Removed 1 manifests, 0 blobs"
    [ "$(code "/v2/b/manifests/$old")" = 200 ]
    [ "$(code "/v2/a/manifests/$new")" = 200 ]
}

@test "immutable tags: moving and deleting is refused with a reason, retention keeps them" {
    conf <<END
[repository "team/**"]
immutable = v*
[retention "**"]
max_age = 1s
END
    own_registry reg --config "$dir/r.conf"
    image team/a v1 one; one=$MD
    image team/a edge one
    image team/a v1 one # the same again
    image team/b x two; two=$M
    image team/a edge two
    run curl -s -X PUT -H "Content-Type: $OCI" --data-binary "$two" -w '%{http_code}' "http://$OWN/v2/team/a/manifests/v1"
    has '"code":"DENIED","message":"tag v1 of team/a is immutable here and names another image already; push under another tag"'
    has 403
    [ "$(curl -s "http://$OWN/v2/team/a/manifests/v1" | sha256sum | cut -d' ' -f1)" = "${one#*:}" ]
    [ "$(code /v2/team/a/manifests/v1 -X DELETE)" = 403 ]
    run curl -s -X DELETE "http://$OWN/v2/team/a/manifests/$one"
    has "tag v1 of team/a is immutable here, and names this image"
    [ "$(curl -s -o "$BATS_TEST_TMPDIR/gone" -w '%{http_code}' -X DELETE "http://$OWN/v2/team/a/manifests/v99")" = 404 ] # none to keep
    [ "$(code /v2/team/a/manifests/edge -X DELETE)" = 202 ]
    own_push "$SHALE_IMAGES/busybox:1.0" team/img:v1
    run_fails 1 "immutable here" skopeo copy --quiet --all --dest-tls-verify=false "oci:$SHALE_IMAGES/debian:1.0" "docker://$OWN/team/img:v1"
    sleep 1.1
    gc --grace 0s
    [ "$(tags team/a)" = v1 ]
    [ "$(tags team/b)" = "" ]
    # a config without it, read anew
    printf '[retention "**"]\nmax_age = 1s\n' | conf
    kill -HUP "$OWN_PID"
    wait_for test_code 201 /v2/team/a/manifests/v1 -X PUT -H "Content-Type: $OCI" --data-binary "${M/two/one}"
}
test_code() { [ "$(code "${@:2}")" = "$1" ]; }

@test "the server collects by itself, at intervals that HUP changes; log line, metrics, one at a time" {
    conf <<END
[gc]
interval = 1s
grace = 3s
[retention "**"]
keep_tags = 1
[log]
access_file = access.log
END
    own_registry reg --config "$dir/r.conf"
    image a t1 one
    sleep 0.01
    image a t2 two
    wait_for logged "collection: removed 1 tags, 0 manifests, 0 blobs, 0 uploads"
    [ "$(tags a)" = t2 ]
    wait_for logged "collection: removed 0 tags, 1 manifests, 2 blobs, 0 uploads"
    run curl -s "http://$OWN/metrics"
    has "shale_registry_gc_tags_total 1"
    has "shale_registry_gc_blobs_total 2"
    [[ $output =~ shale_registry_gc_last_timestamp_seconds\ 1[0-9]+ ]]
    # another one collects: the server leaves it alone
    exec 7>>"$OWN_DIR/gc.lock"
    flock -x 7
    sleep 0.3
    image a t3 three
    sleep 2.5
    [ "$(tags a)" = "t2 t3" ]
    exec 7>&-
    wait_for test_tags t3
    printf '[gc]\ninterval = 0s\n[log]\nlevel = warning\n' | conf
    own_reload
    n=$(grep -c collection: "$OWN_DIR.log")
    sleep 2.2
    [ "$(grep -c collection: "$OWN_DIR.log")" = "$n" ]
}
test_tags() { [ "$(tags a)" = "$1" ]; }

@test "once a day, at a time" {
    # A zone in which it is three seconds to half past twelve.
    now=$(($(date +%s) % 86400)) want=$((12 * 3600 + 29 * 60 + 57))
    off=$((now - want)) sign=
    [ $off -ge 0 ] || { sign=-; off=$((-off)); }
    zone=XXX$sign$((off / 3600)):$((off / 60 % 60)):$((off % 60))
    [[ $(TZ=$zone date +%T) == 12:29:5[78] ]]
    printf '[gc]\nat = 12:30\ngrace = 0s\n' | conf
    TZ=$zone own_registry reg --config "$dir/r.conf"
    [ "$(code "/v2/a/blobs/uploads/?digest=$(dig x)" -X POST --data-binary x)" = 201 ]
    wait_for logged "collection: removed 0 tags, 0 manifests, 1 blobs"
    sleep 6
    [ "$(grep -c collection: "$OWN_DIR.log")" = 1 ]
}

@test "mistakes in the config are told" {
    own_registry reg
    printf '[retention "a"]\ntags = v*\n' | conf
    run_fails 1 'r.conf:1: [retention] that does nothing; add keep_tags' shale registry gc --storage "$OWN_DIR" --config "$dir/r.conf"
    printf '[retention "a"]\nkeep = 3\n' | conf
    run_fails 1 'unknown key "keep" in [retention]' shale registry gc --storage "$OWN_DIR" --config "$dir/r.conf"
    run_fails 1 "No such file" shale registry gc --storage "$OWN_DIR" --config "$dir/none.conf"
}
