"""The page in a real browser: Debian's Chromium, headless, driven by Selenium; skipped where they are not installed."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from kemfeat import plugins
from kemfeat.analyses.output import default_folder, write
from kemfeat.report import write_report
from kemfeat.store.reader import open_store
from tests.analyses import kit as small_store
from tests.build.kit import Bench
from tests.chromium_kit import MARKS, PHONE, chromium, script, violations, visit
from tests.report.conftest import EVIL, add_analysis

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

pytestmark = MARKS
HEADINGS = ["Overview", "Data card", "Physiology", "Labels", "Features", "Analyses", "Provenance"]
TABLE = "analysis-1-table-0"
MOST_PAGES = 12
LINE = f"{EVIL}, angry \u2212 sad: t(4.2) = 3.21, p = .008"


@pytest.fixture(scope="module")
def address(finished: Bench, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page about a corpus and results full of markup."""
    bench = finished.copy(tmp_path_factory.mktemp("browser"))
    store = open_store(bench.out)
    store.utterances["text"] = f"{EVIL}<img src=x onerror=alert(2)> 안녕하세요"
    store.utterances["id"] = store.utterances["id"] + EVIL + "x" * 80
    add_analysis(store, name="alpha", lines={"groups": (LINE, "arousal: F(4, 3.8) = 50.53, p < .001")})
    add_analysis(store, name="beta")
    return write_report(store, out=bench.out.parent / "report.html").path.as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as chrome:
        yield chrome


def head(browser: Chrome, column: int) -> WebElement:
    return browser.find_element("css selector", f"#{TABLE} thead th:nth-child({column}) button")


def column(browser: Chrome, number: int) -> list[str]:
    cells = browser.find_elements("css selector", f"#{TABLE} tbody tr > :nth-child({number})")
    return [cell.text for cell in cells]


def sorting(browser: Chrome) -> list[str | None]:
    heads = browser.find_elements("css selector", f"#{TABLE} thead th")
    return [cell.get_attribute("aria-sort") for cell in heads]


def test_every_section_is_there_and_nothing_complains(browser: Chrome, address: str) -> None:
    visit(browser, address)
    headings = browser.find_elements("tag name", "h2")
    assert [heading.text for heading in headings] == HEADINGS
    assert all(heading.is_displayed() for heading in headings)
    assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []
    broken = "return [...document.images].filter((i) => !(i.complete && i.naturalWidth)).length"
    assert script(browser, broken) == 0
    assert len(browser.find_elements("tag name", "img")) == 3


def test_markup_of_the_corpus_is_text(browser: Chrome, address: str) -> None:
    visit(browser, address)  # an alert would raise UnexpectedAlertPresentException from here on
    quote = browser.find_element("css selector", "q")
    assert EVIL in quote.text
    assert "onerror=alert(2)" in quote.text
    assert EVIL in browser.find_element("id", TABLE).text
    assert script(browser, "return document.scripts.length") == 1


def test_the_policy_stops_a_script_and_a_request(browser: Chrome, address: str) -> None:
    visit(browser, address)
    add = "const e = document.createElement(arguments[0]); Object.assign(e, arguments[1]); document.body.append(e);"
    script(browser, add, "script", {"textContent": "window.pwned = 1"})
    script(browser, add, "img", {"src": "https://example.org/x.png"})
    assert script(browser, "return window.pwned") is None
    said = " ".join(entry["message"] for entry in browser.get_log("browser"))
    assert "script-src" in said
    assert "img-src" in said


def test_the_page_asks_for_nothing_but_itself(browser: Chrome, address: str) -> None:
    visit(browser, address)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith("data:")} == {address}


def test_a_click_sorts_up_and_down_and_gaps_stay_last(browser: Chrome, address: str) -> None:
    visit(browser, address)
    assert sorting(browser) == [None] * 3
    head(browser, 2).click()
    rising = column(browser, 2)
    assert sorting(browser) == [None, "ascending", None]
    assert rising == [*sorted(rising[:-1], key=float), "–"]
    head(browser, 2).click()
    assert sorting(browser) == [None, "descending", None]
    assert column(browser, 2) == [*rising[-2::-1], "–"]
    head(browser, 1).click()
    names = column(browser, 1)
    assert sorting(browser) == ["ascending", None, None]
    assert names[1:4] == ["group 1", "group 2", "group 3"]
    assert names[-1] == "group 49"


def test_the_keyboard_sorts_too(browser: Chrome, address: str) -> None:
    from selenium.webdriver.common.keys import Keys

    visit(browser, address)
    head(browser, 3).send_keys(Keys.ENTER)
    assert sorting(browser) == [None, None, "ascending"]
    head(browser, 3).send_keys(Keys.SPACE)
    assert sorting(browser) == [None, None, "descending"]
    assert column(browser, 3)[:2] == ["49", "48"]
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert script(browser, outline) == "solid"


