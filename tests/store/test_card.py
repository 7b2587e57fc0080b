"""The data card and the Croissant file beside a store."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pandas as pd
import pytest

from kemfeat.corpora import columns_of, terms_of
from kemfeat.store import card, columns, layout, schema
from kemfeat.store.reader import Store


def render(header: schema.Header, utterances: pd.DataFrame) -> dict[str, str]:
    """Both files of a store of KEMDy20."""
    return card.render(header, utterances, terms=terms_of("KEMDy20"), own_columns=columns_of("KEMDy20"))


@pytest.fixture(scope="module")
def readme(finished: Store) -> str:
    return (finished.path / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def croissant(finished: Store) -> dict[str, Any]:
    return json.loads((finished.path / "croissant.json").read_text(encoding="utf-8"))


def cells(readme: str, first: str) -> list[str]:
    """The cells of the table row that begins with a cell."""
    return next(
        [c.strip() for c in line.split(" | ")] for line in readme.splitlines() if line.startswith(f"| {first} |")
    )


def test_a_rating_beyond_reason_makes_a_short_sentence_and_no_warning(finished: Store) -> None:
    wild = finished.utterances.assign(valence=[1e300, *[3.0] * (len(finished) - 1)], arousal=3.126)
    said = render(finished.header, wild)["README.md"]
    assert "valence 5e+298 on average, standard deviation inf" in said
    assert "arousal 3.13 on average, standard deviation 0" in said


def test_both_depend_on_the_content_alone(finished: Store, readme: str) -> None:
    other = finished.header.model_copy(
        update={"provenance": {"created": "1999", "command": "other"}, "versions": {"zarr": "0"}}
    )
    assert render(other, finished.utterances) == render(finished.header, finished.utterances)
    assert render(finished.header, finished.utterances)["README.md"] == readme


def test_the_card_counts(finished: Store, readme: str) -> None:
    assert "20 utterances of 4 speakers in 2 sessions" in readme
    assert finished.digest in readme
    assert "0.75 to 0.75 s long" in readme
    assert cells(readme, "happy;neutral")[1:] == ["20", "100.0% |"]
    assert "20 utterances (100.0%) are ties; 0 are in the five-class subset" in readme
    assert cells(readme, "Sess01")[1:8] == ["User001F", "F", "5", "0.1", "5", "4", "4"]
    assert cells(readme, "EDA")[1:3] == ["19", "95.0%"]


def test_the_card_counts_what_is_cut_and_missing(finished: Store, readme: str) -> None:
    header = finished.header.model_copy(
        update={"complete": {**finished.header.complete, "mel": layout.bitmap([False] * 2 + [True] * 18)}}
    )
    assert cells(readme, "`mel`")[1:] == ["missing rows (see `failures.parquet`)", "0 |"]
    changed = render(header, finished.utterances)["README.md"]
    assert cells(changed, "`mel`")[1:] == ["missing rows (see `failures.parquet`)", "2 |"]
    assert "| `mel_frames` | rows cut at the stored length | 20 |" in readme
    assert "| `mel_frames` | frames or samples cut | 80 |" in readme
    assert "| `eda_length` | rows cut at the stored length | 0 |" in readme


def test_the_card_names_every_array_column_and_setting(finished: Store, readme: str) -> None:
    for name, info in finished.header.arrays.items():
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}` | utterance 20"))
        assert f"| {info.dtype} |" in row
        assert card.escape(info.description) in row
    for name in finished.utterances.columns:
        assert cells(readme, f"`{name}`")
        assert columns.describe(name, columns_of("KEMDy20"))
    assert "mel.max_frames = 20" in readme.splitlines()
    assert 'labels = "annotated"' in readme.splitlines()


def test_the_terms_travel(finished: Store, readme: str, croissant: dict[str, Any]) -> None:
    terms = terms_of("KEMDy20")
    assert terms.licence in readme
    assert "may be passed on to others" in terms.licence
    assert terms.citation in readme
    assert croissant["license"] == terms.licence
    assert croissant["citeAs"] == terms.citation


def test_transcripts_stay_out(finished: Store, readme: str, croissant: dict[str, Any]) -> None:
    everything = readme + json.dumps(croissant, ensure_ascii=False)
    assert "말이에요" in finished.utterances["text"].iloc[0]
    assert "말이에요" not in everything
    assert finished.utterances["id"].iloc[0] not in everything


def test_names_of_a_corpus_are_no_markup(finished: Store) -> None:
    evil = "a|b\n# <img src=x onerror=alert(1)> [c](javascript:d) `e` *f* _g_ &amp; \x1b[31m"
    utterances = finished.utterances.assign(speaker=evil, session=evil, emotion=evil)
    text = render(finished.header, utterances)["README.md"]
    assert "\x1b" not in text
    assert "\n# <img" not in text
    escaped = r"a\|b # \<img src=x onerror=alert(1)\> \[c\](javascript:d) \`e\` \*f\* \_g\_ \&amp; \[31m"
    assert f"| {escaped} | {escaped} | F | " in text


def test_an_empty_emotion_and_no_audio_are_said(finished: Store) -> None:
    utterances = finished.utterances.assign(emotion=None, duration=float("nan"))
    texts = render(finished.header, utterances)
    assert cells(texts["README.md"], "(none)")[1] == "20"
    assert "0.00 h of speech, no audio" in texts["README.md"]
    assert json.loads(texts["croissant.json"])["rai:dataBiases"] == ["No utterance is labelled."]


def test_the_readme_opens_the_store(finished: Store, readme: str) -> None:
    code = readme.split("```python\n")[1].split("```")[0].replace("PATH OF THIS FOLDER", str(finished.path))
    assert len(code.splitlines()) == 3
    shown = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(len(rows), values.shape)"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "20 (20, 20, 128)"


def test_a_sex_that_is_not_known_and_rows_of_other_axes_are_said(finished: Store) -> None:
    table = finished.utterances.assign(sex=None)
    clips = schema.AxisInfo(rows=7, table="tables/clip.parquet")
    header = finished.header.model_copy(update={"axes": {**finished.header.axes, "clip": clips}})
    readme = render(header, table)[schema.README]
    assert "| nan |" not in readme
    assert "on the axis `clip` is row i of `tables/clip.parquet`, 7 rows" in readme
