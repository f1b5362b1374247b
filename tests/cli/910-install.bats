#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# `make install`: what lies where, and that C and C++ programs can use the library as installed.

load lib

setup_file() {
    export DEST=$BATS_FILE_TMPDIR/dest
    # Where the build says: the prefix of `meson setup`, below DEST.
    DESTDIR=$DEST meson install -C "$SHALE_BUILD" --no-rebuild >"$BATS_FILE_TMPDIR/log" 2>&1 || { cat "$BATS_FILE_TMPDIR/log"; return 1; }
    PREFIX=$DEST$(option prefix)
    LIB=$PREFIX/$(option libdir)
    export PREFIX LIB
    export PKG_CONFIG_SYSROOT_DIR=$DEST PKG_CONFIG_PATH=$LIB/pkgconfig
    # A build with sanitizers makes libraries that want them.
    SANITIZE=$(option b_sanitize)
    [ "$SANITIZE" = none ] && SANITIZE="" || SANITIZE=-fsanitize=$SANITIZE
    export SANITIZE
    registry_with busybox
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    cd "$BATS_TEST_TMPDIR" || return 1
    # shellcheck disable=SC2154 # set by lib.bash
    programs=$top/tests/cli/install
    ref=$REGISTRY_HOST/busybox:1.0
}
teardown() { drop_store; }

option() { meson introspect --buildoptions "$SHALE_BUILD" | jq -r --arg n "$1" '.[] | select(.name == $n) | .value'; }
pc() { pkg-config "$@" shale; }
# shellcheck disable=SC2046,SC2086
static_of() { # COMPILER FILE OUT: only libshale is static, what it needs is shared
    "$1" -Wall -Wextra -Werror $SANITIZE "$2" -o "$3" $(pc --cflags) "$LIB/libshale.a" $(pc --static --libs | sed 's/-lshale//')
}

@test "install: binary, libraries, headers, pkg-config, man pages, completions" {
    [ -x "$PREFIX/bin/shale" ]
    run_ok "$PREFIX/bin/shale" --version
    for f in libshale.so libshale.so.0 libshale.a pkgconfig/shale.pc; do [ -f "$LIB/$f" ] || { echo "no $f"; return 1; }; done
    for h in "$top"/include/shale/*.h; do cmp "$h" "$PREFIX/include/shale/$(basename "$h")"; done
    pages=$(shale __man | wc -l)
    [ "$(find "$PREFIX/share/man/man1" -name 'shale*.1' | wc -l)" = "$pages" ]
    for f in bash-completion/completions/shale fish/vendor_completions.d/shale.fish; do [ -s "$PREFIX/share/$f" ]; done
    [ -n "$(find "$PREFIX/share/zsh" -name _shale)" ]
    # Nothing else, and nothing that only its owner can read.
    [ -z "$(find "$DEST" -type f ! -perm -444)" ]
    hasnt_others=$(find "$DEST" ! -type d | grep -vE '/(shale|_shale|libshale\.(a|so[0-9.]*)|shale\.(pc|fish)|shale[a-z-]*\.1|[a-z_]+\.h|registry\.conf\.5|shale-(registry\.(service|conf)|restart\.service|daemon\.(service|socket|json\.5)))$' || true)
    [ -z "$hasnt_others" ] || { echo "$hasnt_others"; return 1; }
}

@test "libraries: only shale_ is visible, and all of it is declared" {
    run_ok nm -D --defined-only "$LIB/libshale.so"
    [ "$(awk '$2 != "A" && $3 !~ /^shale_/' <<<"$output")" = "" ]
    [ "$(awk '$3 ~ /^shale_/' <<<"$output" | wc -l)" -gt 20 ]
    run_ok nm -g --defined-only "$LIB/libshale.a"
    [ "$(awk 'NF == 3 && $3 !~ /^shale_/' <<<"$output")" = "" ]
    [ "$(ar t "$LIB/libshale.a" | wc -l)" = 1 ]
    [ "$(pc --modversion)" = "$(shale version -f '{{.Server.Version}}')" ]
}

@test "check-symbols sees a function that is not declared, and one that is missing" {
    cp -r "$top/include" "$top/tools" .
    mkdir -p b/src
    cp "$LIB/libshale.so" "$LIB/libshale.a" b/src/
    run_ok tools/check-symbols "$PWD/b"
    sed -i 's/shale_version(void)/shale_release(void)/' include/shale/shale.h
    run tools/check-symbols "$PWD/b"
    [ "$status" = 1 ]
    has "shale_version: in the shared library, not declared"
    has "shale_version: in the static library, not declared"
    has "shale_release: declared, not in the shared library"
}

@test "a C program with the shared library" {
    # shellcheck disable=SC2046,SC2086
    run_ok gcc -std=c99 -Wall -Wextra -Werror $SANITIZE "$programs/use.c" -o use $(pc --cflags --libs)
    run_ok ldd use
    has libshale.so.0
    LD_LIBRARY_PATH=$LIB run_ok ./use "$SHALE_ROOT" "$ref"
    has "pulled $ref, 1 digest"
    has "1 image of linux"
    has "removed"
    LD_LIBRARY_PATH=$LIB run_fails 1 "nope:latest not found" ./use "$SHALE_ROOT" "$REGISTRY_HOST/nope"
}

@test "a C program with the static library runs a container" {
    need_root
    run_ok static_of gcc "$programs/use.c" use
    run_ok ldd use
    hasnt libshale
    run_ok ./use "$SHALE_ROOT" "$ref" run
    has "exit status 7"
}

@test "a C++ program, shared and static" {
    cp "$programs/use.c" use.cc
    # shellcheck disable=SC2046,SC2086
    run_ok g++ -std=c++11 -Wall -Wextra -Werror $SANITIZE use.cc -o use $(pc --cflags --libs)
    LD_LIBRARY_PATH=$LIB run_ok ./use "$SHALE_ROOT" "$ref"
    has "1 image of linux"
    run_ok static_of g++ use.cc use
    run_ok ./use "$SHALE_ROOT" "$ref"
    has "1 image of linux"
}

@test "a program may have functions named as ones inside of the library" {
    run_ok static_of gcc "$programs/clash.c" clash
    run_ok ./clash "$SHALE_ROOT" "$ref"
    # shellcheck disable=SC2046,SC2086
    run_ok gcc $SANITIZE "$programs/clash.c" -o clash -rdynamic $(pc --cflags --libs)
    LD_LIBRARY_PATH=$LIB run_ok ./clash "$SHALE_ROOT" "$ref"
}

@test "the program of README.md compiles" {
    awk '/^```c$/ {on = 1; next} /^```$/ {on = 0} on' "$top/README.md" >readme.c
    [ -s readme.c ]
    # shellcheck disable=SC2046,SC2086
    run_ok gcc -Wall -Wextra -Werror $SANITIZE readme.c -o readme $(pc --cflags --libs)
    LD_LIBRARY_PATH=$LIB run_ok ./readme "$ref"
    has "$ref"
}

@test "uninstall leaves nothing behind" {
    run_ok "$top/tools/uninstall" "$SHALE_BUILD"
    [ -z "$(find "$DEST" ! -type d)" ] || { find "$DEST" ! -type d; return 1; }
    [ ! -e "$PREFIX/include/shale" ]
}
