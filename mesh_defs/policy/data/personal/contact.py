"""E-mail, telephone and network addresses."""

from __future__ import annotations

from mesh_defs.policy.data.personal.kinds import Detector

_MAIL = "RFC 5321, 4.1.2 and RFC 6531: a mailbox whose domain ends in letters"
_E164 = "ITU-T E.164: country code and subscriber's number, 8 to 15 digits"
_NATIONAL = "ITU-T E.123: national notation"
_RESERVED = "IANA IPv4 Special-Purpose Address Registry (RFC 6890)"

_LABEL = r"[0-9A-Za-z\x{80}-\x{10FFFF}](?:[0-9A-Za-z\x{80}-\x{10FFFF}-]*)"
_MAILBOX = r"[^\s@<>()\[\],;:\"/=]"
# Full-width dots part labels as well (IDNA, RFC 3490, 3.1).
_DOMAIN = (
    rf"(?:{_LABEL}[.\x{{FF0E}}])+[A-Za-z\x{{80}}-\x{{10FFFF}}]{{2,24}}"
    r"(?:$|[^0-9A-Za-z\x{80}-\x{10FFFF}])"
)
EMAIL = Detector(
    "email",
    "e-mail address",
    _MAIL,
    # One character of the mailbox's name tells as much as all of it.
    rf"{_MAILBOX}@{_DOMAIN}",
    "@",
)
ENCODED_EMAIL = Detector(
    "email",
    "e-mail address whose @ is written in another way",
    "RFC 3986, 2.1 (%40); HTML, named and numeric character references; U+FF20 FULLWIDTH COMMERCIAL"
    " AT",
    rf"{_MAILBOX}(?i:%40|&#0*64;|&#x0*40;|&commat;|\x{{FF20}}){_DOMAIN}",
    r"(?i:%40|&#0*64;|&#x0*40;|&commat;|\x{FF20})",
)

_WORDS = (
    "tel|telephone|phone|mobile|mobil|cell|cellphone|fax|whatsapp|gsm|handy|telefon|telefono"
    "|teléfono|téléphone|tél|móvil|movil|rufnummer|telefoon|telefax|portable"
)
_BETWEEN = (
    r"[^0-9A-Za-z+(]{0,4}(?:(?:is|no|nr|num|number|nummer|numéro|número)\b[^0-9A-Za-z+(]{0,4})?"
)

# A dash, dot or letter beside such a number makes it part of something longer.
_NOT_BEFORE = r"(?:^|[^0-9A-Za-z_.:/+-])"
# The same for numbers with spaces, beside which no other group of digits may stand.
_ALONE_BEFORE = r"(?:^|[^0-9A-Za-z_.:/+ -]|[^0-9A-Za-z_.:/+-] |[A-Za-z.:] )"
_ALONE_AFTER = r"(?:$|[^0-9A-Za-z_./: -]| (?:$|[^0-9])|[.:](?:$|[^0-9A-Za-z]))"
_NOT_AFTER = r"(?:$|[^0-9A-Za-z_./:-]|[.:/-](?:$|[^0-9A-Za-z]))"

