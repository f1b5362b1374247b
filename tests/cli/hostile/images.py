# SPDX-License-Identifier: Apache-2.0
"""Images that are bad (or only odd) in themselves: TABLE[repository]() makes one."""
import hashlib
import json
import os

import archives

OCI = "application/vnd.oci.image."
OCI_MANIFEST, OCI_INDEX, OCI_CONFIG = OCI + "manifest.v1+json", OCI + "index.v1+json", OCI + "config.v1+json"
LAYER = OCI + "layer.v1.tar"
NO_DIGEST = "sha256:" + "1" * 64


class Image:
    def __init__(self):
        self.blobs, self.types, self.top = {}, {}, None

    def add(self, body, media_type=None):
        """Keeps a blob; returns its descriptor."""
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        self.blobs[digest] = body
        if media_type:
            self.types[digest] = media_type
        return {"mediaType": media_type, "digest": digest, "size": len(body)}

    def document(self, body, media_type):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return self.add(body, media_type)


def from_layout(path):
    image = Image()
    with open(os.path.join(path, "index.json")) as f:
        image.top = json.load(f)["manifests"][0]["digest"]
    folder = os.path.join(path, "blobs", "sha256")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as f:
            body = f.read()
        kind = json.loads(body).get("mediaType", OCI_MANIFEST) if body.startswith(b"{") else None
        image.add(body, kind)
    return image


def changed(doc, change):
    """A change edits the document, or returns bytes in place of it."""
    other = change(doc) if change else None
    return doc if other is None else other


def make(*layers, config=None, manifest=None):
    """layers: tars, or (tar, blob, media type). config and manifest change these documents, or return their bytes."""
    image = Image()
    descriptors, diff_ids = [], []
    for layer in layers or [archives.good()]:
        tar, blob, kind = layer if isinstance(layer, tuple) else (layer, archives.gzipped(layer), LAYER + "+gzip")
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest() if tar is not None else NO_DIGEST)
        descriptors.append(image.add(blob, kind))
    c = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    c = changed(c, config)
    m = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": image.document(c, OCI_CONFIG), "layers": descriptors}
    m = changed(m, manifest)
    image.top = image.document(m, OCI_MANIFEST)["digest"]
    return image


TABLE = {}


def tar(name, build):
    TABLE[name] = lambda: make(build())


def config(name, change):
    TABLE[name] = lambda: make(config=change)


def manifest(name, change):
    TABLE[name] = lambda: make(manifest=change)


def put(*path):
    """A change that sets one value: put("config", "Env", 5)."""

    def change(doc):
        *where, last, value = path
        for key in where:
            doc = doc[key]
        doc[last] = value

    return change


# ---- tars ----

for _name, _build in archives.TABLE.items():
    tar(_name, _build)

TABLE["notar"] = lambda: make((b"x" * 3000,) * 2 + (LAYER,))
TABLE["cutgzip"] = lambda: make((archives.good(), archives.gzipped(archives.good())[:-12], LAYER + "+gzip"))
TABLE["badgzip"] = lambda: make((archives.good(), archives.bad_gzip(archives.good()), LAYER + "+gzip"))
TABLE["gzipbomb"] = lambda: make((None, archives.gzip_bomb(8 << 30), LAYER + "+gzip"))
TABLE["zstdbomb"] = lambda: make((None, archives.zstd_bomb(8 << 30), LAYER + "+zstd"))
TABLE["zstdwindow"] = lambda: make((None, archives.zstd_big_window(), LAYER + "+zstd"))
TABLE["gzipcopy"] = lambda: make(archives.good())
TABLE["zstdcopy"] = lambda: make((archives.good(), archives.zstded(archives.good()), LAYER + "+zstd"))
TABLE["plaincopy"] = lambda: make((archives.good(), archives.good(), LAYER))

# ---- documents ----

