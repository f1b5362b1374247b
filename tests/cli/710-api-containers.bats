#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers through the Engine API, with the docker CLI: made, run, attached to, looked at, copied from, removed.
# shellcheck disable=SC2030,SC2031,SC2154 # bats sets output

load lib
load daemon

setup_file() {
    daemon_with_busybox
    docker run -d --network none --name web --label kind=web -e A=1 busybox sh -c \
        'echo first; echo second >&2; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo third; exec sleep 1000' >/dev/null
}
teardown_file() {
    drop_store
    daemon_stop
}
none=(--network none)

# typed TEXT ANSWER… -- CMD…: CMD on a terminal of 33 rows and 77 columns; when TEXT has come ANSWER is typed, and so on
typed() { timeout -s KILL 30 python3 -B "$BATS_TEST_DIRNAME/typed" "$@"; }

@test "run: output of both streams, exit statuses, --rm" {
    code=0
    docker run "${none[@]}" --rm busybox sh -c 'echo out; echo err >&2; exit 3' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || code=$?
    [ "$code" = 3 ]
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = out ]
    [ "$(cat "$BATS_TEST_TMPDIR/err")" = err ]
    run_fails 127 "executable file not found" docker run "${none[@]}" --rm busybox nosuch
    run_fails 126 "" docker run "${none[@]}" --rm busybox /etc/passwd
    run_fails 125 "Conflict. The container name \"/web\" is already in use" docker run "${none[@]}" --name web busybox true
    run_fails 125 "HostConfig.StorageOpt is not supported yet" docker run "${none[@]}" --storage-opt size=1G busybox true
    run_ok docker run "${none[@]}" --rm busybox sh -c 'head -c 300000 /dev/zero | tr "\0" x'
    [ "${#output}" = 300000 ]
    run_ok docker ps -aq --filter ancestor=busybox
    [ "${#lines[@]}" = 1 ] # web: nothing of the others stayed
}

