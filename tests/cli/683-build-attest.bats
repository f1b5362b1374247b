#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# `shale build`: what is attached to images: provenance and bills of materials.
load lib
load build

setup() { context_setup; }
raw() { skopeo inspect --raw --tls-verify=false "docker://$REGISTRY_HOST/$1"; }
blob() { curl -sf "http://$REGISTRY_HOST/v2/app/blobs/$1"; }
# statements NAME TYPE: of the first attestation of app:NAME, the statement whose predicate is of this type
statement() {
    local list about
    list=$(raw "app:$1") || return 1
    about=$(jq -r '[.manifests[] | select(.annotations."vnd.docker.reference.type" == "attestation-manifest")][0].digest' <<<"$list")
    list=$(raw "app@$about") || return 1
    blob "$(jq -r --arg t "$2" '.layers[] | select(.annotations."in-toto.io/predicate-type" == $t) | .digest' <<<"$list")"
}
SPDX=https://spdx.dev/Document SLSA=https://slsa.dev/provenance/v1

@test "build --sbom, --provenance: beside the image, as BuildKit attaches them" {
    mkdir -p "$ctx/root/var/lib/dpkg" "$ctx/root/lib/apk/db" "$ctx/root/etc"
    printf 'Package: bash\nStatus: install ok installed\nVersion: 1:5.2-2+b1\nArchitecture: amd64\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64\n' >"$ctx/root/var/lib/dpkg/status"
    printf 'P:musl\nV:1.2.5-r0\nA:x86_64\n\n' >"$ctx/root/lib/apk/db/installed"
    printf 'ID=debian\nVERSION_ID="12"\n' >"$ctx/root/etc/os-release"
    dockerfile <<<$'FROM @\nARG SECRETIVE=1\nCOPY root /\nADD http://HOST/v2/busybox/blobs/BLOB /blob\nRUN echo $SECRETIVE >/s'
    blob=$(raw busybox:1.0 | jq -r '.config.digest // empty')
    [ -n "$blob" ] || blob=$(raw "busybox@$(raw busybox:1.0 | jq -r '.manifests[0].digest')" | jq -r .config.digest)
    sed -i "s|HOST|$REGISTRY_HOST|; s|BLOB|$blob|" "$ctx/Dockerfile"
    run_ok build -t "$REGISTRY_HOST/app:1" --push --sbom=true --provenance=mode=max,builder-id=https://ci.example/7 --build-arg SECRETIVE=x=y \
        --annotation index:a=b --metadata-file "$BATS_TEST_TMPDIR/meta" --label l=m
    list=$(raw app:1)
    [ "$(jq -r '."containerimage.digest"' "$BATS_TEST_TMPDIR/meta")" = "sha256:$(printf %s "$list" | sha256sum | cut -d' ' -f1)" ]
    jq -e '.mediaType == "application/vnd.oci.image.index.v1+json" and .annotations.a == "b" and (.manifests | length) == 2
        and .manifests[0].platform.os == "linux"
        and .manifests[1].platform == {"architecture":"unknown","os":"unknown"}
        and .manifests[1].annotations == {"vnd.docker.reference.digest": .manifests[0].digest, "vnd.docker.reference.type": "attestation-manifest"}' <<<"$list" ||
        { echo "$list"; return 1; }
    about=$(jq -r '.manifests[0].digest' <<<"$list")
    manifest=$(raw "app@$(jq -r '.manifests[1].digest' <<<"$list")")
    jq -e 'all(.layers[]; .mediaType == "application/vnd.in-toto+json")' <<<"$manifest"
    [ "$(blob "$(jq -r .config.digest <<<"$manifest")" | jq -c '[.os, .rootfs.diff_ids]')" = \
        "$(jq -c '["unknown", [.layers[].digest]]' <<<"$manifest")" ]
    for type in $SPDX $SLSA; do
        statement 1 $type | jq -e --arg d "${about#*:}" --arg t $type '.predicateType == $t and ._type == "https://in-toto.io/Statement/v0.1"
            and .subject[0].digest.sha256 == $d and (.subject[0].name | endswith("/app@1?platform=linux%2Famd64"))' || { statement 1 $type; return 1; }
    done
    statement 1 $SPDX | jq -e '.predicate | .spdxVersion == "SPDX-2.3" and .dataLicense == "CC0-1.0" and .SPDXID == "SPDXRef-DOCUMENT"
        and (.creationInfo.created | test("^[0-9-]{10}T[0-9:]{8}Z$")) and (.packages | length) == 3
        and ([.packages[] | .externalRefs[0].referenceLocator] == [null, "pkg:deb/debian/bash@1%3A5.2-2%2Bb1?arch=amd64&distro=debian-12", "pkg:apk/debian/musl@1.2.5-r0?arch=x86_64&distro=debian-12"])
        and ([.packages[].SPDXID] - [.relationships[].relatedSpdxElement] == [])' || { statement 1 $SPDX; return 1; }
    base=$(raw busybox:1.0 | sha256sum | cut -d' ' -f1)
    statement 1 $SLSA | jq -e --arg b "$base" --arg f "${blob#*:}" --arg h "$REGISTRY_HOST" '.predicate | .buildDefinition.externalParameters.request.args == {"build-arg:SECRETIVE":"x=y","label:l":"m"}
        and ([.buildDefinition.resolvedDependencies[].digest.sha256] == [$b, $f])
        and (.buildDefinition.resolvedDependencies[0].uri | contains("busybox@1.0"))
        and .buildDefinition.resolvedDependencies[1].uri == "http://\($h)/v2/busybox/blobs/sha256:\($f)"
        and .runDetails.builder.id == "https://ci.example/7" and .runDetails.metadata.startedOn <= .runDetails.metadata.finishedOn' || { statement 1 $SLSA; return 1; }

    # Seen here, too, and carried by archives; it goes with the name.
    run_ok shale image ls --tree
    hasnt attestation
    run_ok shale image ls --tree -a
    has "└─ attestation"
    run_ok shale inspect -f '{{range .Manifests}}{{.Kind}} {{end}}{{json (index .Manifests 1).AttestationData}}' "$REGISTRY_HOST/app:1"
    [ "$output" = "image attestation {\"For\":\"$about\",\"PredicateTypes\":[\"$SPDX\",\"$SLSA\"]}" ] || { echo "$output"; return 1; }
    run_ok shale inspect -f '{{.Manifests}}' "$image"
    [ "$output" = "[]" ] || { echo "$output"; return 1; }
    shale save -o "$BATS_TEST_TMPDIR/a.tar" "$REGISTRY_HOST/app:1"
    run_ok shale rmi "$REGISTRY_HOST/app:1"
    run_ok shale builder prune -af
    shale rmi "$image" >/dev/null
    [ -z "$(find "$SHALE_ROOT/blobs" -type f)" ]
    run_ok shale load -i "$BATS_TEST_TMPDIR/a.tar"
    run_ok shale push "$REGISTRY_HOST/app:1"
    [ "$(raw app:1)" = "$list" ]
    # Pulled as most pull it: only the image.
    run_ok shale rmi "$REGISTRY_HOST/app:1"
    run_ok shale pull "$REGISTRY_HOST/app:1"
    run_ok shale inspect -f '{{(index .Manifests 1).Available}}' "$REGISTRY_HOST/app:1"
    [ "$output" = false ]
}

