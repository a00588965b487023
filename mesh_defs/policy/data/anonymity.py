"""Policies on groups that are too small: of people with the same quasi-identifiers, and of what is
behind each row of an aggregate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.faults import relative
from mesh_defs.policy.annotations import annotations_of
from mesh_defs.policy.model import DataPolicy, Finding, parameter
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.model import Mesh, OutputPort, Product

# Entropies of equal shares are not exactly a logarithm.
_ROUNDING = 1e-9


class KAnonymity(DataPolicy):
    """Every combination of a port's quasi-identifiers stands in at least k rows.

    It is about ports whose contract declares ``quasiIdentifiers``. NULL is a value like others.
    Rows are counted, not people: where a person has several rows, ask for a larger k.
    (Samarati and Sweeney 1998, "Protecting privacy when disclosing information".)
    """

    k: int = parameter(5, stricter="higher", ge=2, description="rows per combination, at least")

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:
        """Whether the contract declares quasi-identifiers."""
        del product, mesh
        return bool(annotations_of(output).quasi_identifiers)

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """At most one finding, which counts combinations and rows and shows no value."""
        columns = annotations_of(port.output).quasi_identifiers
        groups, rows = _two_numbers(
            port,
            f"SELECT count(*), sum(n)::BIGINT FROM (SELECT count(*) AS n FROM {port.table.rows.sql}"
            f" GROUP BY {_listed(columns)} HAVING count(*) < {self.k})",
        )
        if groups:
            yield _finding(
                port,
                f"{groups:,} combinations of {_words(columns)} stand in fewer than {self.k} rows"
                f" ({rows:,} of {port.rows:,} rows)",
                f"make {_words(columns)} coarser (a year for a day, a region for a place), leave"
                " these rows out, or drop one of the columns",
                rows,
            )


class LDiversity(DataPolicy):
    """Among the rows with the same quasi-identifiers, each sensitive column has at least l values.

    It is about ports whose contract declares ``quasiIdentifiers`` and classifies another column as
    sensitive; NULL is a value like others, for what is missing tells something too. With
    ``entropy``, the values must also be spread as evenly as l equally frequent ones.
    (Machanavajjhala et al. 2007, "l-diversity", definitions 4.1 and 4.2.)
    """

    l: int = parameter(  # noqa: E741  the name of the measure
        2, stricter="higher", ge=2, description="different values per combination, at least"
    )
    entropy: bool = parameter(
        False, stricter="higher", description="count values by their entropy, not their number"
    )

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:
        """Whether the contract declares quasi-identifiers, and a sensitive column besides."""
        del product, mesh
        return bool(_sensitive(output))

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """At most one finding for each sensitive column."""
        columns = annotations_of(port.output).quasi_identifiers
        for column in _sensitive(port.output):
            groups, rows = self._small(port, columns, column)
            if groups:
                evenly = " evenly spread" if self.entropy else ""
                yield _finding(
                    port,
                    f"{groups:,} combinations of {_words(columns)} have fewer than {self.l}{evenly}"
                    f" values of '{column}' ({rows:,} of {port.rows:,} rows): who knows the one"
                    " knows the other",
                    f"make {_words(columns)} or '{column}' coarser, or leave these rows out",
                    rows,
                    column,
                )

    def _small(self, port: StagedPort, columns: Sequence[str], column: str) -> tuple[int, int]:
        """The groups that are not diverse, and the rows in them."""
        names = [f"q{at}" for at in range(len(columns))]
        keys = ", ".join(f"{quote(c)} AS {n}" for c, n in zip(columns, names, strict=True))
        values = (
            f"SELECT {', '.join(names)}, value, count(*) AS c FROM"
            f" (SELECT {keys}, {quote(column)} AS value FROM {port.table.rows.sql}) GROUP BY ALL"
        )
        diverse = f"count(*) >= {self.l}"
        if self.entropy:
            entropy = "ln(sum(c)) - sum(c * ln(c)) / sum(c)"
            diverse = f"{entropy} >= ln({self.l}) - {_ROUNDING}"
        return _two_numbers(
            port,
            f"SELECT count(*), sum(n)::BIGINT FROM (SELECT sum(c) AS n FROM ({values})"
            f" GROUP BY {', '.join(names)} HAVING NOT ({diverse}))",
        )


class MinimumGroupSize(DataPolicy):
    """No row of an aggregate stands for fewer than k.

    It is about ports whose contract names the column that counts what is behind each row:
    ``groupSize`` on the schema object, or ``countedIn`` of a column's ``reducedBy``, whose own k
    then holds too where it is higher. A row without a count breaks it. An aggregate that reads
    personal columns and declares neither is found by the propagation of sensitivity, which knows
    whether those columns reach it.
    """

    k: int = parameter(5, stricter="higher", ge=2, description="what a row stands for, at least")

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:
        """Whether the contract names a column that counts."""
        del product, mesh
        return bool(self._counted(output))

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """At most one finding for each column that counts."""
        for column, k in self._counted(port.output).items():
            name = quote(column)
            small = port.number(
                f"SELECT count(*) FROM {port.table.rows.sql}"
                f" WHERE coalesce(isnan({name}::DOUBLE) OR {name} < {k}, true)"
            )
            if small:
                yield _finding(
                    port,
                    f"{small:,} of {port.rows:,} rows stand for fewer than {k} by '{column}',"
                    " or do not tell",
                    f"leave out the rows whose '{column}' is below {k}, or put them together with"
                    " others",
                    small,
                    column,
                )

    def _counted(self, output: OutputPort) -> dict[str, int]:
        """The columns that count, each with the least that it may be."""
        declared = annotations_of(output)
        found = {declared.group_size: self.k} if declared.group_size is not None else {}
        for column in output.promise.columns:
            reduction = declared.reduced_by(column.name)
            if reduction is not None and reduction.counted_in is not None:
                least = max(self.k, reduction.k or 0)
                found[reduction.counted_in] = max(least, found.get(reduction.counted_in, 0))
        return found


def _sensitive(output: OutputPort) -> list[str]:
    quasi = annotations_of(output).quasi_identifiers
    columns = output.promise.columns if quasi else ()
    return [c.name for c in columns if c.classification == "sensitive" and c.name not in quasi]


def _finding(
    port: StagedPort, message: str, fix: str, rows: int, column: str | None = None
) -> Finding:
    found = port.contract.column(column) if column is not None else None
    return Finding(
        message,
        fix=fix,
        port=port.name,
        column=column,
        file=relative(port.output.contract.path, port.mesh.root),
        line=found.line if found is not None else 0,
        failing_rows=rows,
        rows=port.rows,
    )


def _two_numbers(port: StagedPort, query: str) -> tuple[int, int]:
    first, second = port.connection.execute(query).fetchall()[0]
    return int(first or 0), int(second or 0)


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(quote(column) for column in columns)


def _words(columns: Sequence[str]) -> str:
    return " + ".join(f"'{column}'" for column in columns)
