# SPDX-License-Identifier: Apache-2.0
"""Puts images of an OCI layout into a registry, byte for byte, whatever their media types: push-layout.py LAYOUT
HOST:PORT NAME TAG…

What an index lists goes first, as far as it is in the layout. Fails with the registry's answer.
"""
import http.client, json, os, sys

layout, host, name = sys.argv[1:4]
connection = http.client.HTTPConnection(host, timeout=30)
done = set()


def path(digest):
    return os.path.join(layout, "blobs", *digest.split(":", 1))


def send(method, url, body, kind):
    connection.request(method, url, body, {"Content-Type": kind})
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    if answer.status != 201:
        sys.exit(f"{method} {url}: {answer.status} {text}")


def blob(digest):
    if digest in done:
        return
    connection.request("POST", f"/v2/{name}/blobs/uploads/")
    answer = connection.getresponse()
    answer.read()
    where = answer.headers["Location"]
    where = where[where.index("/v2/"):]
    with open(path(digest), "rb") as f:
        send("PUT", f"{where}{'&' if '?' in where else '?'}digest={digest}", f.read(), "application/octet-stream")
    done.add(digest)


def manifest(digest, kind, tag):
    with open(path(digest), "rb") as f:
        body = f.read()
    m = json.loads(body)
    for d in m.get("manifests", []):
        if os.path.exists(path(d["digest"])):
            manifest(d["digest"], d["mediaType"], d["digest"])
    for d in m.get("layers", []) + ([m["config"]] if "config" in m else []):
        blob(d["digest"])
    send("PUT", f"/v2/{name}/manifests/{tag}", body, kind)


with open(os.path.join(layout, "index.json")) as f:
    tags = {d["annotations"]["org.opencontainers.image.ref.name"]: d for d in json.load(f)["manifests"]}
for tag in sys.argv[4:]:
    manifest(tags[tag]["digest"], tags[tag]["mediaType"], tag)
