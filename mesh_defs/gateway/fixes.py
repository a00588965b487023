"""What to do about an error that does not say so itself: the same in every protocol."""

from __future__ import annotations

FIX = " Fix: "
_FIXES = {
    400: "write it as /-/openapi.json of the gateway describes it",
    401: "send a token of this gateway, or of an issuer that it believes, which has not ended, as "
    "'Authorization: Bearer <token>'",
    403: "ask for access with POST /-/requests or mesh request, or use another token",
    404: "look up what there is for you with GET /-/products, or ask the domain",
    406: "accept one of the forms that /-/openapi.json lists",
    409: "look at how it stands now with GET /-/requests?all=true",
    410: "ask the domain what takes its place",
    413: "ask for less at once",
    429: "wait, and try again",
    499: "ask again",
    503: "wait, and try again",
}
_FAILED = "ask who runs this gateway; its log has the reason"
_QUERY = "write try_cast(… as …) in place of a cast, and compare and join values of one type"


def with_fix(text: str, status: int) -> str:
    """``text`` of an error with that HTTP status, and what to do about it at its end."""
    if FIX in text:
        return text
    return f"{text.rstrip('.')}.{FIX}{fix_of(status)}"


def fix_of(status: int) -> str:
    """What helps against an error of which nothing is known but its HTTP ``status``."""
    return _FIXES.get(status, _FAILED if status >= 500 else _FIXES[400])


def query_fix(text: str) -> str:
    """``text``, the engine's words on a query that failed on its values, with what to do."""
    return text if FIX in text else f"{text.rstrip('.')}.{FIX}{_QUERY}"
