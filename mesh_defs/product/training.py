"""What the manifest of a product that models learn from says: its evaluation, and its groups."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from mesh_defs.validation import Strict


def _one_value(value: object) -> object:
    if not isinstance(value, str | int | float | bool):
        raise ValueError("a text, a number, true or false; fix: put it in quotes")
    return value


GroupName = Annotated[str | int | float | bool, BeforeValidator(_one_value)]


class Group(Strict):
    """Bounds for the share of each group in a column of the port, 0 to 1.

    ``groups`` names those that must be there; the bounds are then about these alone.
    """

    column: str = Field(description="the column whose values are the groups")
    groups: list[GroupName] | None = Field(
        default=None,
        description="values that must be there, and that the bounds are about (default: every "
        "value that is there)",
    )
    port: str | None = Field(default=None, description="the port (default: the main one)")
    minimum: float = Field(default=0.0, description="the smallest share of a group", ge=0, le=1)
    maximum: float = Field(default=1.0, description="the largest share of a group", ge=0, le=1)

    @model_validator(mode="after")
    def _possible(self) -> Group:
        if self.minimum > self.maximum:
            raise ValueError(
                f"found the minimum {self.minimum}, and {self.maximum} as the maximum; "
                "allowed: a 'minimum' up to 'maximum'; fix: write a lower minimum"
            )
        if self.groups == []:
            raise ValueError(
                "found no group in 'groups'; allowed: one at least; fix: name groups, or remove "
                "'groups'"
            )
        named = [str(value) for value in self.groups or ()]
        if len(set(named)) < len(named):
            raise ValueError(
                f"found {named}; allowed: each group once; fix: remove those that are there twice"
            )
        if len(named) * self.minimum > 1 + 1e-9:
            raise ValueError(
                f"found the minimum {self.minimum} for each of {len(named)} groups, more than all "
                f"rows; allowed: up to {1 / len(named):.3g}; fix: write a lower minimum"
            )
        return self


class Training(Strict):
    """What a product that models learn from says about itself."""

    evaluation: str = Field(
        description="how it was evaluated: in words, or the URL of a port of this mesh that "
        "shows it",
        min_length=1,
    )
    representation: list[Group] = Field(
        default_factory=list, description="which groups are in it, and how much of each"
    )
