# SPDX-License-Identifier: Apache-2.0
"""A web service: /places, and /places/NAME of places.yaml. `service.py --get PATH` asks the one that runs."""
import http.client
import http.server
import json
import os
import signal
import sys

import yaml

PORT = int(os.environ.get("PORT", "8080"))


class Handler(http.server.BaseHTTPRequestHandler):
    places = {}

    def say(self, status, value):
        body = json.dumps(value).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        if parts == ["places"]:
            self.say(200, sorted(self.places))
        elif parts[0] == "places" and len(parts) == 2 and parts[1] in self.places:
            self.say(200, self.places[parts[1]])
        else:
            self.say(404, {"error": "not found"})


def get(path):
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
    c.request("GET", path)
    answer = c.getresponse()
    sys.stdout.write(answer.read().decode())
    return 0 if answer.status == 200 else 1


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--get":
        return get(sys.argv[2])
    with open("places.yaml", encoding="utf-8") as f:
        Handler.places = yaml.safe_load(f)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = http.server.ThreadingHTTPServer(("", PORT), Handler)
    print("listening on port", PORT)
    server.serve_forever()
    return 0


sys.exit(main())
