#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Client certificates as a login: curl, skopeo and shale itself.

load lib

setup() {
    fresh_store
    dir=$BATS_TEST_TMPDIR/certs
    mkdir "$dir"
    registry_certificate "$dir"
    client alice
    client bob
}
teardown() {
    own_stop_all
    drop_store
}

# client NAME [OPTION OF openssl x509…]: a certificate of the authority -> $dir/NAME/client.{cert,key}, ca.crt
client() {
    local name=$1
    shift
    mkdir -p "$dir/$name"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "${subject:-/O=x/CN=$name}" \
        -keyout "$dir/$name/client.key" -out "$dir/$name/csr" 2>/dev/null
    openssl x509 -req -in "$dir/$name/csr" -CA "${ca:-$dir/ca}.crt" -CAkey "${ca:-$dir/ca}.key" -CAcreateserial \
        -days 30 -out "$dir/$name/client.cert" "$@" 2>/dev/null
    cp "$dir/ca.crt" "$dir/$name/ca.crt"
    rm "$dir/$name/csr"
}
authority() { # NAME -> $dir/NAME/ca.{crt,key}
    mkdir "$dir/$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$1-ca" \
        -keyout "$dir/$1/ca.key" -out "$dir/$1/ca.crt" 2>/dev/null
}
# as NAME PATH [CURL OPTION…]; NAME - is nobody
as() {
    local who=()
    [ "$1" = - ] || who=(--cert "$dir/$1/client.cert" --key "$dir/$1/client.key")
    curl -s --cacert "$dir/ca.crt" "${who[@]}" "${@:3}" "https://$OWN$2"
}
code() { as "$1" "$2" -o /dev/null -w '%{http_code}' "${@:3}"; }
serve() { # serve required|optional
    cat >"$dir/r.conf" <<END
[listen]
address = 127.0.0.1:0
tls_cert = server.crt
tls_key = server.key
tls_client_ca = ca.crt
tls_client = $1
${auth:-}
[rule "team/*"]
pull = users
push = alice
delete = @admins
[rule "public/*"]
pull = anyone
push = alice
[group "admins"]
members = alice
[log]
access_file = access.log
END
    serve_again
}
serve_again() { # with the config that is there
    OWN_DIR=$BATS_TEST_TMPDIR/reg
    mkdir -p "$OWN_DIR"
    "$SHALE_BIN" registry serve --storage "$OWN_DIR" --config "$dir/r.conf" >"$OWN_DIR.log" 2>&1 3>&- &
    OWN_PID=$! OWN_PIDS="${OWN_PIDS:-} $!"
    for _ in $(seq 600); do
        OWN=$(sed -n 's,^Listening on https://,,p' "$OWN_DIR.log")
        [ -z "$OWN" ] || return 0
        sleep 0.05
    done
    cat "$OWN_DIR.log"
    return 1
}

@test "the name in the certificate is the user whom rules know" {
    serve required
    [ "$(code alice /v2/)" = 200 ]
    run_ok skopeo copy --quiet --all --dest-cert-dir "$dir/alice" "oci:$SHALE_IMAGES/busybox:1.0" "docker://$OWN/team/a:1"
    run_ok skopeo inspect --cert-dir "$dir/bob" "docker://$OWN/team/a:1"
    run_fails 1 "denied" skopeo copy --quiet --all --dest-cert-dir "$dir/bob" "oci:$SHALE_IMAGES/busybox:1.0" "docker://$OWN/team/b:1"
    [ "$(code bob /v2/team/a/manifests/1 -X DELETE)" = 403 ]
    [ "$(as bob /v2/_catalog | jq -c .repositories)" = '["team/a"]' ]
    mkdir -p "$BATS_TEST_TMPDIR/certs.d"
    cp -r "$dir/bob" "$BATS_TEST_TMPDIR/certs.d/$OWN"
    run_ok shale --certs-dir "$BATS_TEST_TMPDIR/certs.d" pull -q "$OWN/team/a:1"
    [ "$(code alice /v2/team/a/manifests/1 -X DELETE)" = 202 ]
    grep -q ' - bob \[.*"GET /v2/team/a/manifests/1 ' "$dir/access.log"
}

