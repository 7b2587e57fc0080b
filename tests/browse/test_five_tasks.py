"""From a store to a model without the utterances that raters disagree on, by keyboard alone; presses are counted."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from kemfeat.browse import Browser
from kemfeat.browse.columns import agreement_of
from kemfeat.splits import read_split
from kemfeat.store.reader import open_store
from tests.browse.kit import served
from tests.browse.test_page import opened, status, wait
from tests.chromium_kit import MARKS, chromium, script
from tests.e2e.command import kemfeat

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = MARKS
DOCS = Path(__file__).resolve().parents[2] / "docs/browse.md"
SAVED = 5


class Keyboard:
    """Presses keys, and counts them; Shift and a key are two."""

    def __init__(self, browser: Chrome) -> None:
        self.browser, self.presses = browser, 0

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        for key in keys:
            ActionChains(self.browser).send_keys(key).perform()
            self.presses += 1

    def press_with_shift(self, key: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        ActionChains(self.browser).key_down(Keys.SHIFT).send_keys(key).key_up(Keys.SHIFT).perform()
        self.presses += 2

    def told(self) -> int:
        """The presses since the last time."""
        count, self.presses = self.presses, 0
        return count


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus and its store."""
    made = tmp_path_factory.mktemp("tasks")
    size = ("--utterances", 100, "--sessions", 5, "-j", 1)
    assert kemfeat("synth", "--dataset", "KEMDy20", "--out", made / "corpus", *size).code == 0
    settings = ("--features", "mel,delta,eda", "--set", "mel.n_mels=16", "-j", 1)
    where = ("--root", made / "corpus", "--out", made / "store")
    assert kemfeat("build", "--dataset", "KEMDy20", *where, *settings).code == 0
    return made


@pytest.fixture
def browser(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile"), downloads=folder) as chrome:
        yield chrome


def documented() -> dict[str, tuple[int, str]]:
    """By task the presses and what is pressed or typed, as the page of the documentation has them."""
    section = DOCS.read_text(encoding="utf-8").partition("## Five tasks\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \| ([^|]+) \|$", section, re.MULTILINE)
    return {task: (int(presses), how) for task, presses, how in rows}


def typed(how: str) -> str:
    """The command in backquotes."""
    return re.search("`([^`]+)`", how)[1]


def test_five_tasks_take_the_presses_that_are_documented(browser: Chrome, folder: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    store, keyboard, counted = open_store(folder / "store"), Keyboard(browser), {}
    table = store.utterances.assign(agreement=agreement_of(store.utterances))
    worst = table.sort_values("agreement", kind="stable")["id"].tolist()[:SAVED]
    with served(Browser(store, root=folder / "corpus")) as page:
        opened(browser, page)
        keyboard.press("o", "A", "g")
        first = "return document.querySelector('#row-0 [aria-colindex=\"2\"]')?.textContent"
        wait(browser, lambda _: script(browser, first) == worst[0])
        counted["find the utterances where raters disagree most"] = keyboard.told()

        keyboard.press(Keys.ESCAPE, Keys.ENTER)
        wait(browser, lambda _: script(browser, "return document.querySelector('audio')?.readyState") or 0)
        keyboard.press(Keys.SPACE)
        wait(browser, lambda _: script(browser, "return document.querySelector('audio').currentTime") > 0)
        counted["hear one"] = keyboard.told()

        keyboard.press(Keys.ESCAPE, Keys.SPACE, *[Keys.ARROW_DOWN] * (SAVED - 1))
        keyboard.press_with_shift(Keys.SPACE)
        wait(browser, lambda _: f"{SAVED} selected" in status(browser))
        keyboard.press("s")
        wait(browser, lambda _: (folder / "ids.csv").exists())
        counted["save the ids of five"] = keyboard.told()
    assert pd.read_csv(folder / "ids.csv")["id"].tolist() == sorted(worst, key=table["id"].tolist().index)

    for task in ("exclude them", "retrain"):
        command = typed(documented()[task][1])
        counted[task] = len(command) + 1
        said = kemfeat(*shlex.split(command)[1:], cwd=folder)
        assert said.code == 0, said.err
    assert not set(worst) & set(read_split(folder / "s").rows["id"])
    assert (folder / "r/predictions.parquet").is_file()
    assert counted == {task: presses for task, (presses, _) in documented().items()}
    shutil.rmtree(folder)
