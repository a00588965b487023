"""``mesh.yaml``: the mesh's name and its infra profiles (which driver, where, which credentials).

Products name services, never credentials. A value ``${NAME}`` is read from the environment when the
service is used, so that secrets stand in no file and in no message.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from mesh_defs.errors import InvalidMesh, MeshError
from mesh_defs.faults import Fault
from mesh_defs.redaction import SECRET_KEYS, redact, secrets_of
from mesh_defs.urls import NAME, NAME_RULE
from mesh_defs.validation import Strict, validate
from mesh_defs.yaml_source import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "mesh.yaml"
ROOT_VARIABLE = "MESH_ROOT"
PROFILE_VARIABLE = "MESH_PROFILE"

_ENVIRONMENT = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

Service = dict[str, str | int | float | bool]


def _check_names(values: dict[str, Any]) -> dict[str, Any]:
    for name in values:
        if not NAME.match(name):
            raise ValueError(f"a name of {NAME_RULE}; fix: rename '{name}'")
    return values


def _default_storage() -> Service:
    return {"driver": "delta", "path": ".mesh/storage"}


class Profile(Strict):
    """The named services of one environment."""

    storage: Service = Field(
        default_factory=_default_storage,
        description="where published data lies: driver and its settings",
    )
    services: dict[str, Service] = Field(
        default_factory=dict, description="operational systems and files, by name"
    )

    @field_validator("services")
    @classmethod
    def _services(cls, values: dict[str, Service]) -> dict[str, Service]:
        for name, service in values.items():
            if "driver" not in service:
                raise ValueError(f"each service needs a driver; fix: add 'driver:' to '{name}'")
        _check_names(values)
        return values


class MeshFile(Strict):
    """The attributes of ``mesh.yaml``."""

    name: str = Field(description="the mesh's name")
    profile: str = Field(default="local", description="the profile used when none is asked for")
    profiles: dict[str, Profile] = Field(
        default_factory=lambda: {"local": Profile()}, description="infra profiles by name"
    )


class Settings:
    """A mesh's settings for one profile.

    ``root`` is the folder of ``mesh.yaml``, ``state`` the folder of everything that is not in git.
    """

    def __init__(self, root: Path, file: MeshFile, profile: str) -> None:
        self.root = root
        self.name = file.name
        self.profile_name = profile
        self.profile = file.profiles[profile]
        self.state = root / ".mesh"
        self._secrets: set[str] = set()

    @property
    def services(self) -> Mapping[str, Service]:
        """The named services of the profile; values still hold ``${NAME}``."""
        return self.profile.services

    def resolved(self, service: Service) -> dict[str, str | int | float | bool]:
        """``service`` with every ``${NAME}`` read from the environment; raises `MeshError`."""
        values: dict[str, str | int | float | bool] = {}
        for key, value in service.items():
            values[key] = value
            if isinstance(value, str):
                found = _from_environment(value)
                values[key] = found
                if found != value or key in SECRET_KEYS:
                    self._secrets |= secrets_of(found)
        return values

    def redact(self, text: str) -> str:
        """``text`` without any secret of the services that were used so far."""
        return redact(text, self._secrets)

    def path(self, value: str) -> Path:
        """A path of the settings: relative ones start at the mesh's root."""
        return (self.root / value).resolve()


def _from_environment(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match.group(1))
        if found is None:
            raise MeshError(
                f"the environment variable {match.group(1)}, which {FILE} refers to, is not set; "
                f"set it, or choose another profile with {PROFILE_VARIABLE}"
            )
        return found

    return _ENVIRONMENT.sub(value, text)


def find_root(start: Path | None = None) -> Path:
    """The mesh's folder: ``MESH_ROOT``, or the nearest one above with a ``mesh.yaml``.

    Raises `MeshError` when there is none.
    """
    named = os.environ.get(ROOT_VARIABLE)
    if start is None and named:
        root = Path(named).resolve()
        if not (root / FILE).is_file():
            raise MeshError(f"{ROOT_VARIABLE} names '{named}', which has no {FILE}")
        return root
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return folder
    raise MeshError(
        f"no {FILE} in '{here}' or above; change into a mesh, or name one with {ROOT_VARIABLE}"
    )


def load_settings(root: Path, profile: str | None = None) -> Settings:
    """Read ``mesh.yaml`` below ``root``. Raises `InvalidMesh` with all its faults."""
    file = root / FILE
    documents, faults = parse(file.read_text(encoding="utf-8"), FILE)
    if faults:
        raise InvalidMesh(faults)
    if len(documents) != 1:
        found = f"{len(documents)} documents"
        raise InvalidMesh([Fault(FILE, 0, "", found, "one document", "write one YAML document")])
    result = validate(MeshFile, documents[0], (), documents[0].data)
    if isinstance(result, list):
        raise InvalidMesh(result)
    chosen = profile or os.environ.get(PROFILE_VARIABLE) or result.profile
    if chosen not in result.profiles:
        fault = documents[0].fault(
            ("profiles",),
            found=f"no profile '{chosen}'",
            allowed=", ".join(result.profiles),
            fix=f"add it, or choose another with {PROFILE_VARIABLE}",
        )
        raise InvalidMesh([fault])
    return Settings(root, result, chosen)
