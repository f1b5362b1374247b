#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is bad in an image or in how it is served: one clear line, nothing lost, and the next good pull works.

load lib

setup_file() { hostile_start "$SHALE_IMAGES/busybox"; }
teardown_file() { hostile_stop; }
setup() {
    fresh_store
    export SHALE_RETRIES=1 SHALE_STALL_TIMEOUT=30
    : >"$HOSTILE_LOG"
    tried=
}
teardown() { drop_store; }

# bad NAME TEXT: the image is refused with TEXT in one line; nothing_left looks at what that has done to the store
bad() {
    tried="$tried $1"
    one_line "$2" timeout 300 "$SHALE_BIN" pull -q "$HOSTILE/$1:1" || { echo "of $1"; return 1; }
}
# nothing_left: no image of those that were bad, and a good store
nothing_left() {
    [ -n "$tried" ] || return 0
    run_ok shale images -aq
    [ -z "$output" ] || { echo "one of these left an image:$tried"; return 1; }
    run_ok shale fsck --check || { echo "after$tried"; return 1; }
    tried=
}
odd() { # NAME: strange, but right
    nothing_left || return 1
    run_ok shale pull -q "$HOSTILE/$1:1" || { echo "of $1"; return 1; }
    run_ok shale fsck --check
}
good_pull() {
    nothing_left || return 1
    run_ok shale pull -q "$HOSTILE/ok:1"
    run_ok shale fsck --check
    run_ok shale pulls ls -q
    [ -z "$output" ] || { echo "left in flight: $output"; return 1; }
}

@test "bytes that are not what their digest says" {
    bad wrongblob "filesystem layer verification failed for digest sha256:"
    bad wrongconfig "image config verification failed for digest sha256:"
    bad shortconfig "image config verification failed for digest sha256:"
    bad wrongmanifest "manifest verification failed for digest sha256:"
    good_pull
}

@test "sizes that are not what the descriptor says" {
    bad bigger "more bytes than the"
    bad truncate "bytes"
    bad msizemore "the transfer ended after"
    bad msizeless "more bytes than the"
    bad mconfigsize "image config verification failed"
    bad isize "its index says 5"
    good_pull
}

@test "a wrong size is noticed also where the blob is here already" {
    odd gzipcopy
    for name in msizemore msizeless; do
        refused "its descriptor says" shale pull -q "$HOSTILE/$name:1"
    done
    good_pull
}

@test "diffIDs that do not fit" {
    bad cdiffid "layers from manifest don't match image configuration"
    bad cdiffcount "layers from manifest don't match image configuration"
    bad mtwodiffs "layers from manifest don't match image configuration"
    odd gzipcopy
    refused "layers from manifest don't match image configuration" shale pull -q "$HOSTILE/claimed:1"
    good_pull
}

@test "gzip and zstd that do not inflate" {
    bad cutgzip "gzip: the data is cut off"
    bad badgzip "gzip: bad checksum or length"
    bad zstdwindow "needs a window of more than"
    bad notar "bad header checksum"
    good_pull
}

@test "bombs: the limit is a ratio, and can be moved" {
    bad gzipbomb "inflates to more than 200 times its size"
    bad zstdbomb "inflates to more than 200 times its size"
    SHALE_MAX_INFLATE_RATIO=1000 bad gzipbomb "inflates to more than 1000 times its size"
    [ "$(du -sm "$SHALE_ROOT" | cut -f1)" -lt 50 ] # nothing stays
    SHALE_MAX_INFLATE_RATIO=many run_fails 1 "SHALE_MAX_INFLATE_RATIO=many: not a number" shale images
    good_pull
}

@test "tars: paths that leave the root" {
    bad dotdot "a path leads out of the root"
    bad linkdotdot "a path leads out of the root"
    bad linknowhere "hard link a to not/there, which is not there"
    bad linkitself "hard link a to a, which is not there"
    odd absolute
    odd symlinks
    [ ! -e /tmp/shale-escape ]
    good_pull
}

@test "tars: headers that are wrong" {
    bad checksum "bad header checksum"
    bad hugepax "a PAX header or long name of"
    bad paxpath "too many levels in a path"
    bad paxnumber "bad PAX header: value of size"
    bad paxbad "bad PAX header: length of a record"
    bad paxnul "bad PAX header: value of path"
    bad longname "a file name is longer than 255 bytes"
    bad deep "too many levels in a path"
    bad xattrs "a member has more than 64 extended attributes"
    bad negative "the size of a member is out of range"
    good_pull
}

@test "tars: cut off in a member, and in a header" {
    bad truncated "the archive is cut off after 2000 bytes"
    bad cutheader "the archive is cut off after"
    good_pull
}

@test "tars: more members than the limit" {
    plain_only # two gigabytes of headers
    bad entries "more than 4000000 members"
    good_pull
}

@test "tars: odd, but right" {
    for name in duplicates whiteout-nothing noend empty oddtype msameblob; do odd "$name"; done
    good_pull
}

