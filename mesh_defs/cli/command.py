"""How a command's help looks: typer's, with what a newer click takes from it given back."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from typer.core import TyperArgument, TyperCommand, TyperGroup
from typer.utils import get_params_from_function

if TYPE_CHECKING:
    import click


class Command(TyperCommand):
    """A command whose help describes its arguments once.

    Since click 8.5 arguments have a ``help`` of click's own. It empties the one that typer 0.25 has
    set, and click shows a section of its own above typer's.
    """

    def __init__(self, name: str | None, **attributes: Any) -> None:  # noqa: ANN401  as click's
        super().__init__(name, **attributes)
        assert self.callback is not None  # noqa: S101  a command is a function
        declared = get_params_from_function(inspect.unwrap(self.callback))
        for parameter in self.params:
            if isinstance(parameter, TyperArgument) and parameter.name in declared:
                parameter.help = declared[parameter.name].default.help

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Nothing: typer writes them with the options."""


class Group(TyperGroup):
    """Commands of which an unknown one is told once, with those that there are."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, with the known commands when one is unknown."""
        from mesh_defs.faults import did_you_mean

        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            fix = did_you_mean(args[0], known)
            ctx.fail(f"No such command '{args[0]}'; allowed: {', '.join(known)}. Fix: {fix}")
        return super().resolve_command(ctx, args)
