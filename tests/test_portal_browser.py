"""The portal in a real browser: from searching to reading, by mouse, by keys alone, and for who
cannot see."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import browsing
from playwright.sync_api import Browser, Page, expect
from portal_people import ADA, BOSS, GUEST, Town, town

Open = Callable[..., Page]
PAGES = [
    "/",
    "/-/find?q=odd",
    "/-/find?mode=snapshot",
    "/-/map",
    "/-/governance",
    "/-/access",
    "/shop/odd",
    "/shop/large/large",
    "/-/lineage/shop/odd?port=odd&column=word",
    "/-/rows/shop/odd/odd",
    "/shop/nothing",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture
def window(place: Town, browser: Browser) -> Iterator[Open]:
    """Opens a window of somebody; whatever a script or the policy complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def opened(who: str | None = None, **options: object) -> Page:
        context = browser.new_context(base_url=place.mesh.base, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: _heard(complaints, said))
        if who is not None:
            page.goto("/-/sign-in")
            page.get_by_label("Token").fill(place.token(who))
            page.get_by_role("main").get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def _heard(complaints: list[str], said: object) -> None:
    # A page that is refused is no fault of its scripts.
    if said.type == "error" and "Failed to load resource" not in said.text:
        complaints.append(said.text)


def test_from_searching_to_reading(window: Open) -> None:
    guest = window(GUEST)
    guest.goto("/")
    guest.get_by_label("What are you looking for?").press_sequentially("large")
    guest.locator("#results").get_by_role("link", name="shop/large").click()
    expect(guest.get_by_role("heading", level=1)).to_be_visible()
    facts = guest.get_by_role("region").or_(guest.locator(".measured"))
    expect(facts.first).to_be_visible()
    expect(guest.locator(".measured")).to_contain_text("Promises kept")
    guest.get_by_role("heading", name="Where does it come from?").scroll_into_view_if_needed()
    lineage = guest.locator("#lineage")
    lineage.get_by_label("Column").select_option("text")
    expect(lineage.locator(".box .row.chosen")).to_have_text("text")
    expect(guest.get_by_text("You may not read it")).to_be_visible()
    guest.get_by_label("For what").fill("analytics")
    guest.get_by_label("To the owner").fill("for the report")
    guest.get_by_role("button", name="Request access").click()
    expect(guest.get_by_role("status")).to_contain_text("You have asked")

    boss = window(BOSS)
    boss.goto("/-/access")
    waiting = boss.get_by_role("listitem").filter(has_text=f"person:{GUEST}")
    expect(waiting).to_contain_text("for the report")
    waiting.get_by_role("button", name="Approve").click()
    expect(boss.get_by_role("status")).to_have_text("Approved.")

    guest.goto("/shop/large/large")
    expect(guest.get_by_text("You read it for analytics")).to_be_visible()
    guest.get_by_role("link", name="Look at its first rows").click()
    expect(guest.get_by_role("region", name="Rows").get_by_role("row")).to_have_count(51)


def test_by_keys_alone(window: Open) -> None:
    page = window(ADA)
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("/")
    search = page.get_by_label("What are you looking for?")
    expect(search).to_be_focused()
    page.keyboard.type("odd")
    first = page.locator(".results > li > a").first
    expect(first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(first).to_be_focused()
    outline = first.evaluate("each => getComputedStyle(each).outlineStyle")
    assert outline != "none", "what has the focus can be seen"
    page.keyboard.press("ArrowUp")
    expect(search).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/shop/odd")
    page.keyboard.press("/")
    expect(page.get_by_label("Search data products")).to_be_focused()
    page.keyboard.type("sales")
    page.keyboard.press("Enter")
    page.wait_for_url("**/-/find?q=sales")
    expect(page.locator(".results > li > a").first).to_contain_text("shop/sales")


def test_everything_that_takes_the_focus_can_be_reached_and_left(window: Open) -> None:
    page = window(ADA)
    page.goto("/shop/odd")
    expect(page.locator("#lineage svg")).to_have_count(0)
    seen = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        at = page.evaluate(
            "() => { const e = document.activeElement;"
            " return e === document.body ? null : e.outerHTML.slice(0, 90) }"
        )
        if at is None:
            break
        seen.add(at)
    assert len(seen) > 20
    assert any("data-copy" in each for each in seen)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(window: Open, path: str, scheme: str) -> None:
    page = window(ADA, color_scheme=scheme)
    page.goto(path, wait_until="networkidle")
    found = Axe().run(page).response["violations"]
    told = [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical", "moderate")
        for node in each["nodes"]
    ]
    assert told == []


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_wider_than_a_phone(window: Open, path: str) -> None:
    page = window(ADA, viewport={"width": 360, "height": 740})
    page.goto(path, wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_theme_is_switched_and_kept(window: Open) -> None:
    page = window(color_scheme="light")
    page.goto("/")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(ground)
    assert dark != "rgb(255, 255, 255)"
    page.goto("/-/map")
    assert page.evaluate(ground) == dark


def test_a_snippet_is_copied(window: Open) -> None:
    page = window(ADA, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/shop/odd")
    button = page.get_by_role("button", name="Copy for Python")
    snippet = page.locator("pre[aria-label=Python]").inner_text()
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == snippet


def test_a_graph_is_zoomed(window: Open) -> None:
    page = window(ADA)
    page.goto("/-/map")
    box = "document.querySelector('.graph svg').getAttribute('viewBox')"
    before = page.evaluate(box)
    page.get_by_role("button", name="Zoom in").click()
    assert page.evaluate(box) != before
    page.keyboard.press("0")
    assert page.evaluate(box) == before


def test_pages_work_without_scripts(window: Open) -> None:
    page = window(ADA, java_script_enabled=False)
    page.goto("/")
    page.get_by_label("What are you looking for?").fill("odd")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="shop/odd").first.click()
    page.get_by_role("link", name="The lineage graph, down to columns").click()
    expect(page.locator(".graph svg")).to_be_visible()
    page.get_by_label("Column").select_option("word")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".box .row.chosen")).to_have_text("word")


def test_hostile_words_do_nothing(place: Town, window: Open) -> None:
    page = window(ADA)
    page.goto("/shop/odd")
    page.get_by_text("Rate it, ask, or report a problem").click()
    evil = "<img src=x onerror=\"document.title='done'\"><script>document.title='done'</script>"
    page.get_by_label("In words").fill(evil)
    page.get_by_role("button", name="Send to the owner").click()
    page.wait_for_url("**/shop/odd#owner")
    expect(page.get_by_text(evil)).to_be_visible()
    assert page.title() != "done"
    page.goto("/-/find?q=" + "%3Csvg%20onload%3D%22document.title%3D'done'%22%3E")
    assert page.title() != "done"
