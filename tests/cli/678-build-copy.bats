#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What `shale build` copies from: folders, tars, URLs, git; and sources that mean no good.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
    local web=$BATS_FILE_TMPDIR/web port
    mkdir -p "$web/src/sub" "$web/git/docs"
    cd "$web" || return 1
    echo one >src/a.txt
    echo two >src/sub/b.txt
    printf 'FROM scratch\nCOPY a.txt sub /\n' >src/Dockerfile
    touch -d '2020-02-03 04:05:06 UTC' src/a.txt src/sub/b.txt
    tar -C src -czf src.tgz .
    printf 'FROM scratch\nCOPY <<E /only\nhere\nE\n' >lone
    touch -d '2021-02-03 04:05:06 UTC' src.tgz
    echo doc >git/docs/a.txt
    mkdir git/docs/sub
    echo two >git/docs/sub/b.txt
    printf '#!/bin/sh\n' >git/run.sh
    chmod 755 git/run.sh
    cp src/Dockerfile git/docs/
    git -C git init -q -b main
    git -C git add -A
    git -C git -c user.name=t -c user.email=t@example.com commit -qm one
    git -C git tag v1
    git clone -q --bare git plain.git
    git -C plain.git update-server-info
    port=$(free_port)
    python3 -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1 3>&- &
    echo $! >pids
    export WEB=http://127.0.0.1:$port
    for _ in $(seq 600); do curl -fs -o /dev/null "$WEB/" && break; sleep 0.05; done
    port=$(free_port)
    git daemon --listen=127.0.0.1 --port="$port" --base-path="$web" --export-all >/dev/null 2>&1 3>&- &
    echo $! >>pids
    export GIT=git://127.0.0.1:$port/git
    for _ in $(seq 600); do git ls-remote "$GIT" >/dev/null 2>&1 && break; sleep 0.05; done
}
teardown_file() {
    local pid
    while read -r pid; do kill "$pid" || true; done <"$BATS_FILE_TMPDIR/web/pids"
}
setup() {
    need_root
    fresh_store
    web=$BATS_FILE_TMPDIR/web
    ctx=$BATS_TEST_TMPDIR/ctx
    mkdir -p "$ctx"
    export SOURCE_DATE_EPOCH=1700000000
}
teardown() { drop_store; }

# What was unpacked for a build is gone.
no_rooms() { [ -z "$(find "$SHALE_ROOT/contexts" -mindepth 1 -type d 2>/dev/null)" ]; }
build() { shale build --progress plain "$@" 2>&1; }

@test "a folder, tars, URLs: the same layer" {
    run_ok build -t folder "$web/src"
    shale build -q -t tar - <"$web/src.tgz"
    shale build -q -t plain - < <(gzip -dc "$web/src.tgz")
    run_ok build -t url "$WEB/src.tgz"
    layers=$(shale inspect -f '{{json .RootFS.Layers}}' folder)
    for name in tar plain url; do
        [ "$(shale inspect -f '{{json .RootFS.Layers}}' "$name")" = "$layers" ]
    done
    [ "$(shale cat url /b.txt)" = two ]
    run_ok build -t lone "$WEB/lone"
    [ "$(shale cat lone /only)" = here ]
    shale build -q -t lone2 - <"$web/lone"
    [ "$(shale inspect -f '{{.Id}}' lone)" = "$(shale inspect -f '{{.Id}}' lone2)" ]
    no_rooms
}

@test "git: a branch, a tag, a commit, a folder" {
    commit=$(git -C "$web/git" rev-parse HEAD)
    for ref in main v1 "$commit" "${commit:0:10}" ''; do
        run_ok build -t repo "$GIT#$ref:docs"
        [ "$(shale cat repo /a.txt)" = doc ]
    done
    run build "$GIT#nope"
    [ "$status" -ne 0 ]
    [[ $output == *"git fetch of $GIT fails"*"nope"* ]]
    run build "$GIT#main:nodir"
    [ "$status" -ne 0 ]
    [[ $output == *'the repository has no folder "nodir"'* ]]
    printf 'FROM scratch\nADD %s#main /all/\nADD --keep-git-dir=true %s /kept/\nADD --checksum=%s %s /sum/\n' \
        "$GIT" "$GIT" "${commit:0:12}" "$GIT" >"$ctx/Dockerfile"
    run_ok build -t added "$ctx"
    run_ok shale ls -l added /all
    [[ $output == *-rwxr-xr-x*run.sh* && $output != *.git* ]]
    run_ok shale ls -a added /kept
    [[ $output == *.git* ]]
    # a web server that knows nothing of git; .git of a context; COPY takes none; ssh's own words
    run_ok build -t repo "$WEB/plain.git#v1:docs"
    [ "$(shale cat repo /a.txt)" = doc ]
    run_ok build -t repo --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 -f - "$GIT" <<<$'FROM scratch\nCOPY .git/HEAD /head'
    [ "$(shale cat repo /head)" = "$commit" ]
    printf 'FROM scratch\nCOPY %s /x\n' "$GIT" >"$ctx/Dockerfile"
    run ! build "$ctx"
    [[ $output == *"source can't be a git ref for COPY"* ]]
    run ! build "git@127.0.0.1:1/x.git"
    [[ $output == *"fails: "*"fatal: Could not read from remote repository."* ]]
    printf 'FROM scratch\nADD --checksum=0123456 %s /sum/\n' "$GIT" >"$ctx/Dockerfile"
    run build "$ctx"
    [ "$status" -ne 0 ]
    [[ $output == *"is at commit $commit"* ]]
    no_rooms
}

