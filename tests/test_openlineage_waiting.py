"""Events that a server could not be told of wait, and come later: the oldest first, none twice, not
more than a bound, without a secret, and told to who runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from commands import mesh as command
from hypothesis import given
from hypothesis import strategies as st
from test_openlineage_sent import run, shop
from told_servers import webhooks

from mesh_defs.product.tell import NotTold
from mesh_defs.standards.openlineage.send import HttpTransport
from mesh_defs.standards.openlineage.waiting import PatientTransport, Rejected, Waiting

KEY = "very-secret-key"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEAGE_KEY", KEY)


def declared(url: str) -> str:
    return f'{{url: "{url}", key: "${{LINEAGE_KEY}}"}}'


def folder(root: Path) -> Path:
    return root / ".mesh/openlineage/local"


@pytest.mark.usefixtures("key")
def test_the_next_run_sends_what_waits_before_its_own(tmp_path: Path) -> None:
    with webhooks() as server:
        server.answers = [503, 401]
        root = shop(tmp_path, declared(server.url.removesuffix("/hook")))
        first, notes = run(root)
        assert [re.search(r"(\d) wait", note)[1] for note in notes] == ["1", "2"]
        assert all("mesh export --send-waiting" in note for note in notes)
        files = sorted(folder(root).glob("*.json"))
        assert all(KEY not in file.read_text() for file in files)
        assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
        assert oct(folder(root).parent.stat().st_mode & 0o777) == "0o700"
        del server.posted[:]
        second, notes = run(root)
    assert notes == []
    told = [json.loads(body) for _, body in server.posted]
    assert [each["eventType"] for each in told] == ["START", "COMPLETE", "START", "COMPLETE"]
    ids = [each["run"]["runId"] for each in told]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert (first.outcome, second.outcome) == ("published", "published")
    assert list(folder(root).glob("*.json")) == []


@pytest.mark.usefixtures("key")
def test_the_command_sends_what_waits(tmp_path: Path) -> None:
    with webhooks() as server:
        server.answers = [503, 503]
        root = shop(tmp_path, declared(server.url.removesuffix("/hook")))
        run(root)
        del server.posted[:]
        server.answers = [500]
        failed = command(root, "export", "--send-waiting", LINEAGE_KEY=KEY)
        assert failed.returncode == 3
        assert "answered 500" in failed.stderr
        done = command(root, "export", "--send-waiting", LINEAGE_KEY=KEY)
        assert done.stdout == "sent 2 of 2 events that waited\n"
        again = command(root, "export", "--send-waiting", LINEAGE_KEY=KEY)
        assert again.stdout == "sent 0 of 0 events that waited\n"
    kinds = [json.loads(body)["eventType"] for _, body in server.posted]
    assert kinds == ["START", "START", "COMPLETE"]
    wrong = command(root, "export", "--send-waiting", "--all")
    assert wrong.returncode == 2
    file = shop(tmp_path / "other", "{file: events.jsonl}")
    nowhere = command(file, "export", "--send-waiting")
    assert (nowhere.returncode, "names no url" in nowhere.stdout) == (0, True)


def test_what_the_server_never_takes_does_not_hold_up_what_is_behind_it(tmp_path: Path) -> None:
    with webhooks() as server:
        transport = HttpTransport(server.url)
        waiting = Waiting(tmp_path / "w" / "local", str)
        for number in range(3):
            waiting.add({"n": number})
        (tmp_path / "w/local/0-broken.json").write_text("{")
        server.answers = [200, 422, 200, 400]
        assert waiting.send(transport) == 2
        assert waiting.files() == []
        with pytest.raises(Rejected):
            PatientTransport(transport, waiting).send({"n": 4})
        assert waiting.files() == []


class Down:
    def send(self, event: object) -> None:
        raise NotTold("down")


class Up:
    def __init__(self) -> None:
        self.got: list[int] = []

    def send(self, event: dict[str, int]) -> None:
        self.got.append(event["n"])


@given(up=st.lists(st.booleans(), max_size=12), most=st.integers(1, 5))
def test_whatever_fails_all_come_in_order_but_the_oldest_beyond_the_bound(
    tmp_path_factory: pytest.TempPathFactory, up: list[bool], most: int
) -> None:
    waiting = Waiting(tmp_path_factory.mktemp("w") / "a" / "b", str, most)
    server, kept, wanted = Up(), [], []
    for number, reached in enumerate(up):
        transport = PatientTransport(server if reached else Down(), waiting)
        if reached:
            transport.send({"n": number})
            wanted += [*kept, number]
            kept = []
        else:
            with pytest.raises(NotTold):
                transport.send({"n": number})
            kept = [*kept, number][-most:]
        assert len(waiting.files()) == len(kept)
    assert server.got == wanted


def test_what_is_lost_is_told(tmp_path: Path) -> None:
    waiting = Waiting(tmp_path / "a" / "b", lambda text: text.replace("hush", "***"), most=2)
    assert waiting.add({"n": "hush"}).startswith("1 wait;")
    assert "***" in waiting.files()[0].read_text()
    waiting.add({"n": 1})
    assert waiting.add({"n": 2}).startswith("2 wait; the oldest 1 lost, as 2 are kept;")


def test_nothing_is_kept_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(NotTold, match="the event is lost"):
        PatientTransport(Down(), Waiting(tmp_path / "a" / "b", str)).send({"n": 1})