manifest("mdeep", lambda m: b"[" * 100000 + b"]" * 100000)
manifest("mhuge", lambda m: b" " * (5 << 20) + json.dumps(m).encode())
manifest("mmany", lambda m: b'{"schemaVersion":2,"x":[' + b"[]," * 1300000 + b"1]}")
manifest("mempty", lambda m: b"")
manifest("mnojson", lambda m: b"{")
manifest("mlist", lambda m: b"[1]")
manifest("mnull", lambda m: b"null")
manifest("mtwice", lambda m: json.dumps(m).encode()[:-1] + b',"layers":[]}')
manifest("mboth", put("manifests", []))
manifest("mtype", put("mediaType", "application/vnd.docker.distribution.manifest.v2+json"))
manifest("mindex", put("mediaType", OCI_INDEX))
manifest("mversion", put("schemaVersion", 7))
manifest("mversionstring", put("schemaVersion", "2"))
manifest("mconfigstring", put("config", "x"))
manifest("mlayersobject", put("layers", {}))
manifest("mlayerstring", put("layers", ["x"]))
manifest("msizestring", put("layers", 0, "size", "12"))
manifest("msizenegative", put("layers", 0, "size", -1))
manifest("msizefloat", put("layers", 0, "size", 1.5))
manifest("msizehuge", put("layers", 0, "size", 1 << 62))
manifest("msizemore", lambda m: put("layers", 0, "size", m["layers"][0]["size"] + 10)(m))
manifest("msizeless", lambda m: put("layers", 0, "size", m["layers"][0]["size"] - 10)(m))
manifest("mconfigsize", lambda m: put("config", "size", m["config"]["size"] + 1)(m))
manifest("mdigest", put("layers", 0, "digest", "sha256:../../../etc/passwd"))
manifest("mdigestalg", put("layers", 0, "digest", "md5:" + "0" * 32))
manifest("mlayers", lambda m: put("layers", m["layers"] * 600)(m))
manifest("mlayertype", put("layers", 0, "mediaType", "application/vnd.in-toto+json"))
manifest("mlayercodec", put("layers", 0, "mediaType", LAYER + "+lzma"))
manifest("mplugin", put("config", "mediaType", "application/vnd.docker.plugin.v1+json"))
manifest("mmodel", put("config", "mediaType", "application/vnd.docker.ai.model.config.v0.1+json"))
manifest("martifact", put("config", "mediaType", "application/vnd.cncf.helm.config.v1+json"))
manifest("mconfighuge", put("config", "size", 1 << 30))
config("cdeep", lambda c: b'{"a":' * 100000 + b"1" + b"}" * 100000)
config("cnojson", lambda c: b"{]")
config("clist", lambda c: b"[]")
config("cnorootfs", lambda c: c.clear() or c.update(architecture="amd64", os="linux"))
config("crootfs", put("rootfs", "type", "windows"))
config("cdiffid", put("rootfs", "diff_ids", [NO_DIGEST]))
config("cdiffcount", put("rootfs", "diff_ids", []))
config("cdiffstring", put("rootfs", "diff_ids", "x"))
config("cdiffbad", put("rootfs", "diff_ids", ["sha256:xyz"]))
config("cenv", put("config", "Env", 5))
config("carch", put("architecture", {}))
config("chistory", put("history", [{}] * 20000))
config("ccreated", put("created", "yesterday"))


def listed(name, change):
    """The image behind an index whose only entry is changed."""

    def build():
        image = make()
        entry = {"mediaType": OCI_MANIFEST, "digest": image.top, "size": len(image.blobs[image.top]),
                 "platform": {"os": "linux", "architecture": "amd64"}}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        index = changed(index, change)
        image.top = image.document(index, OCI_INDEX)["digest"]
        return image

    TABLE[name] = build


listed("ilisted", lambda i: None)
listed("isize", put("manifests", 0, "size", 5))
listed("idigest", put("manifests", 0, "digest", NO_DIGEST))
listed("iplatform", put("manifests", 0, "platform", "architecture", "vax"))
listed("iempty", put("manifests", []))
listed("imany", lambda i: put("manifests", i["manifests"] * 5000)(i))


def nested():
    image = make()
    kind = OCI_MANIFEST
    for _ in range(8):
        entry = {"mediaType": kind, "digest": image.top, "size": len(image.blobs[image.top])}
        kind = OCI_INDEX
        image.top = image.document({"schemaVersion": 2, "mediaType": kind, "manifests": [entry]}, kind)["digest"]
    return image


TABLE["inested"] = nested


def same_blob_twice():
    """One blob as two layers, of which the second has another diffID."""
    t = archives.good()
    return make(t, t, config=lambda c: put("rootfs", "diff_ids", [c["rootfs"]["diff_ids"][0], NO_DIGEST])(c))


def claimed():
    """The blob of gzipcopy, but its config says another diffID."""
    return make(archives.good(), config=put("rootfs", "diff_ids", [NO_DIGEST]))


TABLE["claimed"] = claimed
TABLE["mtwodiffs"] = same_blob_twice
TABLE["msameblob"] = lambda: make(archives.good(), archives.good())
TABLE["entries"] = lambda: make((None, archives.entries(), LAYER + "+gzip"))
