"""The right product is found first, or among the first three: 60 questions in anybody's words,
against the reference mesh and 200 products of other trades. The questions tune nothing; those of
``relevance/tuning.yaml`` may."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from documents import RELEVANCE, entries, generated

from mesh_defs.discovery.documents import discovery_document
from mesh_defs.discovery.index.live import LiveIndex
from mesh_defs.discovery.index.question import Question
from mesh_defs.settings import load_settings

ROOT = Path(__file__).parents[1]
FIRST, AMONG_THREE = 0.85, 0.95
ASKED = 60


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveIndex]:
    """The reference mesh as it is declared, and the generated one."""
    root = tmp_path_factory.mktemp("relevance")
    for name in ("domains", "dbt_projects"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("target", "logs"))
    shutil.copy(ROOT / "mesh.yaml", root)
    settings = load_settings(root)
    products = sorted(
        f"{f.parent.parent.name}/{f.parent.name}" for f in root.glob("domains/*/*/defs.yaml")
    )
    assert len(products) == 10
    documents = [discovery_document(settings, each) for each in products]
    live = LiveIndex(settings)
    live.shelf.rebuild(entries(*documents, *generated()), live.model)
    yield live
    live.close()


def share(live: LiveIndex, name: str, *, meaning: bool) -> tuple[float, float, list[str]]:
    """How often the right product is first, and among the first three; and what was missed."""
    asked = yaml.safe_load((RELEVANCE / name).read_text(encoding="utf-8"))
    first = three = 0
    missed = []
    for each in asked:
        found = live.search(Question(each["ask"]), "test", lambda _: True, meaning=meaning)
        assert found.meaning == ("used" if meaning else "not asked")
        names = [f"{r.entry.domain}/{r.entry.product}" for r in found.results]
        first += names[:1] != [] and names[0] in each["right"]
        three += bool(set(names[:3]) & set(each["right"]))
        if not names or names[0] not in each["right"]:
            missed.append(f"{each['ask']}: {names[:3]}, right: {each['right']}")
    return first / len(asked), three / len(asked), missed


def test_the_right_product_is_found_by_words_and_meaning(live: LiveIndex) -> None:
    assert len(yaml.safe_load((RELEVANCE / "questions.yaml").read_text())) == ASKED
    live.embed()
    first, three, missed = share(live, "questions.yaml", meaning=True)
    assert first >= FIRST, (first, missed)
    assert three >= AMONG_THREE, (three, missed)


def test_words_alone_find_most(live: LiveIndex) -> None:
    first, three, missed = share(live, "questions.yaml", meaning=False)
    assert first >= 0.5, (first, missed)
    assert three >= 0.6, (three, missed)
