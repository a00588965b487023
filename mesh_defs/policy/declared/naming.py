"""Names and keys as the mesh agreed to write them."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from pydantic import field_validator

from mesh_defs.policy.declared.places import contract_file
from mesh_defs.policy.model import DeclaredPolicy, Finding, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.product.model import Mesh, OutputPort, Product

_SNAKE_CASE = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class NamesByConvention(DeclaredPolicy):
    """Columns are named by the mesh's convention, and every port has a primary key whose columns
    are named by it too."""

    columns: str = parameter(
        _SNAKE_CASE, description="what a column's whole name matches, as a regular expression"
    )
    keys: str = parameter(".+", description="what the whole name of a primary key's column matches")
    key_required: bool = parameter(
        True, stricter="higher", description="whether every port has a primary key"
    )

    @field_validator("columns", "keys")
    @classmethod
    def _pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"a regular expression; fix: mend it, {error}") from None
        return value

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding per name that is out of convention, and per port without a key."""
        for output in product.outputs:
            yield from self._names(output, contract_file(output, mesh))

    def _names(self, output: OutputPort, file: str) -> Iterator[Finding]:
        keyed = output.promise.primary_key
        if self.key_required and not keyed:
            yield Finding(
                f"the port '{output.name}' has no primary key",
                fix="mark what identifies a row with 'primaryKey: true'",
                port=output.name,
                file=file,
            )
        for column in output.promise.columns:
            patterns = [("columns", self.columns)]
            patterns += [("primary keys", self.keys)] if column.name in keyed else []
            for kind, pattern in patterns:
                if not _compiled(pattern).fullmatch(column.name):
                    yield Finding(
                        f"the column '{column.name}' is not named as {kind} are",
                        fix=f"rename it so that it matches {pattern}",
                        port=output.name,
                        column=column.name,
                        file=file,
                        line=column.line,
                    )
