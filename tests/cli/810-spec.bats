#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The distribution spec, endpoint by endpoint and error by error, with curl.

load lib

setup_file() {
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR own_registry reg
}
teardown_file() { own_stop_all; }

# req METHOD PATH [CURL-OPTION...] -> $code, $body (file), $head (file)
req() {
    local method=$1 path=$2
    shift 2
    body=$BATS_TEST_TMPDIR/body head=$BATS_TEST_TMPDIR/head
    : >"$body" # curl leaves it alone where no body comes
    local how=(-X "$method")
    [ "$method" != HEAD ] || how=(-I)
    code=$(curl -s --path-as-is --max-time 20 "${how[@]}" -o "$body" -D "$head" -w '%{http_code}' "$@" "http://$OWN$path")
}
want() { [ "$code" = "$1" ] || { echo "status $code, not $1"; cat "$head" "$body"; return 1; }; }
# error STATUS CODE
error() {
    want "$1"
    [ "$(jq -r '.errors[0].code' "$body")" = "$2" ] || { cat "$body"; return 1; }
    [ "$(header content-type)" = application/json ]
}
header() { tr -d '\r' <"$head" | sed -n "s/^$1: //Ip" | tail -n 1; }
sha() { printf 'sha256:%s' "$(sha256sum | cut -d' ' -f1)"; }
dig() { printf %s "$1" | sha; }
# blob REPO TEXT: pushes it -> digest in $D
blob() {
    D=$(dig "$2")
    req POST "/v2/$1/blobs/uploads/?digest=$D" -H 'Content-Type: application/octet-stream' --data-binary "$2"
    want 201
}
OCI=application/vnd.oci.image.manifest.v1+json
INDEX=application/vnd.oci.image.index.v1+json
EMPTY=sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a
# image REPO REF [EXTRA-JSON]: a small artifact -> $M its bytes, $MD its digest
image() {
    blob "$1" '{}'
    M='{"schemaVersion":2,"mediaType":"'$OCI'","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"'$EMPTY'","size":2},"layers":[]'${3:-}'}'
    MD=$(dig "$M")
    req PUT "/v2/$1/manifests/${2:-$MD}" -H "Content-Type: $OCI" --data-binary "$M"
}

@test "base: GET and HEAD, healthz, unknown paths and methods" {
    req GET /v2/; want 200; [ "$(cat "$body")" = '{}' ]
    [ "$(header docker-distribution-api-version)" = registry/2.0 ]
    req HEAD /v2/; want 200
    req GET /healthz; want 200
    req GET /; error 404 UNSUPPORTED
    req GET /v3/; error 404 UNSUPPORTED
    req PUT /v2/; error 405 UNSUPPORTED
    [ "$(header allow)" = "GET, HEAD" ]
    req PATCH /v2/a/manifests/b --data x; error 405 UNSUPPORTED
    req BREW /v2/; error 405 UNSUPPORTED
}

@test "names: grammar, and path words inside of names" {
    req GET /v2/Upper/tags/list; error 400 NAME_INVALID
    req GET /v2/a//b/tags/list; error 400 NAME_INVALID
    req GET "/v2/$(printf 'a%.0s' $(seq 256))/tags/list"; error 400 NAME_INVALID
    req GET /v2/unknown/name/tags/list; error 404 NAME_UNKNOWN
    for name in manifests blobs uploads tags/list a/manifests/b x/blobs/uploads referrers/blobs/tags; do
        image "$name" v1; want 201
        req GET "/v2/$name/manifests/v1"; want 200
        [ "$(sha <"$body")" = "$MD" ]
        req GET "/v2/$name/tags/list"; want 200
        [ "$(jq -r .name "$body")" = "$name" ]
    done
}

