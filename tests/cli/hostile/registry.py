# SPDX-License-Identifier: Apache-2.0
"""The parts of a registry that hostile images and faults share."""
import http.server
import re
import socket
import socketserver
import threading

import images


class Request(http.server.BaseHTTPRequestHandler):
    """One connection. self.how, self.kind ("manifests", "blobs", "tags") and self.name say what is asked for."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        """A whole answer; Content_Length=… tells another length than that of the body."""
        self.send_response(status)
        for k, v in headers.items():
            if v is not None:
                self.send_header(k.replace("_", "-"), v)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_and_close(self, status, body, **headers):
        self.answer(status, body, **headers)
        self.wfile.flush()
        self.close_connection = True

    def raw(self, data):
        self.wfile.write(data)
        self.wfile.flush()
        self.close_connection = True

    def error(self, status, code, message, **headers):
        body = b'{"errors":[{"code":"%s","message":"%s"}]}' % (code.encode(), message.encode())
        self.answer(status, body, Content_Type="application/json", **headers)

    def first(self, n=1):
        """True for the first n requests of this path."""
        return self.server.count(self.path) <= n

    def ranged(self, body):
        """status, body and headers of what a Range header asks for."""
        m = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        if not m:
            return 200, body, {}
        at = int(m[1])
        if at >= len(body):
            return 416, b"", {}
        return 206, body[at:], {"Content_Range": f"bytes {at}-{len(body) - 1}/{len(body)}"}

    def is_layer(self):
        return self.kind == "blobs" and not self.image.blobs.get(self.name, b"{").startswith(b"{")

    def serve(self):
        """The image, well."""
        if self.kind == "manifests":
            digest = self.name if self.name.startswith("sha256:") else self.image.top
            if digest not in self.image.blobs:
                return self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
            self.answer(200, self.image.blobs[digest], Docker_Content_Digest=digest,
                        Content_Type=self.image.types.get(digest, images.OCI_MANIFEST))
        elif self.kind == "blobs" and self.name in self.image.blobs:
            status, body, headers = self.ranged(self.image.blobs[self.name])
            self.answer(status, body, Content_Type="application/octet-stream", **headers)
        else:
            self.error(404, "BLOB_UNKNOWN", "blob unknown to registry")

    def do_GET(self):
        self.server.log.write("%s %s %s %s %s\n" % (
            self.command, self.path, self.headers.get("Range", "-"),
            self.headers.get("Authorization", "-"), self.headers.get("X-Meta-Test", "-")))
        m = re.match(r"/v2/([a-z0-9-]+)/(manifests|blobs|tags)/(.+)$", self.path)
        if not m:
            return self.answer(200, b"{}")
        self.how, self.kind, self.name = m.groups()
        fault = self.server.faults.get(self.how)
        self.image = self.server.good if fault else self.server.image(self.how)
        if not self.image:
            return self.error(404, "NAME_UNKNOWN", "repository name not known to registry")
        try:
            (fault or Request.serve)(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_HEAD = do_GET


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address, good, log, faults):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, 0), Request)
        self.good, self.log, self.faults = good, log, faults
        self.lock, self.counts, self.made = threading.Lock(), {}, {}
        self.host = ("[%s]:%d" if ":" in address else "%s:%d") % (address, self.server_port)

    def server_bind(self):  # without the name lookup of HTTPServer
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        pass  # clients go away as they like

    def count(self, key):
        with self.lock:
            self.counts[key] = self.counts.get(key, 0) + 1
            return self.counts[key]

    def image(self, name):
        with self.lock:
            if name not in self.made and name in images.TABLE:
                self.made[name] = images.TABLE[name]()
            return self.made.get(name)