@test "run: namespaces, limits of devices and the like; what cannot be together" {
    local id
    id=$(docker run -d "${none[@]}" --name shares --ipc shareable --oom-score-adj 55 --domainname dom --annotation a=b \
        --device-cgroup-rule 'c 1:3 r' busybox sleep 1000)
    run_ok docker inspect -f '{{.HostConfig.IpcMode}} {{.HostConfig.OomScoreAdj}} {{.Config.Domainname}} {{.HostConfig.DeviceCgroupRules}}' shares
    [ "$output" = "shareable 55 dom [c 1:3 r]" ]
    run_ok docker run --rm "${none[@]}" --pid container:shares --ipc container:shares --uts host busybox sh -c 'for n in pid ipc; do readlink /proc/self/ns/$n; done; hostname'
    [ "$output" = "$(docker exec shares sh -c 'for n in pid ipc; do readlink /proc/self/ns/$n; done')
$(hostname)" ]
    docker create "${none[@]}" --name joins --pid container:shares busybox true
    [ "$(docker inspect -f '{{.HostConfig.PidMode}}' joins)" = "container:$id" ]
    docker rm -f shares
    run_fails 1 "No such container: $id" docker start joins
    [ "$(api_status POST /containers/joins/start)" = 400 ]
    docker rm joins
    run_fails 125 "invalid IPC mode: x" docker run --rm "${none[@]}" --ipc x busybox true
    [ "$(api_status POST /containers/create -H 'Content-Type: application/json' -d '{"Image":"busybox","HostConfig":{"PidMode":"x"}}')" = 400 ]
    run_fails 125 "hostname and the UTS mode" docker run --rm "${none[@]}" --uts host --hostname x busybox true
    run_fails 125 "host type networking can't be used with links" docker run --rm --network host --link web busybox true
    run_fails 125 "mac-address and the network mode" docker run --rm --network host --mac-address 02:00:00:00:00:01 busybox true
    run_fails 1 "an update of BlkioWeight is not supported yet" docker update --blkio-weight 100 web
}

@test "run -i: standard input to its end, also a large one" {
    for i in 1 2 3; do [ "$(echo "hello $i" | docker run "${none[@]}" -i --rm busybox cat)" = "hello $i" ]; done
    head -c 2000000 /dev/urandom >"$BATS_TEST_TMPDIR/big"
    docker run "${none[@]}" -i --rm busybox cat <"$BATS_TEST_TMPDIR/big" | cmp - "$BATS_TEST_TMPDIR/big"
    # a body that comes with the request to attach is none of it
    for i in bodied open ended; do docker create "${none[@]}" -i --name "$i" busybox cat >/dev/null; done
    run_ok python3 - "$DAEMON_SOCK" <<'PY'
import socket, sys
def ask(text):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(sys.argv[1])
    s.sendall(text)
    f = s.makefile("rb")
    while f.readline() != b"\r\n":
        pass
    return s, f
s, f = ask(b"POST /containers/bodied/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n"
           b'Content-Type: application/json\r\nContent-Length: 14\r\n\r\n{"stdin":true}input\n')
ask(b"POST /containers/bodied/start HTTP/1.0\r\n\r\n")
s.shutdown(socket.SHUT_WR)
got = f.read()
assert got == b"\1\0\0\0\0\0\0\6input\n", got
# one that is left open is not waited for, one that has ended is none of it
for name, end in (b"open", b""), (b"ended", b"0\r\n\r\n"):
    s, f = ask(b"POST /containers/" + name + b"/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\n"
               b"Connection: Upgrade\r\nTransfer-Encoding: chunked\r\n\r\n" + end)
    ask(b"POST /containers/" + name + b"/start HTTP/1.0\r\n\r\n")
    s.sendall(b"input\n")
    s.shutdown(socket.SHUT_WR)
    got = f.read()
    assert got == b"\1\0\0\0\0\0\0\6input\n", (name, got)
PY
    docker rm bodied open ended
}

@test "run -it: a terminal with its size; detach keys; attach again; exec -it" {
    run typed '# ' $'tty; stty size; exit 5\n' -- docker run "${none[@]}" -it --rm busybox sh
    [ "$status" = 5 ]
    has /dev/pts/
    run_ok typed '# ' $'\x10\x11' -- docker run "${none[@]}" -it --name term busybox sh
    run typed '' $'echo a$((40+2))\n' a42 $'exit 4\n' -- docker attach term
    [ "$status" = 4 ]
    run_ok docker inspect -f '{{.State.ExitCode}} {{.Config.Tty}}' term
    [ "$output" = "4 true" ]
    docker rm term
    run typed '# ' $'sleep 0.5; stty size\n' '33 77' $'exit 6\n' -- docker exec -it web sh
    [ "$status" = 6 ]
}

@test "exec: streams, statuses, options, what cannot be" {
    [ "$(echo abc | docker exec -i web cat)" = abc ]
    run_fails 7 "in" docker exec -e X=in -w /tmp web sh -c 'echo $X; [ "$PWD" = /tmp ] && exit 7'
    run_fails 127 "executable file not found" docker exec web nosuch
    run_ok docker exec -d web touch /tmp/detached
    for _ in $(seq 600); do docker exec web test -e /tmp/detached && break; sleep 0.05; done
    docker exec web test -e /tmp/detached
    run_fails 1 "No such container: nosuch" docker exec nosuch true
    docker create "${none[@]}" --name still busybox true
    run_fails 1 "is not running" docker exec still true
    docker rm still
    id=$(api POST /containers/web/exec -H 'Content-Type: application/json' -d '{"Cmd":["sh","-c","exit 9"]}' | jq -r .Id)
    api GET "/exec/$id/json" | jq -e '.Running == false and .ExitCode == null and .ProcessConfig.entrypoint == "sh"'
    api POST "/exec/$id/start" -H 'Content-Type: application/json' -d '{"Detach":true}'
    for _ in $(seq 600); do [ "$(api GET "/exec/$id/json" | jq .ExitCode)" = null ] || break; sleep 0.05; done
    api GET "/exec/$id/json" | jq -e '.Running == false and .ExitCode == 9'
    # a name without a value takes the container's away; the daemon's own environment is none of it
    id=$(api POST /containers/web/exec -H 'Content-Type: application/json' \
        -d '{"Cmd":["sh","-c","echo [$A$SHALE_ROOT$B]"],"Env":["A","SHALE_ROOT","B=b"],"AttachStdout":true}' | jq -r .Id)
    has_b=$(api POST "/exec/$id/start" -H 'Content-Type: application/json' -d '{}' | tr -d '\0')
    [[ $has_b == *'[b]'* ]]
    id=$(api POST /containers/web/exec -H 'Content-Type: application/json' -d '{"Cmd":["nosuch"]}' | jq -r .Id)
    [ "$(api_status POST "/exec/$id/start" -H 'Content-Type: application/json' -d '{"Detach":true}')" = 400 ]
    api GET "/exec/$id/json" | jq -e '.Running == false'
    [ "$(api_status POST "/exec/$id/start" -H 'Content-Type: application/json' -d '{"Detach":true}')" = 409 ]
    [ "$(api_status GET /exec/abc/json)" = 404 ]
}

@test "logs: both streams, from the end, with times, followed to the end" {
    run_ok docker logs web
    [ "$output" = $'first\nsecond' ] || [ "$output" = $'second\nfirst' ]
    [ "$(docker logs web 2>/dev/null)" = first ]
    [ "$(docker logs --tail 0 web 2>&1)" = "" ]
    run_ok docker logs -t web
    [[ ${lines[0]} == 20??-*Z\ * ]]
    docker logs -f web >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
    pid=$!
    docker exec web touch /tmp/go
    for _ in $(seq 600); do grep -q third "$BATS_TEST_TMPDIR/log" && break; sleep 0.05; done
    grep -q third "$BATS_TEST_TMPDIR/log"
    kill "$pid"
    docker run "${none[@]}" -d --name short busybox sh -c 'sleep 0.3; echo end' >/dev/null
    [ "$(docker logs -f short)" = end ]
    [ "$(api_status GET /containers/short/logs)" = 400 ]
    docker rm short
}

@test "cp both ways, diff, export, commit" {
    echo text >"$BATS_TEST_TMPDIR/file"
    docker cp "$BATS_TEST_TMPDIR/file" web:/tmp/copied
    [ "$(docker exec web cat /tmp/copied)" = text ]
    docker cp web:/etc "$BATS_TEST_TMPDIR/etc"
    [ -f "$BATS_TEST_TMPDIR/etc/passwd" ]
    mkdir "$BATS_TEST_TMPDIR/in"
    docker cp web:/etc/. "$BATS_TEST_TMPDIR/in"
    [ -f "$BATS_TEST_TMPDIR/in/passwd" ]
    [ "$(docker cp web:/etc/passwd - | tar -t)" = passwd ]
    run_fails 1 "nofile" docker cp web:/nofile -
    # a tar that comes in: whose it becomes, and what gives way to it
    docker create --name own -u 12:34 "${none[@]}" busybox true >/dev/null
    mkdir "$BATS_TEST_TMPDIR/dir"
    echo in >"$BATS_TEST_TMPDIR/dir/f"
    put() { tar -C "$BATS_TEST_TMPDIR" --owner 7 --group 8 -c "$1" | api_status PUT "/containers/own/archive?path=/tmp$2" -T -; }
    [ "$(put dir)" = 200 ]
    [ "$(docker cp own:/tmp/dir - | tar -tv --numeric-owner | awk '{print $2}' | sort -u)" = 7/8 ]
    [ "$(put dir '&copyUIDGID=1')" = 200 ]
    [ "$(docker cp own:/tmp/dir - | tar -tv --numeric-owner | awk '{print $2}' | sort -u)" = 12/34 ]
    mv "$BATS_TEST_TMPDIR/dir/f" "$BATS_TEST_TMPDIR/f"
    rmdir "$BATS_TEST_TMPDIR/dir"
    mv "$BATS_TEST_TMPDIR/f" "$BATS_TEST_TMPDIR/dir"
    [ "$(put dir '&noOverwriteDirNonDir=1')" = 400 ]
    [ "$(docker cp own:/tmp/dir - | tar -t | wc -l)" = 2 ]
    [ "$(put dir)" = 200 ]
    [ "$(docker cp own:/tmp/dir - | tar -xO)" = in ]
    docker rm own
    run_ok docker diff web
    has "A /tmp/copied"
    run_ok sh -c 'docker export web | tar -t'
    has tmp/copied
    run_ok docker commit -m told -c 'CMD ["cat","/tmp/copied"]' web made:1
    [ "$(docker run "${none[@]}" --rm made:1)" = text ]
    docker rmi made:1
    docker commit -c 'ENTRYPOINT ["cat"]' -c 'CMD ["echo","own"]' web made:2
    run_ok api POST '/containers/create?name=bare' -H 'Content-Type: application/json' \
        -d '{"Image":"made:2","Entrypoint":[],"AttachStdin":true,"AttachStderr":true,"OpenStdin":true,"StdinOnce":false}'
    [ "$(docker inspect -f '{{.Path}} {{.Args}}' bare)" = "echo [own]" ]
    run_ok docker inspect -f '{{with .Config}}{{.AttachStdin}} {{.AttachStdout}} {{.AttachStderr}} {{.StdinOnce}}{{end}}' bare
    [ "$output" = "true false true false" ] # each as it was sent
    docker rm bare
    docker rmi made:2
}

@test "ps, inspect, top, stats, update, rename" {
    run_ok docker ps --format '{{.Names}} {{.Image}} {{.State}} {{.Label "kind"}} {{.Command}}' --no-trunc --filter label=kind
    [[ $output == 'web busybox running web "sh -c '* ]]
    [ "$(docker ps -q --no-trunc)" = "$(shale ps -q --no-trunc)" ]
    run_ok docker inspect -f '{{.Name}} {{.State.Status}} {{.HostConfig.NetworkMode}} {{.Platform}}' web
    [ "$output" = "/web running none linux" ]
    api GET /v1.48/containers/web/json | jq -e --arg m "$(shale inspect -f '{{json .Descriptor}}' busybox)" \
        '.ImageManifestDescriptor == ($m | fromjson) + {platform: {architecture: "amd64", os: "linux"}}'
    api GET /v1.47/containers/web/json | jq -e 'has("ImageManifestDescriptor") | not'
    run_ok docker top web
    has "sleep 1000"
    run_ok docker stats --no-stream --format '{{.Name}} {{.PIDs}}' web
    [ "$output" = "web 1" ]
    api GET '/containers/web/stats?stream=0&one-shot=1' | jq -e '.cpu_stats.system_cpu_usage > 0 and .pids_stats.current == 1
        and (.cpu_stats.cpu_usage | .total_usage > 0 and .usage_in_kernelmode + .usage_in_usermode > 0)
        and .memory_stats.usage >= .memory_stats.stats.inactive_file and .memory_stats.limit > 0 and (has("networks") | not)'
    run_ok docker update --restart no --memory 60m web
    [ "$output" = web ]
    [ "$(docker inspect -f '{{.HostConfig.Memory}}' web)" = 62914560 ]
    docker rename web other
    docker rename other web
    run_fails 1 "No such container: nosuch" docker inspect --type container nosuch
    run_fails 1 "No such container: nosuch" docker top nosuch
}

@test "create, start, pause, wait, stop, kill, rm, prune" {
    run_ok docker create "${none[@]}" --name life busybox sleep 1000
    [ "${#lines[@]}" = 1 ]
    run_ok docker start life
    [ "$(api_status POST /containers/life/start)" = 304 ]
    # nothing to carry, and nothing more of it to come: it ends, and holds nobody up
    api POST '/containers/life/attach?stream=1' -m 60
    api POST '/containers/life/attach?stream=1&stdin=1' -m 60
    docker pause life
    [[ $(docker ps --filter name=life --format '{{.Status}}') == *"(Paused)" ]]
    run_fails 1 "unpause the container before exec" docker exec life true
    docker unpause life
    docker wait life >"$BATS_TEST_TMPDIR/code" 3>&- &
    pid=$!
    docker stop -t 0 life
    wait "$pid"
    [ "$(cat "$BATS_TEST_TMPDIR/code")" = 137 ]
    [ "$(api_status POST /containers/life/stop)" = 304 ]
    run_fails 1 "is not running" docker kill life
    run_fails 1 "container is running" docker rm web
    docker start life
    docker restart -t 0 life
    docker rm -f life
    run_fails 1 "No such container: life" docker rm life
    docker create "${none[@]}" --name gone busybox true
    run_ok docker container prune -f
    has "Deleted Containers:"
    run_fails 1 "No such image: nosuch:latest" docker create --pull never nosuch
}

@test "what is asked for in a body arrives: mounts, limits, environment, health" {
    mkdir "$BATS_TEST_TMPDIR/host"
    docker create --name full --network none -v "$BATS_TEST_TMPDIR/host:/h:ro" -v data:/d --mount type=tmpfs,dst=/t,tmpfs-size=1m \
        --tmpfs /u:size=2m -v /anon -m 64m --cpus 0.5 --pids-limit 33 --ulimit nofile=100:200 --sysctl net.ipv4.ip_forward=1 \
        --cap-drop ALL --cap-add CHOWN --device /dev/null:/dev/x:r --add-host h:1.2.3.4 --dns 9.9.9.9 --health-cmd 'true' \
        --health-interval 7s --restart on-failure:3 -p 8080:80 --expose 90 --stop-signal INT --stop-timeout 4 -u 1:2 -w /tmp \
        -e A=b -l k=v --hostname hn --read-only --init --entrypoint echo busybox a b
    shale inspect full >"$BATS_TEST_TMPDIR/full"
    jq -e '.[0] | .Path == "echo" and .Args == ["a","b"] and .Config.User == "1:2" and .Config.WorkingDir == "/tmp"
        and .Config.Hostname == "hn" and .Config.StopSignal == "INT" and .Config.StopTimeout == 4
        and (.Config.Env | index("A=b")) and .Config.Labels.k == "v" and .Config.Healthcheck.Interval == 7000000000
        and .Config.Healthcheck.Test == ["CMD-SHELL", "true"] and .Config.ExposedPorts["90/tcp"] == {}
        and .HostConfig.Memory == 67108864 and .HostConfig.NanoCpus == 500000000 and .HostConfig.PidsLimit == 33
        and .HostConfig.Ulimits == [{"Name":"nofile","Hard":200,"Soft":100}] and .HostConfig.Sysctls["net.ipv4.ip_forward"] == "1"
        and .HostConfig.CapDrop == ["ALL"] and .HostConfig.ReadonlyRootfs and .HostConfig.Init
        and .HostConfig.Devices[0].PathInContainer == "/dev/x" and .HostConfig.ExtraHosts == ["h:1.2.3.4"] and .HostConfig.Dns == ["9.9.9.9"]
        and .HostConfig.RestartPolicy == {"Name":"on-failure","MaximumRetryCount":3}
        and .HostConfig.PortBindings["80/tcp"][0].HostPort == "8080"' "$BATS_TEST_TMPDIR/full"
    jq -e '[.[0].Mounts[] | .Type + .Destination] | sort == ["bind/h","tmpfs/t","tmpfs/u","volume/anon","volume/d"]' "$BATS_TEST_TMPDIR/full"
    docker rm -v full
    post() { api_status POST /containers/create -H 'Content-Type: application/json' -d "$1"; }
    [ "$(post '{"Image":1}')" = 400 ]
    [ "$(post '{')" = 400 ]
    [ "$(post '[]')" = 400 ]
    [ "$(post '{"Image":"nosuch"}')" = 404 ]
    [ "$(post '{"Image":"busybox","HostConfig":{"Mounts":[{"Type":"x","Target":"/a"}]}}')" = 400 ]
    [ "$(post '{"Image":"busybox","HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"x"}]}}}')" = 400 ]
    [ "$(post '{"Image":"busybox","HostConfig":{"NetworkMode":"nosuch"}}')" = 400 ]
    [ "$(post '{"Image":"busybox","HostConfig":{"Links":["a:b"]}}')" = 400 ]
    [ "$(post '{"Image":"busybox","HostConfig":{"DeviceRequests":[{}]}}')" = 501 ]
    run_ok api POST /containers/create -H 'Content-Type: application/json' -d '{"Image":"busybox","Cmd":"true","HostConfig":{"NetworkMode":"none"}}'
    echo "$output" | jq -e '.Warnings == []'
    docker rm "$(echo "$output" | jq -r .Id)"
}

