# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves on request, serving an OCI layout: hostile.py LAYOUT PORTFILE

The repository's name says how: "ok", "truncate", "stall", "html", "loop", "headers", "wrongblob", "wrongconfig",
"wrongmanifest", "bigger", "early" (closes in the middle of each transfer, but honours ranges), "norange" (closes once,
ignores ranges), "busy" (503 with Retry-After, then well), "schema1". Requests go to PORTFILE.log, one a line.
"""
import http.server, json, os, re, socketserver, sys, threading, time

layout, portfile = sys.argv[1:3]
log = open(portfile + ".log", "a", buffering=1)
seen, lock = {}, threading.Lock()


def blob(digest):
    with open(os.path.join(layout, "blobs", *digest.split(":", 1)), "rb") as f:
        return f.read()


with open(os.path.join(layout, "index.json")) as f:
    top = json.load(f)["manifests"][0]["digest"]


def first(kind, path):
    with lock:
        n = seen.get((kind, path), 0)
        seen[kind, path] = n + 1
        return n == 0


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def manifest(self, how, name):
        digest = top if not name.startswith("sha256:") else name
        body = blob(digest)
        if how == "schema1":
            return self.answer(200, b'{"schemaVersion":1,"name":"x"}', Content_Type="application/vnd.docker.distribution.manifest.v1+prettyjws")
        kind = json.loads(body).get("mediaType", "application/vnd.oci.image.manifest.v1+json")
        if how == "wrongmanifest":
            body += b" "
        self.answer(200, body, Content_Type=kind, Docker_Content_Digest=digest)

    def blob(self, how, digest):
        body, status, extra = blob(digest), 200, {}
        is_layer = not body.startswith(b"{")
        m = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        if m and how != "norange":
            at = int(m[1])
            extra["Content_Range"] = f"bytes {at}-{len(body) - 1}/{len(body)}"
            body, status = body[at:], 206
        if how == "wrongconfig" and not is_layer:
            body = b" " * len(body)
        if how == "wrongblob" and is_layer:
            body = body[:-9] + bytes([body[-9] ^ 1]) + body[-8:]
        if how == "bigger" and is_layer:
            body += b"more"
        if how == "truncate" and is_layer:
            body = body[: len(body) // 2]
        cut = (how == "early" and len(body) > 40000) or (how == "norange" and first("cut", digest))
        if is_layer and cut:
            self.answer(status, body[: len(body) // 2], Content_Length=str(len(body)), **extra)
            self.close_connection = True
            return
        if is_layer and how == "stall":
            self.answer(status, body[: len(body) * 3 // 4], Content_Length=str(len(body)), **extra)
            time.sleep(30)
            self.close_connection = True
            return
        self.answer(status, body, Content_Type="application/octet-stream", **extra)

    def do_GET(self):
        log.write(f"{self.command} {self.path} {self.headers.get('Range', '-')}\n")
        m = re.match(r"/v2/([a-z0-9]+)/(manifests|blobs)/(.+)$", self.path)
        if not m:
            return self.answer(200, b"{}")
        how, kind, name = m.groups()
        if how == "html":
            return self.answer(200, b"<html>Please log in</html>", Content_Type="text/html")
        if how == "loop":
            return self.answer(302, b"", Location=self.path)
        if how == "busy" and first(kind, name):
            return self.answer(503, b"", Retry_After="1")
        if how == "headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            try:
                for i in range(200000):
                    self.wfile.write(b"X-Filler-%d: %s\r\n" % (i, b"y" * 100))
            except OSError:
                pass
            self.close_connection = True
            return
        self.manifest(how, name) if kind == "manifests" else self.blob(how, name)

    do_HEAD = do_GET


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Registry)
with open(portfile + ".tmp", "w") as f:
    f.write(f"127.0.0.1:{server.server_port}")
os.rename(portfile + ".tmp", portfile)
server.serve_forever()
