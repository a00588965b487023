"""What a product is for and what it is not good for is written down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.policy.declared.places import contract_file, manifest_file
from mesh_defs.policy.model import DeclaredPolicy, Finding, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.product.model import Mesh, Product

# What a scaffold leaves for somebody to fill in.
_PLACEHOLDER = re.compile(
    r"\b(todo|tbd|fixme|lorem ipsum|n/?a|to be (written|defined|done))\b", re.IGNORECASE
)


class PurposeAndLimitations(DeclaredPolicy):
    """A product says what it is for and what it is not good for, in words that say something."""

    words: int = parameter(
        5, stricter="higher", ge=1, description="words that each text has at least"
    )

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding per text that is missing or says nothing."""
        file = manifest_file(product, mesh)
        texts = {"purpose": product.manifest.purpose, "limitations": product.manifest.limitations}
        for name, text in texts.items():
            problem = said(text, self.words)
            if problem is not None:
                yield Finding(
                    f"'{name}' {problem}",
                    fix=f"write '{name}:' in at least {self.words} words",
                    file=file,
                    line=product.line,
                )


class MeaningDescribed(DeclaredPolicy):
    """Every port and every column says what it means."""

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding per port or column without a description."""
        for output in product.outputs:
            file = contract_file(output, mesh)
            if said(output.promise.description, 1) is not None:
                yield Finding(
                    f"the port '{output.name}' has no description",
                    fix="write 'description:' of the schema object",
                    port=output.name,
                    file=file,
                )
            for column in output.promise.columns:
                if said(column.description, 1) is not None:
                    yield Finding(
                        f"the column '{column.name}' has no description",
                        fix="write what its values mean, and their unit",
                        port=output.name,
                        column=column.name,
                        file=file,
                        line=column.line,
                    )


def said(text: str | None, words: int) -> str | None:
    """Why ``text`` says less than ``words`` words; None when it does say as much."""
    if text is None or not text.strip():
        return "is not written"
    if _PLACEHOLDER.search(text) and len(text.split()) < 2 * words + 3:
        return "still has its placeholder"
    count = len(text.split())
    return None if count >= words else f"has {count} words only"
