"""The page in a real browser: by keyboard, with hostile texts, at every width, and as axe-core sees it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from kemfeat.browse import Browser
from kemfeat.store.reader import open_store
from tests.browse.conftest import spoilt
from tests.browse.kit import EVIL, HANGUL, Served, served
from tests.browse.test_lenses import LENSES
from tests.build.kit import ROWS, Bench
from tests.chromium_kit import MARKS, chromium, script, violations, visit

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

pytestmark = MARKS
WIDTHS = (360, 768, 1280, 1920)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser puts what is saved."""
    return tmp_path_factory.mktemp("saved")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, saved: Path) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile"), downloads=saved) as chrome:
        yield chrome


@pytest.fixture(scope="module")
def hostile(finished: Bench) -> Iterator[Served]:
    """The page of a store full of markup."""
    with served(Browser(spoilt(open_store(finished.out)), root=finished.corpus.root)) as running:
        yield running


def wait(browser: Chrome, condition: Callable[[Chrome], Any]) -> Any:
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.wait import WebDriverWait

    changing = [StaleElementReferenceException]  # the page draws what the condition looks at anew
    return WebDriverWait(browser, 20, poll_frequency=0.05, ignored_exceptions=changing).until(condition)


def opened(browser: Chrome, page: Served, **how: object) -> WebElement:
    """Visit a page and wait for its rows; returns the grid, which has the focus."""
    visit(browser, page.address, **how)  # type: ignore[arg-type] # width, height and scheme
    wait(browser, lambda _: rows(browser) and browser.find_elements("css selector", "#facets label"))
    return browser.find_element("id", "grid")


def rows(browser: Chrome) -> list[WebElement]:
    return browser.find_elements("css selector", ".rows [role=row][data-row]")


def status(browser: Chrome) -> str:
    return browser.find_element("id", "count").text


def keys(browser: Chrome, *pressed: str) -> None:
    browser.switch_to.active_element.send_keys(*pressed)


def look(browser: Chrome) -> WebElement:
    """Open the active row and wait for its panel."""
    from selenium.webdriver.common.keys import Keys

    keys(browser, Keys.ENTER)
    wait(browser, lambda _: browser.find_elements("css selector", "#panel .near, #panel canvas"))
    return browser.find_element("id", "panel")


def complaints(browser: Chrome) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] != "INFO"]


def test_the_page_asks_for_nothing_but_itself_and_complains_of_nothing(browser: Chrome, page: Served) -> None:
    opened(browser, page)
    look(browser)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert len(asked) > 10
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {f"127.0.0.1:{page.port}"}
    assert complaints(browser) == []
    assert script(browser, "return location.search") == ""  # the token is not left in the address


def test_markup_of_a_corpus_is_text(browser: Chrome, hostile: Served) -> None:
    opened(browser, hostile, width=1920)  # an alert would raise UnexpectedAlertPresentException from here on
    shown = browser.find_element("id", "grid").text
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in shown
    assert "\u202e" not in shown
    panel = look(browser)
    assert panel.text.count("<script>alert(1)</script>") > 5
    assert HANGUL in panel.text
    assert script(browser, "return document.scripts.length") == 1
    assert browser.find_elements("tag name", "img") == []
    assert complaints(browser) == []


def test_the_policy_stops_a_script_and_a_request(browser: Chrome, page: Served) -> None:
    opened(browser, page)
    add = "const e = document.createElement(arguments[0]); Object.assign(e, arguments[1]); document.body.append(e);"
    script(browser, add, "script", {"textContent": "window.pwned = 1"})
    script(browser, add, "img", {"src": "https://example.org/x.png"})
    assert script(browser, "return window.pwned") is None
    said = " ".join(complaints(browser))
    assert "script-src" in said
    assert "img-src" in said


