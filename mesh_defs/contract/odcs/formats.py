"""Formats of text and numbers: what ``logicalTypeOptions.format`` demands of a value."""

from __future__ import annotations

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
_GROUP = "[0-9A-Fa-f]{1,4}"
_DATE = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_OFFSET = r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_URI_CHARS = r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"


def _ipv6() -> str:
    forms = [rf"(?:{_GROUP}:){{7}}{_GROUP}", rf"(?:{_GROUP}:){{1,7}}:"]
    forms += [rf"(?:{_GROUP}:){{1,{7 - n}}}(?::{_GROUP}){{1,{n}}}" for n in range(1, 7)]
    forms += [rf":(?:(?::{_GROUP}){{1,7}}|:)"]
    forms += [rf"(?:{_GROUP}:){{6}}{_IPV4}", rf"::(?:{_GROUP}:){{0,5}}{_IPV4}"]
    forms += [rf"(?:{_GROUP}:){{1,{5 - n}}}(?::{_GROUP}){{0,{n}}}:{_IPV4}" for n in range(5)]
    return "|".join(forms)


# RFC 5321 (addresses of mail, without quoted local parts), 9562 (UUID), 3986 (URI), 1123 (host
# names), 4291 (IPv6), 4648 (base 64), 3339 (dates and times), ISO 8601 (durations).
PATTERNS: dict[str, str] = {
    "email": rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_HOST}$",
    "uuid": r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
    "uri": rf"^[A-Za-z][A-Za-z0-9+.-]*:{_URI_CHARS}*$",
    "url": rf"^(?:https?|ftp)://{_URI_CHARS}+$",
    "hostname": rf"^{_HOST}$",
    "ipv4": rf"^{_IPV4}$",
    "ipv6": rf"^(?:{_ipv6()})$",
    "byte": r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    "date": rf"^{_DATE}$",
    "time": rf"^{_TIME}{_OFFSET}?$",
    "date-time": rf"^{_DATE}[Tt ]{_TIME}{_OFFSET}$",
    "duration": (
        r"^P(?:[0-9]+W|[0-9]+[YMD](?:[0-9]+[MD]){0,2}"
        r"(?:T[0-9]+[HMS](?:[0-9]+[MS]){0,2})?|T[0-9]+[HMS](?:[0-9]+[MS]){0,2})$"
    ),
}
# How a value is shown or sent (OpenAPI): every text is one, so there is nothing to check.
HINTS = frozenset({"password", "binary"})

# What fits into Rust's integers. The ends that DuckDB's widest integers share are left open.
INTEGERS: dict[str, tuple[int | None, int | None]] = {
    **{f"i{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"u{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "i128": (None, 2**127 - 1),
    "u128": (0, None),
}
FLOATS = ("f32", "f64")
LARGEST_F32 = "3.4028234663852886e38"
