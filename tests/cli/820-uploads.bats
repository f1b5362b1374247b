#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Uploads: resumed after a restart and after kill -9, broken off, at the same time, on a full disk.

load lib

setup() { own_registry reg; }
teardown() {
    own_stop_all
    [ ! -d "$BATS_TEST_TMPDIR/small" ] || umount "$BATS_TEST_TMPDIR/small" 2>/dev/null || true
}

again() { OWN_PORT=${OWN##*:} own_registry reg; }
begin() { curl -s -o /dev/null -D - -X POST "http://$OWN/v2/$1/blobs/uploads/" | tr -d '\r' | sed -n 's/^Location: //Ip'; }
patch() { curl -s -o /dev/null -w '%{http_code}' -X PATCH --data-binary "@$2" -H "Content-Type: application/octet-stream" "${@:3}" "http://$OWN$1"; }
finish() { curl -s -o /dev/null -w '%{http_code}' -X PUT "http://$OWN$1?digest=$2"; }
range() { curl -s -o /dev/null -D - "http://$OWN$1" | tr -d '\r' | sed -n 's/^Range: 0-//Ip'; }
sha() { printf 'sha256:%s' "$(sha256sum "$1" | cut -d' ' -f1)"; }
random() { head -c "$2" /dev/urandom >"$1"; }

@test "an upload goes on after the server was stopped and started" {
    cd "$BATS_TEST_TMPDIR"
    random a 3000000
    random b 2000000
    cat a b >ab
    loc=$(begin x)
    [ "$(patch "$loc" a)" = 202 ]
    own_stop
    again
    [ "$(range "$loc")" = 2999999 ]
    [ "$(patch "$loc" b -H 'Content-Range: 3000000-4999999')" = 202 ]
    [ "$(finish "$loc" "$(sha ab)")" = 201 ]
    curl -s "http://$OWN/v2/x/blobs/$(sha ab)" | cmp - ab
    [ -z "$(ls "$OWN_DIR/uploads")" ]
}

@test "kill -9 in the middle of a piece: what came is there, and the client goes on" {
    cd "$BATS_TEST_TMPDIR"
    random big 40000000
    loc=$(begin x)
    curl -s -o /dev/null --limit-rate 20M -X PATCH -T big "http://$OWN$loc" &
    client=$!
    for _ in $(seq 1500); do
        have=$(range "$loc")
        [ "${have:-0}" -lt 1000000 ] || break
        sleep 0.02
    done
    own_stop KILL || true
    wait $client || true
    again
    have=$(range "$loc")
    [ "$have" -ge 1000000 ] && [ "$have" -lt 39999999 ]
    tail -c +$((have + 2)) big >rest
    [ "$(patch "$loc" rest)" = 202 ]
    [ "$(finish "$loc" "$(sha big)")" = 201 ]
    curl -s "http://$OWN/v2/x/blobs/$(sha big)" | cmp - big
}

@test "kill -9 at many moments of a push: acknowledged is there, nothing is half there" {
    cd "$BATS_TEST_TMPDIR"
    local i code wait_s slow acknowledged=0 lost=0
    for i in $(seq 16); do
        random f 300000
        d=$(sha f)
        # the first four are slow enough to be cut off, the last four are let finish, the others are as it comes
        slow=() wait_s=$(printf 0.%02d $((i * 4)))
        [ "$i" -gt 4 ] || slow=(--limit-rate 500K)
        [ "$i" -le 12 ] || wait_s=3
        (sleep "$wait_s"; kill -9 "$OWN_PID") &
        killer=$!
        code=$(curl -s "${slow[@]}" -o /dev/null -w '%{http_code}' -X POST --data-binary @f -H "Content-Type: application/octet-stream" "http://$OWN/v2/k/x/blobs/uploads/?digest=$d") || true
        m='{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"a/b","digest":"'$d'","size":300000},"layers":[]}'
        mcode=000
        [ "$code" != 201 ] || mcode=$(curl -s -o /dev/null -w '%{http_code}' -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary "$m" "http://$OWN/v2/k/x/manifests/t$i") || true
        wait $killer
        [ "$code" = 201 ] && acknowledged=$((acknowledged + 1)) || lost=$((lost + 1))
        wait "$OWN_PID" 2>/dev/null || true
        again
        got=$(curl -s -o out -w '%{http_code}' "http://$OWN/v2/k/x/blobs/$d")
        case $got in
        200) cmp out f ;;
        404) [ "$code" != 201 ] ;;
        *) false ;;
        esac
        got=$(curl -s -o out -w '%{http_code}' "http://$OWN/v2/k/x/manifests/t$i")
        case $got in
        200) [ "$(cat out)" = "$m" ] ;;
        404) [ "$mcode" != 201 ] ;;
        *) false ;;
        esac
    done
    echo "acknowledged $acknowledged, cut off $lost"
    [ "$acknowledged" -gt 0 ] && [ "$lost" -gt 0 ]
}

@test "a client that goes away: the upload stays, up to where it came" {
    cd "$BATS_TEST_TMPDIR"
    random big 30000000
    loc=$(begin x)
    curl -s -o /dev/null --limit-rate 10M --max-time 1 -X PATCH -T big "http://$OWN$loc" || true
    for _ in $(seq 300); do
        have=$(range "$loc")
        sleep 0.1
        [ "$have" != "$(range "$loc")" ] || break
    done
    [ "$have" -gt 100000 ]
    tail -c +$((have + 2)) big >rest
    [ "$(patch "$loc" rest -H "Content-Range: $((have + 1))-29999999")" = 202 ]
    [ "$(finish "$loc" "$(sha big)")" = 201 ]
}

