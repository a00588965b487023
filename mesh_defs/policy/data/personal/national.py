"""National identity numbers: how they are built and which check digits they end in."""

from __future__ import annotations

from mesh_defs.policy.data.personal.check_digits import (
    day_of_year,
    digit,
    digits_of,
    luhn,
    mod_11_10,
    part,
    weighted,
)
from mesh_defs.policy.data.personal.kinds import Detector, Number


def _birthday(number: str, place: int, more_months: str, more_days: str = "0") -> str:
    """Six digits YYMMDD above ``place`` tell a day; months and days may have something added."""
    month = f"({part(number, place + 2, 2)} % {more_months})"
    day = f"({part(number, place, 2)} - {more_days})"
    return day_of_year(month, day)


def _german(number: str) -> str:
    """Of the first ten digits one stands twice or three times, and no other one more than once."""
    first = f"({number} // 10)::VARCHAR"
    kinds = f"len(list_distinct(string_split({first}, '')))"
    most = (
        "list_max(list_transform(range(10), lambda d:"
        f" 10 - length(replace({first}, d::VARCHAR, ''))))"
    )
    return f"({digit(number, 10)} > 0 AND ({kinds} = 9 OR ({kinds} = 8 AND {most} = 3)))"


def _french(number: str) -> str:
    """Sex, two digits of the year, month (20 and more: unknown), department."""
    month = part(number, 10, 2)
    return (
        f"({digit(number, 14)} IN (1, 2, 3, 4, 7, 8)"
        f" AND ({month} BETWEEN 1 AND 12 OR {month} BETWEEN 20 AND 42 OR {month} >= 50)"
        f" AND {part(number, 8, 2)} > 0)"
    )


def _french_key(number: str) -> str:
    return f"({part(number, 0, 2)} = 97 - ({number} // 100) % 97)"


def _belgian(number: str) -> str:
    """A date of birth (months of foreigners: 20 or 40 more) and a number from 001 to 998."""
    day = _birthday(number, 5, "20")
    return f"({part(number, 7, 2)} < 53 AND {day} AND {part(number, 2, 3)} BETWEEN 1 AND 998)"


def _belgian_key(number: str) -> str:
    """Of those born from 2000 on, a 2 stands before the number when it is computed."""
    body, key = f"({number} // 100)", part(number, 0, 2)
    return f"({key} = 97 - {body} % 97 OR {key} = 97 - ({body} + 2000000000) % 97)"


def _polish(number: str) -> str:
    """A date of birth; 20, 40, 60 or 80 more in the month tell the century."""
    return f"({part(number, 7, 2)} < 93 AND {_birthday(number, 5, '20')})"


def _polish_check(number: str) -> str:
    return f"({weighted(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1))} % 10 = 0)"


def _dutch(number: str) -> str:
    return f"({weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1))} % 11 = 0)"


def _swedish(number: str) -> str:
    """A date of birth (days of coordination numbers: 60 more), with or without the century."""
    day = f"CASE WHEN {part(number, 4, 2)} > 60 THEN 60 ELSE 0 END"
    century = f"({number} < 10000000000 OR {number} // 10000000000 IN (18, 19, 20))"
    return f"({century} AND {_birthday(number, 4, '100', day)})"


def _swedish_check(number: str) -> str:
    return luhn(f"({number} % 10000000000)", 10)


_ANNOUNCED = r"(?i:\b(?:{words})\b)[^0-9A-Za-z]{{0,4}}{digits}\b"
_ANNOUNCED_HINT = (
    r"(?i:bsn|burgerservicenummer|nummer|pesel|ssn|security(?: number| no)?)"
    r"[^0-9A-Za-z]{0,4}[0-9]{9}"
)

