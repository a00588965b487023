"""``mesh policies``: what is in force where, what would break, and how every product stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mesh_defs.cli.command import Command, Group
from mesh_defs.cli.output import (
    AsJson,
    ForProfile,
    coloured,
    console,
    print_json,
    show_table,
    table,
    text,
)

if TYPE_CHECKING:
    from rich.text import Text

    from mesh_defs.policy.governance import InForce
    from mesh_defs.product.model import Mesh
    from mesh_defs.product.trial import Standing, Trial

app = typer.Typer(cls=Group, rich_markup_mode=None, add_completion=False)

_MARKS = {"passed": "ok", "warned": "warn", "failed": "FAIL", "error": "ERROR"}


@app.callback(invoke_without_command=True)
def policies(
    context: typer.Context,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """List the policies in force, and which file says so.

    \b
    Examples:
      mesh policies
      mesh policies --json
      mesh policies test KAnonymity --with k=10
      mesh policies matrix
    """
    if context.invoked_subcommand is not None:
        return
    from mesh_defs.product.load import load_mesh

    mesh = load_mesh(profile=profile)
    rows = _in_force(mesh)
    if as_json:
        print_json(
            {
                "environment": mesh.governance.environment,
                "policies": [
                    {**held.as_dict(), "ports": [f"mesh://{place}" for place in places]}
                    for held, places in rows
                ],
            }
        )
        return
    _show_in_force(mesh, rows)


def _in_force(mesh: Mesh) -> list[tuple[InForce, list[str]]]:
    """Each policy as it holds somewhere, with the ports under it; one that was made stricter in a
    domain is listed beside the one of the mesh."""
    found: dict[str, tuple[InForce, list[str]]] = {}
    for product in mesh.products.values():
        for output in product.outputs:
            for held in mesh.governance.in_force(product, output, mesh):
                key = str(held.as_dict())
                found.setdefault(key, (held, []))[1].append(f"{product.identity}/{output.name}")
    for declaration in mesh.governance.declarations:
        if not any(declaration.id == held.id for held, _ in found.values()):
            from mesh_defs.policy.governance import merged

            held = merged([declaration])
            found[str(held.as_dict())] = (held, [])
    return sorted(found.values(), key=lambda pair: (pair[0].id, pair[0].consequence))


def _show_in_force(mesh: Mesh, rows: list[tuple[InForce, list[str]]]) -> None:
    out = console()
    if not rows:
        out.print(text("no policy is in force; put some below 'policies:' in mesh.yaml"))
        return
    total = sum(len(product.outputs) for product in mesh.products.values())
    for held, places in rows:
        style = "red" if held.consequence == "stop" else "yellow"
        out.print(text(held.id, "bold"), text(f"  {held.consequence}", style), sep="")
        if held.policy is not None:
            out.print(text(f"  asks for   {held.policy.message}"))
            given = held.policy.model_dump(mode="json", exclude={"query", "asks", "fix"})
            if given:
                shown = ", ".join(f"{name}={value}" for name, value in given.items())
                out.print(text(f"  with       {shown}"))
        for fault in held.broken:
            out.print(text(f"  broken     {fault}", "red"))
        where = "every port" if places and len(places) == total else f"{len(places)} ports"
        names = "" if len(places) in (0, total) else ": " + ", ".join(places)
        out.print(text(f"  holds for  {where}{names}"))
        declared = ", ".join(f"{origin} ({origin.level})" for origin in held.origins)
        out.print(text(f"  because of {declared}", "cyan"))
    stops = sum(held.consequence == "stop" for held, _ in rows)
    environment = mesh.governance.environment
    out.print(text(f"{len(rows)} policies in the environment {environment}, {stops} of them stop"))


@app.command("test", cls=Command)
def try_out(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A policy, in force or not.")],
    given: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="KEY=VALUE", help="A parameter; may be repeated."),
    ] = None,
    profile: ForProfile = None,
    as_json: AsJson = False,
) -> None:
    """Run a policy over the mesh as it is, and say what it would break.

    Nothing is changed. Policies on data look at what is published. Exit code 1 when something would
    be stopped.

    \b
    Examples:
      mesh policies test UndeclaredPersonalData
      mesh policies test KAnonymity --with k=10 --json
    """
    from mesh_defs.cli.progress import RunProgress
    from mesh_defs.product.load import load_mesh
    from mesh_defs.product.trial import WrongParameters, find_policy, try_policy

    mesh = load_mesh(profile=profile)
    try:
        policy, place = find_policy(mesh, name, _parameters(given or []))
    except WrongParameters as error:
        raise typer.BadParameter(str(error), param_hint="--with") from None
    trials: list[Trial] = []
    with RunProgress(steps=False) as progress:
        for trial in try_policy(mesh, policy, name, place):
            trials.append(trial)
            progress.now(f"{name}: {len(trials)} ports, mesh://{trial.product}/{trial.port}")
    broken = [t for t in trials if t.verdict is not None and t.verdict.blocking]
    if as_json:
        print_json(
            {
                "policy": name,
                "message": policy.message,
                "parameters": policy.model_dump(mode="json"),
                "would_stop": sorted({f"mesh://{t.product}" for t in broken}),
                "ports": [t.as_dict() for t in trials],
            }
        )
    else:
        _show_trials(name, policy.message, trials)
    raise typer.Exit(1 if broken else 0)


def _parameters(given: list[str]) -> dict[str, Any]:
    import yaml

    values: dict[str, Any] = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"'{pair}'; write KEY=VALUE", param_hint="--with")
        try:
            values[key.strip()] = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, RecursionError):
            raise typer.BadParameter(f"'{value}' is no YAML value", param_hint="--with") from None
    return values


def _show_trials(name: str, message: str, trials: list[Trial]) -> None:
    from mesh_defs.cli.verdicts import show_findings

    out = console()
    out.print(text(name, "bold"), text(f": {message}"), sep="")
    judged = [t for t in trials if t.verdict is not None]
    for trial in judged:
        verdict = trial.verdict
        if verdict is not None and verdict.outcome != "passed":
            out.print(text("  "), coloured(verdict.outcome), end="", sep="")
            out.print(text(f" mesh://{trial.product}/{trial.port}"))
            show_findings(verdict, indent=4)
    for trial in trials:
        if trial.reason:
            out.print(text(f"  not tried mesh://{trial.product}/{trial.port}: {trial.reason}"))
    if not judged:
        out.print(text("no published port is of the kind that it speaks of", "yellow"))
        return
    stopped = {t.product for t in judged if t.verdict is not None and t.verdict.blocking}
    passed = sum(t.verdict is not None and t.verdict.ok for t in judged)
    out.print(
        text(f"{passed} of {len(judged)} ports pass; ")
        + text(f"{len(stopped)} products would be stopped", "red" if stopped else "green")
    )


@app.command(cls=Command)
def matrix(profile: ForProfile = None, as_json: AsJson = False) -> None:
    """Show products and policies with the verdicts of the last runs.

    What is declared is judged now; what needs data shows the verdict of the last run. Exit code 1
    when a verdict stops a product.

    \b
    Examples:
      mesh policies matrix
      mesh policies matrix --json
    """
    from mesh_defs.product.load import load_mesh
    from mesh_defs.product.trial import matrix as standings

    mesh = load_mesh(profile=profile)
    found = standings(mesh)
    if as_json:
        print_json(
            {
                "ports": [
                    {
                        "port": f"mesh://{s.product}/{s.port}",
                        "policies": {
                            name: verdict.as_dict() if verdict is not None else None
                            for name, verdict in s.verdicts.items()
                        },
                    }
                    for s in found
                ]
            }
        )
    else:
        _show_matrix(found)
    stopped = any(v is not None and v.blocking for s in found for v in s.verdicts.values())
    raise typer.Exit(1 if stopped else 0)


def _show_matrix(found: list[Standing]) -> None:
    """Policies are rows, because there are more of them than a line is wide; ports are numbered."""
    out = console()
    names = list(dict.fromkeys(name for standing in found for name in standing.verdicts))
    if not names:
        out.print(text("no policy is in force; put some below 'policies:' in mesh.yaml"))
        return
    numbers = [str(number) for number, _ in enumerate(found, start=1)]
    made = table(["policy", *numbers])
    for name in sorted(names):
        made.add_row(text(name), *(_mark(standing, name) for standing in found))
    show_table(made)
    for number, standing in zip(numbers, found, strict=True):
        out.print(text(f"  {number:>3}  mesh://{standing.product}/{standing.port}"))
    out.print(
        text("ok passed, warn warned or waived, FAIL stops, ERROR could not run, ? not run yet")
    )


def _mark(standing: Standing, name: str) -> Text:
    if name not in standing.verdicts:
        return text("")
    verdict = standing.verdicts[name]
    if verdict is None:
        return text("?", "yellow")
    shown = coloured(verdict.outcome)
    return text(_MARKS[verdict.outcome], str(shown.style))
