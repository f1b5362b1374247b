# SPDX-License-Identifier: Apache-2.0
# Debian's docker-registry on a free port of loopback, for the tour, the tests and the benchmarks.
#
#   registry_start KIND DIR   -> REGISTRY_HOST=127.0.0.1:PORT, REGISTRY_PID
#       plain
#       tls        REGISTRY_CA (file)
#       mtls       as tls, and asks for a client certificate (DIR/client.cert, DIR/client.key will do)
#       htpasswd   user "user", password "secret"
#       token      tokens of tools/lib/token-server: the same user, and nobody for busybox; DIR/token.log
#   registry_stop PID                       / registry_stop_all

REGISTRY_PIDS=${REGISTRY_PIDS:-}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

registry_certificate() { # DIR [SAN]: a CA and a certificate for 127.0.0.1, localhost and SAN ("IP:10.0.0.1")
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=test-ca \
        -keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
        -keyout "$1/server.key" -out "$1/server.csr" 2>/dev/null
    openssl x509 -req -in "$1/server.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 30 \
        -extfile <(echo "subjectAltName=IP:127.0.0.1,DNS:localhost${2:+,$2}") -out "$1/server.crt" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=client \
        -keyout "$1/client.key" -out "$1/client.csr" 2>/dev/null
    openssl x509 -req -in "$1/client.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 30 \
        -out "$1/client.cert" 2>/dev/null
}

registry_token_server() { # DIR: its port is in DIR/token.port
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=test-issuer \
        -keyout "$1/token.key" -out "$1/token.crt" 2>/dev/null
    "$(dirname "${BASH_SOURCE[0]}")/token-server" "$1/token.key" "$1/token.crt" "$1/token.port" "$1/token.log" \
        >/dev/null 2>&1 3>&- &
    REGISTRY_PIDS="$REGISTRY_PIDS $!"
    for _ in $(seq 100); do
        [ ! -s "$1/token.port" ] || return 0
        sleep 0.05
    done
    echo "registry_token_server: it does not come up" >&2
    return 1
}

registry_start() {
    local kind=$1 dir=$2 port url=http curl_opts=() try
    mkdir -p "$dir/data"
    dir=$(cd "$dir" && pwd)
    [ "$kind" != token ] || registry_token_server "$dir" || return 1
    for try in 1 2 3; do
        port=$(free_port)
        {
            printf 'version: 0.1\nlog:\n  accesslog:\n    disabled: true\n  level: error\n'
            printf 'storage:\n  filesystem:\n    rootdirectory: %s/data\n  delete:\n    enabled: true\n' "$dir"
            printf 'http:\n  addr: 127.0.0.1:%s\n' "$port"
            if [ "$kind" = tls ] || [ "$kind" = mtls ]; then
                [ -f "$dir/server.crt" ] || registry_certificate "$dir"
                printf '  tls:\n    certificate: %s/server.crt\n    key: %s/server.key\n' "$dir" "$dir"
                [ "$kind" = tls ] || printf '    clientcas:\n      - %s/ca.crt\n' "$dir"
            fi
            if [ "$kind" = htpasswd ]; then
                htpasswd -Bbn user secret >"$dir/htpasswd"
                printf 'auth:\n  htpasswd:\n    realm: test\n    path: %s/htpasswd\n' "$dir"
            fi
            if [ "$kind" = token ]; then
                printf 'auth:\n  token:\n    realm: http://127.0.0.1:%s/token\n    service: test\n' "$(cat "$dir/token.port")"
                printf '    issuer: test-issuer\n    rootcertbundle: %s/token.crt\n' "$dir"
            fi
        } >"$dir/config.yml"
        case $kind in
        tls | mtls)
            url=https curl_opts=(--cacert "$dir/ca.crt" --cert "$dir/client.cert" --key "$dir/client.key")
            export REGISTRY_CA=$dir/ca.crt
            ;;
        esac
        # Descriptor 3 belongs to bats: a server that keeps it open would keep bats waiting.
        docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- &
        REGISTRY_PID=$!
        for _ in $(seq 100); do
            if curl -s -o /dev/null "${curl_opts[@]}" "$url://127.0.0.1:$port/v2/"; then
                REGISTRY_HOST=127.0.0.1:$port
                REGISTRY_PIDS="$REGISTRY_PIDS $REGISTRY_PID"
                export REGISTRY_HOST REGISTRY_PID REGISTRY_PIDS
                return 0
            fi
            kill -0 "$REGISTRY_PID" 2>/dev/null || break
            sleep 0.05
        done
        kill "$REGISTRY_PID" 2>/dev/null || true
    done
    echo "registry_start: docker-registry does not come up (try $try); its log:" >&2
    cat "$dir/log" >&2
    return 1
}

registry_stop() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

registry_stop_all() {
    local pid
    for pid in $REGISTRY_PIDS; do registry_stop "$pid"; done
    REGISTRY_PIDS=
}
