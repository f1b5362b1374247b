#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Quotas of repositories, and limits of manifests and uploads.

load lib

setup() {
    dir=$BATS_TEST_TMPDIR/conf
    mkdir "$dir"
}
teardown() {
    own_stop_all
    ! mountpoint -q "$BATS_TEST_TMPDIR/disk" || umount -l "$BATS_TEST_TMPDIR/disk"
}

OCI=application/vnd.oci.image.manifest.v1+json
code() { curl -s -m 30 -o /dev/null -w '%{http_code}' "${@:2}" "http://$OWN$1"; }
sum() { printf 'sha256:%s' "$(sha256sum "$1" | cut -d' ' -f1)"; }
file() { head -c "$2" /dev/urandom >"$dir/$1"; }
mono() { curl -s -m 30 -X POST -H 'Content-Type: application/octet-stream' --data-binary "@$dir/$2" -w '\n%{http_code}' "http://$OWN/v2/$1/blobs/uploads/?digest=$(sum "$dir/$2")"; }
upload() { curl -s -o /dev/null -D - -X POST "http://$OWN/v2/$1/blobs/uploads/" | tr -d '\r' | sed -n 's/^Location: //Ip'; }
size_of() { shale registry usage --storage "$OWN_DIR" | awk -v r="$1" '$1 == r {print $5}'; }
serve() {
    cat >"$dir/r.conf" <<END
[repository "big/**"]
quota = 1m
[limits]
repository_quota = 100k
END
    own_registry reg --config "$dir/r.conf"
}

@test "a push beyond the quota is refused at its begin, in the middle and at its end, with a reason" {
    serve
    file small 60000
    file large 90000
    run mono a small
    has 201
    run mono a large
    has '"code":"DENIED"'
    has '"message":"the quota of a is used up: it has 60kB of 102kB, and this does not fit"'
    has 403
    run mono big/a large
    has 201
    # in chunks, whose number nobody knows at the begin
    loc=$(upload a)
    [ "$(code "$loc" -X PATCH -H 'Transfer-Encoding: chunked' -H 'Content-Type: application/octet-stream' --data-binary "@$dir/large")" = 403 ]
    [ "$(code "$loc" -X DELETE)" = 204 ]
    loc=$(upload a)
    file half 30000
    [ "$(code "$loc" -X PATCH --data-binary "@$dir/half")" = 202 ]
    run curl -s -X PATCH --data-binary "@$dir/half" "http://$OWN$loc" # 60 kB of 42
    has "quota of a is used up"
    cat "$dir/half" "$dir/half" >"$dir/both"
    # two at once, which fit one by one: only one of them becomes a blob
    head -c 30000 /dev/urandom >"$dir/other"
    two=$(upload a)
    [ "$(code "$two" -X PATCH --data-binary "@$dir/other")" = 202 ]
    one_code=$(code "$loc?digest=$(sum "$dir/half")" -X PUT)
    two_code=$(code "$two?digest=$(sum "$dir/other")" -X PUT)
    [ "$one_code $two_code" = "201 403" ]
    [ "$(code "/v2/a/blobs/$(sum "$dir/half")")" = 200 ]
    [ "$(code "/v2/a/blobs/$(sum "$dir/other")")" = 404 ]
    [ "$(size_of a)" = 90kB ]
    run curl -s "http://$OWN/metrics"
    has "shale_registry_quota_refusals_total 4"
}

@test "mounts and manifests count, what is there already does not; deleting and collecting make room" {
    serve
    file f 80000
    run mono big/a f
    has 201
    d=$(sum "$dir/f")
    [ "$(code "/v2/b/blobs/uploads/?mount=$d&from=big/a" -X POST)" = 201 ]
    [ "$(code "/v2/b/blobs/uploads/?mount=$d&from=big/a" -X POST)" = 201 ]
    [ "$(size_of b)" = 80kB ]
    file g 30000
    run mono big/a g
    run curl -s -X POST "http://$OWN/v2/b/blobs/uploads/?mount=$(sum "$dir/g")&from=big/a"
    has "the quota of b is used up: it has 80kB of 102kB, and this would add 30kB"
    m='{"schemaVersion":2,"mediaType":"'$OCI'","config":{"mediaType":"a/b","digest":"'$d'","size":80000},"layers":[],"annotations":{"a":"'$(head -c 20000 /dev/zero | tr '\0' x)'"}}'
    printf %s "$m" >"$dir/m"
    [ "$(code /v2/b/manifests/t -X PUT -H "Content-Type: $OCI" --data-binary "@$dir/m")" = 201 ]
    printf %s "${m/axx/bxx}" | sed 's/"a":"x/"a":"y/' >"$dir/n"
    run curl -s -X PUT -H "Content-Type: $OCI" --data-binary "@$dir/n" "http://$OWN/v2/b/manifests/u"
    has "the quota of b is used up"
    n=$(sum "$dir/n")
    [ ! -e "$OWN_DIR/blobs/${n/:/\/}" ] # what is refused takes no room
    [ "$(code /v2/b/manifests/t -X PUT -H "Content-Type: $OCI" --data-binary "@$dir/m")" = 201 ]
    [ "$(code "/v2/b/manifests/$(sum "$dir/m")" -X DELETE)" = 202 ]
    [ "$(code /v2/b/manifests/t -X PUT -H "Content-Type: $OCI" --data-binary "@$dir/n")" = 201 ]
    [ "$(code "/v2/b/manifests/$(sum "$dir/n")" -X DELETE)" = 202 ]
    run_ok shale registry gc --storage "$OWN_DIR" --grace 0s -q
    run mono b g
    has 201
    [ "$(size_of b)" = 30kB ]
}

