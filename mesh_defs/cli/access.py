"""``mesh access``: what somebody may read of a port, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from mesh_defs.cli.command import Command, Group
from mesh_defs.cli.output import (
    AsJson,
    ForProfile,
    console,
    print_json,
    show_table,
    table,
    text,
)

if TYPE_CHECKING:
    from rich.text import Text

    from mesh_defs.policy.access.decision import ColumnDecision, Decision
    from mesh_defs.policy.access.entities import PortSubject
    from mesh_defs.product.access import MeshAccess

app = typer.Typer(
    cls=Group,
    help="Explain who may read what of a port, and by which rule.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)

OfPort = Annotated[str, typer.Argument(metavar="URL", help="The port's or product's URL.")]
OfColumn = Annotated[
    str,
    typer.Argument(metavar="URL", help="The port's or product's URL, #COLUMN for a column alone."),
]
Purpose = Annotated[
    str | None, typer.Option("--purpose", metavar="PURPOSE", help="What it is to be used for.")
]


@app.command(cls=Command)
def explain(
    url: OfColumn,
    who: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="PRINCIPAL",
            help="person:NAME, service:NAME or agent:NAME (default: who you are here).",
        ),
    ] = None,
    purpose: Purpose = None,
    action: Annotated[
        str,
        typer.Option("--action", help="discover, read, query, subscribe or control."),
    ] = "read",
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Explain a decision on a port: by which rule, which columns, which rows.

    The rules are those that ship, access.cedar beside mesh.yaml and access.cedar in the port's
    domain. Who reads here is MESH_PRINCIPAL, or the infra profile's principal. Exit code 1 when it
    is denied.

    \b
    Examples:
      mesh access explain mesh://fleet/aircraft
      mesh access explain mesh://fleet/aircraft#tail_number
      mesh access explain mesh://fleet/aircraft --action discover --json
    """
    reads, subject, name = _reads(url, profile, columns=True)
    decision = _decided(reads, subject, who, action, purpose)
    if name is not None:
        decision = _only(decision, name)
    if as_json:
        print_json(decision.as_dict())
    else:
        _show(decision)
    raise typer.Exit(0 if decision.allowed else 1)


@app.command(cls=Command)
def who(
    url: OfPort, purpose: Purpose = None, profile: ForProfile = None, as_json: AsJson = False
) -> None:
    """List who may read a port, and how much of it.

    These are the principals of principals.yaml, and a reader who says no name. Exit code 1 when
    nobody may.

    \b
    Examples:
      mesh access who mesh://fleet/aircraft
      mesh access who mesh://fleet/aircraft --json
    """
    from mesh_defs.policy.access.principals import nameless

    reads, subject, _ = _reads(url, profile)
    decisions = [
        reads.access.decide(principal, subject, "read", purpose)
        for principal in (*reads.principals, nameless(reads.principals))
    ]
    if as_json:
        print_json({"url": subject.url, "readers": [decision.as_dict() for decision in decisions]})
    else:
        made = table(["principal", "roles", "reads", "why"])
        for decision in decisions:
            roles = ", ".join(decision.principal.roles) or "-"
            style = "green" if decision.allowed else "red"
            seen = text(_in_short(decision), style)
            made.add_row(text(decision.principal), text(roles), seen, text(decision.reason))
        show_table(made)
    raise typer.Exit(0 if any(decision.allowed for decision in decisions) else 1)


def _reads(
    url: str, profile: str | None, *, columns: bool = False
) -> tuple[MeshAccess, PortSubject, str | None]:
    """Access to the mesh, the port that ``url`` names, and its column, which only ``columns``
    lets it name."""
    from mesh_defs.cli.arguments import product_url, require_product
    from mesh_defs.errors import UnknownAddress
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.settings import find_root, load_settings

    settings = load_settings(find_root(), profile)
    address = product_url(url, columns=columns)
    require_product(settings.root, address)
    reads = MeshAccess(settings)
    column, address = address.column, replace(address, column=None)
    try:
        return reads, reads.subject(address), column
    except UnknownAddress as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None


def _only(decision: Decision, name: str) -> Decision:
    """``decision`` as far as it is about the column ``name``."""
    from mesh_defs.faults import did_you_mean

    names = [column.name for column in decision.subject.columns]
    if name not in names:
        raise typer.BadParameter(
            f"{decision.subject.url} has no column '{name}'; allowed: {', '.join(names)}. "
            f"Fix: {did_you_mean(name, names)}",
            param_hint="URL",
        )
    found = decision.column(name)
    return replace(decision, columns=(found,) if found is not None else ())


def _decided(
    reads: MeshAccess, subject: PortSubject, who: str | None, action: str, purpose: str | None
) -> Decision:
    from mesh_defs.errors import MeshError
    from mesh_defs.product.access import action_of

    try:
        wanted = action_of(action)
    except MeshError as error:
        raise typer.BadParameter(str(error), param_hint="--action") from None
    try:
        principal = reads.principals.find(who) if who is not None else reads.caller
    except MeshError as error:
        raise typer.BadParameter(str(error), param_hint="--as") from None
    return reads.access.decide(principal, subject, wanted, purpose)


def _show(decision: Decision) -> None:
    out = console()
    purpose = f" for {decision.purpose}" if decision.purpose is not None else ""
    verb = "may" if decision.allowed else "may not"
    sentence = f"{decision.principal} {verb} {decision.action} {decision.subject.url}{purpose}"
    out.print(text(sentence, "bold green" if decision.allowed else "bold red"))
    out.print(text(f"  {decision.reason}"))
    roles = ", ".join(decision.principal.roles) or "none"
    home = decision.principal.domain or "none"
    out.print(text(f"  its roles: {roles}; its domain: {home}"))
    if not decision.allowed or not decision.columns:
        return
    rows = f"those where {decision.row_filter}" if decision.row_filter else "all"
    out.print(text(f"  rows: {rows}"))
    made = table(["column", "classification", "seen", "why"])
    for column in decision.columns:
        classification = text(column.classification)
        made.add_row(text(column.name), classification, _seen(column), text(_why(column)))
    show_table(made, indent=2)
    for note in sorted(
        {g.reason for column in decision.columns for g in column.grants if g.reason}
    ):
        out.print(text(f"  note: hash masks show nothing: {note}"))


def _seen(column: ColumnDecision) -> Text:
    if column.clear:
        return text("clear", "green")
    cases = [grant for grant in column.grants if grant.rows is not None]
    last = "nothing" if column.mask == "null" else str(column.mask)
    some = [f"{case.mask or 'clear'} in some rows" for case in cases]
    return text(", ".join([*some, last]), "yellow" if column.grants else "red")


def _why(column: ColumnDecision) -> str:
    return ", ".join(str(grant.rule) for grant in column.grants) or column.reason


def _in_short(decision: Decision) -> str:
    if not decision.allowed:
        return "nothing"
    clear = sum(column.clear for column in decision.columns)
    rows = ", some rows" if decision.row_filter is not None else ""
    return f"{clear} of {len(decision.columns)} columns clear{rows}"
