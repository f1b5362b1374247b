#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2034 # image and SHALE_* are container_setup's
# Images whose packages are rpm's (a database of SQLite): bills of materials, find, diff; rpm itself says what is in it.
load lib
load build

setup() {
    context_setup
    command -v rpmbuild >/dev/null || skip "rpm is not installed (tools/install-deps)"
}

# package NAME VERSION RELEASE EPOCH ARCH -> an rpm below $BATS_TEST_TMPDIR/rpms
package() {
    printf 'Name: %s\nVersion: %s\nRelease: %s\nEpoch: %s\nSummary: x\nLicense: x\n%%description\nx\n%%files\n' "$1" "$2" "$3" "$4" >"$BATS_TEST_TMPDIR/$1.spec"
    [ "$4" != 0 ] || sed -i /^Epoch/d "$BATS_TEST_TMPDIR/$1.spec"
    rpmbuild --quiet -bb --target "$5" --define "_topdir $BATS_TEST_TMPDIR/b" --define "_rpmdir $BATS_TEST_TMPDIR/rpms" "$BATS_TEST_TMPDIR/$1.spec" 2>"$BATS_TEST_TMPDIR/rpmbuild.log" ||
        { cat "$BATS_TEST_TMPDIR/rpmbuild.log"; return 1; }
}
# database FOLDER OPTION…: rpm on that database of the context
database() { rpm --root "$ctx/root" --dbpath "/$1" "${@:2}"; }

@test "rpm: build --sbom, find --package, image diff" {
    package plain 1.0 2 0 noarch
    package "late+er" 2.5~rc1 3.fc40 1 noarch
    package other 7 1 0 x86_64
    dir=usr/lib/sysimage/rpm # where Fedora has it since 36
    mkdir -p "$ctx/root/$dir" "$ctx/root/etc"
    database $dir --initdb
    [ -s "$ctx/root/$dir/rpmdb.sqlite" ] || { ls -la "$ctx/root/$dir"; return 1; }
    find "$BATS_TEST_TMPDIR/rpms" -name '*.rpm' -print0 | xargs -0 rpm --root "$ctx/root" --dbpath /$dir -i --justdb --nodeps --ignorearch 2>/dev/null
    [ "$(database $dir -qa | wc -l)" = 3 ]
    printf 'ID=fedora\nVERSION_ID=40\n' >"$ctx/root/etc/os-release"
    dockerfile <<<$'FROM scratch\nCOPY root /'
    run_ok build -t "$REGISTRY_HOST/app:1" --push --sbom=true
    list=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY_HOST/app:1")
    about=$(jq -r '.manifests[1].digest' <<<"$list")
    layer=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY_HOST/app@$about" | jq -r '.layers[0].digest')
    curl -sf "http://$REGISTRY_HOST/v2/app/blobs/$layer" | jq -r '.predicate.packages[] | select(.externalRefs) | "\(.name) \(.versionInfo) \(.externalRefs[0].referenceLocator)"' | sort >"$BATS_TEST_TMPDIR/got"
    # What rpm lists, with its own words for "no epoch", and locators as package-url has them.
    database $dir -qa --qf '%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH}\n' |
        python3 -c 'import sys, urllib.parse
for line in sys.stdin:
    n, v, a = line.split()
    q = lambda s: urllib.parse.quote(s, safe="")
    print(n, v, f"pkg:rpm/fedora/{q(n)}@{q(v)}?arch={a}&distro=fedora-40")' | sort >"$BATS_TEST_TMPDIR/want"
    diff "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/got"

    found() { shale find --format '{{.Package}} {{.Version}} {{.Arch}}' --package "$1"; }
    [ "$(found plain)" = "plain 1.0-2 noarch" ]
    [ "$(found 'late+er')" = "late+er 1:2.5~rc1-3.fc40 noarch" ]
    [ "$(found 'late+er>=1:2.5')" = "" ] || { found 'late+er>=1:2.5'; return 1; } # a release candidate is older
    [ "$(found 'late+er<1:2.5')" = "late+er 1:2.5~rc1-3.fc40 noarch" ]
    [ "$(found 'o*')" = "other 7-1 x86_64" ]

    # Another version, one gone, in the folder that older ones have.
    package plain 1.10 1 0 noarch
    rpm --root "$ctx/root" --dbpath /$dir -U --justdb --nodeps "$(find "$BATS_TEST_TMPDIR/rpms" -name 'plain-1.10*')" 2>/dev/null
    database $dir -e --justdb other
    mkdir -p "$ctx/root/var/lib"
    mv "$ctx/root/$dir" "$ctx/root/var/lib/rpm"
    run_ok build -t app:2
    run shale image diff --only packages "$REGISTRY_HOST/app:1" app:2
    [ "$status" = 1 ]
    has plain
    has 1.10-1
    has other
    hasnt late
}
