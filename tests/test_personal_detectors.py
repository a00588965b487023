"""What counts as personal data by content: check digits, forms, and what only looks like it."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from personal_values import NATIONAL, WORDS, card, dutch, grouped, iban, right_by_any

from mesh_defs.policy.data.personal.content import Search
from mesh_defs.policy.data.personal.detectors import SHAPES
from mesh_defs.policy.data.personal.look import Suspect
from mesh_defs.policy.data.personal.money import IBAN_LENGTHS
from mesh_defs.policy.data.personal.policy import KINDS

CONNECTION = duckdb.connect(config={"threads": 1})
RANDOM = st.randoms(use_true_random=False)
FEW = settings(max_examples=40, deadline=None)


def found(*texts: str) -> dict[str, int]:
    """How many of ``texts``, rows of one column, have each kind."""
    CONNECTION.execute("CREATE OR REPLACE TABLE t AS SELECT unnest($1::VARCHAR[]) AS v", [texts])
    hits = Search(CONNECTION, "t", KINDS, 0.2).hits([Suspect("v", '"v"')])
    left = CONNECTION.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert left == [("t",)], "looking leaves nothing behind"
    return {hit.kind: hit.rows for hit in hits}


def numbers(values: list[int], type_: str = "BIGINT") -> dict[str, int]:
    """The same for a column of numbers."""
    CONNECTION.execute(f"CREATE OR REPLACE TABLE t AS SELECT unnest($1)::{type_} AS v", [values])
    whole = "CASE WHEN v >= 100000000 THEN TRY_CAST(v AS UBIGINT) END"
    hits = Search(CONNECTION, "t", KINDS, 0.2).hits([Suspect("v", whole, number=True)])
    return {hit.kind: hit.rows for hit in hits}


def texts_with(rng: random.Random, value: str) -> list[str]:
    """``value`` at the start, in the middle, at the end, and between several separators."""
    before, after = " ".join(rng.choices(WORDS, k=3)), " ".join(rng.choices(WORDS, k=3))
    a, b = rng.choice([("(", ")"), (": ", "."), ("\n", "\n"), (" '", "',"), (" no. ", ";")])
    return [
        f"{value} {after}",
        f"{before} {value} {after}",
        f"{before} {value}",
        f"{before}{a}{value}{b} {after}",
    ]


def spoiled(value: str) -> str:
    """``value`` with another last digit, which no number of that size has either."""
    at = max(at for at, each in enumerate(value) if each.isdigit())
    for more in range(1, 10):
        found = value[:at] + str((int(value[at]) + more) % 10) + value[at + 1 :]
        if not (len(found) == 11 and found.isdigit() and right_by_any(found)):
            return found
    raise AssertionError(value)


CARDS = (("4", 16), ("4", 13), ("51", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15),
         ("6011", 16), ("65", 16), ("3528", 16), ("36", 14), ("62", 16), ("62", 19))  # fmt: skip


@FEW
@given(RANDOM, st.sampled_from(CARDS), st.sampled_from(["", " ", "-"]))
def test_cards_wherever_they_stand(rng: random.Random, form: tuple[str, int], sep: str) -> None:
    value = card(rng, *form)
    if sep and len(value) in (14, 15):
        value = sep.join((value[:4], value[4:10], value[10:]))
    elif sep and len(value) > 15:
        value = grouped(value, sep)
    texts = [*texts_with(rng, value), f"1321 {value} {rng.choice(WORDS)}" if sep else value]
    assert found(*texts) == {"card": len(texts)}
    if not (sep and len(value) > 19):  # of which the first sixteen digits may be right by chance
        wrong = [text.replace(value, spoiled(value)) for text in texts]
        assert "card" not in found(*wrong)


@FEW
@given(RANDOM, st.sampled_from(sorted(IBAN_LENGTHS)), st.sampled_from(["", " ", "-"]))
def test_ibans_wherever_they_stand(rng: random.Random, country: str, sep: str) -> None:
    value = grouped(iban(rng, country), sep)
    texts = [*texts_with(rng, value), value, value.lower()]
    assert found(*texts).get("iban") == len(texts)
    digit = str((int(value[3]) + 1) % 10)
    assert "iban" not in found(*texts_with(rng, value[:3] + digit + value[4:]))


@FEW
@given(RANDOM, st.sampled_from(sorted(NATIONAL)))
def test_national_ids_wherever_they_stand(rng: random.Random, country: str) -> None:
    value = NATIONAL[country](rng)
    texts = [*texts_with(rng, value), value]
    assert found(*texts).get("national_id") == len(texts)
    changed = value[:-1] + ("A" if value[-1] != "A" else "B") if value[-1].isalpha() else None
    assert "national_id" not in found(*texts_with(rng, changed or spoiled(value)))


@pytest.mark.parametrize("country", ["de", "pl", "be", "fr"])
def test_columns_of_numbers_that_are_national_ids(country: str) -> None:
    rng = random.Random(country)
    values = [int(NATIONAL[country](rng)) for _ in range(500)]
    # Those of people born in the first months of 1900 or 2000 lose three zeros.
    assert numbers(values)["national_id"] >= 490
    assert numbers([value for value in values if value < 2**53], "DOUBLE")["national_id"] > 400


def test_columns_of_numbers_that_are_cards() -> None:
    rng = random.Random(1)
    assert numbers([int(card(rng, "4", 16)) for _ in range(200)]) == {"card": 200}


def test_citizen_service_numbers_are_believed_when_chance_is_ruled_out() -> None:
    rng = random.Random(2)
    valid = [dutch(rng) for _ in range(300)]
    assert found(*valid) == {"national_id": 300}
    assert found(f"bsn: {valid[0]}") == {"national_id": 1}
    assert found(valid[0]) == {}, "of nine digits every eleventh number is right"


@pytest.mark.parametrize("size", [9, 10, 11, 12, 13, 15, 16, 19])
def test_numbers_of_orders_are_none(size: int) -> None:
    rng = random.Random(size)
    start = rng.randrange(10 ** (size - 1), 9 * 10 ** (size - 1))
    rising = [start + at for at in range(3000)]
    random_ones = [rng.randrange(10 ** (size - 1), min(10**size, 2**63)) for _ in range(3000)]
    for values in (rising, random_ones):
        assert found(*map(str, values)) == {}
        assert found(*(f'{{"order": {value}}}' for value in values)) == {}
        if size < 19:
            assert numbers(values) == {}


def test_cards_among_the_numbers_of_orders() -> None:
    rng = random.Random(3)
    orders = [str(rng.randrange(10**15, 10**16)) for _ in range(2000)]
    cards = [card(rng, "4", 16) for _ in range(300)]
    assert found(*orders, *cards)["card"] >= 300


@FEW
@given(st.lists(st.uuids(), min_size=1, max_size=200))
def test_nothing_in_uuids_and_hex(ids: list[uuid.UUID]) -> None:
    texts = [text for each in ids for text in (str(each), each.hex, each.hex[:20], f"id={each};")]
    assert found(*texts) == {}


MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  bounds are naive


@FEW
@given(st.lists(MOMENTS, min_size=50, max_size=200), st.randoms(use_true_random=False))
def test_nothing_in_timestamps(moments: list[datetime], rng: random.Random) -> None:
    moments = [each + timedelta(seconds=rng.randrange(10**7)) for each in moments]
    assert found(*(each.isoformat() for each in moments)) == {}
    assert found(*(each.strftime("%Y-%m-%d %H:%M:%S") for each in moments)) == {}
    assert found(*(each.strftime("%d.%m.%Y, %I:%M %p") for each in moments)) == {}
    assert found(*(str(each.timestamp()) for each in moments)) == {}


COORDINATE = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@FEW
@given(st.lists(COORDINATE, min_size=1, max_size=200))
def test_nothing_in_coordinates(places: list[tuple[float, float]]) -> None:
    for form in ("{0}, {1}", "{0:.6f},{1:.6f}", "{0:+.5f}{1:+.6f}/", "POINT ({1} {0})"):
        assert found(*(form.format(*place) for place in places)) == {}, form


SAYS = {
    "email": ["mail anna.b+x@example.co.uk.", "<a@b.co>", "Ünal@müller.de", '{"to":"a@b.org"}',
              "?to=anna%40example.org&x=1", "anna&#64;example.org", "anna&#x0040;example.org",
              "anna&commat;example.org", "anna\uff20example.org", "anna@example\uff0eorg",
              "".join(chr(ord(c) + 0xFEE0) for c in "anna@example.org")],
    "phone": [
        "+49 30 1234567", "call +1-212-555-0123 now", "+442079460958", "(212) 555-0123",
        "212-555-0123", "01 23 45 67 89", "Tel.: 030/1234567", "phone number: 2125550123",
        "0049 30 1234567", "+33 (0)1 23 45 67 89", "+49.30.1234.5678", "Móvil: 612 345 678",
    ],
    "national_id": [
        "85.07.30-033.28", "AB 12 34 56 C", "AB123456C", "219-09-9999", "ssn 219099999",
        "12345678-Z", "X1234567L", "2 55 08 14 168 025 38", "86 095 742 719",
    ],
    "ip_address": ["8.8.8.8", "from 203.0.114.9, ok", "2a00:1450:4001:81b::200e"],
    "postal_address": [
        "12 Main Street", "Hauptstraße 5", "221B Baker Street, London", "12 bis, rue de la Paix",
        "Calle Mayor 12", "Via Roma 3", "350 5th Avenue", "Keizersgracht 12",
    ],
    "name": ["Mr. John Smith", "Frau Müller called", "Dr. O'Neil", "SMITH/JOHN MR",
             '{"first_name": "Ann"}'],
    "birth_date": ['{"date_of_birth": "1980-01-01"}'],
}  # fmt: skip
SAYS_NOTHING = (
    "UA 1545", "N12345", "20230101-UA-628", "KJFK", "EWR/JFK", "B20230101-0001", "order 88421",
    "Charlotte Douglas Intl", "King Dr Airport", "near Miss Report", "Martin Luther King Dr",
    "10.0.0.1", "192.168.1.1", "version 1.2.3.4", "v1.2.3.4", "300.1.1.1", "fe80::1",
    "12:30:45", "a@b", "@scope/pkg", "user@localhost", "978-3-16-148410-0", "123-1234567-1234567",
    "000-12-3456", "666-12-3456", "900-12-3456", "BG123456A", "AB123456E", "12345678A",
    "AA:BB:CC:DD:EE:FF", "2023-01-02 3:04:05 PM", "50%40.5", "a%40b", "&#64; home",
    "x \uff20 home.jp", "030 1234567", "A. Weber", "ANNA WEBER",
)  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(k, text) for k, all_ in SAYS.items() for text in all_])
def test_forms(kind: str, text: str) -> None:
    assert found(text) == {kind: 1}


@pytest.mark.parametrize("text", SAYS_NOTHING)
def test_what_only_looks_like_it(text: str) -> None:
    assert found(text) == {}


def test_hints_match_wherever_patterns_do() -> None:
    rng = random.Random(4)
    texts = [text for all_ in SAYS.values() for text in all_]
    texts += [card(rng, "4", 16), grouped(card(rng, "4", 16), " "), "x-" + card(rng, "4", 16)]
    texts += [grouped(iban(rng, country), " ") for country in IBAN_LENGTHS]
    texts += [make(rng) for make in NATIONAL.values() for _ in range(20)]
    CONNECTION.execute("CREATE OR REPLACE TABLE t AS SELECT unnest($1::VARCHAR[]) AS v", [texts])
    matched = set()
    for detector in SHAPES:
        matches, missed = CONNECTION.execute(
            "SELECT count(*), count_if(NOT regexp_matches(v, $hint)) FROM t"
            " WHERE regexp_matches(v, $pattern)",
            {"hint": detector.hint, "pattern": detector.pattern},
        ).fetchall()[0]
        assert not missed, detector
        if matches:
            matched.add(detector)
    assert {d.kind for d in SHAPES} == {d.kind for d in matched}


def test_columns_of_names() -> None:
    people = [
        "John Smith",
        "Maria García",
        "Anna Müller",
        "Klaus von Berg",
        "Smith, Peter",
        "Yasmin",
    ]
    assert found(*people) == {"name": 6}
    assert found(*people, *(f"Airport {at}" for at in range(40))) == {}, "too few of all values"
    assert found(*["John Smith"] * 50) == {}, "one name is no column of names"
    airports = ["Charlotte Douglas Intl", "General Mitchell Intl", "Austin Bergstrom Intl"]
    assert found(*airports) == {}


CAPITALS = ["ANNA WEBER", "MARIA GARCÍA-LÓPEZ", "O'NEIL, PETER", "KLAUS D. BERG", "SMITH JOHN",
            "YASMIN"]  # fmt: skip
INITIALS = ["Weber, A.", "O'Neil, P. J.", "GARCÍA, M.-L.", "K. Berg", "J.R. Smith", "Li, X."]


@pytest.mark.parametrize("people", [CAPITALS, INITIALS])
def test_columns_of_names_in_other_forms(people: list[str]) -> None:
    assert found(*people) == {"name": 6}
    assert found(*people, *(f"Airport {at}" for at in range(40))) == {}, "too few of all values"
    assert found(*people[:1] * 50) == {}, "one name is no column of names"


MAKERS = ["BOEING", "AIRBUS INDUSTRIE", "CIRRUS DESIGN CORP", "BELL", "ROBINSON HELICOPTER CO",
          "DOUGLAS", "PIPER", "AGUSTA SPA", "CANADAIR", "MARZ BARRY"]  # fmt: skip
CITIES = ["Trenton, N.J.", "Albany, N.Y.", "Boston, Mass.", "Austin, TX", "Fargo, N.D.",
          "Santa Fe, N.M.", "Columbia, S.C.", "Washington, D.C."]  # fmt: skip
STREETS = ["N. Main", "S. Broadway", "E. Elm", "W. Oak", "N. First", "S. Second"]
CODES = ["KJFK", "EGLL", "EVA", "LEA", "TIM", "UWE", "JAN", "ANA"]


@pytest.mark.parametrize("values", [MAKERS, CITIES, STREETS, CODES])
def test_columns_of_other_names(values: list[str]) -> None:
    assert found(*values) == {}


NATIONAL_PHONES = ["030 1234567", "(089) 123 4567", "0171/2345678", "020 7946 0958",
                   "0161 496 0000", "06-12345678", "212 555 0123"]  # fmt: skip


def test_columns_of_national_telephone_numbers() -> None:
    assert found(*NATIONAL_PHONES) == {"phone": 7}
    assert found(*NATIONAL_PHONES, "unknown") == {"phone": 7}
    assert found(*NATIONAL_PHONES, "+49 30 1234567") == {"phone": 8}
    assert found(*NATIONAL_PHONES, *["order"] * 3) == {}, "too few of all values"
    assert found(*NATIONAL_PHONES[:4], *NATIONAL_PHONES[:4]) == {}, "too few different ones"


@pytest.mark.parametrize(
    "form",
    ["{0:02}-{1:02}-20{0:02}", "0{0:02} {1:03}", "00{0:02}-{1:07}", "0{1:09}", "{0:03}-{1:06}",
     "0{0:02}.{1:07}", "20{0:02} {1:04}"],
)  # fmt: skip
def test_columns_of_other_digits(form: str) -> None:
    assert found(*(form.format(at % 28 + 1, at * 37 % 12 + 1) for at in range(50))) == {}


def test_random_ids_are_no_bank_accounts() -> None:
    """Of thousands some are built like an IBAN, and of these every 97th is right."""
    rng = random.Random(6)
    ids = [str(uuid.UUID(int=rng.getrandbits(128))) for _ in range(150_000)]
    CONNECTION.execute("CREATE OR REPLACE TABLE t AS SELECT unnest($1::VARCHAR[]) AS v", [ids])
    (iban_,) = [d for d in SHAPES if d.chance == 1 / 97]
    like = CONNECTION.execute("SELECT count_if(regexp_matches(v, $1)) FROM t", [iban_.pattern])
    assert like.fetchall()[0][0] > 1000
    assert found(*ids) == {}
    real = [iban(rng, "DE") for _ in range(200)]
    assert found(*ids, *real)["iban"] >= 200
    assert found(*ids, grouped(real[0], " "))["iban"] >= 1, "groups of four need no proof"
