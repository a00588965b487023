"""Units of measure, currencies, scales and time zones that a text names.

The lists are short and our own: no package that we have knows units in a sentence, and a change
from one unit to another is seen as soon as one of the two is listed. Words that are seldom units
("day", "second", "meter") count only where a unit stands: after a number, "in", "per" or "each".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCALE = "scale"

# Dimension, then unit, then its forms: `name/s` is a name with its plural, which alone is free.
_NAMES: Mapping[str, Mapping[str, str]] = {
    "time": {
        "ns": "nanosecond/s",
        "us": "microsecond/s",
        "ms": "millisecond/s",
        "s": "second/s",
        "min": "minute/s",
        "h": "hour/s",
        "d": "day/s",
        "weeks": "week/s",
        "months": "month/s",
        "years": "year/s",
    },
    "length": {
        "mm": "millimetre/s, millimeter/s",
        "cm": "centimetre/s, centimeter/s",
        "m": "metre/s, meter/s",
        "km": "kilometre/s, kilometer/s",
        "mi": "mile/s, statute mile/s",
        "nmi": "nautical mile/s",
        "ft": "foot, feet/",
        "inches": "inch, inches/",
        "yards": "yard/s",
    },
    "mass": {
        "mg": "milligram/s, milligramme/s",
        "g": "gram/s, gramme/s",
        "kg": "kilogram/s, kilogramme/s, kilo/s",
        "t": "tonne/s, metric ton/s",
        "tons": "ton/s, short ton/s",
        "lb": "pound/s, lbs/",
        "oz": "ounce/s",
    },
    "volume": {
        "ml": "millilitre/s, milliliter/s",
        "l": "litre/s, liter/s",
        "gal": "gallon/s",
        "bbl": "barrel/s",
    },
    "temperature": {
        "°C": "celsius/, centigrade/, degree celsius/, degrees celsius/",
        "°F": "fahrenheit/, degree fahrenheit/, degrees fahrenheit/",
        "K": "kelvin/",
    },
    "angle": {"degrees": "degree/s", "radians": "radian/s"},
    "speed": {"kn": "knot/s", "mph": "mph/, miles per hour/", "km/h": "kph/, kmh/"},
    "pressure": {
        "Pa": "pascal/s",
        "hPa": "hectopascal/s, hpa/, millibar/s",
        "inHg": "inches of mercury/, inhg/",
        "psi": "psi/",
    },
    "energy": {"J": "joule/s", "kcal": "kilocalorie/s", "kWh": "kwh/, kilowatt hour/s"},
    "power": {"W": "watt/s", "kW": "kilowatt/s", "MW": "megawatt/s"},
    "data": {
        "bits": "bit/s",
        "B": "byte/s",
        "kB": "kilobyte/s",
        "MB": "megabyte/s",
        "GB": "gigabyte/s",
    },
    "ratio": {
        "%": "percent/, per cent/",
        "‰": "permille/, per mille/",
        "bp": "basis point/s",
    },
    SCALE: {
        "thousands": "thousand/s",
        "millions": "million/s",
        "billions": "billion/s",
    },
    "time zone": {"UTC": "utc/, gmt/", "local": "local time/"},
    "currency": {
        "EUR": "euro/, euros/",
        "cent": "cent/, cents/, eurocent/, eurocents/",
        "USD": "dollar/, dollars/, us dollar/, us dollars/",
        "CAD": "canadian dollar/, canadian dollars/",
        "AUD": "australian dollar/, australian dollars/",
        "NZD": "new zealand dollar/, new zealand dollars/",
        "HKD": "hong kong dollar/, hong kong dollars/",
        "SGD": "singapore dollar/, singapore dollars/",
        "GBP": "pound sterling/, pounds sterling/, british pound/, british pounds/",
        "penny": "penny/, pennies/, pence/",
        "JPY": "yen/",
        "CNY": "yuan/, renminbi/",
        "INR": "rupee/, rupees/",
        "CHF": "franc/, francs/, swiss franc/, swiss francs/",
        "krone": "krona/, kronor/, krone/, kroner/",
        "peso": "peso/, pesos/",
        "zloty": "zloty/",
    },
}
# The most traded currencies of ISO 4217, in capitals only. The whole list has codes that are
# English words or names of airports (ALL, TOP, CUP, MAD).
_CODES = (
    "AED|ARS|AUD|BGN|BHD|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|"
    "MYR|NOK|NZD|PEN|PHP|PLN|RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|USD|ZAR"
)
_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "¢": "cent"}
# Symbols as people write them, where a unit stands. Capitals count: mW is no MW.
_SYMBOLS: Mapping[str, str] = {
    "time": "ns us µs=us ms s sec=s min h hr=h hrs=h d",
    "length": "mm cm m km mi nmi NM=nmi ft yd=yards",
    "mass": "mg g kg t lb oz",
    "volume": "ml mL=ml l L=l gal bbl",
    "temperature": "°C °F K C=°C F=°F",
    "angle": "deg=degrees °=degrees rad=radians",
    "speed": "kn kt=kn kts=kn mph km/h m/s",
    "pressure": "Pa hPa mbar=hPa mb=hPa inHg psi",
    "energy": "J kcal kWh",
    "power": "W kW MW",
    "data": "B kB KB=kB MB GB",
    "ratio": "% ‰ bp bps=bp",
}
# "flight(s)" has no seconds: a bracket stands apart.
_PLACE = r"(?:\b(?i:in|per|each) |(?:^|\s)[(\[]\s*|/\s*|\d\s?)"

Units = dict[str, frozenset[str]]


def units_of(text: str) -> Units:
    """The units that ``text`` names, by dimension; what it does not name has no key."""
    found: dict[str, set[str]] = {}
    # A text of one word is a unit, if it is a word for one.
    rest = text if len(text.split()) != 1 else f"per {text}"
    for pattern, known in ((_FREE, _FREE_NAMES), (_PLACED, _PLACED_NAMES)):
        for match in pattern.finditer(rest):
            dimension, unit = known[" ".join(match["unit"].lower().split())]
            found.setdefault(dimension, set()).add(unit)
        # A name that was read is no part of another one: "miles per hour" is not "per hour".
        rest = pattern.sub(" , ", rest)
    for match in _SYMBOL.finditer(rest):
        dimension, unit = _SYMBOL_NAMES[match["unit"]]
        found.setdefault(dimension, set()).add(unit)
    money = {_SIGNS[sign] for sign in text if sign in _SIGNS} | set(_CODE.findall(text))
    if money:
        found.setdefault("currency", set()).update(money)
    return {dimension: frozenset(units) for dimension, units in found.items()}


def unit_change(before: str, after: str) -> tuple[str, str] | None:
    """The units before and after, in words, when one that was named is another one, or is not named
    any more; None when only units were added where there were none of their dimension.

    A number without a scale is of the scale one, so that a scale that is added is another one.
    """
    old, new = units_of(before), units_of(after)
    changed = [
        dimension
        for dimension in dict.fromkeys([*old, *new])
        if (dimension in old or dimension == SCALE)
        and old.get(dimension, frozenset()) != new.get(dimension, frozenset())
    ]
    if not changed:
        return None
    return _words(old, changed), _words(new, changed)


def _words(units: Units, dimensions: list[str]) -> str:
    named = [unit for one in dimensions for unit in sorted(units.get(one, ()))]
    return ", ".join(named) or "none"


def _forms() -> Iterator[tuple[str, str, str, bool]]:
    """Dimension, unit and form of each name, and whether it counts wherever it stands."""
    for dimension, units in _NAMES.items():
        for unit, listed in units.items():
            for form in listed.split(", "):
                name, slash, plural = form.partition("/")
                if plural:
                    yield dimension, unit, name, False
                yield dimension, unit, name + plural, bool(slash)


def _pattern(names: Mapping[str, tuple[str, str]], place: str) -> re.Pattern[str]:
    longest = sorted(names, key=len, reverse=True)
    words = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in longest)
    return re.compile(rf"{place}(?P<unit>{words})(?!\w)", re.IGNORECASE)


def _symbols() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for dimension, listed in _SYMBOLS.items():
        for symbol in listed.split():
            name, _, unit = symbol.partition("=")
            found[name] = (dimension, unit or name)
    return found


_FREE_NAMES = {name: (dimension, unit) for dimension, unit, name, free in _forms() if free}
_PLACED_NAMES = {name: (dimension, unit) for dimension, unit, name, free in _forms() if not free}
_SYMBOL_NAMES = _symbols()
_FREE = _pattern(_FREE_NAMES, r"(?<!\w)")
_PLACED = _pattern(_PLACED_NAMES, _PLACE)
_SYMBOL = re.compile(
    rf"{_PLACE}(?P<unit>{'|'.join(map(re.escape, sorted(_SYMBOL_NAMES, key=len, reverse=True)))})"
    r"(?![\w/])"
)
_CODE = re.compile(rf"\b(?:{_CODES})\b")