@test "the same blob, eight times at once; the same tag too" {
    cd "$BATS_TEST_TMPDIR"
    random f 4000000
    d=$(sha f)
    for i in $(seq 8); do
        curl -s -o /dev/null -w '%{http_code}\n' -X POST --data-binary @f -H "Content-Type: application/octet-stream" "http://$OWN/v2/c/r$((i % 3))/blobs/uploads/?digest=$d" >"code$i" &
    done
    # shellcheck disable=SC2046
    wait $(jobs -p | grep -v "^$OWN_PID$")
    [ "$(cat code? | sort | uniq -c | tr -s ' ')" = " 8 201" ]
    m() { printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"a/b","digest":"%s","size":4000000},"layers":[],"annotations":{"n":"%s"}}' "$d" "$1"; }
    for i in $(seq 8); do
        m "$i" | curl -s -o /dev/null -w '%{http_code}\n' -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @- "http://$OWN/v2/c/r1/manifests/t" >"code$i" &
    done
    # shellcheck disable=SC2046
    wait $(jobs -p | grep -v "^$OWN_PID$")
    [ "$(cat code? | sort | uniq -c | tr -s ' ')" = " 8 201" ]
    got=$(curl -s "http://$OWN/v2/c/r1/manifests/t" | jq -r .annotations.n)
    [ "$(m "$got" | sha256sum)" = "$(curl -s "http://$OWN/v2/c/r1/manifests/t" | sha256sum)" ]
}

@test "a full disk: 507, the server stays, the upload goes on when there is room" {
    need_root
    cd "$BATS_TEST_TMPDIR"
    own_stop
    mkdir small
    mount -t tmpfs -o size=12m tmpfs small
    own_registry small
    random ballast 6000000
    cp ballast small/ballast
    random big 8000000
    loc=$(begin x)
    code=$(curl -s -o answer -w '%{http_code}' -X PATCH -T big "http://$OWN$loc")
    [ "$code" = 507 ]
    [ "$(jq -r '.errors[0].code' answer)" = UNAVAILABLE ]
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$OWN/v2/")" = 200 ]
    rm small/ballast
    have=$(range "$loc")
    [ "$have" -gt 1000000 ]
    tail -c +$((have + 2)) big >rest
    [ "$(patch "$loc" rest)" = 202 ]
    [ "$(finish "$loc" "$(sha big)")" = 201 ]
    curl -s "http://$OWN/v2/x/blobs/$(sha big)" | cmp - big
}

@test "a blob of which no row could be written stays an upload, and is finished by the next try" {
    cd "$BATS_TEST_TMPDIR"
    random a 3000000
    d=$(sha a)
    loc=$(begin x)
    [ "$(patch "$loc" a)" = 202 ]
    sqlite3 -cmd '.timeout 10000' "$OWN_DIR/registry.db" 'ALTER TABLE links RENAME TO away'
    [ "$(finish "$loc" "$d")" = 500 ]
    [ "$(range "$loc")" = 2999999 ]
    [ ! -e "$OWN_DIR/blobs/sha256/${d#*:}" ]
    # in one request: nobody knows the name of that upload, so nothing is left of it
    [ "$(curl -s -o /dev/null -w '%{http_code}' --data-binary @a "http://$OWN/v2/x/blobs/uploads/?digest=$d")" = 500 ]
    [ "$(ls "$OWN_DIR/uploads" | wc -l)" = 2 ]
    [ -z "$(ls "$OWN_DIR/blobs/sha256")" ]
    sqlite3 -cmd '.timeout 10000' "$OWN_DIR/registry.db" 'ALTER TABLE away RENAME TO links'
    [ "$(finish "$loc" "$d")" = 201 ]
    curl -s "http://$OWN/v2/x/blobs/$d" | cmp - a
    [ -z "$(ls "$OWN_DIR/uploads")" ]
}

@test "uploads that nobody goes on with are removed after a week" {
    cd "$BATS_TEST_TMPDIR"
    random f 1000
    old=$(begin x)
    young=$(begin x)
    [ "$(patch "$old" f)" = 202 ]
    touch -d '8 days ago' "$OWN_DIR/uploads/${old##*/}"
    own_stop
    again
    for _ in $(seq 300); do
        [ -e "$OWN_DIR/uploads/${old##*/}" ] || break
        sleep 0.1
    done
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$OWN$old")" = 404 ]
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$OWN$young")" = 204 ]
}

@test "running requests are finished when the server is told to stop" {
    cd "$BATS_TEST_TMPDIR"
    random f 6000000
    d=$(sha f)
    curl -s -o /dev/null -w '%{http_code}' --limit-rate 3M -X POST --data-binary @f -H "Content-Type: application/octet-stream" "http://$OWN/v2/g/x/blobs/uploads/?digest=$d" >code &
    client=$!
    sleep 0.5
    own_stop
    wait $client
    [ "$(cat code)" = 201 ]
    again
    curl -s "http://$OWN/v2/g/x/blobs/$d" | cmp - f
}