@test "without a certificate, or with a wrong one, there is a reason and nothing else" {
    serve required
    run as - /v2/ -w '%{http_code}'
    has '"message":"a client certificate is needed here"'
    has 403
    authority other
    ca=$dir/other/ca client mallory
    client server -extfile <(echo "extendedKeyUsage=serverAuth")
    client past -days -1
    subject="/CN=a,b" client comma
    for who in mallory server past comma; do
        echo "$who"
        run as $who /v2/team/a/tags/list -w '%{http_code}'
        has 'the client certificate is not good here'
        has 403
    done
    client both -extfile <(echo "extendedKeyUsage=serverAuth,clientAuth")
    [ "$(code both /v2/)" = 200 ]
    subject="/O=nobody" client san -extfile <(echo "subjectAltName=DNS:bob")
    [ "$(code san /v2/team/x/tags/list)" = 404 ] # bob may pull there; it is not there
    [ "$(code alice /v2/)" = 200 ]
}

@test "optional: strangers may what anyone may, a wrong certificate is refused all the same" {
    serve optional
    run_ok skopeo copy --quiet --all --dest-cert-dir "$dir/alice" "oci:$SHALE_IMAGES/busybox:1.0" "docker://$OWN/public/a:1"
    [ "$(code - /v2/public/a/manifests/1)" = 200 ]
    [ "$(code - /v2/public/a/blobs/uploads/ -X POST)" = 403 ]
    [ "$(code - /v2/team/a/tags/list)" = 403 ]
    [ "$(code - /v2/_catalog)" = 403 ]
    [ "$(code bob /v2/team/a/tags/list)" = 404 ]
    authority other
    ca=$dir/other/ca client mallory
    [ "$(code mallory /v2/public/a/manifests/1)" = 403 ]
}

@test "beside passwords and tokens: a password that comes too counts more; HUP reads the authority anew" {
    echo pw-carol | shale registry user add --file "$dir/users" --cost 4 --password-stdin carol
    shale registry keygen "$dir/key.pem"
    auth=$'[auth]\ntype = token\nhtpasswd = users\ntoken_key = key.pem\nfailure_delay = 0s'
    serve optional
    [ "$(code alice /v2/team/a/blobs/uploads/ -X POST)" = 202 ]
    [ "$(code - /v2/team/a/blobs/uploads/ -X POST)" = 401 ]
    [ "$(code - /v2/team/a/blobs/uploads/ -X POST -u carol:pw-carol)" = 403 ]
    [ "$(code alice /v2/team/a/blobs/uploads/ -X POST -u carol:pw-carol)" = 403 ]
    [ "$(code alice /v2/ -u carol:wrong)" = 401 ]
    run_ok skopeo copy --quiet --all --dest-cert-dir "$dir/alice" "oci:$SHALE_IMAGES/busybox:1.0" "docker://$OWN/team/a:1"
    authority other
    ca=$dir/other/ca client dave
    [ "$(code dave /v2/)" = 403 ]
    cat "$dir/other/ca.crt" >>"$dir/ca-both.crt"
    cat "$dir/ca.crt" >>"$dir/ca-both.crt"
    sed -i 's/^tls_client_ca = .*/tls_client_ca = ca-both.crt/' "$dir/r.conf"
    kill -HUP "$OWN_PID"
    for _ in $(seq 300); do [ "$(code dave /v2/)" != 200 ] || break; sleep 0.1; done
    [ "$(code dave /v2/)" = 200 ]
    [ "$(code alice /v2/)" = 200 ]
    sed -i 's/^tls_client_ca = .*/tls_client_ca = server.key/' "$dir/r.conf"
    own_reload
    [ "$(code alice /v2/)" = 200 ] # as it was
    grep -q "authority of clients: no certificate in" "$OWN_DIR.log"
}

@test "an address that others reach may do without [auth] when every client shows a certificate" {
    printf '[listen]\naddress = :%s\ntls_cert = server.crt\ntls_key = server.key\ntls_client_ca = ca.crt\n' "$(free_port)" >"$dir/r.conf"
    run_ok shale registry config "$dir/r.conf"
    sed -i '$a tls_client = optional' "$dir/r.conf"
    run_fails 1 "could push and delete" shale registry config "$dir/r.conf"
}

