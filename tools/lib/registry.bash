# SPDX-License-Identifier: Apache-2.0
# A registry on a free port of loopback, for the tour, the tests and the benchmarks: ours, or with
# REGISTRY_KIND=docker Debian's docker-registry.
#
#   registry_start KIND DIR   -> REGISTRY_HOST=127.0.0.1:PORT, REGISTRY_PID; DIR/log is what it says
#       plain
#       tls        REGISTRY_CA (file)
#       mtls       as tls, and asks for a client certificate (DIR/client.cert, DIR/client.key will do)
#       htpasswd   user "user", password "secret"
#       token      tokens of tools/lib/token-server: the same user, and nobody for busybox; DIR/token.log
#   registry_stop PID                       / registry_stop_all
#
# SHALE_BIN is the binary of ours, build/shale without it; REGISTRY_PREFIX (array) may run it.

REGISTRY_PIDS=${REGISTRY_PIDS:-} REGISTRY_LOGS=${REGISTRY_LOGS:-}

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
    for _ in $(seq 600); do
        [ ! -s "$1/token.port" ] || return 0
        sleep 0.05
    done
    echo "registry_token_server: it does not come up" >&2
    return 1
}

# registry_config_docker KIND DIR PORT: what Debian's is told
registry_config_docker() {
    printf 'version: 0.1\nlog:\n  accesslog:\n    disabled: true\n  level: error\n'
    printf 'storage:\n  filesystem:\n    rootdirectory: %s/data\n  delete:\n    enabled: true\n' "$2"
    printf 'http:\n  addr: 127.0.0.1:%s\n' "$3"
    case $1 in
    tls | mtls)
        printf '  tls:\n    certificate: %s/server.crt\n    key: %s/server.key\n' "$2" "$2"
        [ "$1" = tls ] || printf '    clientcas:\n      - %s/ca.crt\n' "$2"
        ;;
    htpasswd) printf 'auth:\n  htpasswd:\n    realm: test\n    path: %s/htpasswd\n' "$2" ;;
    token)
        printf 'auth:\n  token:\n    realm: http://127.0.0.1:%s/token\n    service: test\n' "$(cat "$2/token.port")"
        printf '    issuer: test-issuer\n    rootcertbundle: %s/token.crt\n' "$2"
        ;;
    esac
}

registry_start_docker() { # KIND DIR
    local kind=$1 dir=$2 port url=http curl_opts=() _
    case $kind in
    tls | mtls) url=https curl_opts=(--cacert "$dir/ca.crt" --cert "$dir/client.cert" --key "$dir/client.key") ;;
    esac
    for _ in 1 2 3; do
        port=$(free_port)
        registry_config_docker "$kind" "$dir" "$port" >"$dir/config.yml"
        # Descriptor 3 belongs to bats: a server that keeps it open would keep bats waiting.
        docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- &
        REGISTRY_PID=$!
        for _ in $(seq 600); do
            if curl -s -o /dev/null "${curl_opts[@]}" "$url://127.0.0.1:$port/v2/"; then
                REGISTRY_HOST=127.0.0.1:$port
                return 0
            fi
            kill -0 "$REGISTRY_PID" 2>/dev/null || break
            sleep 0.05
        done
        kill "$REGISTRY_PID" 2>/dev/null || true
    done
    return 1
}

# registry_config_shale KIND DIR: what ours is told; paths are from the folder of the file
registry_config_shale() {
    printf '[listen]\naddress = 127.0.0.1:0\n'
    case $1 in tls | mtls) printf 'tls_cert = server.crt\ntls_key = server.key\n' ;; esac
    [ "$1" != mtls ] || printf 'tls_client_ca = ca.crt\n'
    printf '[storage]\nroot = data\n[log]\naccess = off\n'
    case $1 in
    htpasswd) printf '[auth]\ntype = htpasswd\nhtpasswd = htpasswd\nfailure_delay = 0s\nfailures = 1000\n' ;;
    token)
        printf '[auth]\ntype = token\ntoken_url = http://127.0.0.1:%s/token\nservice = test\n' "$(cat "$2/token.port")"
        printf 'issuer = test-issuer\ntoken_keys = token.crt\n'
        ;;
    esac
}

registry_start_shale() { # KIND DIR
    local _
    registry_config_shale "$1" "$2" >"$2/registry.conf"
    : >"$2/log"
    "${REGISTRY_PREFIX[@]}" "${SHALE_BIN:-build/shale}" registry serve --config "$2/registry.conf" >"$2/log" 2>&1 3>&- &
    REGISTRY_PID=$!
    for _ in $(seq 1500); do
        REGISTRY_HOST=$(sed -n 's,^Listening on https\?://,,p' "$2/log")
        [ -z "$REGISTRY_HOST" ] || return 0
        kill -0 "$REGISTRY_PID" 2>/dev/null || break
        sleep 0.02
    done
    kill "$REGISTRY_PID" 2>/dev/null || true
    return 1
}

registry_start() {
    local kind=$1 dir=$2 server=${REGISTRY_KIND:-shale}
    mkdir -p "$dir/data"
    dir=$(cd "$dir" && pwd)
    case $kind in
    tls | mtls)
        [ -f "$dir/server.crt" ] || registry_certificate "$dir"
        export REGISTRY_CA=$dir/ca.crt
        ;;
    htpasswd) htpasswd -Bbn user secret >"$dir/htpasswd" ;;
    token) registry_token_server "$dir" || return 1 ;;
    esac
    if ! "registry_start_$server" "$kind" "$dir"; then
        echo "registry_start: the registry ($server) does not come up; its log:" >&2
        cat "$dir/log" >&2
        return 1
    fi
    REGISTRY_PIDS="$REGISTRY_PIDS $REGISTRY_PID" REGISTRY_LOGS="$REGISTRY_LOGS $dir/log"
    export REGISTRY_HOST REGISTRY_PID REGISTRY_PIDS REGISTRY_LOGS
}

registry_stop() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# All of them; fails when a sanitizer had something to say.
registry_stop_all() {
    local pid log status=0
    for pid in $REGISTRY_PIDS; do registry_stop "$pid"; done
    for log in $REGISTRY_LOGS; do
        ! grep -HsE "runtime error|Sanitizer|Assertion" "$log" || status=1
    done
    REGISTRY_PIDS='' REGISTRY_LOGS=''
    return $status
}