PHONES = (
    Detector(
        "phone",
        "international number",
        _E164,
        r"(?:^|[^0-9A-Za-z_+.])\+[1-9](?:[ ()\x{00a0}/-]{0,2}[0-9]){7,14}" + _NOT_AFTER,
        r"\+[1-9](?:[ ()/\x{00a0}-]{0,2}[0-9]){7}",
    ),
    Detector(
        "phone",
        "international number with dots",
        _E164,
        r"(?:^|[^0-9A-Za-z_+.])\+[1-9][0-9]{0,2}(?:\.[0-9]{2,4}){3,5}" + _NOT_AFTER,
        r"\+[1-9][0-9]{0,2}\.[0-9]{2,4}\.",
    ),
    Detector(
        "phone",
        "international number with 00",
        _E164,
        _ALONE_BEFORE
        + r"00[1-9][0-9]{0,2} (?:\(0\) ?)?[0-9]{1,4}(?:[ /-][0-9]{2,8}){1,4}"
        + _ALONE_AFTER,
        r"\b00[1-9][0-9]{0,2} [(0-9]",
    ),
    Detector(
        "phone",
        "North American number",
        f"{_NATIONAL}; North American Numbering Plan",
        _NOT_BEFORE
        + r"(?:(?:1[-. ])?\([2-9][0-8][0-9]\) ?[2-9][0-9]{2}[-. ][0-9]{4}"
        + r"|(?:1-)?[2-9][0-8][0-9]-[2-9][0-9]{2}-[0-9]{4}"
        + r"|(?:1\.)?[2-9][0-8][0-9]\.[2-9][0-9]{2}\.[0-9]{4})"
        + _NOT_AFTER,
        r"[2-9][0-8][0-9]\)?[-. ]?[2-9][0-9]{2}[-. ][0-9]{4}\b",
    ),
    Detector(
        "phone",
        "French number",
        f"{_NATIONAL}; Arcep, plan national de numérotation",
        _ALONE_BEFORE + r"0[1-9](?:(?: [0-9]{2}){4}|(?:\.[0-9]{2}){4})" + _ALONE_AFTER,
        r"\b0[1-9](?:[ .][0-9]{2}){4}\b",
    ),
    Detector(
        "phone",
        "number after a word that announces it",
        _NATIONAL,
        rf"(?i:\b(?:{_WORDS})\b){_BETWEEN}\+?\(?[0-9](?:[ ()./-]{{0,2}}[0-9]){{6,13}}" + _NOT_AFTER,
        r"(?i:tel|phone|mobile|mobil|m\x{f3}vil|movil|cell|fax|whatsapp|gsm|handy|t\x{e9}l"
        r"|telefono|tel\x{e9}fono|t\x{e9}l\x{e9}phone|rufnummer|telefoon|telefon|portable)"
        r"[^0-9A-Za-z]{0,5}(?:[^ 0-9]{2,7}[^0-9A-Za-z]{1,5})?[0-9]",
    ),
)

# Where no word announces it, a number with an area code is one only in a column of such numbers.
_AREA = r"(?:\(0[1-9][0-9]{1,4}\) ?|0[1-9][0-9]{1,3}(?: ?/ ?|[ -])|06[ -])"
WHOLE_PHONE = (
    rf"\s*(?:{_AREA}[1-9][0-9]{{1,7}}(?:[ -][0-9]{{2,5}}){{0,3}}"
    r"|(?:1 )?[2-9][0-8][0-9] [2-9][0-9]{2} [0-9]{4})\s*"
)
PHONE_DIGITS = (9, 12)

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_FOUR = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_VERSION = r"(?i:version|release|build|firmware|driver|rev)"
# Of these nobody can tell from outside whose they are: this network, private and shared space,
# loopback, link local, documentation, benchmarks, multicast, reserved.
_PRIVATE = (
    r"^(?:0|10|127|22[4-9]|23[0-9]|24[0-9]|25[0-5])\.|^169\.254\.|^192\.168\.|^192\.0\.[02]\."
    r"|^172\.(?:1[6-9]|2[0-9]|3[01])\.|^100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\."
    r"|^198\.(?:1[89]|51\.100)\.|^203\.0\.113\."
)


def _public(text: str) -> str:
    """An IPv4 address that the whole world can reach, and no version of a program."""
    address = f"regexp_extract({text}, '{_FOUR}')"
    return (
        f"(NOT regexp_matches({text}, '{_VERSION}')"
        f" AND NOT regexp_matches({address}, '{_PRIVATE}'))"
    )


_GROUP = "[0-9A-Fa-f]{1,4}"
_GLOBAL = "[23][0-9A-Fa-f]{3}"


def _documented(text: str) -> str:
    """No address that is kept for documentation (RFC 3849)."""
    return f"NOT regexp_matches({text}, '(?i)(?:^|[^0-9a-f:])2001:0?db8:')"


ADDRESSES = (
    Detector(
        "ip_address",
        "IPv4 address",
        _RESERVED,
        rf"(?:{_VERSION}[ :=v]{{0,3}}|^|[^0-9A-Za-z_.-]){_FOUR}"
        r"(?:$|[^0-9A-Za-z_.-]|\.(?:$|[^0-9A-Za-z]))",
        r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
        _public,
    ),
    Detector(
        "ip_address",
        "IPv6 address",
        "RFC 4291, 2.2; global unicast 2000::/3 (RFC 4291, 2.4)",
        rf"(?:^|[^0-9A-Za-z_:.-]){_GLOBAL}(?:(?::{_GROUP}){{7}}"
        rf"|(?::{_GROUP}){{0,5}}::(?:{_GROUP}(?::{_GROUP}){{0,4}})?)(?:$|[^0-9A-Za-z_:])",
        r"\b[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]{0,4}:",
        _documented,
    ),
)
