#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images through the Engine API, with the docker CLI: pull, list, look into, name, push, move, remove.
# shellcheck disable=SC2154 # bats sets output

load lib
load daemon

setup_file() {
    need docker
    registry_doors htpasswd
    registry_with busybox debian
    daemon_start
    run_ok docker pull -q "$REGISTRY_HOST/busybox:1.0"
}
teardown_file() {
    daemon_stop
    registry_stop_all
}
setup() { bb=$REGISTRY_HOST/busybox:1.0 deb=$REGISTRY_HOST/debian:1.0; }

@test "pull: docker's lines, and what is here already" {
    run_ok docker pull "$deb"
    has "1.0: Pulling from debian"
    has ": Pull complete"
    has "Digest: sha256:"
    has "Status: Downloaded newer image for $deb"
    run_ok docker pull "$deb"
    has "Status: Image is up to date for $deb"
    run_ok shale images -q "$deb"
    [ -n "$output" ]
}

@test "pull: what is not there is one line, and no question for a password" {
    run_fails 1 "manifest for $REGISTRY_HOST/nope:1 not found" docker pull "$REGISTRY_HOST/nope:1"
    run_fails 1 "" docker pull "$REGISTRY_HOST/UPPER:1"
    [ "$(api_status POST "/images/create?fromImage=$REGISTRY_HOST/nope&tag=1")" = 404 ]
    [ "$(api_status POST "/images/create?fromImage=A%20b")" = 400 ]
    [ "$(api_status POST /images/create)" = 400 ]
}

@test "images: columns, filters, formats are those of the command line" {
    run_ok docker images --format '{{.Repository}} {{.Tag}} {{.ID}} {{.Size}}' "$bb"
    local there=$output
    run_ok shale images --format '{{.Repository}} {{.Tag}} {{.ID}} {{.Size}}' "$bb"
    [ "$output" = "$there" ]
    run_ok docker images -q --no-trunc --filter reference="$REGISTRY_HOST/busy*"
    [ "$output" = "$(shale images -q --no-trunc "$bb")" ]
    run_ok docker images -q --filter dangling=true
    [ -z "$output" ]
    run_fails 1 "invalid filter 'nope'" docker images --filter nope=1
}

@test "images: the document of each version of the API" {
    api GET /v1.41/images/json >"$BATS_TEST_TMPDIR/old"
    api GET /v1.51/images/json >"$BATS_TEST_TMPDIR/new"
    jq -e 'all(.VirtualSize == .Size and .Containers == -1 and .SharedSize == -1)' "$BATS_TEST_TMPDIR/old"
    jq -e 'all((has("VirtualSize") | not) and .Containers == 0)' "$BATS_TEST_TMPDIR/new"
    jq -e 'all((.RepoTags | type) == "array" and (.Created | type) == "number")' "$BATS_TEST_TMPDIR/new"
    api GET '/v1.51/images/json?shared-size=1' | jq -e 'all(.SharedSize >= 0)'
    api GET '/v1.51/images/json?manifests=1' | jq -e --arg n "$bb" \
        '.[] | select(.RepoTags == [$n]) | [.Manifests[].ImageData.Platform.architecture] == ["amd64", "arm64"]'
    api GET "/v1.41/images/$bb/json" | jq -e '.Config | has("Hostname")'
    api GET "/v1.51/images/$bb/json" | jq -e '.Descriptor.digest and (.Config | has("Hostname") | not) and (has("Manifests") | not)'
    # the descriptor is of what the name stands for, and Manifests of what that holds, as the registry has them
    skopeo inspect --raw --tls-verify=false "docker://$bb" >"$BATS_TEST_TMPDIR/index"
    api GET "/v1.48/images/$bb/json?manifests=1" >"$BATS_TEST_TMPDIR/one"
    jq -e --slurpfile i "$BATS_TEST_TMPDIR/index" --arg d "sha256:$(sha256sum <"$BATS_TEST_TMPDIR/index" | cut -d' ' -f1)" \
        --argjson n "$(stat -c %s "$BATS_TEST_TMPDIR/index")" '.Descriptor == {mediaType: $i[0].mediaType, digest: $d, size: $n}
        and [.Manifests[].Descriptor] == $i[0].manifests and [.Manifests[].Available] == [true, false]
        and all(.Manifests[]; .Kind == "image" and .ID == .Descriptor.digest and .ImageData.Platform == .Descriptor.platform)' "$BATS_TEST_TMPDIR/one"
    api GET '/v1.48/images/json?manifests=1' | jq -e --arg n "$bb" --slurpfile one "$BATS_TEST_TMPDIR/one" \
        '.[] | select(.RepoTags == [$n]) | .Descriptor == $one[0].Descriptor and .Manifests == $one[0].Manifests'
    api GET "/v1.47/images/$bb/json?manifests=1" | jq -e '(has("Descriptor") or has("Manifests")) | not'
    api GET "/v1.51/images/$bb/json?platform=%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A%22amd64%22%7D" |
        jq -e --slurpfile one "$BATS_TEST_TMPDIR/one" '.Descriptor.digest == $one[0].Manifests[0].ID'
    [ "$(api_status GET "/v1.51/images/$bb/json?manifests=1&platform=linux/amd64")" = 400 ]
}

