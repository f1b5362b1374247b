#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The frame that all commands share: help, man pages, completion, wrong use, exit statuses, colours.

load lib
bats_require_minimum_version 1.5.0

setup() { fresh_store; }
teardown() { drop_store; }

# All full names of commands ("image ls"), from the list of man pages and from help itself.
names_below() { # PREFIX: the command names that its --help lists
    shale "$@" --help | awk '/^[A-Z][A-Za-z ]*Commands:$|^Commands:$/ {on = 1; next} /^$/ {on = 0} on {print $1}'
}
all_commands() {
    local name sub
    for name in $(names_below); do
        echo "$name"
        for sub in $(names_below "$name"); do echo "$name $sub"; done
    done
}
# Text without layout: one blank between words, hyphens as typed.
words() { tr -s ' \t\n' ' ' | sed 's/‐/-/g'; }
rendered() { groff -K utf8 -man -ww -Tutf8 -P-cbou | words; }

@test "help: every command has usage, a line about it and examples; help X is X --help" {
    n=0
    while read -r name; do
        # shellcheck disable=SC2086
        run_ok shale $name --help
        [[ ${lines[0]} == "Usage:  shale $name"* ]] || { echo "$name: ${lines[0]}"; return 1; }
        help=$output
        if [[ $help != *$'\nCommands:'* ]]; then
            has $'\nExamples:\n  shale '
        fi
        # shellcheck disable=SC2086
        run_ok shale help $name
        [ "$output" = "$help" ]
        n=$((n + 1))
    done < <(all_commands)
    [ "$n" -gt 40 ]
}

@test "help: an alias is the same command" {
    run_ok shale image list --help
    [[ ${lines[0]} == "Usage:  shale image ls [OPTIONS]"* ]]
    has "shale image ls, shale image list"
    has "shale images"
    run_ok shale rmi -h
    has "Usage:  shale rmi [OPTIONS] IMAGE [IMAGE...]"
    run_ok shale run -h host --help # -h is --hostname here, as in docker
    has "Usage:  shale run"
    run_ok shale --help image ls
    [[ ${lines[0]} == "Usage:  shale image ls [OPTIONS]"* ]]
}

@test "help: shale and shale image alone say what there is, on standard error" {
    for name in "" image container; do
        # shellcheck disable=SC2086
        run --separate-stderr "$SHALE_BIN" $name
        [ "$status" = 0 ]
        [ -z "$output" ]
        [[ $stderr == "Usage:  shale "* ]]
    done
    run --separate-stderr "$SHALE_BIN" --help
    [ -z "$stderr" ]
    has "Run 'shale COMMAND --help'"
    asked=$output
    run_ok shale help
    [ "$output" = "$asked" ]
    hasnt __cleanup
    hasnt __man
}

@test "man pages say what --help says" {
    pages=$(shale __man)
    grep -qx shale <<<"$pages"
    [ "$(wc -l <<<"$pages")" = $(($(all_commands | wc -l) + 1)) ]
    while read -r name; do
        page=$(shale __man "shale-${name// /-}" | rendered 2>"$BATS_TEST_TMPDIR/warnings")
        [ ! -s "$BATS_TEST_TMPDIR/warnings" ] || { echo "$name:"; cat "$BATS_TEST_TMPDIR/warnings"; return 1; }
        # Each line of --help that carries meaning stands in the page.
        while IFS= read -r line; do
            case $line in "" | Options: | Examples: | Aliases: | Commands: | "Run 'shale "*) continue ;; esac
            if [[ $name == image || $name == container || $name == pulls || $name == system ]]; then
                line=${line#* } # name and line of a command stand apart
            fi
            [[ $page == *"$line"* ]] || { echo "man page of $name: no '$line' in: $page"; return 1; }
        done < <(
            # shellcheck disable=SC2086
            shale $name --help | sed 's/^Usage://; s/‐/-/g; s/[ \t][ \t]*/ /g; s/^ //; s/ $//'
        )
    done < <(all_commands)
    top=$(shale __man shale | rendered)
    for word in "--insecure-registry list" SHALE_ROOT "EXIT STATUS" "NO_COLOR" "shale-pull(1)"; do
        [[ $top == *"$word"* ]] || { echo "shale(1): no '$word'"; return 1; }
    done
    run_fails 1 "there is no page shale-nope" shale __man shale-nope
}

@test "completion: bash" {
    shale __completion bash >"$BATS_TEST_TMPDIR/c"
    ask() { # WORDS...: what comes next
        bash --norc -c '. "$1"; shift; complete -p shale >/dev/null || exit 1
            COMP_WORDS=(shale "$@") COMP_CWORD=$#; _shale; printf "%s\n" "${COMPREPLY[@]}" | sort' - "$BATS_TEST_TMPDIR/c" "$@"
    }
    run_ok ask imag
    [ "$output" = $'image\nimages' ] || { echo "$output"; return 1; }
    run_ok ask image h
    [ "$output" = history ]
    run_ok ask pull --pl
    [ "$output" = --platform ]
    run_ok ask image ls --dig
    [ "$output" = --digests ]
}