# Each number, and how it is written when somebody reads it: a pattern and its hint.
_WRITTEN: tuple[tuple[Number, str, str], ...] = (
    (
        Number(
            "national_id",
            "German tax number",
            "Steuer-Identifikationsnummer: § 139b AO, StIdV § 1; ISO 7064 MOD 11,10",
            (11,),
            _german,
            lambda number: mod_11_10(number, 11),
            0.1,
        ),
        r"\b[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}\b",
        r"\b[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}\b",
    ),
    (
        Number(
            "national_id",
            "French social security number",
            "NIR: Insee, arrêté of 1982-01-22; key 97",
            (15,),
            _french,
            _french_key,
            1 / 97,
        ),
        r"\b[1-8] [0-9]{2} [0-9]{2} [0-9]{2} [0-9]{3} [0-9]{3} ?[0-9]{2}\b",
        r"\b[1-8] [0-9]{2} [0-9]{2} [0-9]{2} [0-9]{3}",
    ),
    (
        Number(
            "national_id",
            "Belgian national number",
            "Rijksregisternummer: royal decree of 1984-04-03; key 97",
            (11,),
            _belgian,
            _belgian_key,
            2 / 97,
            zeros=2,
        ),
        r"\b[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}[.-][0-9]{2}\b",
        r"\b[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}",
    ),
    (
        Number(
            "national_id",
            "Polish PESEL",
            "Ustawa o ewidencji ludności of 2010-09-24, art. 15 and 18",
            (11,),
            _polish,
            _polish_check,
            0.1,
            zeros=2,
        ),
        _ANNOUNCED.format(words="pesel", digits="[0-9]{11}"),
        _ANNOUNCED_HINT,
    ),
    (
        Number(
            "national_id",
            "Dutch citizen service number",
            "BSN: Wet algemene bepalingen burgerservicenummer; the 11-proof",
            (9,),
            lambda _: "true",
            _dutch,
            1 / 11,
            alone=False,
        ),
        _ANNOUNCED.format(words="bsn|burgerservicenummer|sofi-?nummer", digits="[0-9]{9}"),
        _ANNOUNCED_HINT,
    ),
    (
        Number(
            "national_id",
            "Swedish personal number",
            "Personnummer: folkbokföringslagen (1991:481) § 18, SKV 704; Luhn",
            (10, 12),
            _swedish,
            _swedish_check,
            0.1,
            zeros=2,
        ),
        r"(?:^|[^0-9A-Za-z.-])(?:18|19|20)?[0-9]{6}[-+][0-9]{4}\b",
        r"[0-9]{6}[-+][0-9]{4}\b",
    ),
)
NUMBERS = tuple(number for number, _, _ in _WRITTEN)


def _written(number: Number, pattern: str, hint: str, chance: float | None) -> Detector:
    def right(text: str) -> str:
        value = digits_of(text)
        return f"({number.structure(value)} AND {number.check(value)})"

    return Detector(number.kind, number.name, number.source, pattern, hint, right, chance)


def _spanish(text: str) -> str:
    plain = f"regexp_replace(upper({text}), '[^0-9A-Z]', '', 'g')"
    number = f"translate(left({plain}, length({plain}) - 1), 'XYZ', '012')::BIGINT"
    letter = f"substr('TRWAGMYFPDXBNJZSQVHLCKE', ({number} % 23)::INTEGER + 1, 1)"
    return f"({letter} = right({plain}, 1))"


