#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --format: what is in use out there, and mistakes. The expected texts are docker's.

load lib
load images

setup_file() {
    registry_with
    local l=$BATS_FILE_TMPDIR/layout
    tiny "$l" full 2024-01-02T03:04:05.123456789Z '.author="me" | .config={Env:["PATH=/bin","X=<y>&z"],Cmd:["sh","-c","echo \"hi\""],
        Entrypoint:["/e"],Labels:{"a.b":"1",z:"<q>"},ExposedPorts:{"80/tcp":{}},Volumes:{"/v":{}},WorkingDir:"/w",User:"u:g",
        StopSignal:"SIGINT",Healthcheck:{Test:["CMD","x"],Interval:90000000000}}' one two
    tiny "$l" bare 2023-06-02T03:04:05Z '.history += [{created:"2023-06-02T03:04:05Z",created_by:"CMD\t[\"bash\"] and much more that does not fit into a column",
        comment:"why",empty_layer:true}]' three
    push_tag "$l" full full:1
    push_tag "$l" bare bare:1
    export SHALE_ROOT=$BATS_FILE_TMPDIR/store DOCKER_CONFIG=$BATS_FILE_TMPDIR/docker
    mkdir -p "$DOCKER_CONFIG"
    shale pull -q "$REGISTRY_HOST/full:1" >/dev/null
    shale pull -q "$REGISTRY_HOST/bare:1" >/dev/null
    shale tag "$REGISTRY_HOST/full:1" full:2
}
teardown_file() { registry_stop_all; }
setup() { R=$REGISTRY_HOST; }

# list WANT FORMAT [ARGUMENTS…]: of the image full:2
list() {
    local want=$1 format=$2
    shift 2
    run_ok shale images --format "$format" "$@" full
    [ "$output" = "$want" ] || { echo "'$format': '$output', not '$want'"; return 1; }
}
look() { # WANT FORMAT [IMAGE]
    run_ok shale inspect -f "$2" "${3:-full:2}"
    [ "$output" = "$1" ] || { echo "'$2': '$output', not '$1'"; return 1; }
}
fails() { # STATUS MESSAGE COMMAND…
    run "${@:3}"
    [ "$status" = "$1" ] || { echo "status $status of ${*:3}"; return 1; }
    [[ $output == *"$2" ]] || { echo "'$output', not '$2'"; return 1; }
}

@test "lists: placeholders" {
    id=$(shale inspect -f '{{.Id}}' full:2)
    list "full:2" '{{.Repository}}:{{.Tag}}'
    list "${id:7:12} 8B" '{{.ID}} {{.Size}}'
    list "$id" '{{.ID}}' --no-trunc
    list "${id:7:12}	2" '{{.ID}}\t{{.Tag}}'
    list $'full\n2' '{{.Repository}}\n{{.Tag}}'
    list "2024-01-02 03:04:05 +0000 UTC" '{{.CreatedAt}}'
    list "<none>" '{{.Digest}}'
    list "N/A N/A" '{{.SharedSize}} {{.UniqueSize}}'
    run_ok shale images --format '{{.Repository}} {{.Digest}}' '*/full'
    [ "$output" = "$R/full $(shale digest "$R/full:1")" ]
}

@test "lists: functions and control" {
    list "FULL full Full" '{{upper .Repository}} {{lower "FULL"}} {{title .Repository}}'
    list "  2   |fu|[f ll]" '{{pad .Tag 2 3}}|{{truncate .Repository 2}}|{{split .Repository "u"}}'
    list "f-ll" '{{join (split .Repository "u") "-"}}'
    list "two" '{{if eq .Tag "1"}}one{{else if eq .Tag "2"}}two{{else}}other{{end}}'
    list "0=f,1=ll," '{{range $i, $e := split .Repository "u"}}{{$i}}={{$e}},{{end}}'
    list "[2]" '{{with .Tag}}[{{.}}]{{end}}'
    list "4 f ful" '{{len .Repository}} {{index (split .Repository "u") 0}} {{slice .Repository 0 3}}'
    list '      full|2    |"8B"' '{{printf "%10s|%-5s|%q" .Repository .Tag .Size}}'
    list $'2\nx' '{{println .Tag}}x'
    list "true false true" '{{gt (len .Repository) 1}} {{not .Tag}} {{ne 1 2}}'
    list "x yz" '{{/* c */}}x{{- " y" -}}  z'
    list "A" '{{define "a"}}A{{end}}{{template "a"}}'
    list '"2"' '{{.Tag | lower | upper | json}}'
    list "a-full" '{{.Repository | printf "%s-%s" "a"}}'
}

