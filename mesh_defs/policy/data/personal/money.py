"""Payment cards and bank accounts."""

from __future__ import annotations

from collections import defaultdict

from mesh_defs.policy.data.personal.check_digits import digits_of, luhn, mod_97
from mesh_defs.policy.data.personal.kinds import Detector, Number

_CARD_SOURCE = "ISO/IEC 7812-1: issuer identification numbers, and Luhn's check digit"

# Issuers' ranges with the lengths that are in use: Visa, Mastercard, American Express, Discover,
# JCB, Diners Club, UnionPay, Maestro.
_ISSUERS = (
    "4[0-9]{12}(?:[0-9]{3}){0,2}",
    "5[1-5][0-9]{14}",
    "(?:222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}",
    "3[47][0-9]{13}",
    "(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12,15}",
    "35(?:2[89]|[3-8][0-9])[0-9]{12,15}",
    "3(?:0[0-5]|[689][0-9])[0-9]{11,16}",
    "62[0-9]{14,17}",
    "(?:5018|5020|5038|5893|6304|6759|676[1-3])[0-9]{8,15}",
)
_ISSUED = f"(?:{'|'.join(_ISSUERS)})"
_FOURS = "[0-9]{4}(?:[ \u00a0.-][0-9]{4}){2}[ \u00a0.-][0-9]{1,7}"
_FIVE = "[0-9]{4}(?:[ \u00a0.-][0-9]{4}){3}[ \u00a0.-][0-9]{1,3}"
_BY_SIX = "3[0-9]{3}[ \u00a0.-][0-9]{6}[ \u00a0.-][0-9]{4,5}"
# One group and its separator.
_STRIDE = 5


def _issued(number: str) -> str:
    return f"regexp_full_match({number}::VARCHAR, '{_ISSUED}')"


def _card(text: str) -> str:
    number = digits_of(text)
    return f"({_issued(number)} AND {luhn(number)})"


def _some_card(text: str) -> str:
    """A card that starts with any of the groups of four: other numbers may stand before it."""
    found = (f"regexp_extract(substr({text}, i), '^(?:{form})')" for form in (_FOURS, _FIVE))
    some = " OR ".join(f"coalesce({_card(first)}, false)" for first in found)
    return f"(len(list_filter(range(1, length({text}) - 11, {_STRIDE}), lambda i: {some})) > 0)"


CARD = Number("card", "card", _CARD_SOURCE, tuple(range(12, 20)), _issued, luhn, 0.1)

_SEPARATOR = "[ \u00a0.-]"
CARDS = (
    Detector(
        "card",
        "card in groups of four",
        _CARD_SOURCE,
        rf"\b(?:[0-9]{{4}}{_SEPARATOR})*(?:{_FIVE}|{_FOURS})\b",
        rf"[0-9]{{4}}{_SEPARATOR}[0-9]{{4}}{_SEPARATOR}[0-9]{{4}}{_SEPARATOR}",
        _some_card,
    ),
    Detector(
        "card",
        "card in groups of 4, 6 and 5",
        _CARD_SOURCE,
        rf"\b{_BY_SIX}\b",
        rf"\b3[0-9]{{3}}{_SEPARATOR}[0-9]{{6}}{_SEPARATOR}",
        _card,
    ),
    Detector(
        "card",
        "card after a dash",
        _CARD_SOURCE,
        rf"[0-9A-Za-z]-{_ISSUED}\b",
        r"[0-9A-Za-z]-[0-9]{12}",
        lambda text: _card(f"substr({text}, 3)"),
        chance=0.1,
        size=r"[0-9A-Za-z]-[0-9]{12,19}\b",
    ),
)

# Country codes and lengths: SWIFT, IBAN Registry (ISO 13616-2), release 97.
_LENGTHS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28
EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26
IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28
NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25
SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
"""
IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _LENGTHS.split()}


def _iban_pattern(separator: str) -> str:
    by_length: dict[int, list[str]] = defaultdict(list)
    for country, length in IBAN_LENGTHS.items():
        by_length[length].append(country)
    forms = []
    for length, countries in sorted(by_length.items()):
        groups, rest = divmod(length - 4, 4)
        last = f"{separator}[A-Z0-9]{{{rest}}}" if rest else ""
        group = f"(?:{separator}[A-Z0-9]{{4}}){{{groups}}}"
        forms.append(f"(?:{'|'.join(countries)})[0-9]{{2}}{group}{last}")
    return rf"(?i:\b(?:{'|'.join(forms)})\b)"


_IBAN_SOURCE = "ISO 13616-1 and its registry"
_COUNTRIES = "|".join(IBAN_LENGTHS)
_IBAN_HINT = rf"(?i:\b(?:{_COUNTRIES})[0-9]{{2}}(?:[ -]?[A-Z0-9]{{4}}){{2}})"
IBANS = (
    Detector(
        "iban", "IBAN in groups of four", _IBAN_SOURCE, _iban_pattern(" "), _IBAN_HINT, mod_97
    ),
    Detector(
        "iban",
        "IBAN in one piece or with dashes",
        _IBAN_SOURCE,
        _iban_pattern("[ -]?"),
        _IBAN_HINT,
        mod_97,
        chance=1 / 97,  # ids in hexadecimal digits are many, and some of them are built like it
    ),
)