@test "build --attest: several platforms, the same bytes again, little in mode=min, and what is wrong" {
    dockerfile <<<$'FROM @ AS base\nFROM scratch\nARG A\nCOPY --from=base /etc/passwd /p\nLABEL a=$A'
    for name in 2 3; do
        run_ok build -t "$REGISTRY_HOST/app:$name" --push --platform linux/amd64,linux/arm64 --attest type=sbom --attest type=provenance \
            --build-arg SOURCE_DATE_EPOCH=1700000000 --build-arg A=hidden --no-cache
        raw "app:$name" >"$BATS_TEST_TMPDIR/list$name"
    done
    jq -e '(.manifests | length) == 4 and [.manifests[:2][].digest] == [.manifests[2:][].annotations."vnd.docker.reference.digest"]' "$BATS_TEST_TMPDIR/list2"
    # The images are the same; what is said of them has the name in it.
    [ "$(jq -c '.manifests[:2]' "$BATS_TEST_TMPDIR/list2")" = "$(jq -c '.manifests[:2]' "$BATS_TEST_TMPDIR/list3")" ]
    run_ok build -t "$REGISTRY_HOST/app:2" --push --platform linux/amd64,linux/arm64 --attest type=sbom --attest type=provenance \
        --build-arg SOURCE_DATE_EPOCH=1700000000 --build-arg A=hidden
    [ "$(raw app:2)" = "$(cat "$BATS_TEST_TMPDIR/list2")" ]
    output=$(statement 2 $SLSA)
    hasnt hidden
    hasnt startedOn
    has '"path":"Dockerfile"'
    [ "$(statement 2 $SPDX | jq -r .predicate.creationInfo.created)" = 2023-11-14T22:13:20Z ]

    # Where the context came from, without who may fetch it.
    printf 'FROM scratch\nLABEL a=b\n' >"$BATS_TEST_TMPDIR/remote"
    digest=sha256:$(sha256sum <"$BATS_TEST_TMPDIR/remote" | cut -d' ' -f1)
    at=$(curl -sf -D - -o /dev/null -X POST "http://$REGISTRY_HOST/v2/app/blobs/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: *//p')
    [[ $at == http* ]] || at=http://$REGISTRY_HOST$at
    [[ $at == *\?* ]] && at="$at&digest=$digest" || at="$at?digest=$digest"
    curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary @"$BATS_TEST_TMPDIR/remote" "$at"
    run_ok shale build -t "$REGISTRY_HOST/app:5" --push --provenance=mode=max "http://me:hush@$REGISTRY_HOST/v2/app/blobs/$digest"
    output=$(statement 5 $SLSA)
    has "\"uri\":\"http://$REGISTRY_HOST/v2/app/blobs/$digest\""
    hasnt hush

    # Off again, and a database that is none, or leads out of the image.
    mkdir -p "$ctx/var/lib/dpkg" "$ctx/var/lib/rpm" "$ctx/lib/apk/db"
    ln -s ../../../../../../../../../../var/lib/dpkg/status "$ctx/lib/apk/db/installed"
    ln -s /etc/shadow "$ctx/var/lib/dpkg/status"
    head -c 5000 /dev/urandom >"$ctx/var/lib/rpm/rpmdb.sqlite"
    dockerfile <<<$'FROM scratch\nCOPY lib /lib\nCOPY var /var'
    run_ok build -t "$REGISTRY_HOST/app:4" --push --provenance=true --sbom=true --provenance=false
    [ "$(raw app:4 | jq '.manifests | length')" = 2 ]
    [ "$(statement 4 $SPDX | jq '.predicate.packages | length')" = 1 ]
    [ -z "$(statement 4 $SLSA)" ]
    run_ok build -t x --attest type=sbom --attest type=sbom,disabled=true
    [ -z "$(shale inspect -f '{{range .Manifests}}x{{end}}' x)" ]
    one_line() {
        run_fails 1 "$1" build "${@:2}" || return 1
        [ "${#lines[@]}" = 1 ] || { echo "not one line: $output"; return 1; }
    }
    one_line 'type=vex: sbom or provenance' --attest type=vex
    one_line 'generator is not supported yet' --sbom=generator=docker/scout
    one_line 'provenance of version v0.2 is not supported: only v1' --provenance=version=v0.2
    one_line 'mode=most: min or max' --provenance=mode=most
    one_line 'type=sbom knows no mode=' --attest type=sbom,mode=max
    one_line '"maybe" is no field key=value' --sbom=maybe
    one_line 'needs a name: give it one with --tag' --sbom=true
    one_line 'attestations of files are not supported yet' --sbom=true -o "$BATS_TEST_TMPDIR/out"
    one_line 'inline-only=x: true or false' --provenance=inline-only=x
    run_ok build --provenance=mode=max,inline-only=true -o "$BATS_TEST_TMPDIR/out" # as docker's actions say it
}
