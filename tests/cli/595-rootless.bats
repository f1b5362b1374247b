#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # status, output and lines are bats'
# An ordinary user, made for the test: pull, images and run in a user namespace; the network through pasta or
# slirp4netns.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() {
    need_root
    need useradd
    need newuidmap
    image=$REGISTRY_HOST/busybox:1.0
    user=shale-$$-$BATS_TEST_NUMBER home=$BATS_TEST_TMPDIR/home
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR/.." "$BATS_TEST_TMPDIR" 2>/dev/null || true
    [ -e /etc/subuid ] || touch /etc/subuid
    [ -e /etc/subgid ] || touch /etc/subgid
    useradd -M -d "$home" "$user"
    grep -q "^$user:" /etc/subuid || usermod --add-subuids 700000-765535 --add-subgids 700000-765535 "$user"
    uid=$(id -u "$user")
    install -d -o "$user" -m 700 "$home" "$home/run"
    install -m 755 "$SHALE_BIN" "$BATS_TEST_TMPDIR/shale"
    # users may open it where udev made it; not everywhere here
    mknod -m 666 "$BATS_TEST_TMPDIR/tun" c 10 200
}
teardown() {
    local ids
    [ ! -f "$home/run/d.pid" ] || kill "$(cat "$home/run/d.pid")" || true
    ids=$(as_user ps -aq) || true
    # shellcheck disable=SC2086
    [ -z "$ids" ] || as_user rm -f $ids >/dev/null || true
    [ ! -f "$home/run/shale/holder" ] || kill "$(cat "$home/run/shale/holder")" || true
    for _ in $(seq 300); do userdel "$user" 2>/dev/null && break; sleep 0.1; done
    [ -z "$ns" ] || ip netns del "$ns"
}
# Nothing is at $hidden for the user.
hidden=
net() { if [ -n "$ns" ]; then nsenter --net="/run/netns/$ns" "$@"; else "$@"; fi; }
as_user() {
    net unshare -m sh -c 'mount --bind "$0" /dev/net/tun && { [ -z "$1" ] || mount --bind /dev/null "$1"; } && shift && exec "$@"' \
        "$BATS_TEST_TMPDIR/tun" "$hidden" \
        setpriv --reuid "$uid" --regid "$(id -g "$user")" --clear-groups \
        env -u SHALE_ROOT -u DOCKER_CONFIG HOME="$home" XDG_RUNTIME_DIR="$home/run" "$BATS_TEST_TMPDIR/shale" "$@"
}