@test "lists: table, json, raw, empty" {
    run_ok shale images --format 'table {{.Repository}}:{{.Tag}}\t{{.Size}}' full
    [ "${lines[0]}" = "REPOSITORY:TAG   SIZE" ]
    [ "${lines[1]}" = "full:2           8B" ]
    run_ok shale images --digests --format 'table {{.Tag}}' full
    [ "${lines[0]}" = "TAG       DIGEST" ]
    run_ok shale images --format json full
    [ "$(jq -r '[.Repository, .Tag, .Size, .VirtualSize, .CreatedAt] | join(" ")' <<<"$output")" = "full 2 8B 8B 2024-01-02 03:04:05 +0000 UTC" ]
    has '"Digest":"\u003cnone\u003e"'
    run_ok shale images --format raw full
    [ "${lines[0]}" = "repository: full" ]
    [ "${lines[4]}" = "virtual_size: 8B" ]
    run_ok shale images --format raw -q full
    [[ $output =~ ^image_id:\ [0-9a-f]{12}$ ]]
    run_ok shale images --format '' full
    [[ ${lines[0]} == "REPOSITORY   TAG       IMAGE ID"* ]]
    run_ok shale images -q --format '{{.Tag}}' full
    [ "$output" = 2 ]
}

@test "lists: imagesFormat of docker's config.json, which -q and --format override" {
    export DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker
    mkdir -p "$DOCKER_CONFIG"
    echo '{"imagesFormat":"table {{.Tag}}"}' >"$DOCKER_CONFIG/config.json"
    run_ok shale images full
    [ "$output" = $'TAG\n2' ]
    run_ok shale images -q full
    [ "${#output}" = 12 ]
    run_ok shale images --format '{{.Repository}}' full
    [ "$output" = full ]
}

@test "lists: mistakes" {
    fails 1 "template parsing error: template: :1: unclosed action" shale images --format '{{.Nope'
    fails 1 'template parsing error: template: :1:2: executing "" at <.Nope>: can'\''t evaluate field Nope in type *formatter.imageContext' \
        shale images --format '{{.Nope}}'
    fails 1 'executing "" at <.Tag.Foo>: can'\''t evaluate field Foo in type string' shale images --format '{{.Tag.Foo}}' full
    fails 1 'template: :1: function "nofunc" not defined' shale images --format '{{nofunc .Tag}}'
    fails 1 "template: :1: unexpected {{end}}" shale images --format '{{end}}'
    fails 1 "error calling index: index out of range: 9" shale images --format '{{index (split .Repository "/") 9}}' full
    fails 1 "wrong number of args for split: want 2 got 1" shale images --format '{{split .Tag}}' full
}

@test "inspect: what people ask for" {
    look "[$R/full:1 full:2]" '{{.RepoTags}}'
    look "$R/full@$(shale digest "$R/full:1")" '{{index .RepoDigests 0}}'
    look "[PATH=/bin X=<y>&z]" '{{.Config.Env}}'
    look '["PATH=/bin","X=<y>&z"]' '{{json .Config.Env}}'
    look $'PATH=/bin\nX=<y>&z' '{{range .Config.Env}}{{println .}}{{end}}'
    look 'map[a.b:1 z:<q>]' '{{.Config.Labels}}'
    look '1|' '{{index .Config.Labels "a.b"}}|{{index .Config.Labels "no"}}'
    look 'a.b=1 z=<q> ' '{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}'
    look 'amd64/linux' '{{.Architecture}}/{{.Os}}'
    look '2024-01-02T03:04:05.123456789Z' '{{.Created}}'
    look '8' '{{.Size}}'
    look 'layers 2' '{{.RootFS.Type}} {{len .RootFS.Layers}}'
    look '[/e] [sh -c echo "hi"] /w u:g SIGINT' '{{.Config.Entrypoint}} {{.Config.Cmd}} {{.Config.WorkingDir}} {{.Config.User}} {{.Config.StopSignal}}'
    look '80/tcp;' '{{range $p, $c := .Config.ExposedPorts}}{{$p}};{{end}}'
    look 'map[/v:{}] {"/v":{}}' '{{.Config.Volumes}} {{json .Config.Volumes}}'
    look '[CMD x] 1m30s 90000000000' '{{with .Config.Healthcheck}}{{.Test}} {{.Interval}} {{json .Interval}}{{end}}'
    look 'me||' '{{.Author}}|{{.Parent}}|{{.DockerVersion}}'
    look 'true linux none' '{{eq .Os "linux"}} {{and .Os .Os}} {{or .Variant "none"}}'
    look 'table x' 'table x'
    look 'a\tb' 'a\tb'
}

@test "inspect: what is not there" {
    i=$R/bare:1
    look 'no' '{{with .Config.Healthcheck}}yes{{else}}no{{end}}' "$i"
    look '<nil>' '{{.Config.Healthcheck}}' "$i"
    look '[] map[] ' '{{.Config.Env}} {{.Config.Labels}} {{.Config.User}}' "$i"
    look 'null null null' '{{json .Config.Env}} {{json .Config.Labels}} {{json .Config.Entrypoint}}' "$i"
    look '|' '{{.Variant}}|{{.OsVersion}}' "$i"
    fails 1 'template parsing error: template: :1:9: executing "" at <.Config.Nope>: map has no entry for key "Nope"' shale inspect -f '{{.Config.Nope}}' "$i"
    fails 1 "can't evaluate field Nope in type interface {}" shale inspect -f '{{.Id.Nope}}' "$i"
    fails 64 "template parsing error: template: :1: unclosed action" shale inspect -f '{{.Id' "$i"
}