@test "manifests: JSON that is deep, huge, or none" {
    bad mdeep "nested deeper than 64 levels"
    bad mhuge "is larger than 4194304 bytes"
    bad mmany "JSON with more than"
    bad mempty "not valid JSON"
    bad mnojson "not valid JSON"
    bad mlist "not a JSON object"
    bad mnull "not a JSON object"
    bad mtwice "duplicate object key"
    good_pull
}

@test "manifests: members of the wrong type or value" {
    bad mboth "both an image and an index"
    bad mtype "does not match its content type"
    bad mindex "does not match its content type"
    bad mversion "unsupported schemaVersion 7"
    bad mversionstring '"schemaVersion" is not a number'
    bad mconfigstring '"config" is not an object'
    bad mlayersobject '"layers" is not an array'
    bad mlayerstring "layers[0]: not an object"
    bad msizestring '"size" is not a number'
    bad msizenegative '"size" is not a number'
    bad msizefloat '"size" is not a number'
    bad msizehuge "is over the limit of"
    bad mdigest "invalid checksum digest"
    bad mdigestalg "unsupported digest algorithm"
    bad mlayers "600 layers, more than 512"
    bad mconfighuge "is over the limit of"
    good_pull
}

@test "manifests of what is no container image" {
    bad mlayertype "unsupported media type application/vnd.in-toto+json"
    bad mlayercodec "unsupported media type application/vnd.oci.image.layer.v1.tar+lzma"
    bad mplugin 'Encountered remote "application/vnd.docker.plugin.v1+json"(plugin) when fetching'
    bad mmodel 'AI models are not yet supported by the Engine, please use "docker model pull/run" instead'
    bad martifact "unsupported media type application/vnd.cncf.helm.config.v1+json"
    bad schema1 "schema 1 support has been removed"
    good_pull
}

@test "configs" {
    bad cdeep "nested deeper than 64 levels"
    bad cnojson "invalid image configuration: not valid JSON"
    bad clist "invalid image configuration: not a JSON object"
    bad cnorootfs "invalid rootfs in image configuration"
    bad crootfs "invalid rootfs in image configuration"
    bad cdiffstring "invalid rootfs in image configuration"
    bad cdiffbad "invalid rootfs in image configuration"
    bad cenv '"Env" is not an array of strings'
    bad carch '"architecture" is not a string'
    bad chistory "20000 history entries, more than 16384"
    bad ccreated "not a time as in RFC 3339"
    good_pull
}

@test "indexes" {
    bad idigest "not found: manifest unknown"
    bad iplatform "no matching manifest for linux/"
    bad iempty "no matching manifest for linux/"
    bad imany "5000 manifests, more than 4096"
    bad inested "more than 4 indexes within indexes"
    odd ilisted
    good_pull
}

@test "registries that stall, close, or never end" {
    export SHALE_STALL_TIMEOUT=1
    bad stall "the server stopped sending"
    bad silent "the server stopped sending"
    export SHALE_STALL_TIMEOUT=30
    bad drops "unexpected EOF"
    bad hangup "unexpected EOF"
    bad garbage "malformed HTTP response"
    bad headers "header"
    bad longheader "a header line without end"
    bad continues "response headers of more than"
    bad body "is larger than 4194304 bytes"
    bad refusal "pull access denied for"
    good_pull
}

@test "what is no registry" {
    bad html "unsupported media type text/html: $HOSTILE does not answer as a registry does"
    bad htmlblob "the transfer ended after"
    bad loop "stopped after 10 redirects"
    bad toscheme "bad redirect"
    bad nowhere "bad redirect"
    good_pull
}

@test "refusals, in docker's words" {
    bad denied "pull access denied for $HOSTILE/denied, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"
    bad unknown "repository $HOSTILE/unknown not found: name unknown: repository name not known to registry"
    bad lostblob "blob unknown to registry"
    bad broken "received unexpected HTTP status: 500 Internal Server Error"
    bad oddlogin "a kind of login that shale does not know"
    bad badrealm "authorization server did not include a token in the response"
    good_pull
}

@test "a rate limit: waited for when it is short, told at once when it is long" {
    odd limited
    shale rmi "$HOSTILE/limited:1" >/dev/null
    SECONDS=0
    bad ratelimit "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit"
    [ "$SECONDS" -lt 20 ]
    nothing_left
}

@test "registries with less than all of the specification" {
    export SHALE_RETRIES=5
    for name in nohead nodigest norange wrongrange early busy; do
        odd "$name"
        run_ok shale pull -q "$HOSTILE/$name:1" # up to date, by HEAD where there is one
        shale rmi "$HOSTILE/$name:1" >/dev/null
    done
}

@test "retries are told" {
    SHALE_RETRIES=5 run_ok shale pull "$HOSTILE/early:1"
    has "Retrying in 1 second"
}
