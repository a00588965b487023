"""A plan: every product that changed, the version that this demands, and whom it touches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mesh_defs.policy.compatibility.model import Comparison

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.verdicts import Verdict

# `code`: the promises are the same, what makes the rows is not. `unknown`: it cannot be compared.
State = Literal["new", "removed", "changed", "code", "unchanged", "broken", "unknown"]

# How a consumer is touched, the surest first: a changed column flows into one of its own, it
# expects something of it, its code names it, it reads the whole port; or nobody knows what it
# reads.
How = Literal["flows", "expects", "names", "port", "unknown"]
HOW: tuple[How, ...] = ("flows", "expects", "names", "port", "unknown")


@dataclass(frozen=True, slots=True)
class Unmet:
    """An expectation of a consumer that the new version does not meet: on which ``input``, and the
    verdict."""

    input: str
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"input": self.input, "verdict": self.verdict.as_dict()}


@dataclass(frozen=True, slots=True)
class Touched:
    """A product that a change reaches.

    ``distance`` counts the products on the way (1: it reads the changed product itself).
    ``columns`` are the changed columns that reach it, as ``<port>#<column>``, or ``<port>`` for
    what is about the whole port. Each of ``ways`` goes from a changed column to one of its own.
    ``pinned`` is the major version of the interface that it keeps to although the new version has
    another one; it then gets no new data. ``unmet`` are its expectations that the new version does
    not meet; None when it has none, or none could be run.
    """

    product: str
    owner: str
    distance: int
    how: How
    reason: str
    columns: tuple[str, ...]
    ways: tuple[tuple[str, ...], ...]
    pinned: int | None = None
    unmet: tuple[Unmet, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "product": f"mesh://{self.product}",
            "owner": self.owner,
            "distance": self.distance,
            "how": self.how,
            "reason": self.reason,
            "columns": list(self.columns),
            "ways": [list(way) for way in self.ways],
            "pinned": self.pinned,
            "unmet": None if self.unmet is None else [one.as_dict() for one in self.unmet],
        }


@dataclass(frozen=True, slots=True)
class Holder:
    """A principal who may read changed columns, in clear or masked: ``columns`` as in `Touched`.
    ``grant`` names the access grant by which they may, None where the rules alone let them."""

    principal: str
    roles: tuple[str, ...]
    columns: tuple[str, ...]
    grant: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "principal": self.principal,
            "roles": list(self.roles),
            "columns": list(self.columns),
            "grant": self.grant,
        }


@dataclass(frozen=True, slots=True)
class Holders:
    """Who may read what changed; ``problem`` says why that is not known."""

    found: tuple[Holder, ...] = ()
    problem: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"principals": [one.as_dict() for one in self.found], "problem": self.problem}


@dataclass(frozen=True, slots=True)
class Build:
    """What became of building the new version without publishing it. ``outcome`` is ``built``,
    ``refused`` (it was built, and something blocking keeps it from being published: ``verdicts``)
    or ``failed`` (``reason``). ``rebuild`` tells that it must be published with ``--rebuild``."""

    outcome: Literal["built", "refused", "failed"]
    seconds: float
    rows: Mapping[str, int] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    reason: str | None = None
    rebuild: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "outcome": self.outcome,
            "seconds": round(self.seconds, 3),
            "rows": dict(self.rows),
            "rebuild": self.rebuild,
            "reason": self.reason,
            "verdicts": [verdict.as_dict() for verdict in self.verdicts],
        }


@dataclass(frozen=True, slots=True)
class ProductPlan:
    """One product. ``problem`` says why it cannot be compared (states broken and unknown)."""

    identity: str
    state: State
    comparison: Comparison = field(default_factory=Comparison)
    touched: tuple[Touched, ...] = ()
    holders: Holders = field(default_factory=Holders)
    build: Build | None = None
    problem: str | None = None

    @property
    def stops(self) -> bool:
        """Whether it makes the plan's answer a no: a breaking change without its major version, a
        version that was lowered or is none, a removal that nobody was told of, or nothing that
        could be compared."""
        short = any(shortfall.stops for shortfall in self.comparison.shortfalls)
        return short or self.problem is not None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        found = self.comparison
        return {
            "product": f"mesh://{self.identity}",
            "state": self.state,
            "level": found.level,
            "bump": found.bump,
            "version": {"before": found.version_before, "after": found.version_after},
            "ports": [port.as_dict() for port in found.ports],
            "shortfalls": [shortfall.as_dict() for shortfall in found.shortfalls],
            "consumers": [touched.as_dict() for touched in self.touched],
            "readers": self.holders.as_dict(),
            "build": self.build.as_dict() if self.build is not None else None,
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """All products that were looked at. ``against`` says what the working tree was compared with;
    ``products`` has those that changed, ``unchanged`` counts the others."""

    against: str
    products: tuple[ProductPlan, ...]
    unchanged: int

    @property
    def stops(self) -> bool:
        """Whether the answer is no."""
        return any(product.stops for product in self.products)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "against": self.against,
            "ok": not self.stops,
            "unchanged": self.unchanged,
            "products": [product.as_dict() for product in self.products],
        }
