"""Tokens as LeadPro signs them, made by a library that leadrelay does not use."""

import base64
import hashlib
import hmac
import json

import jwt

HEADER = {"alg": "HS256", "typ": "JWT"}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def sign(payload, secret, algorithm="HS256", headers=None):
    """Sign exactly these payload bytes (or a value, as compact JSON)."""
    if not isinstance(payload, (bytes, bytearray)):
        payload = compact(payload)
    return jwt.api_jws.PyJWS().encode(payload, secret, algorithm=algorithm, headers=headers)


def sign_raw(header, payload, secret):
    """HMAC-SHA-256 over any header bytes: for tokens that no library would make."""
    text = b64(header) + "." + b64(payload)
    mac = hmac.new(secret, text.encode("ascii"), hashlib.sha256).digest()
    return text + "." + b64(mac)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
