# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# What a container has changed.
bats_require_minimum_version 1.5.0
load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() {
    docker_engine_stop
    drop_store
}

# in_container SCRIPT: a container named job that has run it
in_container() { run_ok shale run --network none --name job "$image" sh -c "$1"; }

lines_are() {
    [ "$output" = "$1" ] || { echo "not as expected:"; echo "$output"; echo "but:"; echo "$1"; return 1; }
}

changes='set -e; echo hi >/root/new; chmod 700 /home; rm /etc/group; mkdir -p /a/b; touch /a/b/c; rm -r /var/spool 2>/dev/null || true
rm -rf /var/www; rm -rf /tmp; mkdir /tmp; echo x >>/etc/passwd; touch -r /etc/shadow /etc/localtime 2>/dev/null || true
rm /bin/zcat; mkdir /bin/zcat; mknod /null c 1 3; mkfifo /pipe; ln -s /a /link'

@test "diff: a container that did nothing has changed nothing" {
    in_container true
    run_ok shale diff job
    lines_are ""
    run_ok shale create --name never "$image"
    run_ok shale diff never
    lines_are ""
    run_fails 1 "No such container: nobody" shale diff nobody
    run_fails 1 "requires 1 argument" shale diff
}

@test "diff: added, changed and deleted paths, in order, with the folders above them; both drivers" {
    for driver in erofs dir; do
        export SHALE_ROOT=$BATS_TEST_TMPDIR/$driver
        run_ok shale --storage-driver "$driver" pull -q "$image"
        run_ok shale --storage-driver "$driver" run --name job "$image" sh -c 'set -e
            echo hi >/root/new; rm /etc/group; mkdir -p /a/b; touch /a/b/c; chmod 711 /home
            rm /bin/zcat; mkdir /bin/zcat; touch /bin/zcat/x; mknod /null c 1 3; ln -s /a /link; echo x >>/etc/passwd'
        run_ok shale --storage-driver "$driver" diff job
        lines_are 'A /a
A /a/b
A /a/b/c
C /bin
C /bin/zcat
A /bin/zcat/x
C /etc
D /etc/group
C /etc/passwd
C /home
A /link
A /null
C /root
A /root/new'
        run_ok shale --storage-driver "$driver" container diff job
        [ "${#lines[@]}" = 14 ]
        drop_store
    done
}

@test "diff: a folder that was made anew tells what is gone; what was put back as it was has not changed" {
    in_container 'set -e; rm -r /home; mkdir /home; touch /home/x; rm -r /root; mkdir /root; chmod 700 /bin; chmod 755 /bin'
    run_ok shale diff job
    hasnt "/bin"
    hasnt "/etc"
    has "A /home/x"
}

@test "diff: of a running container; volumes and mounts do not count" {
    mkdir "$BATS_TEST_TMPDIR/host"
    run_ok shale run --network none -d --name job -v "$BATS_TEST_TMPDIR/host:/mnt" -v vol:/data "$image" sh -c 'echo 1 >/mnt/a; echo 2 >/data/b; echo 3 >/c; sleep 60'
    for _ in $(seq 600); do [ -s "$SHALE_ROOT/containers/$(shale ps -q --no-trunc)/upper/c" ] && break; sleep 0.05; done
    run_ok shale diff job
    has "A /c"
    hasnt "/mnt/a"
    hasnt "/data/b"
    # nothing stays mounted of looking
    [ "$(grep -c "$SHALE_ROOT/containers" /proc/self/mountinfo)" = 2 ]
}

# names TAR: all that is in it, with what it is and what it links to
names() { tar -tvf "$1" | awk '{print substr($1, 1, 1), $6, $7, $8}' | sed 's|/ *$||; s| *$||' | sort; }

@test "diff, export: the same as docker's on the same changes" {
    plain_only
    need dockerd
    need docker
    docker_engine || skip "docker's engine does not come up here: $(tail -n 1 "$BATS_TEST_TMPDIR/dockerd.log")"
    skopeo copy -q --src-tls-verify=false "docker://$image" "docker-archive:$BATS_TEST_TMPDIR/b.tar:busybox:1.0"
    run_ok docker -H "$ENGINE" load -qi "$BATS_TEST_TMPDIR/b.tar"
    run_ok docker -H "$ENGINE" run --network none --name job busybox:1.0 sh -c "$changes"
    docker -H "$ENGINE" diff job | sort >"$BATS_TEST_TMPDIR/theirs"
    in_container "$changes"
    shale diff job | sort >"$BATS_TEST_TMPDIR/ours"
    run_ok diff -u "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/ours")" -gt 10 ]
    # and with what a container has whatever its image, also one that never ran
    docker -H "$ENGINE" create --name never busybox:1.0 >/dev/null
    shale create --name never "$image" >/dev/null
    for c in job never; do
        docker -H "$ENGINE" export "$c" >"$BATS_TEST_TMPDIR/theirs.tar"
        shale export "$c" >"$BATS_TEST_TMPDIR/ours.tar"
        names "$BATS_TEST_TMPDIR/theirs.tar" >"$BATS_TEST_TMPDIR/theirs"
        names "$BATS_TEST_TMPDIR/ours.tar" >"$BATS_TEST_TMPDIR/ours"
        run_ok diff -u "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
        run_ok grep -qx -e '- .dockerenv' "$BATS_TEST_TMPDIR/ours"
    done
}