@test "a user pulls, lists and runs: root inside, other IDs outside, nobody's business but theirs" {
    run_ok as_user pull -q "$image"
    run_ok as_user images --format '{{.Repository}}'
    [ "$output" = "${image%:*}" ]
    run_ok as_user info --format '{{.Driver}} {{.DockerRootDir}}'
    [ "$output" = "dir $home/.local/share/shale" ]
    run_ok as_user run --rm --network none -v data:/data "$image" sh -c 'id -u; touch /data/root; chown 1000:1000 /data; echo x >/etc/new'
    [ "$output" = 0 ]
    run_ok as_user run --rm --network none -u 1000 -v data:/data "$image" sh -c 'id -u; touch /data/other'
    [ "$output" = 1000 ]
    # namespaces of the host, and of others: what only the host's root may mount is the host's
    run_ok as_user run --rm --network none --pid host --ipc host --uts host "$image" sh -c 'readlink /proc/self/ns/pid; hostname'
    [ "$output" = "$(readlink /proc/self/ns/pid)
$(hostname)" ]
    run_ok as_user run -d --name donor --network none --ipc shareable "$image" sh -c 'echo hi >/dev/shm/x; exec sleep 1000'
    await as_user exec donor test -s /dev/shm/x
    run_ok as_user run --rm --network none --ipc container:donor --pid container:donor "$image" cat /dev/shm/x
    [ "$output" = hi ]
    as_user rm -f donor
    data=$home/.local/share/shale/volumes/data/_data
    [ "$(stat -c %u "$data/root")" = "$uid" ]
    [ "$(stat -c %u "$data/other")" -ge 1000 ]
    [ "$(stat -c %u "$data/other")" != 1000 ]
    [ "$(stat -c %u "$data/other")" != "$uid" ]
    # over several commands
    run_ok as_user run -d --name one --network none "$image" sh -c 'echo up; echo changed >/file; exec sleep 1000'
    run_ok as_user ps --format '{{.Names}} {{.State}}'
    [ "$output" = "one running" ]
    for _ in $(seq 600); do [ "$(as_user logs one)" = up ] && break; sleep 0.05; done
    run_ok as_user exec one cat /file
    [ "$output" = changed ]
    run_ok as_user commit one saved:1
    run_fails 1 "" as_user rmi "$image"
    run_ok as_user rm -f one
    run_ok as_user run --rm --network none saved:1 cat /file
    [ "$output" = changed ]
    run_ok as_user run --rm --network host "$image" ls /sys/class
    run_ok as_user rmi saved:1 "$image"
    # no command of this user's is seen, or kept alive, outside of its namespaces
    run_fails 1 "" grep "$home" /proc/self/mountinfo
    for _ in $(seq 600); do pgrep -u "$uid" -x conmon >/dev/null || break; sleep 0.05; done
    run_fails 1 "" pgrep -u "$uid" -x conmon
    run_fails 1 "" sh -c "find /run/shale -user $uid | grep ."
}

# a network namespace with a way out, and box:1 for the user
outside() {
    ns=shale-$$-rootless
    ip netns add "$ns"
    ip -n "$ns" link set lo up
    ip -n "$ns" link add outside type veth peer name peer
    ip -n "$ns" addr add 192.0.2.1/24 dev outside
    ip -n "$ns" link set outside up
    ip -n "$ns" link set peer up
    ip -n "$ns" route add default via 192.0.2.254
    skopeo copy --quiet "oci:$SHALE_IMAGES/busybox:1.0" "docker-archive:$BATS_TEST_TMPDIR/box.tar:box:1"
    chmod 644 "$BATS_TEST_TMPDIR/box.tar"
    run_ok as_user load -q -i "$BATS_TEST_TMPDIR/box.tar"
}

@test "the network of a user's containers: out, and published ports; bridges need root" {
    need pasta
    outside
    run_ok as_user run -d --name web -p 8080:80 box:1 sh -c 'echo hello >/index.html; exec httpd -f -p 80 -h /'
    run_ok as_user ps --format '{{.Ports}}'
    [ "$output" = "0.0.0.0:8080->80/tcp" ]
    for _ in $(seq 300); do
        run net timeout 5 busybox wget -q -O - http://127.0.0.1:8080/
        [ "$output" != hello ] || break
        sleep 0.1
    done
    [ "$output" = hello ]
    run_ok as_user run --rm box:1 sh -c 'ip -o -4 addr show outside | grep -o 192.0.2.1; ip route | grep -c default'
    [ "$output" = "192.0.2.1
1" ]
    run_fails 125 "Bind for 0.0.0.0:8080 failed: port is already allocated" as_user run --rm -p 8080:80 box:1 true
    run_fails 125 'network bridge needs root: other users have "pasta", "host", "none" and "container:NAME"' \
        as_user run --rm --network bridge box:1 true
    run_ok as_user rm -f web
    for _ in $(seq 600); do pgrep -u "$uid" -f pasta >/dev/null || break; sleep 0.05; done
    run_fails 1 "" pgrep -u "$uid" -f pasta
}

@test "without pasta: slirp4netns does the same" {
    need pasta
    need slirp4netns
    hidden=$(readlink -f "$(command -v pasta)")
    outside
    run_ok as_user run -d --name web -p 8080:80 box:1 sh -c 'echo hello >/index.html; exec httpd -f -p 80 -h /'
    for _ in $(seq 300); do
        run net timeout 5 busybox wget -q -O - http://127.0.0.1:8080/
        [ "$output" != hello ] || break
        sleep 0.1
    done
    [ "$output" = hello ]
    # out: what listens on this host's own address is reached, its loopback is not
    run_ok as_user run --rm box:1 sh -c 'ip -o -4 addr show tap0 | grep -o 10.0.2.100; grep nameserver /etc/resolv.conf; wget -q -O - http://192.0.2.1:8080/; timeout 5 wget -q -O - http://10.0.2.2:8080/ 2>/dev/null || echo no'
    [ "$output" = "10.0.2.100
nameserver 10.0.2.3
hello
no" ]
    run_fails 125 "Bind for 0.0.0.0:8080 failed" as_user run --rm -p 8080:80 box:1 true
    # it goes with the container, also when the container is killed
    run_ok as_user kill web
    for _ in $(seq 600); do [ "$(as_user ps -q)" = "" ] && break; sleep 0.05; done
    for _ in $(seq 600); do pgrep -u "$uid" -x slirp4netns >/dev/null || break; sleep 0.05; done
    run_fails 1 "" pgrep -u "$uid" -x slirp4netns
    run_ok as_user start web
    pgrep -u "$uid" -x slirp4netns
    run_ok as_user rm -f web
    for _ in $(seq 600); do pgrep -u "$uid" -x slirp4netns >/dev/null || break; sleep 0.05; done
    run_fails 1 "" pgrep -u "$uid" -x slirp4netns
    # a daemon of the user's starts it, too, and leaves no zombie of it
    as_user daemon -H "unix://$home/run/d.sock" --pidfile "$home/run/d.pid" --config '' >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
    local daemon=$!
    post() { curl -sS -m 60 --unix-socket "$home/run/d.sock" -X POST -H 'Content-Type: application/json' "$@"; }
    await curl -sf --unix-socket "$home/run/d.sock" http://d/_ping
    run_ok post http://d/containers/create?name=own -d '{"Image":"box:1","Cmd":["sleep","100"]}'
    run_ok post -f http://d/containers/own/start
    pgrep -u "$uid" -x slirp4netns
    run_ok post -f http://d/containers/own/kill
    run_ok post -f http://d/containers/own/wait
    for _ in $(seq 600); do pgrep -u "$uid" -x slirp4netns >/dev/null || break; sleep 0.05; done
    ps -o pid,ppid,stat,comm -u "$uid"
    run_fails 1 "" pgrep -u "$uid" -x slirp4netns
    kill "$(cat "$home/run/d.pid")"
    wait "$daemon" || true
    cat "$BATS_TEST_TMPDIR/log"
}
