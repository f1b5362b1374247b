#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Searching our registry: by name with docker and shale, by what is known of images and what is inside of them.

load lib

setup() {
    fresh_store
    dir=$BATS_TEST_TMPDIR/conf
    mkdir "$dir"
}
teardown() {
    own_stop_all
    drop_store
}

users() {
    local user
    for user in alice bob; do
        echo "pw-$user" | shale registry user add --file "$dir/users" --cost 4 --password-stdin "$user"
    done
    cat >"$dir/r.conf" <<END
[auth]
type = htpasswd
htpasswd = users
$1
[rule "public/**"]
pull = anyone
push = users
[rule "secret/**"]
pull = alice
push = alice
hidden = yes
[rule "team/*"]
pull = users
push = users
delete = alice
END
    own_registry reg --config "$dir/r.conf"
}
as() { # as USER LAYOUT NAME:TAG: pushes
    skopeo copy --quiet --all --dest-tls-verify=false --dest-creds "$1:pw-$1" "oci:$SHALE_IMAGES/$2:1.0" "docker://$OWN/$3"
}
# tiny NAME TAG DESCRIPTION [CONFIG]: an image without layers, pushed with curl
tiny() {
    local config=${4:-"{}"} d
    d=sha256:$(printf %s "$config" | sha256sum | cut -d' ' -f1)
    curl -sf -o /dev/null -X POST -H 'Content-Type: application/octet-stream' --data-binary "$config" \
        "http://$OWN/v2/$1/blobs/uploads/?digest=$d"
    jq -cn --arg d "$d" --arg t "$3" --argjson n "${#config}" '{schemaVersion:2,
        mediaType:"application/vnd.oci.image.manifest.v1+json",
        config:{mediaType:"application/vnd.oci.image.config.v1+json",digest:$d,size:$n},layers:[],
        annotations:{"org.opencontainers.image.description":$t}}' |
        curl -sf -o /dev/null -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @- \
            "http://$OWN/v2/$1/manifests/$2"
}
names() { jq -r '[.results[].name] | join(" ")'; }

# indexed: waits until the registry has looked at everything
indexed() {
    local n=x
    for _ in $(seq 1200); do
        n=$(curl -s ${1:+-u "$1"} "http://$OWN/shale/v1/search?n=1" | jq .pending)
        [ "$n" != 0 ] || return 0
        sleep 0.1
    done
    echo "still pending: $n"
    return 1
}
# found QUERY...: "NAME:TAG what was found" of each image, in one line each
found() { curl -s ${AS:+-u "$AS"} "http://$OWN/shale/v1/search?$1" | jq -r '.results[] | ([.name, ":", .tags[0]] | add) + ([.matches[] | " " + (if .what == "package" then .name + "=" + .version else .path end)] | add // "")'; }
# layers LAYOUT FOLDER...: an image with a layer of each folder; ".wh." files are what they are
layers() {
    local out=$1 d
    shift
    oci_init "$out"
    for d; do
        tar --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 -C "$d" -cf "$dir/layer.tar" .
        oci_layer "$out" "$dir/layer.tar"
    done
    oci_config "$out" "${CONFIG:-.}"
    oci_tag "$out" 1.0 "$(oci_image "$out" linux amd64)"
}

