"""What an expression takes away of a value that stands in it: from the column upwards, step by
step.

What is not known to take anything away takes nothing: a function is either named here, or the value
goes through it as it is. So do plain digests (md5, sha256): who has a list of likely values has
theirs too. An aggregate that gives one row's own value (min, max, first, mode, list, the median and
any other quantile) gives it away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from mesh_defs.policy.flow.ways import DIRECT, SOME_ROWS, UNPROVEN, Path
from mesh_defs.product.lineage import groups, keeping, pieces, scopes
from mesh_defs.product.lineage.reading import DIALECT

if TYPE_CHECKING:
    from mesh_defs.product.lineage.groups import Count

KEYED_HASH = "keyed_hash"

# Of so many cases at most, which one it was is no more than one character.
_FEW_CASES = 4

_COUNTS = (exp.Count, exp.CountIf, exp.ApproxDistinct)
_AGGREGATES = (
    *_COUNTS,
    exp.Sum,
    exp.Avg,
    exp.Stddev,
    exp.StddevPop,
    exp.StddevSamp,
    exp.Variance,
    exp.VariancePop,
    exp.Skewness,
    exp.Kurtosis,
    exp.Corr,
    exp.CovarPop,
    exp.CovarSamp,
)
_AGGREGATE_NAMES = frozenset(
    {"mean", "favg", "fsum", "sumkahan", "kahan_sum", "entropy", "sem", "var_samp", "geomean"}
)
# Inside an aggregate these leave no row out and single no row out.
_EVERY_ROW = (
    exp.Column,
    exp.Identifier,
    exp.Literal,
    exp.Neg,
    exp.Paren,
    exp.Cast,
    exp.DataType,
    exp.DataTypeParam,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.IntDiv,
    exp.Round,
    exp.Floor,
    exp.Ceil,
    exp.Abs,
    exp.Coalesce,
    exp.Distinct,
    exp.DateDiff,
    exp.Extract,
    exp.Year,
    exp.Quarter,
    exp.Month,
    exp.Day,
    exp.Var,
)
_TESTS = (
    exp.Predicate,
    exp.RegexpLike,
    exp.RegexpFullMatch,
    exp.RegexpILike,
    exp.StartsWith,
    exp.EndsWith,
    exp.Contains,
    exp.ArrayContains,
)
# sqlglot reads DuckDB's distance of vectors (<=>) as IS NOT DISTINCT FROM; MATCH may be a score.
_NO_TESTS = (exp.NullSafeEQ, exp.Match)
# Characters that a part of a date shows, and a date cut off at a unit.
_PARTS = {"MILLENNIUM": 1, "CENTURY": 2, "DECADE": 3, "YEAR": 4, "QUARTER": 1, "MONTH": 2, "DAY": 2}
_CUT_OFF = {"MILLENNIUM": 1, "CENTURY": 2, "DECADE": 3, "YEAR": 4, "QUARTER": 5, "MONTH": 6}
_PART_FUNCTIONS = (exp.Year, exp.Quarter, exp.Month, exp.Day)


@dataclass(frozen=True, slots=True)
class Reduction:
    """What one expression takes away. ``counts`` are those that tell how many rows its aggregate
    covers (with ``table`` None: of the one relation that is read); ``some`` that it covers some
    rows of its group alone, which may be one where no count tells.

    ``spreads``: which piece of the value it is depends on something else, so that later masks bound
    nothing; ``collects``: so do earlier ones, because what they show of many rows or steps is put
    together. ``alone``: no other column stands in it; ``whole``: nor anything that leaves out or
    singles out a row. ``counting``: its aggregate is a count. ``piece``: it may be so little of the
    value that a hash of it takes nothing away. ``recoded``: its characters are not the value's, so
    that a mask which counts them (``lettered``) bounds nothing later on.
    """

    path: Path = DIRECT
    counts: frozenset[Count] = frozenset()
    some: bool = False
    spreads: bool = False
    collects: bool = False
    alone: bool = True
    whole: bool = True
    counting: bool = False
    piece: bool = False
    recoded: bool = False
    lettered: bool = False

    def after(self, earlier: Reduction) -> Reduction:
        """``earlier``, which aggregates nothing, and then this one."""
        path = earlier.unmasked().path if self.collects else earlier.path
        void = earlier.voids(self.path, lettered=self.lettered)
        later = self.unmasked().path if void else self.path
        return replace(
            self,
            path=path.then(earlier.hashed_whole(later)),
            piece=earlier.piece or self.piece,
            recoded=earlier.recoded or self.recoded,
            lettered=earlier.lettered or self.lettered,
            spreads=self.spreads or earlier.spreads,
            collects=self.collects or earlier.collects,
        )

    def unmasked(self) -> Reduction:
        """The same where masks bound nothing."""
        return replace(self, path=replace(self.path, masked=None), spreads=True, collects=True)

    def voids(self, later: Path, *, lettered: bool) -> bool:
        """Whether the mask of a ``later`` path bounds nothing after this; ``lettered``: it counts
        characters."""
        hashed = self.path.hashed or later.hashed
        return self.spreads or (self.recoded and lettered and not hashed)

    def hashed_whole(self, later: Path) -> Path:
        """``later``, in which hashes count for nothing where all they are of is a piece."""
        return replace(later, hashed=False, masked=None) if self.piece and later.hashed else later


AS_IT_IS = Reduction()


def reduction(leaf: exp.Expr, root: exp.Expr, table: str | None) -> Reduction:
    """What ``root`` takes away of ``leaf``, which stands in it. ``table`` is the relation of its
    query that ``leaf`` is of; None for one of an outer query, over which nothing is aggregated."""
    so_far = Reduction()
    node = leaf
    while node is not root and node.parent is not None:
        parent = node.parent
        so_far = _then(so_far, _step(node, parent, leaf, table), node, leaf)
        node = parent
    alone, whole = _every_row(root, leaf)
    return replace(so_far, alone=alone, whole=whole)


def _then(so_far: Reduction, found: Reduction, node: exp.Expr, leaf: exp.Expr) -> Reduction:
    """``so_far``, and what the parent of ``node`` takes away, which is ``found``."""
    parent = node.parent
    path = so_far.hashed_whole(found.path)
    lettered = keeping.cuts_characters(node)
    fixed = not so_far.spreads and parent is not None and pieces.bounded(node, parent, leaf)
    fixed = fixed and not (lettered and so_far.recoded)
    if not fixed and not so_far.path.hashed:  # What is cut out of a digest is no piece of a value.
        path = replace(path, masked=None)
    passed = so_far.path.then(path)
    spreads = not passed.hashed and (so_far.spreads or pieces.spreads(node, leaf))
    few = path.masked is not None and path.masked < pieces.WHOLE
    piece = so_far.piece or (not passed.hashed and (few or not keeping.keeps_all(node)))
    result = replace(
        so_far,
        path=passed,
        spreads=spreads,
        piece=piece,
        recoded=so_far.recoded or not keeping.keeps_characters(node),
        lettered=so_far.lettered or lettered,
    )
    if path.aggregated is not None and so_far.path.aggregated is None:
        counting = isinstance(parent, _COUNTS)
        result = replace(result, counts=found.counts, some=found.some, counting=counting)
    return result.unmasked() if parent is not None and pieces.collects(parent) else result


def _every_row(root: exp.Expr, leaf: exp.Expr) -> tuple[bool, bool]:
    """Whether no other column stands in ``root`` beside ``leaf``, and whether, besides, nothing in
    it makes a row count for nothing. What is inside its aggregates was judged with these."""
    if not isinstance(leaf, exp.Column):
        return False, False
    own = (leaf.table, leaf.name)
    nodes = list(root.walk(prune=lambda node: _is_aggregate(node) or _is_window(node)))
    columns = {(node.table, node.name) for node in nodes if isinstance(node, exp.Column)}
    plain = (*_EVERY_ROW, exp.Alias, exp.Filter, exp.Unnest, exp.Explode)
    alone = columns <= {own} and not any(isinstance(node, scopes.QUERIES) for node in nodes)
    whole = all(isinstance(n, plain) or _is_aggregate(n) or _is_window(n) for n in nodes)
    return alone, alone and whole


def _is_window(node: exp.Expr) -> bool:
    return isinstance(node, exp.Window) and _is_aggregate(
        node.this.this if isinstance(node.this, exp.Filter) else node.this
    )


def _step(node: exp.Expr, parent: exp.Expr, leaf: exp.Expr, table: str | None) -> Reduction:
    place = node.arg_key
    if isinstance(parent, exp.Anonymous):
        name = parent.name.lower()
        if name == KEYED_HASH:
            return Reduction(Path(hashed=True))
        if name in ("date_part", "datepart"):
            return _masked(_PARTS, parent.expressions[0])
    if isinstance(parent, exp.Window) and place == "partition_by":
        return Reduction(Path(condition=True))
    if isinstance(parent, exp.Filter) and place == "expression":
        inside = _aggregate(parent.this, leaf, table)
        return Reduction(Path(masked=1).then(inside.path), inside.counts, inside.some)
    if _is_aggregate(parent):
        return _aggregate(parent, leaf, table)
    if isinstance(parent, _TESTS) and not isinstance(parent, _NO_TESTS):
        return Reduction(Path(masked=1))
    if isinstance(parent, exp.If) and place == "this":
        return _of_cases(parent.parent if isinstance(parent.parent, exp.Case) else parent)
    if isinstance(parent, exp.Case) and place == "this":
        return _of_cases(parent)
    return _shortened(parent, place)


def _of_cases(choice: exp.Expr | None) -> Reduction:
    cases = len(choice.args["ifs"]) if isinstance(choice, exp.Case) else 1
    return Reduction(Path(masked=1)) if cases <= _FEW_CASES else Reduction()


def _shortened(parent: exp.Expr, place: str | None) -> Reduction:
    if place == "this" and isinstance(parent, (exp.Left, exp.Right)):
        return _characters(parent.expression)
    if place == "this" and isinstance(parent, exp.Substring):
        fixed = pieces.is_constant(parent.args.get("start"))
        return _characters(parent.args.get("length")) if fixed else Reduction()
    if isinstance(parent, _PART_FUNCTIONS):
        return Reduction(Path(masked=_PARTS[type(parent).__name__.upper()]))
    if isinstance(parent, exp.Extract) and place == "expression":
        return _masked(_PARTS, parent.this)
    if isinstance(parent, (exp.TimestampTrunc, exp.DateTrunc)) and place == "this":
        return _masked(_CUT_OFF, parent.args.get("unit"))
    return Reduction()


def _characters(length: exp.Expr | None) -> Reduction:
    if isinstance(length, exp.Literal) and length.is_int:
        return Reduction(Path(masked=int(length.this)))
    return Reduction()


def _masked(shown: dict[str, int], unit: exp.Expr | None) -> Reduction:
    characters = shown.get(unit.name.upper()) if unit is not None else None
    return Reduction(Path(masked=characters)) if characters is not None else Reduction()


def _is_aggregate(node: exp.Expr) -> bool:
    named = isinstance(node, exp.Anonymous) and node.name.lower() in _AGGREGATE_NAMES
    return named or isinstance(node, _AGGREGATES)


def _aggregate(aggregate: exp.Expr, leaf: exp.Expr, table: str | None) -> Reduction:
    """What ``aggregate`` (with its filter and window) takes away of ``leaf``."""
    if table is None or not _is_aggregate(aggregate):
        return Reduction()
    whole: exp.Expr = aggregate
    if isinstance(whole.parent, exp.Filter):
        whole = whole.parent
    partition = ""
    if isinstance(whole.parent, exp.Window) and whole.arg_key == "this":
        if not groups.is_whole(whole.parent):
            return Reduction()
        partition = groups.partition_of(whole.parent)
    if not isinstance(leaf, exp.Column):
        return Reduction(Path(aggregated=SOME_ROWS))
    conditions = _conditions(aggregate, whole)
    if conditions is None:
        return Reduction(Path(aggregated=SOME_ROWS))
    tables = (None, table)
    counts = {groups.Count(t, partition, c) for t in tables for c in conditions}
    return Reduction(Path(aggregated=UNPROVEN), frozenset(counts), "" not in conditions)


def _conditions(aggregate: exp.Expr, whole: exp.Expr) -> set[str] | None:
    """Filters of those counts that count every row which ``aggregate`` covers; None when it may
    single rows out in another way."""
    own = whole.expression.this.sql(DIALECT) if isinstance(whole, exp.Filter) else ""
    inner = [node for node in scopes.walk(whole) if node is not whole]
    if any(isinstance(node, scopes.QUERIES) for node in inner):
        return None
    columns = {(n.table, n.name) for n in inner if isinstance(n, exp.Column)}
    if isinstance(aggregate, _COUNTS):
        # How many rows of a group have a value tells of the group, unless a second column can pick
        # the one row that is asked about.
        return {"", own} if len(columns) <= 1 else None
    parts = [node for node in aggregate.walk() if node is not aggregate]
    # Another column may be NULL or 0 for all rows but one, whatever is made of the two.
    only = len({(n.table, n.name) for n in parts if isinstance(n, exp.Column)}) <= 1
    return {own} if only and all(isinstance(node, _EVERY_ROW) for node in parts) else None
