"""The title of a product is the name of its main port's contract: who may know of another port
alone is told it nowhere, and finds nothing by it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml
from access_meshes import WORKSPACE, publish
from commands import mesh as command
from documents import column, document, port
from gateway_http import Served, served
from meshes import MESH_YAML, contract, manifest, write_mesh, write_parquet

from mesh_defs.discovery.index.entry import entries_of

TITLE = "Takeover of Quuxcorp"
WORDS = ("Takeover", "Quuxcorp")
PRODUCT = "mesh://shop/two"
ADA, GUEST = "person:ada@shop.example", "person:guest@shop.example"
HIDDEN = """
@id("nobody else knows")
forbid (principal, action, resource)
when { resource == Port::"shop/two/two" }
unless { principal in Role::"reader" };
@id("ada reads")
permit (principal in Role::"reader", action == Action::"read", resource);
"""
PEOPLE = """
people:
  ada@shop.example: {roles: [reader], domain: shop}
  guest@shop.example: {domain: office}
"""
COLUMN = (
    "[{{name: {0}, logicalType: integer, primaryKey: true, required: true,"
    " classification: public}}]"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    outputs = "outputs:\n  two: {contract: two.yaml}\n  side: {contract: side.yaml}\n"
    profile = yaml.safe_load(MESH_YAML)
    profile["profiles"]["local"]["index"] = {"embedding": "none"}
    files = {
        "mesh.yaml": yaml.safe_dump(profile),
        "workspace.yaml": WORKSPACE,
        "principals.yaml": PEOPLE,
        "domains/office/defs.yaml": (
            "type: mesh_defs.Domain\nattributes: {owner: 'team:x', purpose: Nothing.}\n"
            "---\ntype: dagster.DefsFolderComponent\n"
        ),
        "domains/shop/access.cedar": HIDDEN,
        "domains/shop/two/defs.yaml": manifest("inputs: {raw: files://raw}\n" + outputs),
        "domains/shop/two/two.yaml": contract("two", COLUMN.format("one")) + f"name: {TITLE}\n",
        "domains/shop/two/side.yaml": contract("side", COLUMN.format("other")),
        "domains/shop/two/two.sql": "select i as one from raw",
        "domains/shop/two/side.sql": "select i as other from raw",
    }
    root = write_mesh(tmp_path_factory.mktemp("title"), files)
    write_parquet(root, "raw", "select range as i from range(5)")
    publish(root, PRODUCT)
    with served(root) as found:
        yield found


PATHS = [
    "/",
    "/-/find?q=purpose",
    "/-/map",
    "/-/map?domain=shop",
    "/-/governance",
    "/-/lineage/shop/two",
    "/shop/two",
    "/shop/two/discovery",
    "/-/search?q=product",
    "/shop/two?as=odps",
    "/shop/two?as=jsonld",
]


@pytest.mark.parametrize("path", PATHS)
def test_the_title_of_a_hidden_port_is_nowhere(place: Served, path: str) -> None:
    accept = "text/html, */*;q=0.5"
    for who in (GUEST, None):
        answer = place.client(who, Accept=accept).get(path)
        assert answer.status_code == 200
        assert not any(word in answer.text for word in WORDS), who


@pytest.mark.parametrize("path", ["/", "/-/map?domain=shop", "/shop/two", "/shop/two/discovery"])
def test_who_may_know_of_the_port_is_told_its_title(place: Served, path: str) -> None:
    assert TITLE in place.client(ADA, Accept="text/html, */*;q=0.5").get(path).text


def test_nothing_is_found_by_the_title_of_a_hidden_port(place: Served) -> None:
    assert place.client(ADA).get("/-/search?q=Quuxcorp").json()["results"][0]["title"] == TITLE
    for word in ("Quuxcorp", "quuxcrop", "takeovr"):
        found = place.client(GUEST).get("/-/search", params={"q": word}).json()
        assert (found["results"], found["read_as"]) == ([], {})


def test_nor_do_commands_tell_it(place: Served) -> None:
    root = place.gateway.settings.root
    for words in (["show", PRODUCT], ["show", PRODUCT, "--json"], ["find", "product", "--json"]):
        done = command(root, *words, MESH_PRINCIPAL=GUEST)
        assert done.returncode == 0, done.stderr
        assert "shop/two" in done.stdout
        assert not any(word in done.stdout for word in WORDS)
    shown = command(root, "show", PRODUCT, "--json", MESH_PRINCIPAL=ADA)
    assert json.loads(shown.stdout)["title"] == TITLE


def test_a_title_is_of_the_main_entry_alone() -> None:
    made = document("d/p", "", port("a", column("c")), port("p"), main_port="p", title=TITLE)
    found = {each.port: each for each in entries_of(made)}
    assert (found["p"].title, found["p"].main) == (TITLE, True)
    assert (found["a"].title, found["a"].main) == ("", False)
    assert TITLE not in " ".join((*found["a"].texts, found["a"].meaning))