@test "run --rm without input: watched by a process of ours, attached to from the start or later" {
    run_ok docker run -d --rm "${none[@]}" --name watched busybox sh -c \
        'trap "exit 5" TERM; echo begun; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo more; while :; do sleep 0.05; done'
    id=$output
    pgrep -f "__watch $id" >"$BATS_TEST_TMPDIR/watcher"
    run_fails 1 "" pgrep -f "conmon.*$id"
    docker attach --no-stdin --sig-proxy=false watched >"$BATS_TEST_TMPDIR/attached" 3>&- &
    attached=$!
    docker wait watched >"$BATS_TEST_TMPDIR/status" 3>&- &
    waits=$!
    run_ok docker exec watched sh -c 'touch /tmp/go'
    for _ in $(seq 200); do [ "$(docker logs watched)" = "$(printf 'begun\nmore')" ] && break; sleep 0.05; done
    run_ok shale logs watched
    [ "$output" = "$(printf 'begun\nmore')" ]
    run_ok docker top watched
    [[ "$output" == *trap* ]]
    run_ok docker stop watched
    wait "$attached" || true # docker attach has the status of the container where it is still there
    wait "$waits"
    [ "$(cat "$BATS_TEST_TMPDIR/attached")" = more ]
    [ "$(cat "$BATS_TEST_TMPDIR/status")" = 5 ]
    run_fails 1 "No such container" docker inspect -f x --type container watched
    for _ in $(seq 200); do kill -0 "$(cat "$BATS_TEST_TMPDIR/watcher")" 2>/dev/null || break; sleep 0.05; done
    run_fails 1 "" kill -0 "$(cat "$BATS_TEST_TMPDIR/watcher")" # it goes with its container
    # one that is gone before anybody has seen it run has its status, too
    docker rm -f "$(docker run -d --rm "${none[@]}" busybox sleep 1000)"
    for want in 0 1 7; do
        code=0
        docker run --rm "${none[@]}" busybox sh -c "exit $want" || code=$?
        [ "$code" = "$want" ]
    done
    # its watcher is killed: who looks next sees that it has ended
    id=$(docker run -d --rm "${none[@]}" busybox sleep 1000)
    pid=$(docker inspect -f '{{.State.Pid}}' "$id")
    kill -9 $(pgrep -f "__watch $id")
    kill -9 "$pid"
    for _ in $(seq 200); do [ -n "$(docker ps -aq --no-trunc --filter "id=$id")" ] || break; sleep 0.05; done
    run_fails 1 "No such container" docker inspect -f x --type container "$id"
    run ! grep -q "$id" /proc/mounts
    # each that is left has its container
    for lock in "$SHALE_ROOT"/locks/{container,waiters,attachers}-*; do [ ! -e "$lock" ] || [ -d "$SHALE_ROOT/containers/${lock##*-}" ]; done
}

