"""The forms in which products are written for others, by the names that people type."""

from __future__ import annotations

from typing import Literal, get_args

Form = Literal["odps", "odcs", "dprod", "turtle", "openlineage"]
FORMS: tuple[Form, ...] = get_args(Form)
ENDINGS: dict[Form, str] = {
    "odps": "odps.yaml",
    "odcs": "odcs.yaml",
    "dprod": "dprod.jsonld",
    "turtle": "ttl",
    "openlineage": "openlineage.json",
}