@test "paths: no way around the grammar" {
    for p in /v2/../v2/a/tags/list /v2/a/../b/tags/list /v2/a%2fb/tags/list /v2/a%2F..%2Fb/manifests/x /v2/a%00/tags/list \
        /v2/%2e%2e/tags/list /v2/a/blobs/../../etc/passwd /v2/a/manifests/..%2f..%2fx /v2/a/blobs/uploads/../x \
        /v2/a%zz/tags/list "/v2/a/tags/list?n=%" /v2/./tags/list; do
        req GET "$p"
        case $code in 400 | 404) ;; *) echo "$p: $code"; cat "$body"; return 1 ;; esac
    done
}

@test "push: POST and PUT" {
    D=$(dig hello)
    req POST /v2/p/a/blobs/uploads/; want 202
    [ "$(header range)" = 0-0 ]; [ "$(header content-length)" = 0 ]; [ -n "$(header docker-upload-uuid)" ]
    loc=$(header location)
    req PUT "$loc?digest=${D/:/%3A}" --data-binary hello -H 'Content-Type: application/octet-stream'; want 201
    [ "$(header docker-content-digest)" = "$D" ]; [ "$(header location)" = "/v2/p/a/blobs/$D" ]
    req GET "/v2/p/a/blobs/$D"; want 200; [ "$(cat "$body")" = hello ]
    [ "$(header etag)" = "\"$D\"" ]; [ "$(header accept-ranges)" = bytes ]; [ "$(header cache-control)" = max-age=31536000 ]
    req HEAD "/v2/p/a/blobs/$D"; want 200; [ "$(header content-length)" = 5 ]
    req PUT "$loc?digest=$D" --data-binary hello; error 404 BLOB_UPLOAD_UNKNOWN
}

@test "push: chunks in order, out of order, and without Content-Range" {
    D=$(dig helloworld)
    req POST /v2/p/c/blobs/uploads/; loc=$(header location)
    req PATCH "$loc" --data-binary hello -H 'Content-Range: 0-4' -H 'Content-Type: application/octet-stream'; want 202
    [ "$(header range)" = 0-4 ]
    req PATCH "$loc" --data-binary orld -H 'Content-Range: 6-9'; error 416 RANGE_INVALID
    [ "$(header range)" = 0-4 ]
    req PATCH "$loc" --data-binary hello -H 'Content-Range: 0-4'; error 416 RANGE_INVALID
    req PATCH "$loc" --data-binary hello -H 'Content-Range: 5-7'; error 400 SIZE_INVALID
    req PATCH "$loc" --data-binary hello -H 'Content-Range: x'; error 416 RANGE_INVALID
    req GET "$loc"; want 204; [ "$(header range)" = 0-4 ]
    req PATCH "$loc" --data-binary wo; want 202; [ "$(header range)" = 0-6 ]
    req PUT "$loc?digest=$D" --data-binary rld -H 'Content-Range: 7-9'; want 201
    req GET "/v2/p/c/blobs/$D"; [ "$(cat "$body")" = helloworld ]
}

@test "push: chunked transfer encoding, an empty blob, sha512" {
    D=$(dig streamed)
    req POST /v2/p/s/blobs/uploads/; loc=$(header location)
    req PATCH "$loc" -T - -H 'Transfer-Encoding: chunked' <<<"" ; want 202
    req DELETE "$loc"; want 204
    req GET "$loc"; error 404 BLOB_UPLOAD_UNKNOWN
    req POST /v2/p/s/blobs/uploads/; loc=$(header location)
    printf streamed >"$BATS_TEST_TMPDIR/f"
    code=$(curl -s -o "$BATS_TEST_TMPDIR/body" -w '%{http_code}' -X PATCH -H 'Transfer-Encoding: chunked' -T "$BATS_TEST_TMPDIR/f" "http://$OWN$loc")
    [ "$code" = 202 ]
    req PUT "$loc?digest=$D"; want 201
    E=$(dig '')
    req POST "/v2/p/s/blobs/uploads/?digest=$E"; want 201
    req GET "/v2/p/s/blobs/$E"; want 200; [ ! -s "$body" ]
    S=sha512:$(printf big | sha512sum | cut -d' ' -f1)
    req POST "/v2/p/s/blobs/uploads/?digest=$S" --data-binary big; want 201
    req GET "/v2/p/s/blobs/$S"; [ "$(cat "$body")" = big ]
    req POST /v2/p/s/blobs/uploads/; loc=$(header location)
    req PATCH "$loc" --data-binary bi; req PUT "$loc?digest=$S" --data-binary g; want 201
}

