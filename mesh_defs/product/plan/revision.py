"""The mesh as it was at a git revision, in a temporary folder."""

from __future__ import annotations

import subprocess
import tarfile
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, cast

from mesh_defs.errors import MeshError
from mesh_defs.settings import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORT = 10


class NoRevision(MeshError):
    """The mesh has no such revision: no git, no repository, no commit, or no mesh in it."""


@contextmanager
def mesh_at(root: Path, revision: str) -> Iterator[tuple[Path, str]]:
    """The folder of the mesh below ``root`` as of ``revision``, which may lie anywhere in its
    repository, and the name of that commit. What is not in git is not there.

    Raises `NoRevision` without git, without a repository, for an unknown revision and when there
    was no mesh at that place.
    """
    problem = f"'{root}' lies in no git repository. Fix: compare with what is published"
    top = Path(_git(root, "rev-parse", "--show-toplevel", problem=problem).rstrip("\n"))
    commit = _commit(root, revision)
    inside = _git(root, "rev-parse", "--show-prefix").rstrip("\n").rstrip("/")
    tree = f"{commit}:{inside}" if inside else commit
    _check_mesh(root, commit, inside, revision)
    with TemporaryDirectory(prefix="mesh-plan-") as folder:
        _extract(top, tree, Path(folder))
        yield Path(folder), f"{revision} ({commit[:_SHORT]})"


def _commit(root: Path, revision: str) -> str:
    wanted = f"{revision}^{{commit}}"
    problem = (
        f"git knows no revision '{revision}' here. Fix: name a branch, a tag or a commit (git "
        "branch -a lists branches); a shallow clone fetches more with: git fetch --unshallow"
    )
    options = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    return _git(root, *options, wanted, problem=problem).strip()


def _check_mesh(root: Path, commit: str, inside: str, revision: str) -> None:
    name = f"{inside}/{FILE}" if inside else FILE
    found = _git(root, "ls-tree", "--full-tree", "--name-only", commit, "--", name)
    if not found.strip():
        raise NoRevision(
            f"there is no {name} at revision '{revision}', so that there was no mesh to compare "
            "with. Fix: name a revision that has it"
        )


def _extract(top: Path, tree: str, folder: Path) -> None:
    command = _command(top, "archive", "--format=tar", tree)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603  no shell, a checked revision
        stream = cast("IO[bytes]", process.stdout)
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                archive.extractall(folder, filter=_without_links)  # noqa: S202  filtered, of our own git
        except tarfile.TarError as error:
            process.kill()
            raise MeshError(f"git could not write {tree}: {error}") from None
        said = cast("IO[bytes]", process.stderr).read().decode(errors="replace").strip()
    if process.returncode:
        raise MeshError(f"git could not write {tree}: {said}")


def _without_links(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """Files and folders alone: a link may lead out of the folder."""
    if not (member.isfile() or member.isdir()):
        return None
    return tarfile.data_filter(member, folder)


def _git(root: Path, *arguments: str, problem: str | None = None) -> str:
    """What git prints. Raises `NoRevision` with ``problem``, or what git said."""
    try:
        done = subprocess.run(  # noqa: S603  no shell, arguments of our own and a checked revision
            _command(root, *arguments), capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise NoRevision(
            "the command git was not found, which --against needs. Fix: install git, or compare "
            "with what is published: mesh plan"
        ) from None
    if done.returncode:
        said = next(iter(done.stderr.strip().splitlines()), "")
        known = ("not a git repository", "Needed a single revision", "")
        detail = "" if any(word and word in said for word in known) or not said else f" ({said})"
        raise NoRevision(f"{problem}{detail}" if problem else f"git {arguments[0]}: {said}")
    return done.stdout


def _command(root: Path, *arguments: str) -> list[str]:
    return ["git", "-C", str(root), *arguments]
