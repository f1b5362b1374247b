#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The other side of the tests of tokens: PyJWT and cryptography.

jwt_peer.py keys DIR                     private keys rsa.pem ec.pem ed.pem small.pem p384.pem, public
                                         ones of the same in jwks.json and pub.pem
jwt_peer.py sign DIR LIST                a token a line, for each [key, algorithm, claims, headers] of the JSON
jwt_peer.py verify JWKS TOKEN AUDIENCE   prints the claims, with the key that kid names
jwt_peer.py fingerprint PEM              docker's libtrust fingerprint of the private key's public one
"""
import base64
import hashlib
import json
import sys

import jwt
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa


def load(path):
    return ser.load_pem_private_key(open(path, "rb").read(), None)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(n, size=0):
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


def der(key):
    return key.public_key().public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)


def jwk(key, kid):
    pub = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        n = pub.public_numbers()
        return {"kty": "RSA", "n": number(n.n), "e": number(n.e), "kid": kid}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        n = pub.public_numbers()
        size = (pub.curve.key_size + 7) // 8
        return {"kty": "EC", "crv": "P-%d" % pub.curve.key_size, "x": number(n.x, size), "y": number(n.y, size),
                "kid": kid, "use": "sig"}
    raw = pub.public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw), "kid": kid, "alg": "EdDSA"}


def keys(folder):
    made = {
        "rsa": rsa.generate_private_key(65537, 2048),
        "small": rsa.generate_private_key(65537, 1024),
        "ec": ec.generate_private_key(ec.SECP256R1()),
        "p384": ec.generate_private_key(ec.SECP384R1()),
        "ed": ed25519.Ed25519PrivateKey.generate(),
    }
    jwks, pub = {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "oct"}]}, b""
    for name, key in made.items():
        pem = key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption())
        open(f"{folder}/{name}.pem", "wb").write(pem)
        jwks["keys"].append(jwk(key, "key-" + name))
        pub += key.public_key().public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo)
    jwks["keys"].append(dict(jwk(made["rsa"], "for encryption"), use="enc"))
    jwks["keys"].append(dict(jwk(made["ed"], "wrong alg"), alg="RS256"))
    json.dump(jwks, open(f"{folder}/jwks.json", "w"))
    open(f"{folder}/pub.pem", "wb").write(pub)


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "keys":
        keys(args[0])
    elif what == "sign":
        for name, alg, claims, headers in json.loads(args[1]):
            key = None if alg == "none" else load(f"{args[0]}/{name}.pem")
            if alg == "HS256":  # the public keys as the secret of an HMAC
                key = open(f"{args[0]}/jwks.json").read()
            print(jwt.encode(claims, key, alg, headers))
    elif what == "verify":
        kid = jwt.get_unverified_header(args[1])["kid"]
        found = next(k for k in json.loads(args[0])["keys"] if k["kid"] == kid)
        key = jwt.PyJWK(found).key
        print(json.dumps(jwt.decode(args[1], key, [found["alg"]], audience=args[2])), end="")
    elif what == "fingerprint":
        text = base64.b32encode(hashlib.sha256(der(load(args[0]))).digest()[:30]).decode()
        print(":".join(text[i:i + 4] for i in range(0, len(text), 4)), end="")


main()