@test "push: digests that are wrong; the upload may be tried again" {
    req POST "/v2/p/d/blobs/uploads/?digest=sha256:abc" --data x; error 400 DIGEST_INVALID
    req POST "/v2/p/d/blobs/uploads/?digest=$(dig other)" --data-binary x; error 400 DIGEST_INVALID
    req HEAD "/v2/p/d/blobs/$(dig other)"; want 404
    req POST /v2/p/d/blobs/uploads/; loc=$(header location)
    req PUT "$loc" --data-binary abc; error 400 DIGEST_INVALID
    req PUT "$loc?digest=$(dig other)" --data-binary abc; error 400 DIGEST_INVALID
    req PUT "$loc?digest=$(dig abc)" --data-binary abc; want 201
    req GET /v2/p/d/blobs/sha256:abc; error 400 DIGEST_INVALID
    req GET "/v2/p/d/blobs/$(dig nothing)"; error 404 BLOB_UNKNOWN
    req PATCH /v2/p/d/blobs/uploads/0123 --data x; error 404 BLOB_UPLOAD_UNKNOWN
    req POST /v2/p/e/blobs/uploads/; loc=$(header location)
    req PATCH "${loc/p\/e/p\/f}" --data x; error 404 BLOB_UPLOAD_UNKNOWN
}

@test "mount: from a repository, from anywhere, from nowhere" {
    blob m/src mounted
    req POST "/v2/m/dst/blobs/uploads/?mount=$D&from=m/src"; want 201
    [ "$(header location)" = "/v2/m/dst/blobs/$D" ]; [ "$(header docker-content-digest)" = "$D" ]
    req GET "/v2/m/dst/blobs/$D"; want 200
    req GET "/v2/m/dst3/blobs/$D"; error 404 BLOB_UNKNOWN
    req POST "/v2/m/dst2/blobs/uploads/?mount=$D"; want 201
    req POST "/v2/m/dst3/blobs/uploads/?mount=$D&from=m/none"; want 202; [ -n "$(header location)" ]
    req POST "/v2/m/dst3/blobs/uploads/?mount=$(dig nowhere)&from=m/src"; want 202
    req POST "/v2/m/dst3/blobs/uploads/?mount=garbage"; want 202
    # with a digest too: what cannot be mounted is taken under that one
    for mount in garbage "$(dig nowhere)"; do
        req POST "/v2/m/dst3/blobs/uploads/?mount=$mount&digest=$(dig "$mount")" --data-binary "$mount"; want 201
        [ "$(header docker-content-digest)" = "$(dig "$mount")" ]
    done
    req POST "/v2/m/dst3/blobs/uploads/?mount=garbage&digest=garbage" --data-binary x; error 400 DIGEST_INVALID
}

