"""Small objects: whole or not at all, nothing left over, and a lock that holds."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mesh_defs.drivers.storage.delta import DeltaProductStore
from mesh_defs.drivers.storage.objects import LocalObjects
from mesh_defs.errors import Busy, StorageFailed
from mesh_defs.product.publish import clean_up

# A limit of a file's size is what a full disk is: a write that the system refuses in the middle.
FULL = """
import resource, sys
from pathlib import Path
from mesh_defs.drivers.storage.objects import LocalObjects
from mesh_defs.errors import StorageFailed

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
store = LocalObjects(Path(sys.argv[1]))
try:
    getattr(store, sys.argv[2])("ledger/1.json", b"x" * 10_000)
except StorageFailed as error:
    print(error)
"""


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("method", ["put_if_absent", "replace"])
def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path, method: str) -> None:
    store = LocalObjects(tmp_path)
    store.replace("ledger/0.json", b"old")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), method], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"cannot write {tmp_path}/ledger/1.json: File too large. Fix:")
    assert listed(tmp_path / "ledger") == ["0.json"]


def test_a_name_that_cannot_be_taken_leaves_nothing_behind(tmp_path: Path) -> None:
    store = LocalObjects(tmp_path)
    (tmp_path / "runs/1.json").mkdir(parents=True)
    with pytest.raises(StorageFailed, match="cannot write"):
        store.replace("runs/1.json", b"{}")
    with pytest.raises(StorageFailed, match="cannot read"):
        store.read("runs/1.json")
    with pytest.raises(StorageFailed, match="cannot write"):
        store.remove("runs/1.json")
    assert listed(tmp_path / "runs") == ["1.json"]


def test_what_a_killed_writer_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    store = DeltaProductStore(tmp_path)
    for folder in ("ledger", "intents", "runs", "quarantine/r1"):
        store.replace(f"{folder}/1.json.corrupt", b"{}")
        (tmp_path / folder / f".2.json.{'a' * 32}").write_bytes(b"half")
        (tmp_path / folder / ".keep").write_bytes(b"")
    clean_up(store, [], tmp_path / "work")
    for folder in ("ledger", "intents", "runs", "quarantine/r1"):
        assert listed(tmp_path / folder) == [".keep", "1.json.corrupt"]


def held(store: LocalObjects, leave: threading.Event) -> threading.Thread:
    inside = threading.Event()

    def hold() -> None:
        with store.lock(30):
            inside.set()
            assert leave.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(60)
    return thread


def test_a_deleted_lock_file_lets_nobody_in(tmp_path: Path) -> None:
    store, leave = LocalObjects(tmp_path / "product"), threading.Event()
    thread = held(store, leave)
    try:
        (tmp_path / "product/lock").unlink()
        with pytest.raises(Busy, match="another run of this product"), store.lock(0.1):
            pass
    finally:
        leave.set()
        thread.join(60)
    with store.lock(0.1):
        assert (tmp_path / "product/lock").read_text() == str(os.getpid())
    assert (tmp_path / "product/lock").read_text() == ""


def test_who_waited_for_a_lock_that_was_replaced_takes_the_one_that_is_there(
    tmp_path: Path,
) -> None:
    """The folder itself is moved away while a run waits for it: the waiting one must not go on
    with a lock on what is no longer the product's folder."""
    root = tmp_path / "product"
    store, leave = LocalObjects(root), threading.Event()
    first = held(store, leave)
    entered, second_leave = threading.Event(), threading.Event()

    def wait() -> None:
        with store.lock(60):
            entered.set()
            assert second_leave.wait(60)

    second = threading.Thread(target=wait)
    second.start()
    root.rename(tmp_path / "moved")
    leave.set()
    first.join(60)
    try:
        assert entered.wait(60)
        with pytest.raises(Busy), LocalObjects(root).lock(0.1):
            pass
    finally:
        second_leave.set()
        second.join(60)


def test_a_file_where_a_folder_belongs_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_bytes(b"")
    store = LocalObjects(tmp_path)
    with pytest.raises(StorageFailed, match=rf"cannot read {tmp_path}/ledger: Not a directory"):
        store.names("ledger")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\x1b[31mnobody"])
def test_whoever_waits_is_told_so_whatever_the_lock_s_file_holds(
    tmp_path: Path, content: bytes
) -> None:
    store = LocalObjects(tmp_path)
    with store.lock(0):
        (tmp_path / "lock").write_bytes(content)
        with pytest.raises(Busy, match="process unknown"), store.lock(0):
            raise AssertionError("two hold the lock")
