# SPDX-License-Identifier: Apache-2.0
"""An OCI layout as a registry, whatever media types and digests are in it: layout-registry.py LAYOUT PORTFILE

Any repository has the layout's tags (org.opencontainers.image.ref.name) and blobs. What lies in LAYOUT/files/ is served
under /files/, for layers that are somewhere else (urls). Requests go to PORTFILE.log, one a line.
"""
import http.server, json, os, re, socketserver, sys

layout, portfile = sys.argv[1:3]
log = open(portfile + ".log", "a", buffering=1)


def read(*path):
    try:
        with open(os.path.join(layout, *path), "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def find(name):
    """Media type and digest behind a tag or digest."""
    with open(os.path.join(layout, "index.json")) as f:
        for d in json.load(f)["manifests"]:
            if name in (d["digest"], d.get("annotations", {}).get("org.opencontainers.image.ref.name")):
                return d["mediaType"], d["digest"]
    return None, name


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def missing(self, code, text):
        body = {"errors": [{"code": code, "message": text}]}
        self.answer(404, json.dumps(body).encode(), Content_Type="application/json")

    def manifest(self, name):
        kind, digest = find(name)
        body = read("blobs", *digest.split(":", 1)) if ":" in digest else None
        if body is None:
            return self.missing("MANIFEST_UNKNOWN", "manifest unknown")
        kind = kind or json.loads(body)["mediaType"]
        self.answer(200, body, Content_Type=kind, Docker_Content_Digest=digest)

    def do_GET(self):
        log.write(f"{self.command} {self.path}\n")
        m = re.match(r"/v2/(.+)/(manifests|blobs)/([^/]+)$", self.path)
        if not m:
            body = read("files", os.path.basename(self.path)) if self.path.startswith("/files/") else b"{}"
            return self.answer(200, body) if body is not None else self.missing("UNKNOWN", "no such file")
        if m[2] == "manifests":
            return self.manifest(m[3])
        body = read("blobs", *m[3].split(":", 1))
        if body is None:
            return self.missing("BLOB_UNKNOWN", "blob unknown to registry")
        self.answer(200, body, Content_Type="application/octet-stream")

    do_HEAD = do_GET


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Registry)
with open(portfile + ".tmp", "w") as f:
    f.write(f"127.0.0.1:{server.server_port}")
os.rename(portfile + ".tmp", portfile)
server.serve_forever()
