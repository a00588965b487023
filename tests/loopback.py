"""How tests speak to servers of their own: plain HTTP over loopback."""

from __future__ import annotations

import ssl

# httpx reads the certificates of all authorities for every client, plain HTTP or not: 25 ms each.
PLAIN = {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
