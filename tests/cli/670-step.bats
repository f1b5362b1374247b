#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Steps of a build (src/container/step.h): what the command sees, and the layer that is made of what it has changed.
load lib
load step

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }

@test "a step: output, environment, user and folder" {
    # shellcheck disable=SC2016 # for the shell inside
    run_ok step --env A=b "$image" sh -c 'echo out; hostname; pwd; id -u; echo $HOME:$A; echo err >&2'
    for line in out buildkitsandbox / 0 /root:b err "status 0" empty; do
        grep -qxF "$line" <<<"$output" || { echo "no line '$line' in $output"; return 1; }
    done
    run_ok step --user 12:34 --cwd /new/dir "$image" sh -c 'pwd; id -u; id -g'
    has "/new/dir
12
34
status 0
sha256:"
    [ "$(members)" = "new/ new/dir/" ] || { members; return 1; }
    no_leftovers
}

@test "a step: exit statuses, and what cannot be run" {
    run_ok step "$image" sh -c 'touch /x; exit 7'
    [ "$output" = "status 7" ]
    run_ok step "$image" sh -c 'sh -c "kill -9 \$\$"; exit $?'
    [ "$output" = "Killed
status 137" ] || { echo "$output"; return 1; }
    run_ok step "$image" nosuch
    has '"nosuch": executable file not found'
    has "status 127"
    run_ok step "$image" /etc
    has "status 126"
    run_fails 1 "unable to find user nobody2" step --user nobody2 "$image" true
    no_leftovers
}

@test "a step: its layer has what has changed, and is what later steps see; both drivers" {
    for driver in erofs dir; do
        run_ok step --driver "$driver" "$image" sh -c 'echo x >/f; mkdir -p /d/e; rm /bin/vi; ln -s f /l; ln f /h; mkfifo /p; echo a >/tmp/.wh.x'
        [ "$(members)" = "bin/ bin/.wh.vi d/ d/e/ f h l p tmp/" ] || { members; return 1; }
        first=$(layer)
        run_ok step --driver "$driver" --layer "$first" "$image" sh -c 'cat /l /h; rm -r /d; mkdir /d; [ ! -e /bin/vi ] && echo gone'
        has "x
x
gone"
        [ "$(members)" = "d/ d/.wh..wh..opq" ] || { members; return 1; }
        run_ok step --driver "$driver" --layer "$first" --layer "$(layer)" "$image" sh -c 'ls /d; cat /f'
        [ "$output" = "x
status 0
empty" ] || { echo "$output"; return 1; }
    done
    # what a container would have by itself is a step's own
    run_ok step "$image" sh -c 'mkdir -p /etc; rm -f /etc/mtab; ln -s /proc/mounts /etc/mtab; : >/.dockerenv'
    [ "$(members)" = ".dockerenv etc/ etc/mtab" ] || { members; return 1; }
    no_leftovers
}