def test_the_first_tab_leads_past_the_navigation(browser: Chrome, address: str) -> None:
    from selenium.webdriver.common.keys import Keys

    visit(browser, address)
    browser.find_element("tag name", "body").send_keys(Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the content"
    assert script(browser, "return arguments[0].getBoundingClientRect().top", skip) >= 0
    skip.send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("id") == "main"


def test_wide_tables_take_the_keyboard(browser: Chrome, address: str) -> None:
    visit(browser, address, width=PHONE)
    stuck = (
        "return [...document.querySelectorAll('.table')].filter((t) => t.scrollWidth > t.clientWidth && t.tabIndex < 0)"
    )
    assert script(browser, stuck) == []


@pytest.mark.parametrize("width", [PHONE, 1200])
def test_the_page_does_not_scroll_sideways(browser: Chrome, address: str, width: int) -> None:
    visit(browser, address, width=width)
    script(browser, "document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert script(browser, "return [document.documentElement.scrollWidth, innerWidth]")[0] <= width
    assert script(browser, "return document.querySelectorAll('.table').length") > 10


def test_light_and_dark_follow_the_reader(browser: Chrome, address: str) -> None:
    brightness = {}
    for scheme in ("light", "dark"):
        visit(browser, address, scheme=scheme)
        colours = script(
            browser, "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color].join(' ')"
        )
        ground, ink = (sum(map(int, re.findall(r"\d+", colour))) for colour in re.findall(r"rgb\([^)]*\)", colours))
        brightness[scheme] = ground > ink
    assert brightness == {"light": True, "dark": False}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_follow_the_reader(browser: Chrome, address: str, scheme: str) -> None:
    visit(browser, address, scheme=scheme)
    picture = browser.find_element("css selector", ".analysis img")
    assert (corner(picture) < 128) == (scheme == "dark")


def corner(picture: WebElement) -> int:
    """Brightness of a pixel inside of a figure's edge, 0 to 255."""
    with Image.open(io.BytesIO(picture.screenshot_as_png)) as shot:
        return int(shot.convert("L").getpixel((14, 14)))


def test_it_prints_in_a_few_pages_without_what_is_folded(browser: Chrome, address: str, tmp_path: Path) -> None:
    visit(browser, address)
    paper = {"printBackground": True, "paperWidth": 8.27, "paperHeight": 11.69}
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", paper)["data"])
    (tmp_path / "report.pdf").write_bytes(pdf)
    assert pdf.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= MOST_PAGES
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert script(browser, "return document.querySelectorAll('details:not([open])').length") > 10
    hidden = "details:not([open]), nav, .apa button"
    shown = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.offsetHeight).length"
    assert script(browser, shown, hidden) == 0
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page about a small store with the result of every analysis."""
    folder = tmp_path_factory.mktemp("analysed")
    small = small_store.build(tmp_path_factory.getbasetemp() / "small")
    shutil.copytree(small.path, folder / "store")
    store = open_store(folder / "store")
    for name in plugins.names("analyses"):
        analysis = plugins.find("analyses", name)
        config = analysis.config()
        result = analysis.run(store, config)
        write(analysis, result, store=store, config=config, out=default_folder(store, analysis))
    return write_report(store, out=folder / "report.html").path.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_with_every_analysis_prints_in_a_few_pages_and_axe_finds_nothing(
    browser: Chrome, analysed: str, scheme: str
) -> None:
    visit(browser, analysed, scheme=scheme)
    paper = {"printBackground": True, "paperWidth": 8.27, "paperHeight": 11.69}
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", paper)["data"])
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) <= MOST_PAGES
    heads = "return [...document.querySelectorAll('.fold > .table thead th')].map((h) => h.textContent)"
    assert not [head for head in script(browser, heads) if "_" in head]
    script(browser, "document.querySelectorAll('.fold').forEach((d) => { d.open = true; })")
    assert violations(browser) == []


def test_a_line_of_a_test_is_copied_by_its_button(browser: Chrome, address: str) -> None:
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    visit(browser, address)
    script(browser, "document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    button = browser.find_element("css selector", ".apa button")
    assert button.get_attribute("aria-label") == f"Copy: {LINE}"
    button.click()
    WebDriverWait(browser, 10).until(lambda _: button.text in {"Copied", "Selected"})
    if button.text == "Selected":
        assert script(browser, "return getSelection().toString()") == LINE
        return
    script(browser, "document.body.append(document.createElement('textarea'))")
    field = browser.find_element("tag name", "textarea")
    field.send_keys(Keys.CONTROL, "v")
    assert field.get_attribute("value") == LINE


def test_without_leave_to_copy_the_line_is_selected(browser: Chrome, address: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    visit(browser, address)
    script(browser, "document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    script(browser, "Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    button = browser.find_element("css selector", ".apa button")
    button.click()
    WebDriverWait(browser, 10).until(lambda _: button.text == "Selected")
    assert script(browser, "return getSelection().toString()") == LINE


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, 1200])
def test_axe_finds_nothing(browser: Chrome, address: str, scheme: str, width: int) -> None:
    visit(browser, address, scheme=scheme, width=width)
    assert violations(browser) == []
    script(browser, "document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert violations(browser) == []


def test_nothing_moves(browser: Chrome, address: str) -> None:
    visit(browser, address)
    moving = """return [...document.querySelectorAll('*')].filter((e) => {
        const s = getComputedStyle(e);
        return s.scrollBehavior !== 'auto' || s.transitionDuration !== '0s' || s.animationName !== 'none';
    }).length"""
    assert script(browser, moving) == 0