@test "ADD of URLs: mode, time, checksum, unpacked or not" {
    sum=$(sha256sum "$web/src.tgz" | cut -d' ' -f1)
    cat >"$ctx/Dockerfile" <<END
FROM scratch
ADD $WEB/src.tgz /as-is/
ADD $WEB/src.tgz?x=1 /named
ADD --checksum=sha256:$sum --unpack=true $WEB/src.tgz /out
ADD --chmod=640 --chown=5:6 $WEB/lone /
END
    SOURCE_DATE_EPOCH='' run_ok build -t urls "$ctx"
    run_ok shale ls -l urls /as-is
    [[ $output == *-rw-------*"2021"*src.tgz* ]]
    [ "$(shale cat urls /named | sha256sum | cut -d' ' -f1)" = "$sum" ]
    [ "$(shale cat urls /out/sub/b.txt)" = two ]
    run_ok shale ls -l urls /
    [[ $output == *-rw-r-----*5*6*lone* ]]
    printf 'FROM scratch\nADD --checksum=sha256:%064d %s/src.tgz /x\n' 0 "$WEB" >"$ctx/Dockerfile"
    run build "$ctx"
    [ "$status" -ne 0 ]
    [[ $output == *"digest mismatch of $WEB/src.tgz: it is sha256:$sum"* ]]
    printf 'FROM scratch\nADD %s/none /x\n' "$WEB" >"$ctx/Dockerfile"
    run build "$ctx"
    [ "$status" -ne 0 ]
    [[ $output == *"GET $WEB/none: the server answers with status 404"* ]]
    no_rooms
}

@test "sources and stages that mean no good stay where they are" {
    echo secret >"$BATS_TEST_TMPDIR/secret"
    mkdir "$BATS_TEST_TMPDIR/host" "$ctx/in"
    ln -s ../secret "$ctx/out"
    ln -s "$BATS_TEST_TMPDIR" "$ctx/away"
    ln -s "$BATS_TEST_TMPDIR/host" "$ctx/in/trap"
    mkfifo "$ctx/in/fifo"
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$ctx/in/sock"
    echo x >"$ctx/in/line
break"
    echo file >"$ctx/file"
    for from in out away/secret in/trap/../../secret; do
        printf 'FROM scratch\nCOPY %s /x\n' "$from" >"$ctx/Dockerfile"
        run build "$ctx"
        [ "$status" -ne 0 ]
        [[ $output == *"not found in the build context"* ]]
    done
    printf 'FROM scratch\nCOPY in /d\nCOPY file /d/trap/\n' >"$ctx/Dockerfile"
    run_ok build -t kept "$ctx"
    [ -z "$(ls -A "$BATS_TEST_TMPDIR/host")" ]
    [ "$(shale cat kept "$BATS_TEST_TMPDIR/host/file")" = file ]
    run_ok shale ls kept /d
    [[ $output == *fifo* && $output == *break* && $output != *sock* ]]
    printf 'FROM scratch\nCOPY in/sock /x\n' >"$ctx/Dockerfile"
    run build "$ctx"
    [ "$status" -ne 0 ]
    [[ $output == *'"/in/sock" is a socket: it cannot be copied'* ]]
}

@test "a killed build leaves what it unpacked; the next one clears it away" {
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    shale build -q - <"$BATS_TEST_TMPDIR/pipe" >/dev/null 2>&1 3>&- &
    pid=$!
    exec 7>"$BATS_TEST_TMPDIR/pipe"
    size=$(gzip -dc "$web/src.tgz" | wc -c)
    gzip -dc "$web/src.tgz" | head -c $((size / 2)) >&7 || true # more is to come, and never does
    for _ in $(seq 400); do no_rooms || break; sleep 0.05; done
    run ! no_rooms
    kill -9 "$pid"
    wait "$pid" || true
    exec 7>&-
    run ! no_rooms
    shale build -q -t next - <"$web/src.tgz"
    no_rooms
}
