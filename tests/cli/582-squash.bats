#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# squash: one layer instead of several. umoci and podman unpack the old image and the new one.
# shellcheck disable=SC2154 # the libraries set status, output and lines

bats_require_minimum_version 1.5.0
load lib
load look

# five LAYOUT TAG: the three layers of look.bash and two more, with what lies across layers
five() {
    local d=$BATS_FILE_TMPDIR/more
    mkdir -p "$d"/5/{etc,usr/bin,abs,srv/data} "$d"/4/{var/log,usr/bin,srv}
    # a link to a file of the base, a folder that becomes a file, attributes, owners, a mode that changes alone
    echo now-a-file >"$d/4/srv/data"
    setfattr -n user.note -v hello "$d/4/srv/data"
    setcap cap_net_raw=ep "$d/4/srv/data"
    pack "$d/4" "$d/4.tar"
    python3 - "$d/4.tar" <<-'END'
		import sys, tarfile
		with tarfile.open(sys.argv[1], "a") as t:
		    for path, to, mode in (("usr/bin/tool3", "usr/bin/tool", 0o4755), ("var/log/big2", "var/log/big", 0o644)):
		        i = tarfile.TarInfo(path)
		        i.type, i.linkname, i.mode, i.mtime = tarfile.LNKTYPE, to, mode, 1700000000
		        t.addfile(i)
		    i = tarfile.TarInfo("var/own")
		    i.uid, i.gid, i.mode, i.mtime, i.type = 12, 34, 0o1777, 1600000000, tarfile.DIRTYPE
		    t.addfile(i)
	END
    # a link that becomes a folder, a file that becomes one again, one of several names that goes, a folder made anew
    echo in >"$d/5/abs/in"
    echo again >"$d/5/srv/data/again"
    : >"$d/5/usr/bin/.wh.tool2"
    : >"$d/5/.wh.loop1"
    : >"$d/5/etc/.wh..wh..opq"
    echo fresh >"$d/5/etc/fresh"
    chmod 700 "$d/5/etc"
    pack "$d/5" "$d/5.tar"
    layered "$1" three
    oci_init "$1.more"
    local i
    for i in 1 2 3; do oci_layer "$1.more" "$BATS_FILE_TMPDIR/layered/$i.tar" gzip "step $i"; done
    oci_config "$1.more" '.history += [{"created_by": "ENV A=1", "empty_layer": true}]'
    oci_layer "$1.more" "$d/4.tar" gzip "step 4"
    oci_layer "$1.more" "$d/5.tar" none "step 5"
    oci_config "$1.more" '.config.Cmd=["/bin/tool"] | .config.Env=["A=1"]'
    oci_tag "$1.more" "$2" "$(oci_image "$1.more" linux amd64)"
}

setup_file() {
    local l=$BATS_FILE_TMPDIR/layout
    five "$l" 1
    umoci unpack --image "$l.more:1" "$BATS_FILE_TMPDIR/u" >/dev/null
    tar -C "$l" -cf "$BATS_FILE_TMPDIR/three.tar" .
    tar -C "$l.more" -cf "$BATS_FILE_TMPDIR/five.tar" .
    export R=$BATS_FILE_TMPDIR/u/rootfs
}
setup() {
    need_root
    fresh_store
    cd "$BATS_TEST_TMPDIR" || return 1
    shale load -qi "$BATS_FILE_TMPDIR/five.tar"
    five=$(shale images -q --no-trunc)
    shale tag "$five" five
    shale load -qi "$BATS_FILE_TMPDIR/three.tar"
    shale tag "$(shale images -q --no-trunc -f dangling=true)" three
}
teardown() { drop_store; }

# unpacked IMAGE DIR: as umoci sees it
unpacked() {
    shale save "$1" >"$2.tar"
    mkdir "$2.oci"
    tar -xf "$2.tar" -C "$2.oci"
    rm -rf "$2"
    skopeo copy -q "oci:$2.oci" "oci:$2.one:1" && umoci unpack --image "$2.one:1" "$2" >/dev/null
}
layers() { shale inspect --format '{{len .RootFS.Layers}}' "$1"; }

