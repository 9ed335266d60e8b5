"""Makes a token with each algorithm by PyJWT, and one that is signed by HMAC with the public key."""

import datetime
import hashlib
import hmac
import json
import sys
import time

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from jwt.utils import base64url_encode

audience = sys.argv[1]
now = int(time.time())
claims = {"sub": "auditor", "aud": audience, "iat": now - 1, "exp": now + 200}


def public(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tokens")])
    today = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today)
        .not_valid_after(today + datetime.timedelta(days=1))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def confused(pem):
    # PyJWT refuses to do it.
    header = base64url_encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    signed = header + b"." + base64url_encode(json.dumps(claims).encode())
    signature = hmac.new(pem, signed, hashlib.sha256).digest()
    return (signed + b"." + base64url_encode(signature)).decode()


def made(algorithm, key, pem):
    return {
        "algorithm": algorithm,
        "pem": pem.decode(),
        "token": jwt.encode(claims, key, algorithm=algorithm),
        "confused": confused(pem),
    }


first, second = (rsa.generate_private_key(65537, 2048) for _ in range(2))
keys = [("RS256", first, public(first)), ("RS256", second, certificate(second))]
for algorithm, key in [
    ("ES256", ec.generate_private_key(ec.SECP256R1())),
    ("ES384", ec.generate_private_key(ec.SECP384R1())),
    ("ES512", ec.generate_private_key(ec.SECP521R1())),
    ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
]:
    keys.append((algorithm, key, public(key)))
json.dump([made(*key) for key in keys], sys.stdout)
