#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A receiver of events. notify_peer.py PORTFILE LOG FAILS PORT

Listens on 127.0.0.1 (PORT 0: any), writes the port to PORTFILE, answers the first FAILS posts with 500 and
the others with 200, and writes a line of JSON for each to LOG. Ends with its standard input."""
import http.server
import json
import os
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fails = int(sys.argv[3])

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status = 200
        if Handler.fails > 0:
            Handler.fails -= 1
            status = 500
        with open(sys.argv[2], "a") as log:
            log.write(json.dumps({"path": self.path, "status": status, "type": self.headers["Content-Type"],
                                  "authorization": self.headers["Authorization"], "body": json.loads(body)}) + "\n")
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[4])), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
sys.stdin.read()
os._exit(0)