@test "inspect: several, json, missing ones" {
    run_ok shale inspect -f json full:2 "$R/bare:1"
    [ "${#lines[@]}" = 1 ]
    [ "$(jq length <<<"$output")" = 2 ]
    run_fails 1 "Error: No such object: nope" shale inspect full:2 nope "$R/bare:1"
    [ "$(shale inspect full:2 nope "$R/bare:1" 2>/dev/null | jq length)" = 2 ]
    [ "$(shale inspect nope 2>/dev/null)" = "[]" ]
    [ "$(shale inspect -f json nope 2>/dev/null)" = "[]" ]
    [ -z "$(shale image inspect -f '{{.Id}}' nope 2>/dev/null)" ]
    run_fails 1 "Error: No such image: nope:latest" shale image inspect nope
    run_fails 1 'unknown type: "foo": must be one of "config", "container", "image"' shale inspect --type foo x
    run_fails 1 'type is empty: must be one of' shale inspect --type '' x
    run_ok shale inspect -s -f '{{.Os}}' full:2
    has "WARNING: --size ignored for image"
    [ "$(shale inspect full:2 | head -c 10)" = $'[\n    {\n  ' ]
}

@test "history: columns, --human, --no-trunc, formats" {
    i=$R/bare:1
    id=$(shale inspect -f '{{.Id}}' "$i")
    run_ok shale history "$i"
    [[ ${lines[0]} =~ ^IMAGE\ +CREATED\ +CREATED\ BY\ +SIZE\ +COMMENT$ ]]
    [[ ${lines[1]} == "${id:7:12} "*'CMD ["bash"] and much more that does not fit…'*"0B        why" ]]
    [[ ${lines[2]} == "<missing> "*"COPY three / "* ]]
    run_ok shale history --no-trunc -q "$i"
    [ "${lines[0]}" = "$id" ]
    [ "${lines[1]}" = "<missing>" ]
    run_ok shale history -H=false "$i"
    [[ ${lines[0]} =~ ^IMAGE\ +CREATED\ AT\ +CREATED\ BY ]]
    has "2023-06-02T03:04:05Z"
    run_ok shale history --format '{{.ID}}|{{.CreatedAt}}|{{.Size}}|{{.Comment}}' "$i"
    [ "${lines[0]}" = "${id:7:12}|2023-06-02T03:04:05Z|0B|why" ]
    run_ok shale history --format json "$i"
    [ "$(head -n 1 <<<"$output" | jq -r 'keys | join(" ")')" = "Comment CreatedAt CreatedBy CreatedSince ID Size" ]
    run_fails 1 "Error: No such image: nope:latest" shale history nope
    run_fails 1 "'shale history' requires 1 argument" shale history
    has "Run 'shale history --help' for more information"
    run_fails 125 'invalid argument "x" for "-H, --human" flag: strconv.ParseBool: parsing "x": invalid syntax' shale history --human=x "$i"
}

@test "version and info" {
    v=$(shale --version | awk '{print $3}')
    run_ok shale version -f '{{.Client.Version}} {{.Server.Os}}'
    [ "$output" = "$v linux" ]
    fails 64 "template parsing error: template: :1: unclosed action" shale version -f '{{.Nope'
    fails 1 "can't evaluate field Nope in type system.versionInfo" shale version -f '{{.Nope}}'
    run_ok shale version --format ''
    has "Client: shale"
    run_ok shale info -f '{{.Images}} {{.OSType}} {{.Swarm.LocalNodeState}}'
    [ "$output" = "2 linux inactive" ]
    fails 64 "template parsing error: template: :1: unclosed action" shale info -f '{{.Nope'
    fails 1 "can't evaluate field Nope in type system.dockerInfo" shale info -f '{{.Nope}}'
    run_ok shale info -f json
    [ "$(jq -r .ServerVersion <<<"$output")" = "$v" ]
}

@test "help and mistakes of the command line" {
    run_ok shale image foo --help
    has "Usage:  shale image COMMAND"
    run_fails 1 "shale: unknown command: shale image foo" shale image foo
    has "Usage:  shale image"
    run_fails 125 "unknown flag: --foo" shale image --foo
    run_fails 1 "unknown help topic: nope" shale help nope
    run_fails 125 'invalid argument "x" for "--help" flag' shale images --help=x
    for c in images pull inspect history tag rmi digest info version image "image ls" "image inspect"; do
        # shellcheck disable=SC2086
        run_ok shale $c --help
        has "Examples:"
        has "  shale "
    done
}