@test "blobs: ranges" {
    blob r/x 0123456789
    ranged() { req GET "/v2/r/x/blobs/$D" -H "Range: $1"; want "$2"; [ "$(cat "$body")" = "$3" ]; [ "$(header content-range)" = "$4" ]; }
    ranged bytes=2-4 206 234 'bytes 2-4/10'
    ranged bytes=7- 206 789 'bytes 7-9/10'
    ranged bytes=-3 206 789 'bytes 7-9/10'
    ranged bytes=-99 206 0123456789 'bytes 0-9/10'
    ranged bytes=8-99 206 89 'bytes 8-9/10'
    for range in bytes=10- bytes=-0; do
        req GET "/v2/r/x/blobs/$D" -H "Range: $range"; error 416 RANGE_INVALID
        [ "$(header content-range)" = 'bytes */10' ]
    done
    ranged bytes=5-2 200 0123456789 ''
    ranged bytes=0-1,3-4 200 0123456789 ''
    ranged lines=1-2 200 0123456789 ''
    for range in bytes=2-4 bytes=10-; do # only GET has ranges
        req HEAD "/v2/r/x/blobs/$D" -H "Range: $range"; want 200; [ "$(header content-length)" = 10 ]; [ -z "$(header content-range)" ]
    done
    req GET "/v2/r/x/blobs/$D" -H 'Range: bytes=2-4' -H 'If-Range: "other"'; want 200
    req GET "/v2/r/x/blobs/$D" -H "If-None-Match: \"$D\""; want 304; [ ! -s "$body" ]
    req GET "/v2/r/x/blobs/$D" -H 'If-None-Match: "x"' -H "If-None-Match: \"$D\""; want 304 # a list in two lines
}

