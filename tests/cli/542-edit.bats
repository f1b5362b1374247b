# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's, OWN is own_registry's
# Images made of images without a container: edit and rebase.
bats_require_minimum_version 1.5.0
load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() {
    drop_store
    own_stop_all
}

# layer NAME FROM SCRIPT: an image with one layer more
layer() {
    shale run --network none --name job "$2" sh -c "$3" && shale commit -m "layer of $1" job "$1" >/dev/null && shale rm job >/dev/null
}
# config FORMAT IMAGE
config() { shale inspect --format "$1" "$2"; }

@test "edit: each option, seen by skopeo and umoci out of our registry; the layers are the same, the old image stays" {
    before=$(config '{{.Id}}' "$image")
    run_ok shale edit --env 'A=x $y "q" \z ' --env B= --label 'l=a b' --label only --user 12:34 --workdir /w/../v \
        --expose 80 --expose 90-91/udp --volume '/a b' --stop-signal SIGINT --entrypoint '["/bin/echo"]' --cmd '["a", "b c"]' \
        -m 'why not' -t edited:1 "$image"
    [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
    id=$output
    [ "$(config '{{.Id}}' edited:1)" = "$id" ]
    [ "$(config '{{.Id}}' "$image")" = "$before" ]
    [ "$(config '{{json .RootFS.Layers}}' edited:1)" = "$(config '{{json .RootFS.Layers}}' "$image")" ]

    own_registry reg
    run_ok shale tag edited:1 "$OWN/edited:1"
    run_ok shale push -q "$OWN/edited:1"
    skopeo inspect --tls-verify=false --config "docker://$OWN/edited:1" >"$BATS_TEST_TMPDIR/config"
    [ "$(skopeo inspect --tls-verify=false --raw "docker://$OWN/edited:1" | jq -r .config.digest)" = "$id" ]
    run_ok jq -c '.config | [(.Env | map(select(startswith("PATH=") | not))), .Labels.l, .Labels.only, .User, .WorkingDir,
        (.ExposedPorts|keys), (.Volumes|keys), .StopSignal, .Entrypoint, .Cmd]' "$BATS_TEST_TMPDIR/config"
    [ "$output" = '[["A=x $y \"q\" \\z ","B="],"a b","","12:34","/v",["80/tcp","90/udp","91/udp"],["/a b"],"SIGINT",["/bin/echo"],["a","b c"]]' ] ||
        { echo "$output"; return 1; }
    run_ok jq -c '.history[-1] | [.empty_layer, .comment, (.created_by | startswith("ENTRYPOINT [\"/bin/echo\"]; CMD [\"a\", \"b c\"]; ENV A=x"))]' "$BATS_TEST_TMPDIR/config"
    [ "$output" = '[true,"why not",true]' ] || { echo "$output"; return 1; }
    # as many entries with a layer as there are layers
    run_ok jq '([.history[] | select(.empty_layer | not)] | length) == (.rootfs.diff_ids | length)' "$BATS_TEST_TMPDIR/config"
    [ "$output" = true ]
    skopeo copy -q --src-tls-verify=false "docker://$OWN/edited:1" "oci:$BATS_TEST_TMPDIR/oci:1"
    run_ok umoci unpack --image "$BATS_TEST_TMPDIR/oci:1" "$BATS_TEST_TMPDIR/bundle"
    run_ok jq -c '[.process.args, .process.user.uid, .process.user.gid, .process.cwd]' "$BATS_TEST_TMPDIR/bundle/config.json"
    [ "$output" = '[["/bin/echo","a","b c"],12,34,"/v"]' ] || { echo "$output"; return 1; }
    [ -x "$BATS_TEST_TMPDIR/bundle/rootfs/bin/sh" ]

    run_ok shale run --network none --rm --workdir / edited:1
    [ "$output" = "a b c" ]
    run_ok shale history --format '{{.Size}}|{{.Comment}}' edited:1
    [ "${lines[0]}" = "0B|why not" ]
    run_ok shale fsck --check
}

@test "edit: settings are taken away; changes of a Dockerfile come last and see the rest" {
    run_ok shale edit -e GONE=1 -e STAYS=2 --label gone=1 --user u --workdir /w --stop-signal 9 --cmd 'echo hi' --entrypoint '["/e"]' -t one "$image"
    run_ok shale edit --unset-env GONE --unset-label gone --user '' --workdir '' --stop-signal '' --entrypoint '' -t two one
    run_ok config '{{json .Config}}' two
    hasnt GONE
    hasnt gone
    has STAYS=2
    for key in User WorkingDir StopSignal Entrypoint Cmd; do
        run_ok shale inspect --format "{{with .Config.$key}}set{{end}}" two
        [ -z "$output" ] || { echo "$key is still set"; return 1; }
    done
    run_ok shale edit -e X=1 -c 'ENV Y=${X}2' -c 'HEALTHCHECK CMD true' --cmd 'echo $Y' -t three two
    run_ok shale run --network none --rm three
    [ "$output" = 12 ]
    # an entrypoint alone takes the command away, as in a Dockerfile
    run_ok shale edit --entrypoint '["/bin/echo"]' -t four three
    [ "$(config '{{len .Config.Cmd}} {{json .Config.Entrypoint}}' four)" = '0 ["/bin/echo"]' ]
    run_ok shale image edit --cmd '' -t four three
    run_ok shale history --no-trunc --format '{{.CreatedBy}}' three
    [ "${lines[0]}" = 'CMD echo $Y; ENV X=1; ENV Y=${X}2; HEALTHCHECK CMD true' ] || { echo "$output"; return 1; }
}

@test "edit: names move, the old image is left dangling and can go; --format" {
    run_ok shale edit -e A=1 -t app "$image"
    first=$output
    run_ok shale edit -e A=2 -t app --format json app
    has "\"ID\":\"sha256:"
    has '"Name":"app:latest"'
    has '"Layers":"1"'
    run_ok shale images -q --no-trunc --filter dangling=true
    [ "$output" = "$first" ]
    run_ok shale rmi "$first"
    run_ok shale run --network none --rm app sh -c 'echo $A'
    [ "$output" = 2 ]
    run_ok shale tag --history app --format '{{.How}}'
    [ "$output" = "edit
edit" ]
    run_ok shale edit -e A=3 --format '{{.Name}}|{{.Digest}}' app
    [[ $output =~ ^\|sha256:[0-9a-f]{64}$ ]]
    run_ok shale fsck --check
}

@test "edit: what is wrong is said in a line, and nothing is made" {
    before=$(shale images -aq | sort)
    refused "nothing is to be changed" shale edit -t x "$image"
    refused 'ENV "A" has no value: write NAME=value' shale edit -e A "$image"
    refused "ENV names can not be blank" shale edit -e =1 "$image"
    refused 'no environment variable "NOPE"' shale edit --unset-env NOPE "$image"
    refused 'no environment variable "PAT"' shale edit --unset-env PAT "$image"
    refused 'no label "nope"' shale edit --unset-label nope "$image"
    refused "invalid containerPort: 70000" shale edit --expose 70000 "$image"
    refused "EXPOSE requires" shale edit --expose '' "$image"
    refused "invalid signal: a b" shale edit --stop-signal 'a b' "$image"
    refused "RUN is not a valid change command" shale edit -c 'RUN ls' "$image"
    refused "not valid UTF-8" shale edit -e $'A=\xff' "$image"
    refused "not valid UTF-8" shale edit -e A=1 -m $'\xff' "$image"
    refused "No such image: nope:latest" shale edit -e A=1 nope
    refused "invalid reference format" shale edit -e A=1 -t 'Bad Name' "$image"
    refused "digest reference" shale edit -e A=1 -t "x@sha256:$(printf '0%.0s' $(seq 64))" "$image"
    refused "does not match the specified platform" shale edit -e A=1 --platform linux/s390x "$image"
    [ "$(shale images -aq | sort)" = "$before" ]
}

@test "rebase: files, layers and history of the image are on the new base, seen by skopeo and umoci out of our registry" {
    layer base:1 "$image" 'echo 1 >/base; echo old >/both'
    layer base:2 "$image" 'echo 2 >/base; echo new >/added'
    layer base:2 base:2 'echo more >/more'
    layer app base:1 'echo app >/app; echo mine >/both'
    run_ok shale edit -e APP=1 --cmd '["cat", "/base", "/app", "/both", "/added", "/more"]' -t app app
    own_registry reg
    run_ok shale rebase --onto base:2 --from base:1 -t "$OWN/app:2" app
    run_ok shale run --network none --rm "$OWN/app:2"
    [ "$output" = '2
app
mine
new
more' ] || { echo "$output"; return 1; }
    run_ok shale run --network none --rm app sh -c 'cat /base; [ ! -e /more ]'
    [ "$output" = 1 ]
    run_ok shale history --format '{{.Comment}}' "$OWN/app:2"
    [ "${lines[0]}|${lines[1]}|${lines[2]}" = "layer of app|layer of base:2|layer of base:2" ] || { echo "$output"; return 1; }
    hasnt base:1

    run_ok shale push -q "$OWN/app:2"
    skopeo inspect --tls-verify=false --config "docker://$OWN/app:2" >"$BATS_TEST_TMPDIR/config"
    run_ok jq -c .rootfs.diff_ids "$BATS_TEST_TMPDIR/config"
    [ "$output" = "$(jq -nc --argjson b "$(config '{{json .RootFS.Layers}}' base:2)" --argjson a "$(config '{{json .RootFS.Layers}}' app)" '$b + $a[-1:]')" ]
    run_ok jq '([.history[] | select(.empty_layer | not)] | length) == (.rootfs.diff_ids | length)' "$BATS_TEST_TMPDIR/config"
    [ "$output" = true ]
    run_ok jq -c '.config.Env | index("APP=1") != null' "$BATS_TEST_TMPDIR/config"
    [ "$output" = true ]
    skopeo copy -q --src-tls-verify=false "docker://$OWN/app:2" "oci:$BATS_TEST_TMPDIR/oci:1"
    run_ok umoci unpack --image "$BATS_TEST_TMPDIR/oci:1" "$BATS_TEST_TMPDIR/bundle"
    cd "$BATS_TEST_TMPDIR/bundle/rootfs"
    [ "$(cat base app both added more)" = '2
app
mine
new
more' ]
    run_ok shale fsck --check
}

@test "rebase: the old base is found: by another tag of the repository, and where its tag has moved on" {
    layer base:1 "$image" 'echo 1 >/base'
    layer base:2 "$image" 'echo 2 >/base'
    layer app base:1 'echo app >/app'
    run_ok shale rebase --onto base:2 -t app:2 app
    run_ok shale run --network none --rm app:2 cat /base /app
    [ "$output" = '2
app' ]
    # the tag itself moves: its history knows the base
    run_ok shale tag base:1 other:latest
    run_ok shale tag base:2 other:latest
    run_ok shale rmi base:1
    run_ok shale rebase --onto other --format '{{.Layers}} {{.Name}}' -t app:3 app
    [ "$output" = "3 app:3" ]
    run_ok shale run --network none --rm app:3 cat /base /app
    [ "$output" = '2
app' ]
    # an image that adds settings only is settings on another base
    run_ok shale edit -e ONLY=1 -t set base:2
    run_ok shale rebase --onto app --from base:2 -t set:2 set
    [ "$(config '{{json .RootFS.Layers}}' set:2)" = "$(config '{{json .RootFS.Layers}}' app)" ]
    run_ok shale run --network none --rm set:2 sh -c 'cat /app; echo $ONLY'
    [ "$output" = 'app
1' ]
    run_ok shale fsck --check
}

# file_tar NAME: a tar with one file of that name
file_tar() { mkdir -p "$BATS_TEST_TMPDIR/t" && echo "$1" >"$BATS_TEST_TMPDIR/t/$1" && tar -C "$BATS_TEST_TMPDIR/t" -cf "$BATS_TEST_TMPDIR/$1.tar" "$1"; }
# made NAME JQ FILE…: pulls an image of layers with one file each, whose config JQ has changed, as NAME
made() {
    local dir=$BATS_TEST_TMPDIR/layout-$1 f jq=$2
    oci_init "$dir"
    for f in "${@:3}"; do oci_layer "$dir" "$BATS_TEST_TMPDIR/$f.tar"; done
    oci_config "$dir" "$jq"
    oci_tag "$dir" 1 "$(oci_image "$dir" linux "$(go_arch)")"
    skopeo copy -q --dest-tls-verify=false "oci:$dir:1" "docker://$OWN/$1:1"
    shale pull -q "$OWN/$1:1" >/dev/null && shale tag "$OWN/$1:1" "$1:1"
}
go_arch() { shale inspect --format '{{.Architecture}}' "$image"; }

@test "rebase: histories that are missing or do not fit are filled, so that every tool can read the result" {
    own_registry reg
    for f in a b c d; do file_tar $f; done
    made old . a b
    made new . d
    made bare 'del(.history)' d
    made app . a b c
    made appbare 'del(.history)' a b c
    made other '.history |= map(.created_by = "x") | .history[1].empty_layer = false | .history = .history + [{created_by: "end", empty_layer: true}]' a b c
    made odd '.history |= .[1:]' a b c
    for pair in app:new:2 appbare:new:2 app:bare:2 appbare:bare:0 other:new:3 odd:new:2; do
        IFS=: read -r top base want <<<"$pair"
        run_ok shale rebase --from old:1 --onto "$base:1" -t "$OWN/$top:on-$base" "$top:1"
        run_ok shale history -q "$OWN/$top:on-$base"
        run_ok shale push -q "$OWN/$top:on-$base"
        run_ok skopeo inspect --tls-verify=false --config "docker://$OWN/$top:on-$base"
        [ "$(jq '.history | length' <<<"$output")" = "$want" ] || { echo "$pair: $output"; return 1; }
        [ "$(jq '.rootfs.diff_ids | length' <<<"$output")" = 2 ]
        rm -rf "$BATS_TEST_TMPDIR/oci" "$BATS_TEST_TMPDIR/bundle"
        skopeo copy -q --src-tls-verify=false "docker://$OWN/$top:on-$base" "oci:$BATS_TEST_TMPDIR/oci:1"
        run_ok umoci unpack --image "$BATS_TEST_TMPDIR/oci:1" "$BATS_TEST_TMPDIR/bundle"
        [ "$(cd "$BATS_TEST_TMPDIR/bundle/rootfs" && echo *)" = "c d" ]
    done
    run_ok shale edit -e A=1 -t appbare:2 appbare:1
    run_ok shale fsck --check
}

@test "rebase: what is wrong is said in a line, and nothing is made" {
    layer base:1 "$image" 'echo 1 >/base'
    layer base:2 "$image" 'echo 2 >/base'
    layer app base:1 'echo app >/app'
    before=$(shale images -aq | sort)
    run_fails 125 "name it with --onto" shale rebase app
    refused "app is not built on base:2: layer 2 of 2 is another one" shale rebase --onto base:1 --from base:2 app
    refused "base:1 is not built on app: layer 3 of 3 is another one" shale rebase --onto base:2 --from app base:1
    refused "app stands on base:1 already" shale rebase --onto base:1 app
    refused "the same image" shale rebase --onto base:1 --from base:1 app
    refused "name its old base with --from" shale rebase --onto "$(shale images -q base:2)" app
    refused "No such image: nope:latest" shale rebase --onto nope app
    refused "No such image: nope:latest" shale rebase --onto base:2 --from nope app
    refused "No such image: nope:latest" shale rebase --onto base:2 nope
    refused "invalid reference format" shale rebase --onto base:2 -t 'Bad Name' app
    [ "$(shale images -aq | sort)" = "$before" ]
}