@test "skopeo is told; the quota is read anew on HUP; usage shows what is used" {
    serve
    run_fails 1 "the quota of img is used up" own_push "$SHALE_IMAGES/busybox:1.0" img:1
    sed -i 's/100k/100m/' "$dir/r.conf"
    own_reload
    run_ok own_push "$SHALE_IMAGES/busybox:1.0" img:1
    run_ok shale registry usage --storage "$OWN_DIR" --config "$dir/r.conf"
    has REPOSITORY
    [[ $output =~ img\ +1\ +[0-9]+\ +[0-9]+\ +[0-9.]+MB\ +105MB\ +[0-9]+% ]]
    has "Together, what several have counted once: "
}

@test "20 pushes at once never go over the quota" {
    serve
    for i in $(seq 20); do file "f$i" 10000; done
    pids=
    for i in $(seq 20); do mono a "f$i" >"$dir/out$i" & pids="$pids $!"; done
    # shellcheck disable=SC2086
    wait $pids
    [ "$(grep -lx 201 "$dir"/out* | wc -l)" = 10 ]
    [ "$(grep -lx 403 "$dir"/out* | wc -l)" = 10 ]
    [ "$(size_of a)" = 100kB ]
    # the others have left nothing
    [ "$(find "$OWN_DIR/blobs" -type f | wc -l)" = 10 ]
    [ "$(find "$OWN_DIR/uploads" -type f | wc -l)" = 0 ]
}

@test "a total that is wrong is counted anew by a collection" {
    serve
    file f 50000
    run mono a f
    sqlite3 "$OWN_DIR/registry.db" "UPDATE repos SET bytes = 102400"
    file g 10000
    run mono a g
    has 403
    run shale registry gc --storage "$OWN_DIR"
    run mono a g
    has 201
    [ "$(size_of a)" = 60kB ]
}

@test "manifests of another size, uploads that are open" {
    printf '[limits]\nmanifest_size = 2k\nuploads = 3\n' >"$dir/r.conf"
    own_registry reg --config "$dir/r.conf"
    head -c 3000 /dev/zero | tr '\0' ' ' >"$dir/m"
    run curl -s -w '%{http_code}' -X PUT -H "Content-Type: $OCI" --data-binary "@$dir/m" "http://$OWN/v2/a/manifests/t"
    has "a manifest has at most 2048 bytes here"
    has 413
    run curl -s -w '%{http_code}' -X PUT -H "Content-Type: $OCI" -H 'Transfer-Encoding: chunked' --data-binary "@$dir/m" "http://$OWN/v2/a/manifests/t"
    has 413
    loc=$(upload a)
    upload b
    upload c
    run curl -s -i -X POST "http://$OWN/v2/d/blobs/uploads/"
    has "429 Too Many Requests"
    has "Retry-After: 1"
    has '"code":"TOOMANYREQUESTS"'
    [ "$(code "$loc" -X DELETE)" = 204 ]
    [ -n "$(upload d)" ]
}

@test "a disk that is full to the last byte: 507, the server stays, and a collection finds room to make room" {
    need_root
    disk=$BATS_TEST_TMPDIR/disk
    mkdir "$disk"
    mount -t tmpfs -o size=16m tmpfs "$disk"
    printf '[limits]\nrepository_quota = 100m\n' >"$dir/r.conf"
    own_registry reg --config "$dir/r.conf" --storage "$disk/r"
    OWN_DIR=$disk/r
    file f 5000000
    run mono a f
    has 201
    loc=$(upload kept)
    [ "$(code "$loc" -X PATCH --data-binary "@$dir/f")" = 202 ]
    for _ in $(seq 300); do [ ! -s "$OWN_DIR/gc.reserve" ] || break; sleep 0.1; done
    dd if=/dev/zero of="$disk/fill" bs=4k 2>/dev/null || true
    [ "$(df --output=avail "$disk" | tail -1)" -eq 0 ]
    file g 100000
    run mono b g
    has '"message":"no space left on the registry"'
    has 507
    # changes of many repositories, whose counters lie all over a file that is mapped
    for i in $(seq 40); do [ "$(code "/v2/r$i/blobs/$(sum "$dir/f")" -X DELETE)" != 000 ]; done
    kill -0 "$OWN_PID"
    run_ok shale registry gc --storage "$OWN_DIR" --config "$dir/r.conf" --grace 0s --dry-run
    has "would remove: blob $(sum "$dir/f")"
    run_ok shale registry gc --storage "$OWN_DIR" --config "$dir/r.conf" --grace 0s
    has "removed: blob $(sum "$dir/f")"
    run mono b g
    has 201
    # what had come of the upload is still there
    [ "$(curl -s -o /dev/null -D - "http://$OWN$loc" | tr -d '\r' | sed -n 's/^Range: //Ip')" = 0-4999999 ]
}