@test "manifests: put, get, head, etag, by tag and digest, verbatim" {
    image i/a v1; want 201
    [ "$(header docker-content-digest)" = "$MD" ]; [ "$(header location)" = "/v2/i/a/manifests/$MD" ]
    for ref in v1 "$MD" v1; do
        req GET "/v2/i/a/manifests/$ref"; want 200
        [ "$(cat "$body")" = "$M" ]; [ "$(header content-type)" = "$OCI" ]; [ "$(header docker-content-digest)" = "$MD" ]
        req HEAD "/v2/i/a/manifests/$ref"; want 200; [ "$(header content-length)" = ${#M} ]
        req GET "/v2/i/a/manifests/$ref" -H "If-None-Match: \"$MD\""; want 304; [ ! -s "$body" ]
        req GET "/v2/i/a/manifests/$ref" -H 'If-None-Match: "x", W/"y"'; want 200
        req GET "/v2/i/a/manifests/$ref" -H 'If-None-Match: "x"' -H "If-None-Match: W/\"$MD\", \"y\""; want 304
    done
    req GET /v2/i/a/manifests/none; error 404 MANIFEST_UNKNOWN
    req GET "/v2/i/a/manifests/$(dig none)"; error 404 MANIFEST_UNKNOWN
    # The tag moves at once, also for those who had asked before.
    image i/a v1 ',"annotations":{"a":"b"}'; want 201
    req GET /v2/i/a/manifests/v1; [ "$(cat "$body")" = "$M" ]
}

@test "manifests: what is wrong with them" {
    blob i/b '{}'
    put() { req PUT "/v2/i/b/manifests/${2:-bad}" -H "Content-Type: ${3:-$OCI}" --data-binary "$1"; }
    put 'no json'; error 400 MANIFEST_INVALID
    put '{}'; error 400 MANIFEST_INVALID
    put '{"schemaVersion":1}' bad application/vnd.docker.distribution.manifest.v1+json; error 400 MANIFEST_INVALID
    put '{"schemaVersion":2,"mediaType":"'$INDEX'","manifests":[]}'; error 400 MANIFEST_INVALID
    put '{"schemaVersion":2,"config":{"digest":"'$EMPTY'","size":2},"layers":[],"manifests":[]}'; error 400 MANIFEST_INVALID
    put '{"schemaVersion":2,"mediaType":"'$INDEX'","manifests":[]}' "$(dig x)" $INDEX; error 400 DIGEST_INVALID
    put '{"schemaVersion":2,"mediaType":"'$INDEX'","manifests":[]}' '-bad' $INDEX; error 400 TAG_INVALID
    put '{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"'$EMPTY'","size":3},"layers":[]}'; error 400 SIZE_INVALID
    typed='{"mediaType":"a/b","digest":"'$EMPTY'","size":2}' untyped='{"digest":"'$EMPTY'","size":2}'
    for bad in "config:\"config\":$untyped,\"layers\":[]" "layers[1]:\"config\":$typed,\"layers\":[$typed,$untyped]" \
        "subject:\"config\":$typed,\"layers\":[],\"subject\":$untyped" "manifests[0]:\"manifests\":[$untyped]"; do
        req PUT /v2/i/b/manifests/bad --data-binary "{\"schemaVersion\":2,${bad#*:}}"; error 400 MANIFEST_INVALID
        [ "$(jq -r '.errors[0].message' "$body")" = "invalid manifest: ${bad%%:*} has no mediaType" ]
    done
    a=$(dig a) b=$(dig b)
    put '{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"'$a'","size":1},"layers":[{"mediaType":"c/d","digest":"'$b'","size":1},{"mediaType":"c/d","digest":"'$EMPTY'","size":2}]}'
    error 400 MANIFEST_BLOB_UNKNOWN
    [ "$(jq -c '[.errors[].detail]' "$body")" = "[\"$a\",\"$b\"]" ]
    [ "$(grep -rlF "$b" "$OWN_DIR/blobs")" = "" ] # nor do its bytes stay
    put '{"schemaVersion":2,"mediaType":"'$INDEX'","manifests":[{"mediaType":"'$OCI'","digest":"'$a'","size":1}]}' bad $INDEX; error 400 MANIFEST_BLOB_UNKNOWN
    head -c $((4 * 1024 * 1024 + 1)) /dev/zero | tr '\0' ' ' >"$BATS_TEST_TMPDIR/large"
    req PUT /v2/i/b/manifests/large -H "Content-Type: $OCI" --data-binary "@$BATS_TEST_TMPDIR/large"; error 413 MANIFEST_INVALID
    req PUT /v2/i/b/manifests/large -H "Content-Type: $OCI" -H 'Transfer-Encoding: chunked' --data-binary "@$BATS_TEST_TMPDIR/large"; error 413 MANIFEST_INVALID
    req GET /v2/i/b/manifests/bad; error 404 MANIFEST_UNKNOWN
}

@test "manifests: as large as allowed, docker's types, nested indexes, sha512, foreign layers" {
    blob i/c '{}'
    pad=$(head -c $((4 * 1024 * 1024 - 400)) /dev/zero | tr '\0' x)
    printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"a/b","digest":"%s","size":2},"layers":[],"annotations":{"a":"%s"}}' $OCI $EMPTY "$pad" >"$BATS_TEST_TMPDIR/m"
    req PUT /v2/i/c/manifests/big -H "Content-Type: $OCI" --data-binary "@$BATS_TEST_TMPDIR/m"; want 201
    req GET /v2/i/c/manifests/big; cmp "$body" "$BATS_TEST_TMPDIR/m"
    DOCKER=application/vnd.docker.distribution.manifest.v2+json LIST=application/vnd.docker.distribution.manifest.list.v2+json
    m='{"schemaVersion":2,"mediaType":"'$DOCKER'","config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"'$EMPTY'","size":2},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"'$(dig far)'","size":3,"urls":["https://example.com/x"]}]}'
    req PUT "/v2/i/c/manifests/$(dig "$m")" -H "Content-Type: $DOCKER" --data-binary "$m"; want 201
    l='{"schemaVersion":2,"mediaType":"'$LIST'","manifests":[{"mediaType":"'$DOCKER'","digest":"'$(dig "$m")'","size":'${#m}',"platform":{"os":"windows","architecture":"amd64"}}]}'
    req PUT /v2/i/c/manifests/list -H "Content-Type: $LIST; charset=utf-8" --data-binary "$l"; want 201
    req GET /v2/i/c/manifests/list; [ "$(header content-type)" = "$LIST" ]
    n='{"schemaVersion":2,"mediaType":"'$INDEX'","manifests":[{"mediaType":"'$LIST'","digest":"'$(dig "$l")'","size":'${#l}'}]}'
    req PUT /v2/i/c/manifests/nested -H "Content-Type: $INDEX" --data-binary "$n"; want 201
    s=sha512:$(printf %s "$n" | sha512sum | cut -d' ' -f1)
    req PUT "/v2/i/c/manifests/$s" -H "Content-Type: $INDEX" --data-binary "$n"; want 201
    [ "$(header docker-content-digest)" = "$s" ]
    req GET "/v2/i/c/manifests/$s"; [ "$(cat "$body")" = "$n" ]
}

@test "tags: order, n, last, Link" {
    for t in b a C 10 2 _x; do image t/x $t; want 201; done
    req GET /v2/t/x/tags/list; want 200
    [ "$(jq -c . "$body")" = '{"name":"t/x","tags":["10","2","C","_x","a","b"]}' ]; [ -z "$(header link)" ]
    req GET '/v2/t/x/tags/list?n=2'; [ "$(jq -c .tags "$body")" = '["10","2"]' ]
    [ "$(header link)" = '</v2/t/x/tags/list?n=2&last=2>; rel="next"' ]
    req GET '/v2/t/x/tags/list?n=2&last=2'; [ "$(jq -c .tags "$body")" = '["C","_x"]' ]; [ -n "$(header link)" ]
    req GET '/v2/t/x/tags/list?n=2&last=_x'; [ "$(jq -c .tags "$body")" = '["a","b"]' ]; [ -z "$(header link)" ]
    req GET '/v2/t/x/tags/list?last=a'; [ "$(jq -c .tags "$body")" = '["b"]' ]
    req GET '/v2/t/x/tags/list?n=0'; [ "$(jq -c .tags "$body")" = '[]' ]; [ -z "$(header link)" ]
    for n in -1 x 1.5 99999999999999999999999; do req GET "/v2/t/x/tags/list?n=$n"; error 400 PAGINATION_NUMBER_INVALID; done
    req HEAD /v2/t/x/tags/list; want 200
}

@test "catalog: pages" {
    req GET '/v2/_catalog?n=3'; want 200
    [ "$(jq '.repositories | length' "$body")" = 3 ]
    next=$(header link | sed 's/^<\(.*\)>.*/\1/')
    [ -n "$next" ]
    first=$(jq -r '.repositories[2]' "$body")
    req GET "$next"; want 200
    [[ "$(jq -r '.repositories[0]' "$body")" > "$first" ]]
    req GET '/v2/_catalog?n=100000'; error 400 PAGINATION_NUMBER_INVALID
    req GET '/v2/_catalog?n=x'; error 400 PAGINATION_NUMBER_INVALID
}

@test "delete: tags, manifests, blobs" {
    image d/x one; image d/x two; want 201
    req DELETE /v2/d/x/manifests/one; want 202
    req GET /v2/d/x/manifests/one; error 404 MANIFEST_UNKNOWN
    req GET /v2/d/x/manifests/two; want 200
    req DELETE /v2/d/x/manifests/one; error 404 MANIFEST_UNKNOWN
    req DELETE "/v2/d/x/manifests/$MD"; want 202
    req GET /v2/d/x/manifests/two; error 404 MANIFEST_UNKNOWN
    req GET "/v2/d/x/manifests/$MD"; error 404 MANIFEST_UNKNOWN
    req GET /v2/d/x/tags/list; want 200; [ "$(jq -c .tags "$body")" = '[]' ]
    blob d/x gone
    req DELETE "/v2/d/x/blobs/$D"; want 202
    req GET "/v2/d/x/blobs/$D"; error 404 BLOB_UNKNOWN
    req DELETE "/v2/d/x/blobs/$D"; error 404 BLOB_UNKNOWN
    req DELETE /v2/d/none/manifests/x; error 404 MANIFEST_UNKNOWN
}

@test "referrers: subject, filter, missing subject, fallback tag" {
    image f/x v1; S=$MD
    ref() { image f/x "" ',"artifactType":"'"$1"'","subject":{"mediaType":"'$OCI'","digest":"'"$S"'","size":'${#SUB}'},"annotations":{"k":"'"$2"'"}'; want 201; }
    SUB=$M
    ref application/sbom one; [ "$(header oci-subject)" = "$S" ]; one=$MD
    ref application/sig two; two=$MD
    req GET "/v2/f/x/referrers/$S"; want 200; [ "$(header content-type)" = "$INDEX" ]; [ -z "$(header oci-filters-applied)" ]
    [ "$(jq -r '[.manifests[].digest] | sort | join(" ")' "$body")" = "$(printf '%s\n%s\n' "$one" "$two" | sort | paste -sd' ')" ]
    [ "$(jq -r '.mediaType' "$body")" = "$INDEX" ]
    req GET "/v2/f/x/referrers/$S?artifactType=application%2Fsbom"; want 200; [ "$(header oci-filters-applied)" = artifactType ]
    [ "$(jq -c '[.manifests[] | [.digest,.artifactType,.annotations.k,.mediaType]]' "$body")" = "[[\"$one\",\"application/sbom\",\"one\",\"$OCI\"]]" ]
    req GET "/v2/f/x/referrers/$(dig unknown)"; want 200; [ "$(jq -c .manifests "$body")" = '[]' ]
    req GET /v2/f/x/referrers/nodigest; error 400 DIGEST_INVALID
    # A subject that is not there is no error; config.mediaType stands in for artifactType.
    T=$(dig later)
    image f/x "" ',"subject":{"mediaType":"'$OCI'","digest":"'"$T"'","size":9}'; want 201; [ "$(header oci-subject)" = "$T" ]
    req GET "/v2/f/x/referrers/$T"; [ "$(jq -r '.manifests[0].artifactType' "$body")" = application/vnd.oci.image.config.v1+json ]
    # What clients of other registries kept under a tag.
    image f/x "" ',"artifactType":"old/one"'; want 201
    idx='{"schemaVersion":2,"mediaType":"'$INDEX'","manifests":[{"mediaType":"'$OCI'","digest":"'$MD'","size":'${#M}',"artifactType":"old/one","annotations":{"k":"old"}},{"mediaType":"'$OCI'","digest":"'$one'","size":1}]}'
    idx=${idx/\"size\":1\}/\"size\":$(curl -s "http://$OWN/v2/f/x/manifests/$one" | wc -c)\}}
    req PUT "/v2/f/x/manifests/${S/:/-}" -H "Content-Type: $INDEX" --data-binary "$idx"; want 201
    req GET "/v2/f/x/referrers/$S"; [ "$(jq '.manifests | length' "$body")" = 3 ]
    req GET "/v2/f/x/referrers/$S?artifactType=old/one"; [ "$(jq -r '.manifests[].digest' "$body")" = "$MD" ]
    req DELETE "/v2/f/x/manifests/$two"; want 202
    req GET "/v2/f/x/referrers/$S"; [ "$(jq '.manifests | length' "$body")" = 2 ]
}

@test "keep-alive, HEAD, Expect: one connection serves many requests" {
    blob k/x keep
    curl -s -o /dev/null -o /dev/null -o /dev/null -w '%{http_code} %{num_connects}\n' "http://$OWN/v2/" "http://$OWN/v2/k/x/blobs/$D" "http://$OWN/v2/nope/manifests/x" >"$BATS_TEST_TMPDIR/out"
    [ "$(paste -sd' ' "$BATS_TEST_TMPDIR/out")" = "200 1 200 0 404 0" ]
    req PUT /v2/k/x/manifests/e -H 'Expect: 100-continue' -H "Content-Type: $OCI" --data-binary '{}'; error 400 MANIFEST_INVALID
}
