# SPDX-License-Identifier: Apache-2.0
"""Ways to serve a good image badly: TABLE[repository](request)."""
import time

TABLE = {}
STALL_S = 30
ENDLESS = 200000  # pieces of what does not end; more than any limit, and an end for the test


def fault(f):
    TABLE[f.__name__.replace("_", "-")] = f
    return f


@fault
def ok(q):
    q.serve()


# ---- wrong bytes ----


def changed(q, where, change):
    """Serves, with the body changed where where(q) says so."""
    if not where(q):
        return q.serve()
    body = q.image.blobs[q.name if q.name.startswith("sha256:") else q.image.top]
    status, body, headers = q.ranged(change(body))
    q.answer(status, body, Content_Type=q.image.types.get(q.name, "application/octet-stream"), **headers)


def flip(body):
    return body[:-9] + bytes([body[-9] ^ 1]) + body[-8:]


@fault
def wrongblob(q):
    changed(q, lambda q: q.is_layer(), flip)


@fault
def wrongconfig(q):
    changed(q, lambda q: q.kind == "blobs" and not q.is_layer(), lambda b: b" " * len(b))


@fault
def shortconfig(q):
    changed(q, lambda q: q.kind == "blobs" and not q.is_layer(), lambda b: b[:-10])


@fault
def wrongmanifest(q):
    if q.kind != "manifests":
        return q.serve()
    digest = q.image.top
    q.answer(200, q.image.blobs[digest] + b" ", Content_Type=q.image.types[digest], Docker_Content_Digest=digest)


@fault
def bigger(q):
    changed(q, lambda q: q.is_layer(), lambda b: b + b"more")