@test "run -d --rm: what runs and cannot be recorded is ended, and whoever started it is told" {
    real=$(command -v runc || command -v crun)
    # while it starts somebody else decides that it goes
    cat >"$BATS_TEST_TMPDIR/runtime" <<SH
#!/bin/sh
case " \$* " in *" run "*)
    [ ! -e "$BATS_TEST_TMPDIR/spoil" ] || python3 - "$SHALE_ROOT/shale.db" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=30)
db.execute("UPDATE containers SET state = 'removing' WHERE name = 'spoiled'")
db.commit()
PY
esac
exec $real "\$@"
SH
    chmod +x "$BATS_TEST_TMPDIR/runtime"
    run_ok shale run --rm "${none[@]}" --runtime "$BATS_TEST_TMPDIR/runtime" busybox true
    touch "$BATS_TEST_TMPDIR/spoil"
    run_fails 125 "" timeout -s KILL 60 "$SHALE_BIN" run -d --rm "${none[@]}" --runtime "$BATS_TEST_TMPDIR/runtime" --name spoiled busybox sleep 998877
    run ! pgrep -f "sleep 998877"
    ! docker ps -aq --filter name=spoiled | grep .
}

@test "lists that are sent again show what others have changed" {
    names() { api GET "/containers/json?all=1" | jq -r '.[].Names[0]' | sort | tr '\n' ' '; }
    docker create "${none[@]}" --name list1 busybox true >/dev/null
    before=$(names)
    [ "$(names)" = "$before" ]
    [[ "$before" == *"/list1 "* ]]
    shale rename list1 list2 # another process
    [ "$(names)" = "${before/list1/list2}" ]
    [ "$(names)" = "${before/list1/list2}" ]
    docker rename list2 list3 # the daemon itself
    [ "$(names)" = "${before/list1/list3}" ]
    docker start list3 >/dev/null
    docker wait list3 >/dev/null
    state() { api GET "/containers/json?all=1" | jq -r '.[] | select(.Names[0] == "/list3") | .State + " " + .Status'; }
    [[ "$(state)" == "exited Exited (0) "*" ago" ]]
    was=$(state)
    for _ in $(seq 100); do [ "$(state)" = "$was" ] || break; sleep 0.05; done
    [ "$(state)" != "$was" ] # time goes on, though nothing has changed
    shale rm list3
    [[ "$(names)" != *list3* ]]
    tags() { api GET /images/json | jq -r '.[].RepoTags[]' | sort | tr '\n' ' '; }
    [ "$(tags)" = "$(tags)" ]
    shale tag busybox:latest listed:1
    [[ "$(tags)" == *"listed:1 "* ]]
    docker tag busybox:latest listed:2
    [[ "$(tags)" == *"listed:2 "* ]]
    [ "$(api GET /v1.24/images/json | jq 'map(select(.VirtualSize)) | length')" -gt 0 ]
    [ "$(api GET /images/json | jq 'map(select(.VirtualSize)) | length')" = 0 ]
    shale rmi listed:1 listed:2 >/dev/null
    [[ "$(tags)" != *listed* ]]
}