@test "completion: zsh" {
    mkdir "$BATS_TEST_TMPDIR/f"
    shale __completion zsh >"$BATS_TEST_TMPDIR/f/_shale"
    # compinit finds it for the command; then the function is asked with compadd replaced.
    cat >"$BATS_TEST_TMPDIR/t" <<'EOF'
fpath=($1 $fpath)
autoload -Uz compinit && compinit -u -D
[[ $_comps[shale] = _shale ]] || exit 1
compadd() { shift; print -l -- "$@" }
ask() { words=(shale "$@"); CURRENT=$#words; PREFIX=$words[-1]; _shale | grep -- "^$PREFIX" }
ask imag; print .; ask image h; print .; ask pull --pl; print .; ask image ls --dig
EOF
    run_ok zsh -f "$BATS_TEST_TMPDIR/t" "$BATS_TEST_TMPDIR/f"
    [ "$(sort -u <<<"$output" | tr '\n' ' ')" = "--digests --platform . history image images " ] || { echo "$output"; return 1; }
}

@test "completion: fish" {
    shale __completion fish >"$BATS_TEST_TMPDIR/c.fish"
    ask() { PATH=$(dirname "$SHALE_BIN"):$PATH HOME=$BATS_TEST_TMPDIR fish --no-config -c "source $BATS_TEST_TMPDIR/c.fish; complete -C '$1'" | cut -f1; }
    run_ok ask "shale imag"
    [ "$output" = $'image\nimages' ]
    run_ok ask "shale image h"
    has history
    run_ok ask "shale pull --pl"
    [ "$output" = --platform ]
    run_fails 1 "must be bash, zsh or fish" shale __completion tcsh
}

@test "version" {
    run_ok shale --version
    [[ $output =~ ^shale\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    same=$output
    run_ok shale -v
    [ "$output" = "$same" ]
    run_ok shale version -f '{{.Server.Version}}'
    [ "shale version $output" = "$same" ]
}

@test "wrong use: messages, where they go, statuses" {
    stdout_is_empty() { [ -z "$(shale "$@" 2>/dev/null)" ]; }
    run_fails 1 $'shale: unknown command: shale foofoo\n\nRun \'shale --help\' for more information' shale foofoo
    run_fails 1 $'Did you mean this?\n\timages' shale imges
    run_fails 1 "shale: unknown command: shale " shale ""
    hasnt "Did you mean"
    run_fails 1 $'shale: unknown command: shale image foo\n\nUsage:  shale image' shale image foo
    run_fails 1 "unknown help topic: foo" shale help foo
    run_fails 1 "unknown help topic: foo" shale help image foo
    run_fails 125 $'unknown flag: --bogus\n\nUsage:  shale [OPTIONS] COMMAND [ARG...]\n\nRun \'shale --help\'' shale --bogus
    run_fails 125 $'unknown flag: --bogus\n\nUsage:  shale pull [OPTIONS] NAME' shale pull --bogus
    run_fails 125 "unknown flag: --bogus" shale image --bogus
    run_fails 125 "unknown shorthand flag: 'x' in -x" shale -x
    run_fails 125 "unknown shorthand flag: 'x' in -x" shale image -x
    run_fails 125 "unknown shorthand flag: 'x' in -xq" shale images -xq
    run_fails 125 "flag needs an argument: --format" shale images --format
    run_fails 125 "flag needs an argument: 'f' in -f" shale inspect -f
    run_fails 125 'invalid argument "x" for "--no-trunc" flag: strconv.ParseBool: parsing "x": invalid syntax' \
        shale images --no-trunc=x
    run_fails 1 $'shale: \'shale rmi\' requires at least 1 argument\n\nUsage:  shale rmi' shale rmi
    has "See 'shale rmi --help' for more information"
    run_fails 1 "shale: 'shale history' requires 1 argument" shale history
    has "Run 'shale history --help' for more information"
    run_fails 1 "shale: 'shale tag' requires 2 arguments" shale tag a
    run_fails 1 "shale: 'shale images' requires at most 1 argument" shale images a b
    run_fails 1 "shale: 'shale version' accepts no arguments" shale version x
    run_fails 1 "shale: 'shale exec' requires at least 2 arguments" shale exec a
    run_fails 1 "no storage driver overlay2: there are erofs and dir" shale --storage-driver overlay2 images
    stdout_is_empty foo
    stdout_is_empty pull --bogus
    stdout_is_empty rmi
    [ ! -e "$SHALE_ROOT" ] # nobody opened a store for any of this
}

@test "wrong use: a template, a thing that is not there, a pipe that closes, a full disk" {
    run_fails 64 "template parsing error: template: :1:" shale inspect -f '{{.Nope' x
    run_fails 1 "Error: No such object: nope" shale inspect nope
    run bash -c '"$1" --help | true; echo "${PIPESTATUS[0]}"' - "$SHALE_BIN"
    [[ $output == 0 || $output == 141 ]] || { echo "$output"; return 1; }
    [ -e /dev/full ] || skip "no /dev/full"
    run bash -c '"$1" --help >/dev/full' - "$SHALE_BIN"
    [ "$status" = 1 ]
    has "No space left on device"
}

@test "colours: only on a terminal, and not with NO_COLOR" {
    registry_start plain "$BATS_TEST_TMPDIR/registry"
    push "$SHALE_IMAGES/busybox:1.0" busybox:1.0
    shale pull -q "$REGISTRY_HOST/busybox:1.0" >/dev/null
    registry_stop_all
    run_ok shale image ls --tree
    hasnt $'\033['
    export SHALE_BIN
    run_ok script -qec '"$SHALE_BIN" image ls --tree' /dev/null
    has $'\033['
    NO_COLOR="" run_ok script -qec '"$SHALE_BIN" image ls --tree' /dev/null
    has $'\033['
    NO_COLOR=1 run_ok script -qec '"$SHALE_BIN" image ls --tree' /dev/null
    hasnt $'\033['
}
