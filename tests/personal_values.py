"""Valid personal data of nobody, made with check digits that are computed here, apart from the
policy's own SQL, and texts to put them into."""

from __future__ import annotations

import random
import string

from mesh_defs.policy.data.personal.money import IBAN_LENGTHS

# Words that lead over to nothing, so that what is found is what was put in.
WORDS = ("please", "note", "that", "it", "was", "changed", "by", "us", "again", "and", "then")


def luhn_digit(digits: str) -> str:
    total = 0
    for at, each in enumerate(reversed(digits)):
        value = int(each) * (2 if at % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def card(rng: random.Random, prefix: str, length: int) -> str:
    body = prefix + "".join(rng.choices(string.digits, k=length - len(prefix) - 1))
    return body + luhn_digit(body)


def iban(rng: random.Random, country: str) -> str:
    size = IBAN_LENGTHS[country] - 4
    letters = rng.random() < 0.5
    bban = "".join(rng.choices(string.digits + (string.ascii_uppercase if letters else ""), k=size))
    number = "".join(str(int(each, 36)) for each in bban + country + "00")
    return f"{country}{98 - int(number) % 97:02d}{bban}"


def grouped(text: str, separator: str) -> str:
    return separator.join(text[at : at + 4] for at in range(0, len(text), 4))


def german_digit(body: str) -> str:
    product = 10
    for each in body:
        total = (int(each) + product) % 10 or 10
        product = 2 * total % 11
    return str((11 - product) % 10)


def german(rng: random.Random) -> str:
    """Eleven digits: of the first ten one stands twice, one is missing."""
    digits = rng.sample(string.digits, 9)
    digits.insert(rng.randrange(10), rng.choice(digits))
    if digits[0] == "0":
        digits = ["1" if d == "0" else "0" if d == "1" else d for d in digits]
    return "".join(digits) + german_digit("".join(digits))


def birthday(rng: random.Random) -> str:
    return f"{rng.randrange(100):02d}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"


def polish_digit(body: str) -> str:
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
    return str(-sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 10)


def polish(rng: random.Random) -> str:
    body = f"{rng.randrange(20, 93)}{birthday(rng)[2:]}{rng.randrange(10_000):04d}"
    return body + polish_digit(body)


def belgian_keys(body: str) -> tuple[str, str]:
    """For those born before 2000, and from then on."""
    return f"{97 - int(body) % 97:02d}", f"{97 - int('2' + body) % 97:02d}"


def belgian(rng: random.Random) -> str:
    body = f"{rng.randrange(53):02d}{birthday(rng)[2:]}{rng.randrange(1, 999):03d}"
    return body + belgian_keys(body)[rng.randrange(2)]


def right_by_any(digits: str) -> bool:
    """Whether the check digits of one of the numbers of eleven digits are right."""
    ten, nine = digits[:10], digits[:9]
    return digits[10] in (german_digit(ten), polish_digit(ten)) or digits[9:] in belgian_keys(nine)


def swedish(rng: random.Random) -> str:
    body = birthday(rng) + f"{rng.randrange(1000):03d}"
    return f"{body[:6]}-{body[6:]}{luhn_digit(body)}"


def french(rng: random.Random) -> str:
    body = (
        f"{rng.choice('12')}{birthday(rng)[:4]}{rng.randrange(1, 96):02d}{rng.randrange(10**6):06d}"
    )
    return body + f"{97 - int(body) % 97:02d}"


def dutch(rng: random.Random) -> str:
    while True:
        body = f"{rng.randrange(10**7, 10**8)}"
        rest = sum(int(d) * w for d, w in zip(body, range(9, 1, -1), strict=True)) % 11
        if rest < 10:
            return body + str(rest)


def spanish(rng: random.Random) -> str:
    number = rng.randrange(10**8)
    return f"{number:08d}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


_DIGITS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_LETTERS = (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
ODD = dict(
    zip(string.digits + string.ascii_uppercase, (*_DIGITS, *_DIGITS, *_LETTERS), strict=True)
)


def italian(rng: random.Random) -> str:
    letters = "".join(rng.choices(string.ascii_uppercase, k=6))
    place = f"{rng.choice(string.ascii_uppercase)}{rng.randrange(1000):03d}"
    month, day = rng.choice("ABCDEHLMPRST"), rng.randrange(1, 29)
    body = f"{letters}{rng.randrange(100):02d}{month}{day:02d}{place}"
    values = (ODD[c] if at % 2 == 0 else int(c, 36) % 10 if c.isdigit() else ord(c) - 65
              for at, c in enumerate(body))  # fmt: skip
    return body + chr(65 + sum(values) % 26)


NATIONAL = {
    "de": german,
    "pl": polish,
    "be": belgian,
    "se": swedish,
    "fr": french,
    "es": spanish,
    "it": italian,
}