@test "inspect, history, digests" {
    run_ok docker inspect --format '{{.Id}} {{.Architecture}} {{json .Config.Cmd}}' "$bb"
    [ "$output" = "$(shale inspect --format '{{.Id}} {{.Architecture}} {{json .Config.Cmd}}' "$bb")" ]
    run_ok docker history --format '{{.CreatedBy}} {{.Size}}' "$bb"
    [ "$output" = "$(shale history --format '{{.CreatedBy}} {{.Size}}' "$bb")" ]
    run_fails 1 "No such image: nope" docker image inspect nope
    api GET "/distribution/$bb/json" | jq -e '.Descriptor.digest and (.Platforms | length == 2)'
    docker tag "$bb" "$REGISTRY_HOST/single:1"
    api POST "/images/$REGISTRY_HOST/single/push?tag=1&platform=%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A%22amd64%22%7D" >/dev/null
    api GET "/distribution/$REGISTRY_HOST/single:1/json" | jq -e '.Platforms == [{architecture: "amd64", os: "linux"}]'
    docker rmi "$REGISTRY_HOST/single:1"
}

@test "tag, push, and rmi as docker has them" {
    run_ok docker tag "$bb" "$REGISTRY_HOST/team/app:2"
    run_ok docker push "$REGISTRY_HOST/team/app:2"
    has "The push refers to repository [$REGISTRY_HOST/team/app]"
    has "2: digest: sha256:"
    run_ok skopeo inspect --raw --tls-verify=false "docker://$REGISTRY_HOST/team/app:2"
    run_ok docker rmi "$REGISTRY_HOST/team/app:2"
    has "Untagged: $REGISTRY_HOST/team/app:2"
    hasnt "Deleted:"
    run_fails 1 "No such image: $REGISTRY_HOST/team/app:2" docker rmi "$REGISTRY_HOST/team/app:2"
    run_ok docker rmi -f "$REGISTRY_HOST/team/app:2"
}

@test "an image of a container stays, with docker's words" {
    docker tag "$bb" held:1
    shale create --name holder held:1 true
    run_fails 1 "conflict: unable to delete" docker rmi "$(shale images -q held:1)"
    shale rm holder
    docker rmi held:1
}

@test "save and load, through pipes and files" {
    docker tag "$bb" moved:1
    docker save moved:1 >"$BATS_TEST_TMPDIR/a.tar"
    docker save -o "$BATS_TEST_TMPDIR/b.tar" moved:1
    cmp "$BATS_TEST_TMPDIR/a.tar" "$BATS_TEST_TMPDIR/b.tar"
    docker rmi moved:1
    run_ok docker load -i "$BATS_TEST_TMPDIR/a.tar"
    has "Loaded image: moved:1"
    docker rmi moved:1
    echo no tar >"$BATS_TEST_TMPDIR/c"
    run_fails 1 "" docker load -i "$BATS_TEST_TMPDIR/c"
    [ "$(wc -l <<<"$output")" = 1 ]
    run_fails 1 "nope" docker save nope
}

@test "import: body, changes, message; never a file of the daemon's host" {
    echo hello >"$BATS_TEST_TMPDIR/hello"
    tar -C "$BATS_TEST_TMPDIR" -cf "$BATS_TEST_TMPDIR/i.tar" hello
    run_ok docker import -m "by hand" -c 'ENV A=b' -c 'CMD ["x"]' "$BATS_TEST_TMPDIR/i.tar" imported:1
    [[ $output == sha256:* ]]
    run_ok docker inspect --format '{{json .Config.Env}} {{json .Config.Cmd}} {{.Comment}}' imported:1
    has '["A=b"] ["x"] by hand'
    docker rmi imported:1
    run_fails 22 "" api POST "/images/create?fromSrc=$BATS_TEST_TMPDIR/i.tar&repo=stolen" -f
    mkdir "$BATS_TEST_TMPDIR/x:"
    cp "$BATS_TEST_TMPDIR/i.tar" "$BATS_TEST_TMPDIR/x:/i.tar"
    run_fails 22 "" api POST "/images/create?fromSrc=$BATS_TEST_TMPDIR/x://i.tar&repo=stolen" -f
    run_fails 1 "" docker image inspect stolen
}

@test "search" {
    run_ok docker search --format '{{.Name}}' "$REGISTRY_HOST/busy"
    grep -qx busybox <<<"$output"
    [ "$(api_status GET "/images/search?term=$REGISTRY_HOST/x&limit=1000")" = 400 ]
}

@test "image prune: what has no name goes, and no more" {
    echo x >"$BATS_TEST_TMPDIR/x"
    tar -C "$BATS_TEST_TMPDIR" -c x | docker import - >"$BATS_TEST_TMPDIR/id"
    run_ok docker image prune -f
    has "deleted: $(cat "$BATS_TEST_TMPDIR/id")"
    run_ok docker image inspect "$bb"
    api POST /images/prune | jq -e '.ImagesDeleted == null and .SpaceReclaimed == 0'
}

