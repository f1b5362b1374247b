# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves on request: python3 tests/cli/hostile LAYOUT PORTFILE [ADDRESS]

The repository's name says how: one of faults.py (how the good image of the OCI layout LAYOUT is served), or one of
images.py (an image that is bad in itself, served well). Any tag will do. Its address goes to PORTFILE, the requests
go to PORTFILE.log, one a line: method, path, Range, Authorization, X-Meta-Test.
"""
import os
import sys

import faults
import images
import registry

layout, portfile = sys.argv[1:3]
address = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1"
good = images.from_layout(layout)
server = registry.Server(address, good, open(portfile + ".log", "a", buffering=1), faults.TABLE)
with open(portfile + ".tmp", "w") as f:
    f.write(server.host)
os.rename(portfile + ".tmp", portfile)
server.serve_forever()