@test "lists of containers that run are sent again, and show what happens to these meanwhile" {
    docker run -d "${none[@]}" --name live1 --health-cmd 'test -e /ok' --health-interval 100ms --health-retries 1000 busybox sleep 1000 >/dev/null
    docker run -d "${none[@]}" --name live2 busybox sleep 1000 >/dev/null
    status() { api GET "/containers/json?all=1" | jq -r ".[] | select(.Names[0] == \"/$1\") | .State + \" \" + .Status"; }
    running() { api GET /containers/json | jq -r '.[].Names[0]' | grep -c live || true; }
    killed() { # an answer is kept, and the processes end
        running >/dev/null
        status live1 >/dev/null
        kill -KILL "$@"
        for p; do while [[ "$(cut -d' ' -f3 "/proc/$p/stat" 2>/dev/null)" == [^Z] ]]; do sleep 0.01; done; done
    }
    of_file() { cut -d' ' -f"$3" "$SHALE_ROOT/containers/$(docker inspect -f '{{.Id}}' "$1")/$2"; }
    [[ "$(status live1)" == "running Up "*" (health: starting)" ]]
    [ "$(running)/$(running)" = 2/2 ]
    [ "$(find "/proc/$DAEMON_PID/fd" -lname '*pidfd*' | wc -l)" -ge 3 ] # they are kept: two containers and a keeper
    was=$(api GET /containers/json)
    for _ in $(seq 100); do [ "$(api GET /containers/json)" = "$was" ] || break; sleep 0.05; done
    [ "$(api GET /containers/json)" != "$was" ] # time goes on
    docker exec live1 touch /ok                 # its keeper sees that, and writes a file
    for _ in $(seq 200); do
        status live1 >/dev/null
        [ "$(shale inspect -f '{{.State.Health.Status}}' live1)" != healthy ] || break
    done
    [[ "$(status live1)" == "running Up "*" (healthy)" ]] # at once
    killed "$(of_file live1 keeper 1)"
    [[ "$(status live1)" == "running Up "*" (unhealthy)" ]] # nobody looks any more
    docker rm -f live1 >/dev/null
    # from here on the time reads the same in each answer
    sqlite3 -cmd '.timeout 10000' "$SHALE_ROOT/shale.db" "UPDATE containers SET started = started - 18000000000000 WHERE state = 'running'"
    [ "$(status live2)" = "running Up 5 hours" ]
    shale pause live2 # another process
    [ "$(status live2)/$(status live2)" = "paused Up 5 hours (Paused)/paused Up 5 hours (Paused)" ]
    shale unpause live2
    [ "$(status live2)/$(running)" = "running Up 5 hours/1" ]
    # killed by somebody else, and nobody is left who would write down its end
    killed "$(of_file live2 run 4)" "$(docker inspect -f '{{.State.Pid}}' live2)"
    [ "$(running)" = 0 ]
    [[ "$(status live2)" == "exited Exited (255) "* ]]
    shale start live2 >/dev/null
    [[ "$(status live2)" == "running Up Less than a second" || "$(status live2)" == "running Up "*" second"* ]]
    killed "$(docker inspect -f '{{.State.Pid}}' live2)"
    docker wait live2
    [[ "$(running) $(status live2)" == "0 exited Exited (137) "* ]]
    docker rm live2 >/dev/null
}
