"""``mesh serve`` as a process of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from commands import COMMAND, environment

from mesh_defs.gateway.state.database import open_state
from mesh_defs.gateway.state.tokens import NewToken
from mesh_defs.settings import load_settings


@dataclass
class Running:
    """A gateway that answers at ``url`` and ``flight``."""

    process: subprocess.Popen[str]
    url: str
    flight: str

    def stop(self) -> int:
        """End it as ``mesh down`` does; its exit code."""
        self.process.terminate()
        return self.process.wait(60)

    def kill(self) -> None:
        """End it as a lack of power does."""
        self.process.kill()
        self.process.wait(60)


@contextlib.contextmanager
def gateway(root: Path, *arguments: str, **more: str) -> Iterator[Running]:
    """A gateway of the mesh below ``root``; it is ended with the block."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--json", *arguments],
        cwd=root,
        env=environment(**more),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if line.rstrip() == "}":
                break
        place = json.loads(text)
        yield Running(process, place["url"], place["flight"])
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(60)


def token(root: Path, principal: str, url: str = "mesh://shop") -> str:
    """A new service token of ``principal``."""
    now = datetime.now(UTC)
    with open_state(load_settings(root)) as state:
        name = f"t{now.timestamp():.6f}".replace(".", "-")
        wanted = NewToken(name, principal, (url,), now + timedelta(hours=1))
        return state.tokens.create(wanted, "person:test", now).secret
