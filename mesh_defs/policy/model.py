"""What a policy is: a class whose name is its id, whose docstring is its message, whose fields are
its parameters, and whose one method returns what it found."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from mesh_defs.validation import Strict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic.config import JsonDict

    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.model import Mesh, OutputPort, Product

Consequence = Literal["stop", "warn"]
# Which values of a parameter are stricter: higher or lower numbers, sets that hold more or fewer,
# words that come earlier or later in an order of their own.
Direction = Literal["higher", "lower", "more", "fewer", "earlier", "later"]

_DIRECTION = "stricter"
_ORDER = "order"


def parameter(
    default: Any = ...,  # noqa: ANN401  a default is of the field's type
    *,
    stricter: Direction | None = None,
    order: Sequence[str] = (),
    description: str | None = None,
    **limits: Any,  # noqa: ANN401  pydantic's own: ge, le, min_length
) -> Any:  # noqa: ANN401  stands for a value of the field's type
    """A parameter of a policy. ``stricter`` tells in which direction a domain or a product may move
    it; without, it cannot be changed below the level that set it. ``order`` has all values of one
    that is ``earlier`` or ``later``. ``limits`` are pydantic's. Raises `ValueError` for a direction
    and an order of which one lacks the other."""
    if (stricter in ("earlier", "later")) != bool(order):
        raise ValueError("a parameter with an 'order' is stricter 'earlier' or 'later', no other")
    extra: JsonDict | None = {_DIRECTION: stricter} if stricter is not None else None
    if extra is not None and order:
        extra[_ORDER] = list(order)
    return Field(default, description=description, json_schema_extra=extra, **limits)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a policy does not allow.

    ``message`` says in one line what is wrong, and quotes no value of the data; ``fix`` what to do.
    ``port`` and ``column`` narrow it down (None: all of the product). ``file`` (relative to the
    mesh's root) and ``line`` say where it is mended, ``path`` is a way through the mesh, from where
    it was found back to its source. Counts are of rows, ``samples`` hold masked rows.
    ``classification`` is what the column turned out to be at least: where the policy only warns, or
    is waived, it goes downstream with the column as if the contract said so; and no verdict of the
    run shows a value of a column that turned out to be personal or sensitive.
    """

    message: str
    fix: str | None = None
    port: str | None = None
    column: str | None = None
    file: str | None = None
    line: int = 0
    path: tuple[str, ...] = ()
    failing_rows: int | None = None
    rows: int | None = None
    samples: tuple[Mapping[str, Any], ...] = ()
    classification: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON values."""
        values = asdict(self)
        values["path"] = list(self.path)
        values["samples"] = [dict(row) for row in self.samples]
        return values


class Policy(Strict, ABC):
    """What all policies have; use `DeclaredPolicy` or `DataPolicy`."""

    @property
    def message(self) -> str:
        """What the policy asks for: the first paragraph of its docstring, in one line."""
        text = inspect.cleandoc(type(self).__doc__ or type(self).__name__)
        return " ".join(text.partition("\n\n")[0].split())

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:  # noqa: ARG002  for classes below
        """Whether it has anything to say about this port, by what is declared alone."""
        return True

    @classmethod
    def direction(cls, name: str) -> Direction | None:
        """Which values of the parameter ``name`` are stricter, if any are."""
        extra = cls.model_fields[name].json_schema_extra
        return extra.get(_DIRECTION) if isinstance(extra, dict) else None  # type: ignore[return-value]  # `parameter` wrote it

    @classmethod
    def order(cls, name: str) -> tuple[str, ...]:
        """All values of the parameter ``name`` in their order, if they have one."""
        extra = cls.model_fields[name].json_schema_extra
        listed = extra.get(_ORDER) if isinstance(extra, dict) else None
        return tuple(str(word) for word in listed) if isinstance(listed, list) else ()


class DeclaredPolicy(Policy):
    """A policy about what is written down. It needs no data, so ``mesh check`` runs it."""

    @abstractmethod
    def findings(self, product: Product, mesh: Mesh) -> Iterable[Finding]:
        """What is wrong with ``product`` as it is declared. May raise anything: the verdict is then
        ``error``."""


class DataPolicy(Policy):
    """A policy about the rows of a port, before they are published."""

    @abstractmethod
    def findings(self, port: StagedPort) -> Iterable[Finding]:
        """What is wrong with the staged version. May raise anything: the verdict is then
        ``error``."""
