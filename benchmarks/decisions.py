"""A decision on one column of a port of 50, against a bare call of cedarpy.

    uv run python benchmarks/decisions.py

Ours is the whole decision as ``mesh.open`` and ``mesh access explain`` use it: the shipped rules,
20 rules of a domain, 50 columns of all classifications in one batch, masks, row filters, reasons.
The reference asks cedarpy the same 51 questions one by one, with policies and entities parsed
before, and looks at nothing but allowed or not. Everything is loaded before the clock starts. Ends
with ``decisions: <ratio> (bar 1.0)``, the ratio of our time per column to 100 µs; the exit code is
1 when it is over the bar, or when a decision is not what the rules say.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cedarpy

from benchmarks._harness import conclude, in_turn, median, table
from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.policy.access.decide import Access, HashKey
from mesh_defs.policy.access.entities import ColumnSubject, PortSubject, entities, principal_uid
from mesh_defs.policy.access.load import load_rules
from mesh_defs.policy.access.principals import Principal, Principals

BAR = 1.0
MICROSECONDS = 100
COLUMNS = 50
REPEATED = 50
NOW = datetime(2026, 1, 1, tzinfo=UTC)
READER = Principal("service", "reports", ("reader",), "shop")
SUBJECT = PortSubject(
    "shop",
    "sales",
    "sales",
    tuple(ColumnSubject(f"c{n}", CLASSIFICATIONS[n % 5]) for n in range(COLUMNS)),
    "sensitive",
    archetype="aggregate",
    status="active",
    tags=("sales",),
    purposes=("analytics",),
)
RULES = (
    """
@id("port")
@rows("c0 = 'a'")
permit (principal in Role::"reader", action, resource == Port::"shop/sales/sales");
"""
    + "".join(
        f"""
@id("rule{n}")
@mask("{"hash" if n % 2 else "partial"}")
permit (principal in Role::"{"reader" if n < 10 else "other"}", action == Action::"read",
  resource == Column::"shop/sales/sales#c{n * 5 + 3}")
when {{ context has purpose && context.purpose == "analytics" }};
"""
        for n in range(10)
    )
    + "".join(f'forbid (principal in Role::"blocked{n}", action, resource);\n' for n in range(9))
)


def main() -> int:
    """Measure, print, conclude."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "domains/shop/access.cedar"
        file.parent.mkdir(parents=True)
        file.write_text(RULES)
        rulebook = load_rules(Path(folder), ["shop"])
    declared = Principals({str(READER): READER}, declared=True)
    access = Access(rulebook, declared, "local", HashKey(b"0123456789abcdef"))
    seconds = in_turn({"ours": lambda: ours(access), "cedarpy alone": bare(access)})
    per_column = {
        name: median(values) / REPEATED / COLUMNS * 1e6 for name, values in seconds.items()
    }
    table(["", "µs a column"], [[name, f"{value:.1f}"] for name, value in per_column.items()])
    return conclude("decisions", per_column["ours"] / MICROSECONDS, BAR, *problems(access))


def ours(access: Access) -> None:
    """Decide again and again on the whole port."""
    for _ in range(REPEATED):
        access.decide(READER, SUBJECT, "read", "analytics", NOW)


def bare(access: Access):  # noqa: ANN201  a closure
    """The same questions, each in a call of its own."""
    context = {
        "environment": "local",
        "purpose": "analytics",
        "time": {"__extn": {"fn": "datetime", "arg": "2026-01-01T00:00:00Z"}},
    }
    places = [("Port", SUBJECT.path)]
    places += [("Column", f"{SUBJECT.path}#{column.name}") for column in SUBJECT.columns]
    requests = [
        {
            "principal": principal_uid(READER),
            "action": {"type": "Action", "id": "read"},
            "resource": {"type": kind, "id": name},
            "context": json.dumps(context),
        }
        for kind, name in places
    ]
    policies = access.rulebook.in_force("shop").policies
    parsed = entities(SUBJECT, READER)

    def run() -> None:
        for _ in range(REPEATED):
            for request in requests:
                cedarpy.is_authorized(request, policies, parsed)

    return run


def problems(access: Access) -> list[str]:
    """What is not as the rules say."""
    decision = access.decide(READER, SUBJECT, "read", "analytics", NOW)
    found = []
    if not decision.allowed or decision.row_filter is None:
        found.append("the port is not read through its row filter")
    wanted = {"public": None, "internal": None, "confidential": None, "sensitive": "null"}
    for position, column in enumerate(decision.columns):
        mask = wanted.get(column.classification, "hash" if position // 5 % 2 else "partial")
        if column.mask != mask:
            found.append(f"{column.name} is {column.mask}, not {mask}")
    return found


if __name__ == "__main__":
    sys.exit(main())
