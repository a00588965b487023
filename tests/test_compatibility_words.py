"""What descriptions and roles say: another unit, currency or role is another promise."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract_documents import document, read
from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.policy.compatibility.compare import compare
from mesh_defs.policy.compatibility.model import Change, PortInterface
from mesh_defs.policy.compatibility.units import unit_change, units_of
from mesh_defs.policy.compatibility.words import description_change

COLUMN = "- {name: amount, logicalType: number, required: true, description: %s}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("In euros.", "In dollars."),
        ("In euros.", "In ZAR."),
        ("In euros.", "In euro cents."),
        ("In euros.", "In thousands of euros."),
        ("In US dollars.", "In Canadian dollars."),
        ("Fare, 5 € at least.", "Fare, 5 $ at least."),
        ("Delay in minutes.", "Delay in seconds."),
        ("Flights per day.", "Flights per month."),
        ("The distance (mi).", "The distance (km)."),
        ("km", "m"),
        ("In degrees Celsius.", "In degrees Fahrenheit."),
        ("In miles per hour.", "In km/h."),
        ("A share in percent.", "A share of one."),
        ("Departure in local time.", "Departure in UTC."),
        ("In MW.", "In kW."),
        ("The amount in EUR.", "The amount."),
    ],
)
def test_another_unit_is_another_meaning(before: str, after: str) -> None:
    assert unit_change(before, after) is not None
    change = description_change(before, after, "amount")
    assert change is not None
    assert (change.kind, change.level) == ("meaning", "breaking")
    assert "unit" in change.reason


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Minutes late.", "How late, in minutes."),
        ("In degrees Celsius.", "In °C."),
        ("In US dollars.", "In USD."),
        # What is no unit where it stands.
        ("The second flight of the day.", "The first flight of a month."),
        ("Its carrier(s).", "The carrier that flew."),
        ("At the foot of the page.", "At the end of the page."),
        ("ALL of them.", "The TOP of them."),
        # Stated for the first time.
        ("The amount.", "The amount in euros."),
        ("Delay in minutes.", "Delay in minutes, at 5 km at least."),
    ],
)
def test_other_words_may_mean_something_else(before: str, after: str) -> None:
    change = description_change(before, after, "amount")
    assert change is not None
    assert (change.kind, change.level) == ("meaning", "compatible")


@pytest.mark.parametrize(
    ("before", "after"), [("In euros.", "in  Euros"), (None, "The amount, in euros.")]
)
def test_another_spelling_and_a_first_description_are_words(before: str | None, after: str) -> None:
    change = description_change(before, after, "amount")
    assert change is not None
    assert (change.kind, change.level) == ("text", "none")


@given(st.text(), st.text())
def test_whatever_is_written_is_read(before: str, after: str) -> None:
    assert unit_change(before, before) is None
    if unit_change(before, after) is not None:
        assert units_of(before) != units_of(after)


def both(folder: Path, before: str, after: str) -> tuple[Change, ...]:
    sides = []
    for text in (before, after):
        contract, faults = read(folder, text)
        assert contract is not None, faults
        sides.append(PortInterface(contract, contract.ports[0]))
    return compare(sides[0], sides[1])


def test_a_description_in_a_contract(tmp_path: Path) -> None:
    euros, dollars = (document(COLUMN % f"In {unit}.") for unit in ("euros", "dollars"))
    (change,) = both(tmp_path, euros, dollars)
    assert (change.column, change.level) == ("amount", "breaking")
    assert (change.before, change.after) == ("description: In euros.", "description: In dollars.")
    assert "EUR -> USD" in change.reason


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("[{role: a}, {role: b}]", "[{role: a}]", ("role", "breaking")),
        ("[{role: a}]", "[]", ("role", "breaking")),
        ("[{role: a}]", "[{role: b}, {role: a}]", ("role", "compatible")),
        ("[{role: a, access: read}]", "[{role: a, access: write}]", ("role", "breaking")),
        ("[{role: a}]", "[{role: a, description: Who reads.}]", ("text", "none")),
    ],
)
def test_who_reads_by_a_role_that_is_gone_may_not_any_more(
    tmp_path: Path, before: str, after: str, found: tuple[str, str]
) -> None:
    texts = [document(COLUMN % "Any.", after=f"roles: {roles}\n") for roles in (before, after)]
    (change,) = both(tmp_path, *texts)
    assert (change.kind, change.level) == found
    assert change.column is None