@fault
def truncate(q):
    """Half a layer, as if that were all of it."""
    changed(q, lambda q: q.is_layer(), lambda b: b[: len(b) // 2])


@fault
def html(q):
    q.answer(200, b"<html>Please log in</html>", Content_Type="text/html")


@fault
def htmlblob(q):
    if not q.is_layer():
        return q.serve()
    q.answer(200, b"<html>Please log in</html>", Content_Type="text/html")


@fault
def schema1(q):
    q.answer(200, b'{"schemaVersion":1,"name":"x"}',
             Content_Type="application/vnd.docker.distribution.manifest.v1+prettyjws")


# ---- connections that end ----


def half(q, status, body, headers):
    q.answer_and_close(status, body[: len(body) // 2], Content_Length=str(len(body)), **headers)


@fault
def early(q):
    """Closes in the middle of each larger transfer, but honours ranges."""
    status, body, headers = q.ranged(q.image.blobs.get(q.name, b""))
    if not q.is_layer() or len(body) <= 40000:
        return q.serve()
    half(q, status, body, headers)


@fault
def drops(q):
    """Closes after a few bytes of a layer, always at the same place."""
    if not q.is_layer():
        return q.serve()
    body = q.image.blobs[q.name]
    q.answer_and_close(200, body[:1000], Content_Length=str(len(body)))


@fault
def norange(q):
    """Closes once, and ignores ranges."""
    if not q.is_layer():
        return q.serve()
    body = q.image.blobs[q.name]
    if q.first():
        half(q, 200, body, {})
    else:
        q.answer(200, body)


@fault
def otherlength(q):
    """Promises more bytes than there are and closes; then sends what there is, without a length."""
    if not q.is_layer():
        return q.serve()
    body = q.image.blobs[q.name]
    if q.first():
        return q.answer_and_close(200, body[: len(body) // 2], Content_Length=str(len(body) + 9))
    q.answer_and_close(200, body, Content_Length=None)


@fault
def wrongrange(q):
    """Closes once, then answers with another range than was asked for; whole blobs are served."""
    if not q.is_layer():
        return q.serve()
    body = q.image.blobs[q.name]
    if q.first():
        half(q, 200, body, {})
    elif "Range" in q.headers:
        q.answer(206, body[7:], Content_Range=f"bytes 7-{len(body) - 1}/{len(body)}")
    else:
        q.answer(200, body)


@fault
def stall(q):
    """Sends three quarters of a layer and then nothing."""
    if not q.is_layer():
        return q.serve()
    status, body, headers = q.ranged(q.image.blobs[q.name])
    q.answer(status, body[: len(body) * 3 // 4], Content_Length=str(len(body)), **headers)
    q.wfile.flush()
    time.sleep(STALL_S)
    q.close_connection = True


@fault
def silent(q):
    """Takes the request and does not answer."""
    time.sleep(STALL_S)
    q.close_connection = True


@fault
def hangup(q):
    q.close_connection = True


@fault
def garbage(q):
    q.raw(b"220 mail.example.com ESMTP\r\n")


# ---- what does not end ----


@fault
def headers(q):
    q.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for i in range(ENDLESS):
        q.wfile.write(b"X-Filler-%d: %s\r\n" % (i, b"y" * 100))
    q.close_connection = True


@fault
def longheader(q):
    q.wfile.write(b"HTTP/1.1 200 OK\r\nX-Filler: ")
    for _ in range(ENDLESS):
        q.wfile.write(b"y" * 100)
    q.close_connection = True


@fault
def continues(q):
    for _ in range(ENDLESS):
        q.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    q.close_connection = True


@fault
def body(q):
    """A manifest without end."""
    q.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(ENDLESS):
        q.wfile.write(b"400\r\n" + b" " * 1024 + b"\r\n")
    q.close_connection = True


@fault
def loop(q):
    q.answer(302, Location=q.path)


@fault
def refusal(q):
    """An error whose words do not end."""
    q.answer(403, b'{"errors":[{"code":"DENIED","message":"' + b"no " * 1000000 + b'"}]}', Content_Type="application/json")


# ---- redirects ----


def elsewhere(q, host):
    q.answer(307, Location=f"http://{host}:{q.server.server_port}/v2/ok/{q.kind}/{q.name}")


@fault
def moved(q):
    """Blobs lie at another host: the same server under another name."""
    return elsewhere(q, "localhost") if q.kind == "blobs" else q.serve()


@fault
def guarded(q):
    """As moved, and wants a login for the rest."""
    if not q.headers.get("Authorization"):
        return q.error(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate='Basic realm="x"')
    moved(q)


@fault
def toscheme(q):
    q.answer(302, Location="ftp://127.0.0.1/etc/passwd" if q.name == "ftp" else "file:///etc/passwd")


@fault
def nowhere(q):
    q.answer(302, Location="http://")


# ---- statuses ----


@fault
def busy(q):
    """503 with Retry-After for each thing once, then well."""
    return q.answer(503, Retry_After="1") if q.first() else q.serve()


@fault
def limited(q):
    """429 for each thing once, then well."""
    return q.error(429, "TOOMANYREQUESTS", "slow down", Retry_After="1") if q.first() else q.serve()


@fault
def ratelimit(q):
    q.error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit. You may increase the limit by authenticating "
            "and upgrading: https://www.docker.com/increase-rate-limit", Retry_After="86400")


@fault
def broken(q):
    q.answer(500, b"oops", Content_Type="text/plain")


@fault
def lostblob(q):
    return q.error(404, "BLOB_UNKNOWN", "blob unknown to registry") if q.is_layer() else q.serve()


@fault
def denied(q):
    q.error(403, "DENIED", "requested access to the resource is denied")


@fault
def unknown(q):
    q.error(404, "NAME_UNKNOWN", "repository name not known to registry")


@fault
def oddlogin(q):
    q.error(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate="Negotiate")


@fault
def badrealm(q):
    q.error(401, "UNAUTHORIZED", "authentication required",
            WWW_Authenticate=f'Bearer realm="http://127.0.0.1:{q.server.server_port}/notoken",service="x"')


# ---- heads ----


@fault
def nohead(q):
    return q.answer(405) if q.command == "HEAD" else q.serve()


@fault
def nodigest(q):
    """No Docker-Content-Digest."""
    if q.kind != "manifests":
        return q.serve()
    digest = q.name if q.name.startswith("sha256:") else q.image.top
    q.answer(200, q.image.blobs[digest], Content_Type=q.image.types[digest])


# ---- slow ----

PIECES, PIECE_S = 20, 0.15


@fault
def slow(q):
    """A layer in twenty pieces, over three seconds."""
    if not q.is_layer() or q.command == "HEAD":
        return q.serve()
    status, body, headers = q.ranged(q.image.blobs[q.name])
    q.answer(status, b"", Content_Length=str(len(body)), **headers)
    step = len(body) // PIECES + 1
    for at in range(0, len(body), step):
        q.wfile.write(body[at: at + step])
        q.wfile.flush()
        time.sleep(PIECE_S)


@fault
def slowflip(q):
    """As slow, with wrong bytes in the layer."""
    if q.is_layer():
        q.image = type("Changed", (), {"blobs": {q.name: flip(q.image.blobs[q.name])}})
    slow(q)
