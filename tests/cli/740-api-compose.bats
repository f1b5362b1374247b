#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# docker-compose against the daemon: three services come up, find each other, are scaled, log, go down.
# shellcheck disable=SC2154 # bats sets output

load lib
load daemon

setup_file() {
    need docker-compose
    need_root
    daemon_start
    load_busybox bb:1
    mkdir "$BATS_FILE_TMPDIR/shop"
    cat >"$BATS_FILE_TMPDIR/shop/docker-compose.yml" <<'Y'
version: "3"
services:
  web:
    build: .
    image: shop-web
    command: sh -c 'mkdir -p /www; cp /greeting /www/index.html; exec busybox httpd -f -p 8000 -h /www'
    depends_on: [db]
  worker:
    image: bb:1
    command: sh -c 'echo working as $$ROLE; exec sleep 1000'
    volumes: ["data:/data"]
    environment: {ROLE: worker}
  db:
    image: bb:1
    command: sh -c 'echo kept > /data/f; echo db is up; exec sleep 1000'
    volumes: ["data:/data"]
volumes:
  data: {}
Y
    printf 'FROM bb:1\nCOPY greeting /greeting\n' >"$BATS_FILE_TMPDIR/shop/Dockerfile"
    echo "hello from web" >"$BATS_FILE_TMPDIR/shop/greeting"
}
teardown_file() {
    cd "$BATS_FILE_TMPDIR/shop" && docker-compose down -v >/dev/null 2>&1 || true
    daemon_stop
    drop_store
}

@test "up, names, logs, exec, scale, down" {
    cd "$BATS_FILE_TMPDIR/shop"
    run_ok docker-compose up -d
    has "shop"
    run_ok docker-compose ps -q
    [ "${#lines[@]}" = 3 ]
    for _ in $(seq 200); do
        run docker-compose exec -T worker busybox wget -qO- http://web:8000/
        [ "$status" != 0 ] || break
        sleep 0.1
    done
    has "hello from web"
    web=$(docker-compose ps -q web)
    api GET "/containers/$web/stats?stream=0&one-shot=1" | jq -e '.networks | keys == ["eth0"] and .eth0.rx_packets > 0 and .eth0.tx_bytes > .eth0.tx_packets'
    run_ok docker-compose exec -T worker cat /data/f
    has kept
    run_ok docker-compose logs
    has "working as worker"
    has "db is up"
    run_ok docker-compose up -d --scale worker=3
    [ "$(docker ps -q --filter label=com.docker.compose.service=worker | wc -l)" = 3 ]
    run_ok docker-compose up -d # nothing has changed: nothing is made again
    run_ok shale ps -q
    run_ok docker-compose down -v -t 1
    [ -z "$(shale ps -aq)" ]
    [ -z "$(docker volume ls -q)" ]
    [ "$(docker network ls -q | wc -l)" = 3 ]
}
