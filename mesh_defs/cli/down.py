"""``mesh down``: stop what ``mesh up`` started."""

from __future__ import annotations

import typer

from mesh_defs.cli.command import Command
from mesh_defs.cli.output import AsJson, console, print_json, text
from mesh_defs.settings import find_root

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=Command)
def down(as_json: AsJson = False) -> None:
    """Stop the servers that mesh up started, and nothing else. Published data stays.

    \b
    Example:
      mesh down
    """
    from mesh_defs.serving import shut_down, supervisor_of

    root = find_root()
    supervisor = supervisor_of(root)
    if not supervisor.folder.exists():
        stopped = []
    else:
        with supervisor.lock(lambda pid: console(stderr=True).print(waiting(pid))):
            stopped = shut_down(root)
    if as_json:
        print_json({"stopped": [{"name": p.name, "pid": p.pid} for p in stopped]})
        return
    for process in stopped:
        console().print(text(f"stopped {process.name} (process {process.pid})"))
    if not stopped:
        console().print(text("nothing runs"))


def waiting(pid: str) -> str:
    """What to say while another command holds the mesh's lock."""
    return f"waiting for another mesh command on this mesh (process {pid}); Ctrl-C leaves"
