"""How a command's help looks: typer's, with what a newer click takes from it given back."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from typer.core import TyperArgument, TyperCommand
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
