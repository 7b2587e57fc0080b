from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import numpy as np

from kemfeat.synth import wristband
from kemfeat.synth.defects import draw_defects
from kemfeat.synth.layout import draw_turns
from kemfeat.synth.physiology import SimulatedBody


def _wearing(**changes) -> wristband.Wearing:
    turns = draw_turns(0, utterances=300, sessions=1)
    rows = (turns.script == 1) & (turns.user == 1)
    defects = draw_defects(0, turns).rows(rows)
    nothing = np.zeros(rows.sum(), dtype=bool)
    broken = {name: changes.get(name, nothing) for name in type(defects).__dataclass_fields__}
    return wristband.Wearing(
        turns=turns.rows(rows),
        defects=type(defects)(**broken),
        identifiers=np.array(turns.identifiers())[rows].tolist(),
        energy=np.zeros(rows.sum()),
        body=SimulatedBody(conductance=2.0, temperature=32.5, interval=0.8),
        began=datetime(2020, 8, 21, 23, 59, 58, 250000),
        lead=5500,
        seconds=wristband.recording_seconds(int(turns.end[turns.script == 1].max())),
    )


def _names(text: str) -> list[str]:
    return [line.split(",")[-1] for line in text.splitlines() if "_" in line]


def test_a_sound_recording_names_every_utterance_of_a_second_or_more():
    wearing = _wearing()
    files = wristband.files(np.random.default_rng(0), wearing)
    assert set(_names(files["EDA"])) == set(_names(files["TEMP"])) == set(wearing.identifiers)
    assert len(files["EDA"].splitlines()) == 2 + 4 * wearing.seconds


def test_stamps_pass_midnight():
    lines = wristband.files(np.random.default_rng(0), _wearing())["TEMP"].splitlines()
    assert lines[2].split(",")[1] == "2020-0821-2359-58-250"
    assert lines[9].split(",")[1] == "2020-0822-0000-00-000"


def test_each_defect_shows():
    count = len(_wearing().turns)
    one = np.arange(count) == 1
    rng = np.random.default_rng(0)
    name = _wearing().identifiers[1]
    assert name not in _names(wristband.files(rng, _wearing(unannotated=one))["EDA"])
    whole, holed = (wristband.files(rng, _wearing(**lost))["EDA"].splitlines() for lost in ({}, {"lost": one}))
    assert len(holed) == len(whole) - sum(name in line for line in whole)
    assert name not in _names(wristband.files(rng, _wearing(no_beats=one))["IBI"])
    assert f"{name[:-3]}502" in _names(wristband.files(rng, _wearing(orphaned=one))["IBI"])
    assert wristband.files(rng, _wearing(empty_ibi=one | True))["IBI"] == ""


def test_conversations_follow_one_another_and_session_17_was_recorded_last():
    def days(session: int) -> list[datetime]:
        return [began for began, _ in wristband.clocks(np.random.default_rng(0), session, [300_000] * 6)]

    begun = days(1)
    assert all(b - a > timedelta(seconds=600) for a, b in itertools.pairwise(begun))
    assert begun[0].date() == datetime(2020, 8, 21).date()
    assert days(40)[0].date() == datetime(2020, 10, 18).date()
    assert max(days(session)[0] for session in range(1, 41)) == days(17)[0]
