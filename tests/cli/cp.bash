# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The same copies for two programs: what they say, and what is there afterwards.

# cp_matrix PROGRAM FOLDER: into and out of the container `job`, which has a shell
cp_matrix() {
    local prog=$1 w=$2 args
    in_job() { "$prog" exec job sh -c "$1" </dev/null; }
    mkdir -p "$w/src/d/sub" "$w/out/over/a" "$w/out/over2" "$w/outdir" "$w/evil" "$w/evil2/esc"
    cd "$w" || return 1
    echo f >src/f && echo x >src/d/x && echo y >src/d/sub/y
    ln -s x src/d/lnk && ln -s d src/dl && ln -s f src/fl
    chown 12:34 src/f src/d/x && chmod 4755 src/f
    find src -exec touch -h -d @1000000000 {} +
    echo q >out/over2/d
    ln -s outdir lnkdir && ln -s out/viafile lnkfile
    tar -C src -cf in.tar d f && gzip -k in.tar
    ln -s /etc evil/esc && tar -C evil -cf evil.tar esc
    echo pwned >evil2/esc/pwned && tar -C evil2 -rf evil.tar esc/pwned
    in_job 'mkdir -p /t/dir /t/gz; echo old >/t/file; ln -s dir /t/dirl; ln -s file /t/filel; ln -s /t/nowhere /t/dang
        mkdir -p /s/d/sub; echo a >/s/d/a; echo b >/s/d/sub/b; ln -s a /s/d/l; ln /s/d/a /s/d/hard; mkfifo /s/d/p
        mknod /s/d/null c 1 3; chown 7:8 /s/d/a; ln -s d /s/dl; ln -s ../../../../../../../etc/passwd /s/up
        chmod 4711 /s/d/sub/b; find /s -exec touch -h -d "2001-09-09 01:46:40" {} +; touch -d "2001-09-09 01:46:40" /etc/passwd'
    while read -r args; do
        echo "== $args"
        # shellcheck disable=SC2086
        "$prog" cp $args 2>&1 </dev/null | sed "s,$w,W,g; s/^Error: //; s/^Error response from daemon: //; /level=error/d"
        echo "status ${PIPESTATUS[0]}"
    done <<-'END'
		src/f job:/t/new
		src/f job:/t/none/
		src/f job:/t/none/x
		src/f job:/t/file
		src/f job:/t/file/
		src/f job:/t/filel
		src/f job:/t/dirl
		src/f job:/t/dang
		src/f job:t/relative/../rel
		src/d job:/t/nd
		src/d job:/t/nd
		src/d/. job:/t/nd3
		src/d/. job:/t/dir
		src/d job:/t/file
		src/d job:/t/no/no
		src/dl/ job:/t/x2
		src/dl/. job:/t/x3
		-L src/dl job:/t/x4
		-L src/fl job:/t/x5
		src/nope job:/t
		src/f/ job:/t/x9
		src/f nobody:/t
		job:/nope out
		job:nope/x out
		job:/s/d/a out/new/
		job:/s/d/a out/a1
		job:/s/d/a outdir
		job:/s/d out/d1
		job:/s/d out/d1
		job:/s/d/. out/d2
		job:/s/d out/a1
		job:/s/dl/ out/l2
		-L job:/s/dl out/l4
		-L job:/s/up out/up1
		job:/s/d/a out/over
		job:/s/d out/over2
		job:/s/d/sub lnkdir
		job:/s/d/a lnkfile
		job:/s/d/a /dev/null
		job:/s job:/t
		a b
		- job:/t/file
	END
    for args in in.tar:/t/gz in.tar.gz:/t/gz evil.tar:/t; do
        echo "== $args"
        "$prog" cp - "job:${args#*:}" <"${args%:*}" 2>&1
        echo "status $?"
    done
    for args in /s/d /s/d/ /s/d/a /s/dl /s/dl/ /s/up; do
        echo "== tar $args"
        "$prog" cp "job:$args" - | tar --utc --numeric-owner -tvf - | sort
    done
    echo "== here"
    find out outdir \( -type d -printf "%p/ %m %U:%G\n" -o -printf "%p %y %m %U:%G %s %l\n" \) | sort
    find out outdir -type f ! -path '*/over2/*' -printf "%p %Ts\n" | sort
    echo "== in the container"
    in_job 'cd /t && find . | sort | while read -r f; do
            [ -d "$f" -a ! -h "$f" ] && stat -c "%n %f %u:%g" "$f" || stat -c "%n %f %u:%g %s" "$f"; done
        find . -type f | sort | xargs stat -c "%n %Y"; cat new nd/x rel; ls /etc/pwned'
}