def test_korean_is_marked_as_korean(browser: Chrome, page: Served) -> None:
    opened(browser, page)
    marked = browser.find_elements("css selector", "#grid [lang=ko]")
    assert len(marked) == ROWS
    assert all("말이에요" in cell.text for cell in marked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("evil", [False, True])
def test_every_width_fits_and_axe_finds_nothing(
    browser: Chrome, page: Served, hostile: Served, width: int, scheme: str, evil: bool
) -> None:
    opened(browser, hostile if evil else page, width=width, scheme=scheme)
    assert script(browser, "return document.documentElement.scrollWidth") <= width
    assert violations(browser) == []
    panel = look(browser)
    script(browser, "document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert script(browser, "return document.documentElement.scrollWidth") <= width
    assert script(browser, "return arguments[0].scrollWidth <= arguments[0].clientWidth", panel)
    assert violations(browser) == []


def test_the_table_has_roles_and_numbers_of_all_rows(browser: Chrome, page: Served) -> None:
    grid = opened(browser, page)
    assert grid.get_attribute("aria-rowcount") == str(ROWS + 1)
    assert [row.get_attribute("aria-rowindex") for row in rows(browser)] == [str(n + 2) for n in range(ROWS)]
    active = grid.get_attribute("aria-activedescendant")
    assert browser.find_element("id", active).get_attribute("aria-rowindex") == "2"


def test_arrows_enter_and_escape(browser: Chrome, page: Served, finished: Bench) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, page)
    keys(browser, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    panel = look(browser)
    assert browser.switch_to.active_element.text == open_store(finished.out).utterances["id"][1]
    for title in ("Sound", "Frames", "Physiology", "Votes", "Valence and arousal", "Conversation", "Tokens"):
        assert panel.find_elements("css selector", f"section[aria-label='{title}']")
    keys(browser, Keys.ESCAPE)
    assert not panel.is_displayed()
    assert browser.switch_to.active_element.get_attribute("id") == "grid"


def test_space_plays_the_sound(browser: Chrome, page: Served) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, page)
    look(browser)
    keys(browser, Keys.SPACE)
    wait(browser, lambda _: script(browser, "return document.querySelector('audio').currentTime") > 0)
    keys(browser, Keys.ESCAPE)
    assert browser.find_elements("tag name", "audio") == []


def test_search_narrows_and_facets_count(browser: Chrome, page: Served) -> None:
    opened(browser, page)
    keys(browser, "/")
    keys(browser, "_001")
    ids = [each for each in open_ids(browser) if "_001" in each]
    wait(browser, lambda _: status(browser).startswith(f"{len(ids)} utterance"))
    told = [
        label.text.split("\n")[-1]
        for label in browser.find_elements("css selector", "#facets details:first-child label")
    ]
    assert sum(map(int, told)) == len(ids)


def open_ids(browser: Chrome) -> list[str]:
    column = "return [...document.querySelectorAll(\".rows [data-row] [aria-colindex='2']\")].map((e) => e.textContent)"
    found: list[str] = script(browser, column)
    return found


def test_facets_and_order_by_keyboard(browser: Chrome, page: Served, finished: Bench) -> None:
    from selenium.webdriver.common.keys import Keys

    table = open_store(finished.out).utterances
    opened(browser, page)
    box = browser.find_element("css selector", "[aria-label=Speaker] input")
    box.send_keys(Keys.SPACE)
    own = table[table["speaker"] == sorted(table["speaker"].unique())[0]]
    wait(browser, lambda _: status(browser).startswith(f"{len(own)} utterance"))
    keys(browser, "o")
    keys(browser, "Duration")
    wait(browser, lambda _: open_ids(browser) == own.sort_values("duration", kind="stable")["id"].tolist())
    head = wait(browser, lambda _: browser.find_element("css selector", "[aria-sort]"))
    assert (head.text, head.get_attribute("aria-sort")) == ("Duration, s", "ascending")


def test_a_selection_is_saved_as_ids(browser: Chrome, page: Served, finished: Bench, saved: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(browser, page)
    keys(browser, Keys.SPACE, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.SHIFT + Keys.SPACE + Keys.NULL)
    wait(browser, lambda _: "3 selected" in status(browser))
    keys(browser, Keys.SPACE)
    wait(browser, lambda _: "2 selected" in status(browser))
    browser.find_element("id", "save").send_keys(Keys.ENTER)
    file = saved / "ids.csv"
    wait(browser, lambda _: file.exists())
    assert pd.read_csv(file)["id"].tolist() == open_store(finished.out).utterances["id"][:2].tolist()
    browser.find_element("id", "all").send_keys(Keys.ENTER)
    wait(browser, lambda _: f"{ROWS} selected" in status(browser))
    browser.find_element("id", "none").send_keys(Keys.ENTER)
    wait(browser, lambda _: "0 selected" in status(browser))


def test_neighbours_lead_to_their_own_panel(browser: Chrome, page: Served) -> None:
    opened(browser, page)
    panel = look(browser)
    before = panel.find_element("tag name", "h2").text
    panel.find_element("css selector", ".near button:not([aria-current])").click()
    wait(
        browser, lambda _: panel.find_elements("tag name", "h2") and panel.find_element("tag name", "h2").text != before
    )
    assert panel.find_element("css selector", ".near [aria-current]")


def test_the_end_of_the_command_is_said(browser: Chrome, finished: Bench) -> None:
    from selenium.webdriver.common.keys import Keys

    with served(Browser(open_store(finished.out))) as running:
        opened(browser, running)
    keys(browser, Keys.ENTER)
    said = wait(browser, lambda _: browser.find_elements("css selector", "#panel [role=alert]"))
    assert said[0].text == "The command has ended: run kemfeat browse again."


def test_markup_in_names_of_facets_stays_text(browser: Chrome, hostile: Served) -> None:
    opened(browser, hostile)
    assert EVIL[:20] in browser.find_element("id", "facets").text


def test_a_lens_by_keyboard(browser: Chrome, finished: Bench) -> None:
    from selenium.webdriver.common.keys import Keys

    store = open_store(finished.out)
    with served(Browser(store, lenses=LENSES)) as running:
        opened(browser, running)
        keys(browser, "l")
        keys(browser, Keys.ENTER)
        wait(browser, lambda _: status(browser).startswith("3 utterances"))
        assert open_ids(browser) == store.utterances.nlargest(3, "duration")["id"].tolist()
        assert "is <b>long</b>" in browser.find_element("id", "grid").text
        assert "needs --root" in browser.find_element("id", "lenses").text
        assert violations(browser) == []
        keys(browser, Keys.ENTER)
        wait(browser, lambda _: status(browser).startswith(f"{ROWS} utterances"))