def _italian(text: str) -> str:
    digits = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21]
    letters = [2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
    odd = [*digits, *digits, *letters]
    known = "strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', substr(upper({text}), i, 1))"
    place = known.format(text=text)
    even = f"CASE WHEN {place} > 10 THEN {place} - 11 ELSE {place} - 1 END"
    value = f"CASE WHEN i % 2 = 1 THEN {odd}[{place}] ELSE {even} END"
    total = f"list_sum(list_transform(range(1, 16), lambda i: {value}))"
    return f"(chr(65 + ({total} % 26)::INTEGER) = upper(right({text}, 1)))"


def _british(text: str) -> str:
    prefixes = "('BG', 'GB', 'KN', 'NK', 'NT', 'TN', 'ZZ')"
    letters = "'[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]'"
    first = f"left(upper({text}), 2)"
    return f"(regexp_full_match({first}, {letters}) AND {first} NOT IN {prefixes})"


def _american(text: str) -> str:
    plain = f"regexp_replace({text}, '[^0-9]', '', 'g')"
    area = f"left({plain}, 3)"
    return (
        f"({area} NOT IN ('000', '666') AND {area} < '900'"
        f" AND substr({plain}, 4, 2) <> '00' AND right({plain}, 4) <> '0000')"
    )


_OMOCODIA = "[0-9LMNP-V]"
_FISCAL = (
    rf"(?i:\b[A-Z]{{6}}{_OMOCODIA}{{2}}[ABCDEHLMPRST]{_OMOCODIA}{{2}}[A-Z]{_OMOCODIA}{{3}}[A-Z]\b)"
)
_SPANISH_SOURCE = "DNI and NIE: Real Decreto 1553/2005, Orden INT/2058/2008; letter of 23"
_BRITISH_SOURCE = "National insurance number: HMRC, National Insurance Manual NIM39110"
_AMERICAN_SOURCE = "SSN: SSA, POMS RM 10201.030 and RM 10201.035"
_SPACED = r"\b[A-Z]{2} [0-9]{2} [0-9]{2} [0-9]{2} [A-D]\b"
# A day and a month in front of a dash and four digits is a form that order numbers have too.
_SWEDISH_CHANCE = 0.1

NATIONAL_IDS = (
    *(
        _written(number, pattern, hint, _SWEDISH_CHANCE if 12 in number.digits else None)
        for number, pattern, hint in _WRITTEN
    ),
    Detector(
        "national_id",
        "Spanish DNI or NIE",
        _SPANISH_SOURCE,
        r"\b[XYZ0-9]-?[0-9]{7}-[A-Z]\b",
        r"[0-9]{7}-[A-Z]\b",
        _spanish,
    ),
    Detector(
        "national_id",
        "Spanish DNI or NIE",
        _SPANISH_SOURCE,
        r"\b[XYZ0-9][0-9]{7}[A-Z]\b",
        r"\b[XYZ0-9][0-9]{7}[A-Z]\b",
        _spanish,
        chance=1 / 23,
        size=r"\b[0-9A-Z][0-9]{7}[0-9A-Z]\b",
    ),
    Detector(
        "national_id",
        "Italian fiscal code",
        "Codice fiscale: DM of 1976-12-23, art. 2 to 7",
        _FISCAL,
        _FISCAL,
        _italian,
        chance=1 / 26,
    ),
    Detector(
        "national_id",
        "British national insurance number",
        _BRITISH_SOURCE,
        _SPACED,
        _SPACED,
        _british,
    ),
    Detector(
        "national_id",
        "British national insurance number",
        _BRITISH_SOURCE,
        r"\b[A-Z]{2}[0-9]{6}[A-Z]\b",
        r"\b[A-Z]{2}[0-9]{6}[A-Z]\b",
        lambda text: f"({_british(text)} AND right({text}, 1) <= 'D')",
        chance=0.1,
        size=r"\b[0-9A-Z]{2}[0-9]{6}[0-9A-Z]\b",
    ),
    Detector(
        "national_id",
        "American social security number",
        _AMERICAN_SOURCE,
        r"(?:^|[^0-9A-Za-z_.-])[0-9]{3}-[0-9]{2}-[0-9]{4}(?:$|[^0-9A-Za-z_-])",
        r"[0-9]{3}-[0-9]{2}-[0-9]{4}",
        _american,
    ),
    Detector(
        "national_id",
        "American social security number",
        _AMERICAN_SOURCE,
        _ANNOUNCED.format(words="ssn|social security(?: number| no)?", digits="[0-9]{9}"),
        _ANNOUNCED_HINT,
        _american,
    ),
)