@test "a client that goes stops its pull, and the next one goes on" {
    docker rmi "$deb" >/dev/null 2>&1 || true
    shale pulls rm all >/dev/null 2>&1 || true
    curl -sS -m 30 --unix-socket "$DAEMON_SOCK" -X POST "http://d/images/create?fromImage=$REGISTRY_HOST/debian&tag=1.0" >/dev/null &
    kill $!
    wait $! || true
    run_ok docker pull "$deb"
    has "$deb"
}

@test "a client that does not read holds up neither its pull nor anybody else, and misses nothing that closes one" {
    cat >"$BATS_TEST_TMPDIR/unread.py" <<'PY'
import http.client, json, socket, sys, time
sock, registry = sys.argv[1:]
def ask(method, path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(sock)
    s.sendall(f"{method} {path} HTTP/1.0\r\nHost: d\r\n\r\n".encode())
    return s
r = http.client.HTTPConnection(registry)
r.request("GET", "/v2/busybox/manifests/1.0", headers={"Accept": "application/vnd.oci.image.index.v1+json"})
answer = r.getresponse()
manifest, kind = answer.read(), answer.headers["Content-Type"]
tags = {f"t{i}" for i in range(100)}
for t in tags: # more lines than a socket takes
    r.request("PUT", "/v2/many/manifests/" + t, manifest, {"Content-Type": kind})
    answer = r.getresponse()
    answer.read()
    assert answer.status == 201, answer.status
unread = ask("POST", f"/images/create?fromImage={registry}/many")
end = time.time() + 40
while True:
    body = ask("GET", "/images/json").makefile("rb").read().split(b"\r\n\r\n", 1)[1]
    here = {n.rsplit(":", 1)[1] for i in json.loads(body) for n in i["RepoTags"] if n.startswith(registry + "/many:")}
    if here == tags:
        break
    assert time.time() < end, f"{len(here)} of {len(tags)}"
    time.sleep(0.05)
lines = unread.makefile("rb").read().split(b"\r\n\r\n", 1)[1].splitlines()
assert sum(b"Digest: " in x for x in lines) == len(tags) and b"Status: " in lines[-1], (len(lines), lines[-1])
PY
    skopeo copy --quiet --all --src-tls-verify=false --dest-tls-verify=false "docker://$bb" "docker://$REGISTRY_HOST/many:t0"
    run_ok python3 "$BATS_TEST_TMPDIR/unread.py" "$DAEMON_SOCK" "$REGISTRY_HOST"
    shale images --format '{{.Repository}}:{{.Tag}}' "$REGISTRY_HOST/many" | xargs "$SHALE_BIN" rmi >/dev/null
}

@test "credentials come with the request, and go to that registry alone" {
    # shellcheck disable=SC2153 # registry_doors sets it
    local door=$HTPASSWD
    run_fails 1 "" docker pull "$door/busybox:1.0"
    hasnt "Username"
    docker login -u user -p secret "$door" >/dev/null 2>&1
    run_ok docker pull "$door/busybox:1.0"
    docker logout "$door" >/dev/null
    run_fails 1 "" docker pull "$door/team/app:v1"
}

# HTTP to Docker Hub through a proxy that stands for it and notes what it is asked with
@test "credentials for Docker Hub come with the request; those of the daemon's user are not used" {
    local d=$BATS_TEST_TMPDIR auth
    python3 -B "$BATS_TEST_DIRNAME/hub" "$d/port" "$d/asked" 3>&- &
    hub=$!
    await test -s "$d/port"
    auth=$(printf '{"username":"me","password":"mine"}' | base64 -w0)
    (
        export BATS_FILE_TMPDIR=$d DOCKER_CONFIG=$d/docker SHALE_ROOT=$d/store HTTP_PROXY
        HTTP_PROXY=http://127.0.0.1:$(cat "$d/port")
        mkdir "$d/docker"
        printf '{"auths":{"https://index.docker.io/v1/":{"auth":"%s"}}}' "$(printf root:own | base64)" >"$d/docker/config.json"
        printf '{"insecure-registries":["docker.io","index.docker.io"]}' >"$d/conf"
        daemon_start --config "$d/conf" || exit
        [ "$(api_status POST '/images/create?fromImage=busybox&tag=1' -H "X-Registry-Auth: $auth")" = 404 ] &&
            [ "$(api_status GET '/images/search?term=x' -H "X-Registry-Auth: $auth")" = 200 ] &&
            [ "$(api_status GET '/images/search?term=x')" = 500 ]
        code=$?
        daemon_stop && exit "$code"
    ) || code=$?
    kill "$hub"
    [ "${code:-0}" = 0 ]
    [ "$(grep -c "manifests/1 me:mine" "$d/asked")" = 1 ]
    [ "$(grep -c "search.* me:mine" "$d/asked")" = 1 ]
    ! grep root "$d/asked"
}
