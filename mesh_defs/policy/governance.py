"""What is in force where: the policies of the mesh, its domains and its products put together.

A domain or a product adds policies and makes those above it stricter. What would weaken one is a
fault when it is read; and should it get here all the same, the strictest value wins.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from mesh_defs.faults import Fault
from mesh_defs.interrupts import is_interrupt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mesh_defs.policy.entry import Where
    from mesh_defs.policy.model import Consequence, Direction, Policy
    from mesh_defs.policy.waivers import RefusedWaiver, Waiver
    from mesh_defs.product.model import Mesh, OutputPort, Product

Level = Literal["mesh", "domain", "product"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who put a policy in force: the file and line, and on which level that is."""

    file: str
    line: int
    level: Level

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Declaration:
    """One policy as one file puts it in force.

    ``scope`` is empty for the mesh, ``<domain>`` or ``<domain>/<product>``; ``given`` names the
    parameters that were written down; ``source`` is the digest of the file that the class or the
    query is from (empty for what ships).
    """

    id: str
    policy: Policy
    consequence: Consequence
    where: Where
    environments: tuple[str, ...]
    origin: Origin
    scope: str = ""
    given: frozenset[str] = frozenset()
    source: str = ""

    def covers(self, product: Product, environment: str) -> bool:
        """Whether it is about ``product`` (or one of its ports) in ``environment``."""
        manifest, where = product.manifest, self.where
        return (
            self.scope in ("", product.domain, product.identity)
            and (not self.environments or environment in self.environments)
            and (not where.domain or product.domain in where.domain)
            and (not where.archetype or manifest.archetype in where.archetype)
            and (not where.tag or has_tag(manifest.tags, where.tag))
            and (not where.status or manifest.status in where.status)
        )

    def covers_port(self, output: OutputPort) -> bool:
        """Whether it is about ``output`` of a product that it covers."""
        wanted = set(self.where.classification)
        return not wanted or any(c.classification in wanted for c in output.promise.columns)


