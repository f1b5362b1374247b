#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the Dockerfiles of tests/peers/builds with one program and says what came of each:
builds.py PROGRAM WORK gives WORK/PROGRAM/NAME.json with "tree" (every file by name: type, mode, owner, content, link,
device), "config" (without what is empty) and "history" (of each entry, its text and whether it has no layer).
WORK/in has the base images; $SHALE_BIN, $DOCKER and $ENGINE are the programs."""
import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile

program, work = sys.argv[1], pathlib.Path(sys.argv[2])
here = pathlib.Path(__file__).resolve().parent / "builds"
own = work / program
docker = [os.environ.get("DOCKER", "docker"), "-H", os.environ.get("ENGINE", "")]
buildah = ["buildah", "--root", f"{own}/b", "--runroot", f"{own}/br", "--storage-driver", "overlay"]
shale = [os.environ["SHALE_BIN"], "--root", f"{own}/store"]


def call(*argv, **env):
    done = subprocess.run(argv, env={**os.environ, **env}, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}: {done.returncode}\n{done.stdout}{done.stderr}")


def kit(value):
    return {"DOCKER_BUILDKIT": value, "BUILDKIT_PROGRESS": "plain"}


programs = {
    "shale": {
        "load": lambda f: call(*shale, "load", "-q", "-i", f),
        "build": lambda f, c, t: call(*shale, "build", "-q", "--network", "none", "-f", f, "-t", t, c),
        "save": lambda t, f: call(*shale, "save", "-o", f, t),
    },
    "docker": {
        "load": lambda f: call(*docker, "load", "-q", "-i", f),
        "build": lambda f, c, t: call(*docker, "build", "-q", "--network", "none", "-f", f, "-t", t, c, **kit("0")),
        "save": lambda t, f: call(*docker, "save", "-o", f, t),
    },
    "BuildKit": {
        "load": lambda f: call(*docker, "load", "-q", "-i", f),
        "build": lambda f, c, t: call(*docker, "build", "-q", "--network", "none", "-f", f, "-t", t, c, **kit("1")),
        "save": lambda t, f: call(*docker, "save", "-o", f, t),
    },
    "buildah": {
        "load": lambda f: call(*buildah, "pull", "-q", f"docker-archive:{f}"),
        "build": lambda f, c, t: call(*buildah, "bud", "-q", "--layers=false", "--isolation", "chroot", "--network", "host",
                                      "--format", "docker", "-f", f, "-t", t, c),
        "save": lambda t, f: call(*buildah, "push", "-q", t, f"docker-archive:{f}"),
    },
}


def entry(tar, m):
    x = {"mode": f"{m.mode & 0o7777:o}", "owner": f"{m.uid}:{m.gid}", "type": m.type.decode()}
    if m.isreg():
        x["content"] = hashlib.sha256(tar.extractfile(m).read()).hexdigest()[:16]
    if m.issym():
        x["link"] = m.linkname
        del x["mode"]
    return x


def put_layer(tree, data):
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    new = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for m in tar:
            name = os.path.normpath("/" + m.name.lstrip("./") if m.name.strip("./") else "/")
            folder, base = os.path.split(name)
            if base.startswith(".wh."):
                gone = folder if base == ".wh..wh..opq" else os.path.join(folder, base[4:])
                for k in [k for k in tree if k.startswith(gone + "/") or (k == gone and base != ".wh..wh..opq")]:
                    del tree[k]
                continue
            if m.islnk():
                target = os.path.normpath("/" + m.linkname.lstrip("./"))
                new[name] = new.get(target) or tree[target]
            else:
                new[name] = entry(tar, m)
    for name, x in new.items():
        if x["type"] != tarfile.DIRTYPE.decode():
            for k in [k for k in tree if k.startswith(name + "/")]:
                del tree[k]
        tree[name] = x


def filled(v):
    if isinstance(v, dict):
        return {k: filled(x) for k, x in v.items() if x not in (None, "", [], {}, False)}
    return v


def read(path):
    with tarfile.open(path) as tar:
        blob = lambda name: tar.extractfile(name).read()
        manifest = json.loads(blob("manifest.json"))[0]
        config = json.loads(blob(manifest["Config"]))
        tree = {}
        for layer in manifest["Layers"]:
            m = tar.getmember(layer)
            while m.issym():
                m = tar.getmember(os.path.normpath(os.path.join(os.path.dirname(m.name), m.linkname)))
            put_layer(tree, tar.extractfile(m).read())
    tree.pop("/", None)
    history = [[h.get("created_by", ""), bool(h.get("empty_layer"))] for h in config["history"]]
    return {"tree": tree, "config": filled(config["config"]), "history": history}


def main():
    p = programs[program]
    own.mkdir(parents=True, exist_ok=True)
    for name in ("base", "tiny"):
        p["load"](f"{work}/in/{name}.tar")
    for f in sorted(here.iterdir()):
        tag, out = f"peer/{program.lower()}-{f.name}:1", own / f"{f.name}.tar"
        p["build"](str(f), f"{work}/ctx", tag)
        p["save"](tag, str(out))
        (own / f"{f.name}.json").write_text(json.dumps(read(out), indent=1, sort_keys=True))
        out.unlink()


main()
