"""How a request is signed, on both sides of the wire.

HMAC-SHA256 with the key's secret over timestamp, nonce, method, path with query, and the raw body, each but the last
followed by a newline. The timestamp is integer nanoseconds UTC as text; the nonce is any text used once.
"""

import hashlib
import hmac

KEY, TIMESTAMP, NONCE, SIGN = "CB-KEY", "CB-TIMESTAMP", "CB-NONCE", "CB-SIGN"


def signature(secret: bytes, ts: str, nonce: str, method: str, path: str, body: bytes) -> str:
    """Return the signature in hex."""
    message = f"{ts}\n{nonce}\n{method}\n{path}\n".encode() + body
    return hmac.new(secret, message, hashlib.sha256).hexdigest()