# revoke CA-FOLDER [NAME…]: a list of the authority with the certificates of these, good for $days -> $dir/crl.pem
revoke() {
    local ca_dir=$1 name
    shift
    if [ ! -f "$ca_dir/index.txt" ]; then
        : >"$ca_dir/index.txt"
        printf '[ca]\ndefault_ca = d\n[d]\ndatabase = %s/index.txt\ndefault_md = sha256\ncertificate = %s/ca.crt\nprivate_key = %s/ca.key\n' \
            "$ca_dir" "$ca_dir" "$ca_dir" >"$ca_dir/ca.conf"
    fi
    for name; do openssl ca -config "$ca_dir/ca.conf" -revoke "$dir/$name/client.cert" 2>/dev/null; done
    openssl ca -config "$ca_dir/ca.conf" -gencrl "${crl_time[@]}" -out "$dir/crl.pem" 2>/dev/null
}
reload() { # reload WHO CODE: HUP, until a new connection of WHO gets CODE
    kill -HUP "$OWN_PID"
    for _ in $(seq 300); do [ "$(code "$1" /v2/)" != "$2" ] || return 0; sleep 0.1; done
    cat "$OWN_DIR.log"
    return 1
}

@test "revoked certificates: refused after HUP, on connections that are open too; a list must be the authority's" {
    local crl_time=(-crldays 30)
    revoke "$dir"
    serve required
    sed -i 's/^tls_client_ca = .*/&\ntls_client_crl = crl.pem/' "$dir/r.conf"
    reload alice 200
    [ "$(code bob /v2/)" = 200 ]
    # one connection of bob's, before and after
    cat >"$dir/two.py" <<'END'
import http.client, ssl, sys
where, d, who = sys.argv[1:]
c = ssl.create_default_context(cafile=d + "/ca.crt")
c.check_hostname = False
c.load_cert_chain(f"{d}/{who}/client.cert", f"{d}/{who}/client.key")
h = http.client.HTTPSConnection(*where.split(":"), context=c)
for line in sys.stdin:
    h.request("GET", "/v2/")
    r = h.getresponse()
    r.read()
    print(r.status, h.sock is not None and h.sock.getsockname()[1], flush=True)
END
    coproc BOB { python3 -B "$dir/two.py" "$OWN" "$dir" bob 3>&-; }
    echo >&"${BOB[1]}"
    local first second
    read -r -t 20 first <&"${BOB[0]}"
    [[ $first == "200 "* ]]
    revoke "$dir" bob
    reload bob 403
    echo >&"${BOB[1]}"
    read -r -t 20 second <&"${BOB[0]}"
    [ "$second" = "403 ${first#200 }" ] # the same port: the same connection
    kill "$BOB_PID"
    [ "$(code alice /v2/)" = 200 ]
    run as bob /v2/
    has 'the client certificate is not good here'
    # a list of somebody else, damaged, none: all stays as it was, and the log says why
    authority other
    cp "$dir/crl.pem" "$dir/good.pem"
    revoke "$dir/other"
    kill -HUP "$OWN_PID"
    for _ in $(seq 300); do ! grep -q "is not signed by an authority of clients" "$OWN_DIR.log" || break; sleep 0.1; done
    grep -q "is not signed by an authority of clients" "$OWN_DIR.log"
    [ "$(code bob /v2/)" = 403 ]
    [ "$(code alice /v2/)" = 200 ]
    own_stop
    run_fails 1 "is not signed by an authority of clients" shale registry serve --storage "$OWN_DIR" --config "$dir/r.conf"
    cp "$dir/ca.crt" "$dir/crl.pem"
    run_fails 1 "has no list of them" shale registry serve --storage "$OWN_DIR" --config "$dir/r.conf"
    rm "$dir/crl.pem"
    run_fails 1 "list of revoked certificates" shale registry serve --storage "$OWN_DIR" --config "$dir/r.conf"
    # out of date: it counts, and the log says so
    crl_time=(-crlsec 1)
    revoke "$dir"
    sleep 2.1
    serve_again
    [ "$(code bob /v2/)" = 403 ]
    [ "$(code alice /v2/)" = 200 ]
    grep -q "is out of date" "$OWN_DIR.log"
}