@test "names: words, order, pages, records" {
    local q
    own_registry reg
    q="http://$OWN/v1/search"
    for name in debian team/debian-slim team/app; do tiny "$name" 1 ""; done
    [ "$(curl -s "$q?q=debian" | names)" = "debian team/debian-slim" ]
    [ "$(curl -s "$q?q=DEBIAN+slim" | names)" = "team/debian-slim" ]
    [ "$(curl -s "$q?q=" | names)" = "debian team/app team/debian-slim" ]
    [ "$(curl -s "$q?q=team&n=1&page=2" | names)" = "team/debian-slim" ]
    [ "$(curl -s "$q?q=team&n=1" | jq -c '[.num_results,.num_pages,.page,.page_size]')" = "[2,2,1,1]" ]
    [ "$(status_of "$q?q=x&n=101")" = 400 ]
    [ "$(status_of "$q?q=$(head -c 300 /dev/zero | tr '\0' x)")" = 400 ]
    # what is said of a repository, is found, and ranks it
    [ "$(status_of -X PATCH -d '{"description":"Holds \"things\"","stars":7,"official":true}' "http://$OWN/shale/v1/repositories/team/app")" = 200 ]
    [ "$(curl -s "$q?q=%22things" | jq -c '.results')" = '[{"name":"team/app","description":"Holds \"things\"","star_count":7,"is_official":true,"is_automated":false,"is_trusted":true}]' ]
    [ "$(curl -s "$q?q=team" | names)" = "team/app team/debian-slim" ]
    [ "$(curl -s "$q?q=team+HOLDS" | names)" = "team/app" ]
    [ "$(curl -s "$q?q=holds+slim" | names)" = "" ]
    [ "$(curl -s "$q?q=a+team+th" | names)" = "team/app" ]
    [ "$(curl -s "http://$OWN/shale/v1/repositories/team/app" | jq -r '.stars')" = 7 ]
    [ "$(status_of -X PATCH -d '{"star":7}' "http://$OWN/shale/v1/repositories/team/app")" = 400 ]
    [ "$(status_of -X PATCH -d '{"stars":-7}' "http://$OWN/shale/v1/repositories/team/app")" = 400 ]
    [ "$(status_of -X PATCH -d '{"stars":7}' "http://$OWN/shale/v1/repositories/nobody")" = 404 ]
    # what is removed, is not found
    d=$(curl -sI -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$OWN/v2/debian/manifests/1" | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //p')
    [ "$(status_of -X DELETE "http://$OWN/v2/debian/manifests/$d")" = 202 ]
    [ "$(curl -s "$q?q=debian" | names)" = "team/debian-slim" ]
}

@test "shale search: table, formats, filters, mistakes" {
    own_registry reg
    for name in a/one a/two; do tiny "$name" 1 ""; done
    curl -sf -o /dev/null -X PATCH -d '{"description":"A text that is longer than the column that it goes into","stars":3,"official":true}' "http://$OWN/shale/v1/repositories/a/two"
    run_ok shale search "$OWN/a"
    [ "${lines[0]}" = "NAME      DESCRIPTION                                     STARS     OFFICIAL" ]
    [ "${lines[1]}" = "a/two     A text that is longer than the column that i…   3         [OK]" ]
    run_ok shale search --no-trunc "$OWN/a/two"
    has "that it goes into"
    run_ok shale search --format '{{.Name}}:{{.StarCount}}:{{.IsOfficial}}' --filter stars=1 "$OWN/a"
    [ "$output" = "a/two:3:[OK]" ]
    run_ok shale search --format json --filter is-official=false "$OWN/a"
    [ "$output" = '{"Description":"","IsOfficial":"false","Name":"a/one","StarCount":"0"}' ]
    run_ok shale search --limit 1 --format '{{.Name}}' "$OWN/a"
    [ "$output" = a/two ]
    run_fails 1 "limit 101 is outside the range of [1, 100]" shale search --limit 101 "$OWN/a"
    run_fails 1 "invalid filter 'stars=x'" shale search --filter stars=x "$OWN/a"
    run_fails 1 "invalid filter 'x'" shale search --filter x=1 "$OWN/a"
    run_fails 1 "should not have a scheme" shale search "http://$OWN/a"
    run_fails 1 "connection refused" shale search 127.0.0.1:1/a
}

@test "who may search, and what they find" {
    local q
    users ""
    q="http://$OWN/v1/search?q="
    for name in public/a team/b; do as bob busybox "$name:1"; done
    as alice busybox secret/c:1
    [ "$(status_of "$q")" = 401 ]
    [ "$(curl -s -u alice:pw-alice "$q" | names)" = "public/a secret/c team/b" ]
    [ "$(curl -s -u bob:pw-bob "$q" | names)" = "public/a team/b" ]
    [ "$(curl -s -u bob:pw-bob "${q}secret" | jq .num_results)" = 0 ]
    [ "$(status_of -u bob:pw-bob "http://$OWN/shale/v1/repositories/secret/c")" = 404 ]
    # whoever pushes may describe; stars are up to who may delete
    [ "$(status_of -u bob:pw-bob -X PATCH -d '{"description":"x"}' "http://$OWN/shale/v1/repositories/team/b")" = 200 ]
    [ "$(status_of -u bob:pw-bob -X PATCH -d '{"stars":9}' "http://$OWN/shale/v1/repositories/team/b")" = 403 ]
    [ "$(status_of -u alice:pw-alice -X PATCH -d '{"stars":9}' "http://$OWN/shale/v1/repositories/team/b")" = 200 ]
    [ "$(status_of -X PATCH -d '{"stars":9}' "http://$OWN/shale/v1/repositories/public/a")" = 401 ]
    # with a login
    run_fails 1 "no basic auth credentials" shale search "$OWN/a"
    skopeo login --tls-verify=false --authfile "$DOCKER_CONFIG/config.json" -u bob -p pw-bob "$OWN"
    run_ok shale search --format '{{.Name}}' "$OWN/"
    [ "$output" = $'team/b\npublic/a' ]
    own_stop
    # strangers too; then nobody
    sed -i 's/^htpasswd = users/&\nsearch = anyone/' "$dir/r.conf"
    own_registry reg --config "$dir/r.conf"
    [ "$(curl -s "http://$OWN/v1/search?q=" | names)" = "public/a" ]
    own_stop
    sed -i 's/^search = .*/search = nobody/' "$dir/r.conf"
    own_registry reg --config "$dir/r.conf"
    [ "$(status_of -u alice:pw-alice "http://$OWN/v1/search?q=")" = 403 ]
    skopeo login --tls-verify=false --authfile "$DOCKER_CONFIG/config.json" -u bob -p pw-bob "$OWN"
    run_fails 1 "you may not search there" shale search "$OWN/a"
}

@test "docker search: engine and command" {
    plain_only
    need_root
    command -v dockerd >/dev/null && command -v docker >/dev/null || skip "docker is not installed"
    local w=$BATS_TEST_TMPDIR/dk
    mkdir -p "$w"
    own_registry reg
    for name in team/one team/two; do tiny "$name" 1 ""; done
    curl -sf -o /dev/null -X PATCH -d '{"description":"Second","stars":3,"official":true}' "http://$OWN/shale/v1/repositories/team/two"
    dockerd --bridge=none --iptables=false --ip-forward=false --data-root "$w/d" --exec-root "$w/e" --pidfile "$w/p" \
        -H "unix://$w/s" --storage-driver vfs >"$w/out" 2>&1 3>&- &
    OWN_PIDS="$OWN_PIDS $!"
    here() { timeout 60 docker -H "unix://$w/s" "$@"; }
    for _ in $(seq 300); do ! here version >/dev/null 2>&1 || break; sleep 0.2; done
    run_ok here search --format '{{.Name}}|{{.Description}}|{{.StarCount}}|{{.IsOfficial}}' "$OWN/team"
    [ "$output" = $'team/two|Second|3|[OK]\nteam/one||0|' ]
    run_ok here search --filter stars=1 --format '{{.Name}}' "$OWN/t"
    [ "$output" = team/two ]
    # the same words, the same table
    here search "$OWN/team" >"$w/theirs"
    shale search "$OWN/team" | sed 's/ *$//' >"$w/ours"
    sed -i 's/ *$//; s/ *AUTOMATED$//' "$w/theirs"
    diff "$w/theirs" "$w/ours"
}

@test "a real Debian image: files, whiteouts, checksums, dpkg" {
    local sum
    own_registry reg
    own_push "$SHALE_IMAGES/debian:1.0" team/debian:1
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1
    indexed
    # as dpkg sees it in the image's own layer
    skopeo copy --quiet --src-tls-verify=false "docker://$OWN/team/debian:1" "dir:$dir/d"
    mkdir "$dir/root"
    tar -C "$dir/root" -xzf "$dir/d/$(jq -r '.layers[0].digest | .[7:]' "$dir/d/manifest.json")"
    local n
    n=$(dpkg-query --admindir="$dir/root/var/lib/dpkg" -W -f '${Status}\n' | grep -c ' installed$')
    [ "$n" -gt 20 ]
    # every package and version of the image, one by one for some, all by their number
    dpkg-query --admindir="$dir/root/var/lib/dpkg" -W -f '${Package} ${Version}\n' | shuf -n 10 --random-source=/dev/zero >"$dir/some"
    while read -r name version; do
        run_ok shale search --package "$name=$version" --format '{{.Name}} {{.Found}}' "$OWN"
        [ "$output" = "team/debian $name $version" ]
    done <"$dir/some"
    run_ok sqlite3 "$OWN_DIR/index.db" 'SELECT count(DISTINCT name) FROM packages'
    [ "$output" = "$n" ]
    # what a higher layer took away is not there; its neighbour is
    [ "$(found file=/etc/issue)" = "" ]
    [ "$(found file=/etc/os-release)" = "team/debian:1 /etc/os-release" ]
    sum=$(sha256sum "$dir/root/etc/debian_version" | cut -d' ' -f1)
    [ "$(found "sha256=$sum")" = "team/debian:1 /etc/debian_version" ]
    # globs
    [ "$(found 'file=debian_vers*')" = "team/debian:1 /etc/debian_version" ]
    [ "$(found 'file=/etc/debian_v?rsion')" = "team/debian:1 /etc/debian_version" ]
    [ "$(found 'file=/**/debian_version')" = "team/debian:1 /etc/debian_version" ]
    [ "$(found 'file=/usr/debian_version')" = "" ]
    # both criteria have to be true
    [ "$(found 'file=debian_version&package=bash')" != "" ]
    [ "$(found 'file=debian_version&package=no-such')" = "" ]
    [ "$(found 'file=debian_version&repo=other/*')" = "" ]
    # number of files: as tar has them
    run_ok sqlite3 "$OWN_DIR/index.db" 'SELECT count(*) FROM files f JOIN stacks s ON s.layer = f.layer AND s.pos = 0 JOIN manifests m ON m.id = s.manifest WHERE m.size > 10000000'
    [ "$output" = "$(tar -tzf "$dir/d/$(jq -r '.layers[0].digest | .[7:]' "$dir/d/manifest.json")" | grep -cv '^\./$')" ]
}

@test "what an image shows: replaced, removed and opaque folders, files in the place of folders, hard links" {
    local w=$dir/l
    mkdir -p "$w/1/a/b" "$w/1/c" "$w/1/o/p" "$w/1/keep" "$w/2/a" "$w/2/o" "$w/2" "$w/3"
    for f in a/one a/b/two c/three o/p/four keep/five top; do echo "$f" >"$w/1/$f"; done
    ln "$w/1/keep/five" "$w/1/keep/same"
    echo changed >"$w/2/a/one"
    touch "$w/2/a/.wh.b" "$w/2/o/.wh..wh..opq"
    echo "a file" >"$w/2/c"
    echo new >"$w/2/o/new"
    touch "$w/3/.wh.top"
    layers "$dir/img" "$w/1" "$w/2" "$w/3"
    layers "$dir/base" "$w/1"
    own_registry reg
    own_push "$dir/img:1.0" upper:1
    own_push "$dir/base:1.0" base:1
    indexed
    for f in a/b/two c/three o/p/four top; do
        [ "$(found "file=/$f")" = "base:1 /$f" ] || { found "file=/$f"; false; }
    done
    for f in keep/five keep/same; do
        [ "$(found "file=/$f" | sort)" = $'base:1 /'"$f"$'\nupper:1 /'"$f" ]
    done
    [ "$(found "file=/o/new")" = "upper:1 /o/new" ]
    # /a/one is another file in each
    [ "$(found "sha256=$(echo a/one | sha256sum | cut -d' ' -f1)")" = "base:1 /a/one" ]
    [ "$(found "sha256=$(echo changed | sha256sum | cut -d' ' -f1)")" = "upper:1 /a/one" ]
    # a hard link has the bytes of its file
    [ "$(found "sha256=$(echo keep/five | sha256sum | cut -d' ' -f1)&repo=base" | tr ' ' '\n' | tail -n +2 | sort | tr '\n' ' ')" = "/keep/five /keep/same " ]
}

@test "rpm, apk and distroless databases; versions" {
    need_root
    command -v rpmbuild >/dev/null || skip "rpm is not installed (tools/install-deps)"
    local w=$dir/l v
    mkdir -p "$w/rpm/usr/lib/sysimage/rpm" "$w/apk/lib/apk/db" "$w/dl/var/lib/dpkg/status.d" "$w/apk2/lib/apk/db"
    for v in 1.2.3 1.10.0~rc1; do
        printf '%s\n' "Name: shale-test-${v%~*}" "Epoch: 2" "Version: $v" "Release: 4" "Summary: x" "License: x" \
            "BuildArch: noarch" "%description" "x" "%files" >"$dir/t.spec"
        rpmbuild --quiet -bb --define "_topdir $dir/b" "$dir/t.spec" 2>/dev/null
    done
    rpm --dbpath "$w/rpm/usr/lib/sysimage/rpm" --initdb
    rpm --dbpath "$w/rpm/usr/lib/sysimage/rpm" -i --justdb --nodeps "$dir"/b/RPMS/noarch/*.rpm 2>/dev/null
    printf 'C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\nT:the libc\nF:lib\nR:libc.musl\n\nP:busybox\nV:1.36.1-r15\nA:x86_64\n\n' >"$w/apk/lib/apk/db/installed"
    printf 'P:musl\nV:1.2.5-r0\nA:x86_64\n\n' >"$w/apk2/lib/apk/db/installed"
    printf 'Package: tzdata\nVersion: 2024a-0+deb12u1\nArchitecture: all\nDescription: x\n y\n' >"$w/dl/var/lib/dpkg/status.d/tzdata"
    for v in rpm apk dl; do layers "$dir/$v" "$w/$v"; done
    layers "$dir/apk2" "$w/apk" "$w/apk2"
    own_registry reg
    for v in rpm apk dl apk2; do own_push "$dir/$v:1.0" "$v:1"; done
    indexed
    [ "$(found package=shale-test-1.2.3)" = "rpm:1 shale-test-1.2.3=2:1.2.3-4" ]
    [ "$(rpm --dbpath "$w/rpm/usr/lib/sysimage/rpm" -qa | wc -l)" = 2 ]
    [ "$(found 'package=shale-test-*' | wc -w)" = 3 ]
    [ "$(found 'package=shale-test-1.10*%3C2:1.10.0' | wc -l)" = 1 ]
    [ "$(found 'package=shale-test-1.10*%3E%3D2:1.10.0')" = "" ]
    [ "$(found 'package=shale-test-1.2.3%3D2:1.2.3')" != "" ]
    [ "$(found package=tzdata)" = "dl:1 tzdata=2024a-0+deb12u1" ]
    # the top-most database is the image's
    [ "$(found package=busybox)" = "apk:1 busybox=1.36.1-r15" ]
    [ "$(found package=musl | sort)" = $'apk2:1 musl=1.2.5-r0\napk:1 musl=1.2.4-r2' ]
    [ "$(found 'package=musl%3C1.2.5')" = "apk:1 musl=1.2.4-r2" ]
    [ "$(found 'package=musl%3E1.2.4-r2')" = "apk2:1 musl=1.2.5-r0" ]
}

@test "images by label, annotation, platform, tag, digest, size and date; pages; mistakes" {
    local d
    own_registry reg
    own_push "$SHALE_IMAGES/busybox:1.0" busybox:1.0
    for n in 1 2 3; do
        tiny "many/x$n" "v1.$n" "image $n" "{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"202$n-05-06T00:00:00Z\",\"config\":{\"Labels\":{\"team\":\"t$n\",\"all\":\"x\"}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}"
    done
    indexed
    [ "$(found label=team=t2)" = "many/x2:v1.2" ]
    [ "$(found 'label=all&label=team=t3')" = "many/x3:v1.3" ]
    [ "$(found 'annotation=org.opencontainers.image.description=image%201')" = "many/x1:v1.1" ]
    [ "$(found 'arch=arm64')" = "busybox:1.0" ]
    [ "$(found 'arch=arm64&os=windows')" = "" ]
    [ "$(found 'tag=v1.*' | wc -l)" = 3 ]
    [ "$(found 'tag=v1.2')" = "many/x2:v1.2" ]
    [ "$(found 'q=x3%20many')" = "many/x3:v1.3" ]
    [ "$(found 'repo=many/*&since=2022-01-01' | sort | tr '\n' ' ')" = "many/x2:v1.2 many/x3:v1.3 " ]
    [ "$(found 'since=2022-01-01&before=2023-01-01')" = "many/x2:v1.2" ]
    [ "$(found 'size=%3E100k&arch=amd64')" = "busybox:1.0" ]
    [ "$(found 'size=10k&arch=amd64' | wc -l)" = 3 ]
    d=$(curl -s "http://$OWN/shale/v1/search?tag=v1.2" | jq -r '.results[0].digest')
    [ "$(found "digest=$d")" = "many/x2:v1.2" ]
    [ "$(found "digest=${d:0:20}")" = "many/x2:v1.2" ]
    # description of the image, where the repository has none
    [ "$(curl -s "http://$OWN/v1/search?q=many/x1" | jq -r '.results[0].description')" = "image 1" ]
    [ "$(curl -s "http://$OWN/v1/search?q=image" | names)" = "many/x1 many/x2 many/x3" ]
    # pages go through everything once
    for n in 1 2 3 4 5; do found "n=1&page=$n"; done >"$dir/paged"
    [ "$(sort "$dir/paged")" = "$(found n=100 | sort)" ]
    [ "$(wc -l <"$dir/paged")" = 5 ]
    curl -sI -X GET "http://$OWN/shale/v1/search?n=1&tag=v1.*" | grep -i '^link: </shale/v1/search?n=1&tag=v1.%2A&page=2>; rel="next"'
    run_ok shale search --limit 1 --tag 'v1.*' "$OWN"
    has "There are more: --page 2"
    for q in foo=1 sha256=12 size=big since=someday file=/ package=%3C digest=zz 'label==x' 'repo=a%20b' "file=$(head -c 5000 /dev/zero | tr '\0' x)"; do
        [ "$(status_of "http://$OWN/shale/v1/search?$q")" = 400 ] || { echo "$q"; false; }
    done
    run_fails 1 "a time is expected" shale search --since someday "$OWN"
    run_fails 1 "say which registry" shale search --tag x debian
    # removed is not found any more, at once
    [ "$(status_of -X DELETE "http://$OWN/v2/many/x2/manifests/$d")" = 202 ]
    [ "$(found label=team=t2)" = "" ]
    [ "$(found 'tag=v1.2')" = "" ]
}

@test "nobody finds what they may not pull" {
    local sum d
    users ""
    for name in public/a team/b; do as bob busybox "$name:1"; done
    as alice debian secret/c:1
    indexed alice:pw-alice
    sum=$(AS=alice:pw-alice found file=/etc/os-release)
    [ "$sum" = "secret/c:1 /etc/os-release" ]
    sum=$(curl -s -u alice:pw-alice "http://$OWN/shale/v1/search?file=debian_version" | jq -r '.results[0].matches[0].sha256')
    d=$(curl -s -u alice:pw-alice "http://$OWN/shale/v1/search?file=debian_version" | jq -r '.results[0].digest')
    [ "$(AS=alice:pw-alice found "sha256=$sum")" = "secret/c:1 /etc/debian_version" ]
    for q in file=/etc/os-release "sha256=$sum" package=bash "digest=$d" repo=secret/c "tag=1&repo=secret/**" "q=secret" "size=%3E10m" "arch=amd64&size=%3E10m"; do
        [ "$(AS=bob:pw-bob found "$q")" = "" ] || { echo "$q"; false; }
        hits=$(curl -s -u bob:pw-bob "http://$OWN/shale/v1/search?$q")
        [[ $hits != *secret* ]] && [[ $hits != *"$d"* ]]
    done
    [ "$(AS=bob:pw-bob found arch=amd64 | sort | tr '\n' ' ')" = "public/a:1 team/b:1 " ]
    [ "$(status_of "http://$OWN/shale/v1/search?q=a")" = 401 ]
    # the same layers in a repository that bob may pull: found there, and only there
    as alice debian team/d:2
    indexed alice:pw-alice
    [ "$(AS=bob:pw-bob found "sha256=$sum")" = "team/d:2 /etc/debian_version" ]
    [ "$(AS=alice:pw-alice found "sha256=$sum" | wc -l)" = 2 ]
    own_stop
    # layers are not looked into
    printf '[index]\ncontents = no\n' >>"$dir/r.conf"
    own_registry reg2 --config "$dir/r.conf"
    as bob busybox public/a:1
    indexed bob:pw-bob
    [ "$(AS=bob:pw-bob found arch=amd64)" = "public/a:1" ]
    [ "$(status_of -u bob:pw-bob "http://$OWN/shale/v1/search?file=x")" = 400 ]
    run_ok sqlite3 "$OWN_DIR/index.db" 'SELECT count(*) FROM files'
    [ "$output" = 0 ]
}

@test "a large layer: the push does not wait; killed in the middle, begun again; rebuilt; swept" {
    local n
    python3 -B - "$dir/big.tar" <<'END'
import io, sys, tarfile
with tarfile.open(sys.argv[1], "w") as t:
    for i in range(60000):
        info = tarfile.TarInfo(f"data/d{i // 300}/file{i}")
        data = b"%d\n" % i
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
END
    oci_init "$dir/big"
    oci_layer "$dir/big" "$dir/big.tar"
    oci_tag "$dir/big" 1.0 "$(oci_image "$dir/big" linux amd64)"
    own_registry reg
    own_push "$dir/big:1.0" big:1
    own_stop KILL || true
    # Usually it is not through by then; on a busy machine the push may take longer than looking does.
    run_ok sqlite3 "$OWN_DIR/index.db" 'SELECT done FROM layers'
    [[ $output =~ ^[01]?$ ]] || { echo "layers: $output"; return 1; }
    own_registry reg
    indexed
    [ "$(found file=file59999)" = "big:1 /data/d199/file59999" ]
    run_ok sqlite3 "$OWN_DIR/index.db" 'SELECT count(*) FROM files'
    [ "$output" = 60000 ]
    # a damaged index is made anew
    own_stop
    printf 'garbage' | dd of="$OWN_DIR/index.db" conv=notrunc status=none
    rm -f "$OWN_DIR/index.db-wal" "$OWN_DIR/index.db-shm"
    own_registry reg
    indexed
    [ "$(found file=file17)" = "big:1 /data/d0/file17" ]
    # by hand, beside the server
    run_ok shale registry index --storage "$OWN_DIR"
    has "Indexed 0 images, 0 layers"
    run_ok shale registry index --storage "$OWN_DIR" --rebuild
    [ "$output" = "Indexed 1 images, 1 layers, 60000 files; 0 layers cannot be read" ]
    [ "$(found file=file17)" = "big:1 /data/d0/file17" ]
    curl -s "http://$OWN/metrics" | grep -q '^shale_registry_index_waiting 0'
    # what is gone takes its rows along
    n=$(curl -s "http://$OWN/shale/v1/search" | jq -r '.results[0].digest')
    [ "$(status_of -X DELETE "http://$OWN/v2/big/manifests/$n")" = 202 ]
    run_ok shale registry index --storage "$OWN_DIR"
    run_ok sqlite3 "$OWN_DIR/index.db" 'SELECT (SELECT count(*) FROM files) + (SELECT count(*) FROM manifests) + (SELECT count(*) FROM layers)'
    [ "$output" = 0 ]
}

@test "layers that cannot be read spoil nothing" {
    own_registry reg
    mkdir "$dir/l"
    echo x >"$dir/l/good"
    layers "$dir/good" "$dir/l"
    # a layer that is no tar, one whose gzip is cut off, a database of nonsense
    head -c 100000 /dev/urandom >"$dir/noise"
    oci_init "$dir/bad"
    oci_layer "$dir/bad" "$dir/noise" none
    oci_tag "$dir/bad" 1.0 "$(oci_image "$dir/bad" linux amd64)"
    mkdir -p "$dir/l2/var/lib/rpm" "$dir/l2/var/lib/dpkg"
    head -c 50000 /dev/urandom >"$dir/l2/var/lib/rpm/rpmdb.sqlite"
    printf 'Package: ok\nVersion: 1\n\nVersion: 2\n\nPackage: \377\376\nVersion: 1\n' >"$dir/l2/var/lib/dpkg/status"
    layers "$dir/odd" "$dir/l2"
    for i in bad odd good; do own_push "$dir/$i:1.0" "$i:1"; done
    indexed
    [ "$(found file=good)" = "good:1 /good" ]
    [ "$(found package=ok)" = "odd:1 ok=1" ]
    [ "$(found file=rpmdb.sqlite)" = "odd:1 /var/lib/rpm/rpmdb.sqlite" ]
    run_ok shale registry index --storage "$OWN_DIR"
    has "1 layers cannot be read"
    run_ok sqlite3 "$OWN_DIR/index.db" "SELECT problem FROM layers WHERE problem LIKE '%rpmdb%'"
    has "no database of rpm"
}