@dataclass(frozen=True, slots=True)
class BrokenDeclaration:
    """A declaration that cannot be used, below the mesh's own level. What it asks for is not known,
    so that it stops every product that it may be about."""

    id: str
    scope: str
    faults: tuple[Fault, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class InForce:
    """One policy as it holds for one port: the strictest of all that was declared under its id.

    ``broken`` has the faults of a declaration that cannot be used; ``policy`` is then None.
    """

    id: str
    policy: Policy | None
    consequence: Consequence
    origins: tuple[Origin, ...]
    broken: tuple[Fault, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "id": self.id,
            "policy": type(self.policy).__name__ if self.policy is not None else None,
            "message": self.policy.message if self.policy is not None else None,
            "consequence": self.consequence,
            "parameters": self.policy.model_dump(mode="json") if self.policy is not None else {},
            "declared_in": [str(origin) for origin in self.origins],
            "broken": [fault.as_dict() for fault in self.broken],
        }


@dataclass(frozen=True)
class Governance:
    """All that is declared about policies in one mesh, for one environment. ``refused`` are waivers
    with faults, which let nothing pass."""

    declarations: tuple[Declaration, ...] = ()
    broken: tuple[BrokenDeclaration, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    environment: str = ""
    refused: tuple[RefusedWaiver, ...] = ()

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of everything that is declared anywhere."""
        return frozenset([d.id for d in self.declarations] + [b.id for b in self.broken])

    @cached_property
    def _scoped(self) -> dict[str, list[Declaration]]:
        scoped: dict[str, list[Declaration]] = {}
        for declaration in self.declarations:
            scoped.setdefault(declaration.scope, []).append(declaration)
        return scoped

    def about(self, product: Product) -> list[Declaration]:
        """The declarations that cover ``product``: the mesh's first, then the domain's, its own."""
        return [
            declaration
            for scope in ("", product.domain, product.identity)
            for declaration in self._scoped.get(scope, ())
            if declaration.covers(product, self.environment)
        ]

    def in_force(self, product: Product, output: OutputPort, mesh: Mesh) -> tuple[InForce, ...]:
        """What holds for ``output``, in the order in which it was declared: each policy that covers
        it and has something to say about it."""
        groups: dict[str, list[Declaration]] = {}
        for declaration in self.about(product):
            if declaration.covers_port(output):
                groups.setdefault(declaration.id, []).append(declaration)
        found = [merged(group) for group in groups.values()]
        asked = (_applying(each, product, output, mesh) for each in found)
        held = {each.id: each for each in asked if each is not None}
        for broken in self.broken_for(product):
            held[broken.id] = InForce(broken.id, None, "stop", (broken.origin,), broken.faults)
        return tuple(held.values())

    def broken_for(self, product: Product) -> list[BrokenDeclaration]:
        """The declarations that cannot be used and stop ``product``."""
        scopes = ("", product.domain, product.identity)
        return [broken for broken in self.broken if broken.scope in scopes]

    def waivers_for(self, product: Product) -> tuple[Waiver, ...]:
        """The waivers that name ``product``, ended ones too."""
        return tuple(w for w in self.waivers if w.identity == product.identity)

    def digest(self, product: Product, now: datetime) -> str:
        """Changes (sha256, hex; empty when nothing is in force) when other policies, parameters or
        living waivers hold for ``product``."""
        about = [
            [d.id, type(d.policy).__qualname__, d.policy.model_dump_json(), d.consequence, d.source]
            for d in self.about(product)
        ]
        broken = [[b.id, [str(f) for f in b.faults]] for b in self.broken_for(product)]
        waived = [
            [w.policy, w.port, w.column, w.until.isoformat()]
            for w in self.waivers_for(product)
            if w.days_left(now) > 0
        ]
        if not about and not broken and not waived:
            return ""
        return hashlib.sha256(json.dumps([about, broken, waived]).encode()).hexdigest()


def has_tag(tags: Iterable[str], wanted: Iterable[str]) -> bool:
    """Whether one of ``tags`` is one of ``wanted``, in whatever case they are written."""
    return not {tag.casefold() for tag in tags}.isdisjoint(tag.casefold() for tag in wanted)


def _applying(held: InForce, product: Product, output: OutputPort, mesh: Mesh) -> InForce | None:
    """``held`` when it has something to say about ``output``. A policy that cannot even tell that
    is broken there, and has its consequence."""
    policy, origin = held.policy, held.origins[0]
    try:
        return held if policy is not None and policy.applies(product, output, mesh) else None
    except (Exception, SystemExit) as error:  # whoever wrote the policy may raise anything
        if is_interrupt(error):
            raise
        first = next(iter(str(error).splitlines()), "")
        fault = Fault(
            origin.file,
            origin.line,
            f"policy {held.id}",
            f"{type(error).__name__} in its applies(): {first}",
            "true or false for every port",
            "mend the policy",
        )
        return replace(held, policy=None, broken=(fault,))


def merged(group: list[Declaration]) -> InForce:
    """The strictest of all declarations of one id (at least one, of the same class)."""
    first, *others = group
    values: dict[str, Any] = {name: getattr(first.policy, name) for name in _fields(first.policy)}
    for other in others:
        for name in other.given:
            direction = type(first.policy).direction(name)
            if direction is not None:
                order = type(first.policy).order(name)
                value = getattr(other.policy, name)
                values[name] = stricter(direction, values[name], value, order)
    policy = first.policy.model_copy(update=values) if others else first.policy
    stops = any(d.consequence == "stop" for d in group)
    return InForce(first.id, policy, "stop" if stops else "warn", tuple(d.origin for d in group))


def _fields(policy: Policy) -> Iterable[str]:
    return type(policy).model_fields


def stricter(
    direction: Direction,
    one: Any,  # noqa: ANN401  parameters' values
    other: Any,  # noqa: ANN401
    order: Sequence[str] = (),
) -> Any:  # noqa: ANN401
    """The stricter of two values of a parameter, whose values have an ``order`` where they are
    words that come earlier or later. None asks for nothing."""
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, dict):
        return {
            key: stricter(direction, one.get(key), other.get(key)) for key in _union(one, other)
        }
    if direction == "higher":
        return max(one, other)
    if direction == "lower":
        return min(one, other)
    if direction == "earlier":
        return min(one, other, key=order.index)
    if direction == "later":
        return max(one, other, key=order.index)
    if direction == "more":
        return _union(one, other)
    return [value for value in one if value in other]


def _union(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys([*one, *other]))


def weaker(
    direction: Direction | None,
    given: Any,  # noqa: ANN401
    above: Any,  # noqa: ANN401
    order: Sequence[str] = (),
) -> bool:
    """Whether ``given`` asks for less than ``above``. Without a direction, any change does. None
    asks for nothing."""
    if direction is None:
        return bool(given != above)
    if given is None or above is None:
        return given is None and above is not None
    if isinstance(above, dict):
        return any(weaker(direction, given.get(key), value) for key, value in above.items())
    if direction == "higher":
        return bool(given < above)
    if direction == "lower":
        return bool(given > above)
    if direction == "earlier":
        return order.index(given) > order.index(above)
    if direction == "later":
        return order.index(given) < order.index(above)
    if direction == "more":
        return not set(above) <= set(given)
    return not set(given) <= set(above)


def allowed_values(
    direction: Direction | None,
    above: Any,  # noqa: ANN401
    order: Sequence[str] = (),
) -> str:
    """What a level below may write, in words."""
    shown = json.dumps(above) if isinstance(above, (list, dict)) else str(above)
    if direction is None:
        return f"{shown}, or an id of its own"
    if order and above in order:
        at = order.index(above)
        return ", ".join(order[: at + 1] if direction == "earlier" else order[at:])
    words: Mapping[Direction, str] = {
        "higher": f"{shown} or more",
        "lower": f"{shown} or less",
        "more": f"at least {shown}",
        "fewer": f"nothing beyond {shown}",
    }
    return words[direction]
