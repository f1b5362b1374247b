# SPDX-License-Identifier: Apache-2.0
# An image with all that makes looking into layers hard, for the tests of ls, cat, tree, diff and find.

# pack DIR TAR [OPTION…]: DIR as a layer; whiteouts are names that begin with .wh.
pack() { tar --sort=name --mtime=@1700000000 --numeric-owner --owner=0 --group=0 --xattrs "${@:3}" -C "$1" -cf "$2" .; }

# layered LAYOUT TAG: three layers
layered() {
    local d=$BATS_FILE_TMPDIR/layered
    mkdir -p "$d"/1/{etc/conf.d,srv/data/old,usr/bin,var/log,gone} "$d"/2/{etc,srv/data,usr/bin} "$d"/3/{etc,var}
    # base
    echo base >"$d/1/etc/name"
    echo hidden >"$d/1/etc/.secret"
    echo a >"$d/1/etc/conf.d/a"
    echo b >"$d/1/etc/conf.d/b"
    echo removed >"$d/1/gone/file"
    echo old >"$d/1/srv/data/old/file"
    printf '#!/bin/sh\necho tool\n' >"$d/1/usr/bin/tool"
    chmod 4755 "$d/1/usr/bin/tool"
    ln "$d/1/usr/bin/tool" "$d/1/usr/bin/tool2"
    ln -s usr/bin "$d/1/bin"
    ln -s /etc/name "$d/1/abs"
    ln -s ../../../../etc/name "$d/1/var/up"
    ln -s loop2 "$d/1/loop1"
    ln -s loop1 "$d/1/loop2"
    ln -s nowhere "$d/1/dangling"
    mkfifo "$d/1/var/pipe"
    head -c 300000 /dev/zero | tr '\0' 'x' >"$d/1/var/log/big"
    printf 'with\nnewline' >"$d/1/var/$(printf 'a\tb')"
    # changes: an opaque directory, a removed one, a removed file, a new hard link to a file of the base
    echo changed >"$d/2/etc/name"
    : >"$d/2/.wh.gone"
    : >"$d/2/srv/data/.wh..wh..opq"
    echo new >"$d/2/srv/data/new"
    mkdir -p "$d/2/etc/conf.d"
    : >"$d/2/etc/conf.d/.wh.a"
    # a sparse file
    truncate -s 3000000 "$d/3/var/sparse"
    printf middle | dd of="$d/3/var/sparse" bs=1 seek=1500000 conv=notrunc status=none
    echo "three" >"$d/3/etc/three"
    pack "$d/1" "$d/1.tar"
    pack "$d/2" "$d/2.tar"
    pack "$d/3" "$d/3.tar" --sparse
    [ -f "$1/oci-layout" ] || oci_init "$1"
    oci_layer "$1" "$d/1.tar" gzip "ADD base"
    oci_layer "$1" "$d/2.tar" gzip "RUN change"
    oci_layer "$1" "$d/3.tar" gzip "COPY sparse"
    oci_config "$1" '.config.Cmd=["sh"] | .config.Env=["A=1"] | .config.Labels={"l":"1"}'
    oci_tag "$1" "$2" "$(oci_image "$1" linux amd64)"
}

# same_files DIR DIR: the same files, in every way but for the folders themselves
same_files() {
    diff <(files_seen "$1") <(files_seen "$2") || return 1
    diff <(cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum) <(cd "$2" && find . -type f -print0 | sort -z | xargs -0 sha256sum)
}
files_seen() {
    (cd "$1" && find . ! -path . \( -type d -printf '%p %m %U:%G %T@\n' -o -printf '%p %y %m %U:%G %s %T@ %n %l\n' \) | sort)
    (cd "$1" && find . -type f -links +1 -printf '%i %p\n' | sort -k2 | awk '!($1 in n) { n[$1] = ++k } { print n[$1], $2 }')
    getfattr -dRm - "$1" 2>/dev/null | grep -v -e '^# file' -e umoci
}