@test "squash: all layers, from each layer on, above a base: the files are those of the old image" {
    run_ok shale squash -t all five
    [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
    [ "$(layers all)" = 1 ]
    run_ok shale image squash --from three -t onbase --format '{{.Name}} {{.Layers}}' five
    [ "$output" = "onbase:latest 4" ]
    [ "$(shale inspect --format '{{slice .RootFS.Layers 0 3}}' onbase)" = "$(shale inspect --format '{{.RootFS.Layers}}' three)" ]
    for n in 1 2 3 4; do
        run_ok shale squash --from $n -t "from$n" five
        [ "$(layers "from$n")" = "$n" ]
    done
    [ "$(shale images -q all)" = "$(shale images -q from1)" ]
    [ "$(shale images -q onbase)" = "$(shale images -q from4)" ]
    for image in all from3 onbase; do
        unpacked "$image" "$image"
        same_files "$R" "$image/rootfs"
        run_ok shale cp -a "$image:latest:/" "$image.cp"
        same_files "$R" "$image.cp"
    done
    # nothing that went is in the new layer, and no whiteout where there is nothing below
    shale save all | tar -xf - --wildcards 'blobs/sha256/*'
    for b in blobs/sha256/*; do tar -tf "$b" 2>/dev/null || true; done >names
    grep -q ^etc/fresh names
    run ! grep -e '\.wh\.' -e three -e tool2 names
    run_ok shale fsck --check
    # the old one is as it was
    [ "$(shale images -q --no-trunc five)" = "$five" ]
}

@test "squash: podman shows the same files of both" {
    plain_only
    need podman
    here() { podman --root "$PWD/p" --runroot "$PWD/p.run" --storage-driver vfs "$@"; }
    run_ok shale squash --from 2 -t localhost/two:1 five
    run_ok shale tag five localhost/five:1
    for image in five two; do
        shale save -o "$image.tar" "localhost/$image:1"
        run_ok here load -qi "$image.tar"
        mkdir "$image"
        here export "$(here create "localhost/$image:1")" | tar -xpf - -C "$image"
    done
    same_files five two
}

@test "squash: the same image gives the same bytes; history and settings stay; names move" {
    run_ok shale squash -t flat five
    id=$output
    run_ok shale squash -m "" -t flat five
    [ "$output" = "$id" ]
    SHALE_ROOT=$PWD/other shale load -qi "$BATS_FILE_TMPDIR/five.tar"
    run_ok env SHALE_ROOT="$PWD/other" "$SHALE_BIN" squash "$(SHALE_ROOT=$PWD/other shale images -q)"
    [ "$output" = "$id" ]
    run_ok shale squash --from 4 -m "two in one" -t part five
    run_ok shale history --no-trunc --format '{{.CreatedBy}}|{{.Comment}}|{{.Size}}' part
    [ "$output" = 'squash|two in one|300kB
ENV A=1||0B
step 5||0B
step 4||0B
step 3||3MB
step 2||12B
step 1||300kB' ] || { echo "$output"; return 1; }
    shale save part | tar -xO manifest.json | jq -r '.[0].Config' >config
    shale save part | tar -xO "$(cat config)" >part.json
    shale save five | tar -xO "$(shale save five | tar -xO manifest.json | jq -r '.[0].Config')" >five.json
    [ "$(jq -c '[.history[] | .empty_layer // false]' part.json)" = '[false,false,false,true,true,true,false]' ]
    [ "$(jq -c '[.config, .created, .os]' part.json)" = "$(jq -c '[.config, .created, .os]' five.json)" ]
    run_ok shale squash -t part part
    [ "$(layers part)" = 1 ]
    run_ok shale tag --history part --format '{{.How}}'
    [ "${lines[0]}" = squash ]
}

@test "squash: histories that are missing or do not fit; layers that come to nothing; what is wrong is said" {
    mkdir l && echo x >x && tar -cf x.tar x && : >.wh.x && tar -cf gone.tar .wh.x
    oci_init l
    oci_layer l x.tar && oci_layer l gone.tar && oci_config l '.history |= .[1:]'
    oci_tag l odd "$(oci_image l linux amd64)"
    oci_layer l x.tar && oci_layer l gone.tar && oci_config l 'del(.history)'
    oci_tag l none "$(oci_image l linux amd64)"
    oci_layer l x.tar && oci_layer l x.tar && oci_layer l gone.tar
    oci_tag l twice "$(oci_image l linux amd64)"
    for t in odd none twice; do
        skopeo copy -q "oci:l:$t" "oci-archive:$t.tar:$t"
        run_ok shale load -qi "$t.tar"
        shale tag "${output##*: }" "$t"
        [ "$t" = twice ] || run_ok shale squash -t "new:$t" "$t"
        [ "$t" = twice ] || [ "$(layers "new:$t")" = 0 ]
        [ "$t" = twice ] || run_ok shale history -q "new:$t"
    done
    run_ok shale squash --from 2 -t new:twice twice
    [ "$(layers new:twice)" = 2 ]
    run_ok shale ls new:twice
    [ -z "$output" ]
    before=$(shale images -aq | sort)
    refused "there is nothing to squash: new:odd has 0 layers" shale squash new:odd
    run_fails 1 "there is nothing to squash: five has 1 layer from there on" shale squash --from 5 five
    run_fails 1 "there is nothing to squash: five has 0 layers above five" shale squash --from five five
    run_fails 1 "five has no layer 6: it has 5" shale squash --from 6 five
    run_fails 1 "five has no layer 0" shale squash --from 0 five
    run_fails 1 "three is not built on five: layer 4 of 5 is another one" shale squash --from five three
    run_fails 1 "No such image: nope:latest" shale squash --from nope five
    run_fails 1 "No such image: nope:latest" shale squash nope
    run_fails 1 "--from names no layer" shale squash --from "" five
    run_fails 1 "not valid UTF-8" shale squash -m $'\xff' five
    run_fails 1 "invalid reference format" shale squash -t 'Bad Name' five
    [ "$(shale images -aq | sort)" = "$before" ]
    run_ok shale fsck --check
}
