"""kemfeat.corpora.e4."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kemfeat import build_store
from kemfeat.corpora import CorpusReader, balance, open_reader
from kemfeat.errors import ConfigError, CorpusError, CorpusLayoutError, ExtractionError
from kemfeat.labels import EMOTIONS
from kemfeat.manifest import Manifest
from tests.corpora.e4_sessions import START, session_files, write_session, write_windows, write_zip

PEOPLE = ("P01", "P02", "P03", "P04")


def write_small(folder: Path) -> None:
    """Four people, one of them as an archive, six windows each, and a table with labels."""
    rows = []
    for seed, person in enumerate(PEOPLE):
        start = START + 3600 * seed
        files = session_files(start=start, seed=seed, tags=(10, 30))
        name = f"{start:.0f}_A00D5B"
        if seed == 1:
            write_zip(folder / person / f"{name}.zip", {f"{name}/{path}": content for path, content in files.items()})
        else:
            write_session(folder / person / name, files)
        for number in range(6):
            emotion, rating = EMOTIONS[(seed + number) % 7], 1 + (seed + number) % 5
            at = start + 10 * number
            rows.append(
                f"{person}_{number},{person},{at:.2f},{at + 10:.2f},{emotion},{rating},{6 - rating},well {number}"
            )
    write_windows(folder, rows, header="id,participant,start,end,emotion,valence,arousal,text")


def opened(root: Path, table: Path | None = None) -> CorpusReader:
    return open_reader("e4", root=root, table=table)


def read(root: Path, *, on_error: str = "raise") -> tuple[Manifest, dict[str, int]]:
    """The manifest, and how often each rule was broken."""
    manifest = opened(root).read_manifest(root, on_error=on_error)
    return manifest, {finding.rule: finding.count for finding in manifest.findings}


def rows_of(root: Path, session: str) -> pd.DataFrame:
    return opened(root).read_signals(root, session)[0].to_pandas()


def values_of(rows: pd.DataFrame, name: str, medium: str) -> list[float]:
    return rows.loc[(rows["id"] == name) & (rows["medium"] == medium), "value"].tolist()


def numbers(content: bytes) -> list[float]:
    return [float(line) for line in content.decode().split()[2:]]


def test_a_row_of_the_table_is_a_window(tmp_path: Path) -> None:
    write_small(tmp_path)
    manifest, findings = read(tmp_path)
    assert findings == {}
    third = manifest.labelled("annotated").utterances.set_index("id").loc["P02_2"]
    assert (third["session"], third["speaker"], third["script"]) == ("P02_1560283425_A00D5B", "P02", "all")
    assert (third["start"], third["end"], third["emotion"], third["text"]) == (20.0, 30.0, EMOTIONS[3], "well 2")
    rows = rows_of(tmp_path, third["session"])
    written = session_files(start=START + 3600, seed=1, tags=(10, 30))
    for medium, name in (("eda", "EDA.csv"), ("temp", "TEMP.csv")):
        assert values_of(rows, "P02_2", medium) == numbers(written[name])[80:120]
    beats = [[float(cell) for cell in line.split(",")] for line in written["IBI.csv"].decode().split("\n")[1:-1]]
    assert values_of(rows, "P02_2", "ibi") == [interval for at, interval in beats if 20 <= at < 30]
    first = rows[(rows["id"] == "P02_2") & (rows["medium"] == "eda")].iloc[0]
    assert first["time"] == pd.Timestamp("2019-06-11T20:04:05")


def test_an_archive_is_read_like_its_folder_and_nothing_is_extracted(tmp_path: Path) -> None:
    files = session_files(tags=(5,))
    write_session(tmp_path / "one/S1", files)
    droppings = {"__MACOSX/._EDA.csv": b"\x00\x05", "inside/._EDA.csv": b"\x00"}
    write_zip(tmp_path / "two/S1.zip", {f"inside/{name}": content for name, content in files.items()} | droppings)
    for root in (tmp_path / "one", tmp_path / "two"):
        write_windows(root, ["w1,S1,anna,0,10"])
    before = sorted(tmp_path.rglob("*"))
    one, two = (opened(tmp_path / name) for name in ("one", "two"))
    manifests = [reader.read_manifest(root) for reader, root in ((one, tmp_path / "one"), (two, tmp_path / "two"))]
    assert manifests[0].fingerprint == manifests[1].fingerprint
    assert rows_of(tmp_path / "one", "S1").equals(rows_of(tmp_path / "two", "S1"))
    assert two.sources(tmp_path / "two")["signals/S1"] == ("S1.zip", "windows.csv")
    assert one.sources(tmp_path / "one")["signals/S1"] == ("S1/EDA.csv", "S1/IBI.csv", "S1/TEMP.csv", "windows.csv")
    assert sorted(tmp_path.rglob("*")) == before


@given(
    st.lists(st.tuples(st.integers(-40, 240), st.integers(1, 200)), min_size=1, max_size=6),
    st.floats(0, 0.999),
)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_sample_is_in_the_windows_that_contain_it_and_kept_once_outside(
    tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]], fraction: float
) -> None:
    root = tmp_path_factory.mktemp("e4")
    start = START + round(fraction, 3)
    write_session(root / "S1", session_files(start=start))
    windows = {f"w{place}": (at / 4 + 0.1, (at + length) / 4 + 0.1) for place, (at, length) in enumerate(spans)}
    inside = {name: (since, until) for name, (since, until) in windows.items() if since < 60 and until > 0}
    write_windows(
        root, [f"{name},S1,anna,{start + since:.4f},{start + until:.4f}" for name, (since, until) in windows.items()]
    )
    if not inside:
        with pytest.raises(CorpusError, match="none of the windows can be used"):
            read(root, on_error="skip")
        return
    assert set(read(root, on_error="skip")[0].utterances["id"]) == set(inside)
    rows = rows_of(root, "S1")
    eda = rows[rows["medium"] == "eda"]
    at = np.arange(240) / 4
    for name, (since, until) in inside.items():
        expected = at[(at >= since) & (at < until)]
        found = (eda.loc[eda["id"] == name, "time"] - pd.Timestamp(start, unit="s")).dt.total_seconds()
        np.testing.assert_allclose(found, expected, atol=0.002)
    covered = sum((at >= since) & (at < until) for since, until in inside.values())
    assert eda["id"].isna().sum() == np.count_nonzero(covered == 0)


def test_recordings_that_begin_later_count_from_their_own_header(tmp_path: Path) -> None:
    files = session_files()
    later = session_files(start=START + 7.5, seconds=20)
    write_session(tmp_path / "S1", {**files, "TEMP.csv": later["TEMP.csv"], "IBI.csv": later["IBI.csv"]})
    write_windows(tmp_path, ["w1,S1,anna,5,10", "w2,S1,anna,40,50"])
    read(tmp_path)
    rows = rows_of(tmp_path, "S1")
    assert values_of(rows, "w1", "temp") == numbers(later["TEMP.csv"])[:10]
    assert values_of(rows, "w2", "temp") == []
    assert len(values_of(rows, "w2", "eda")) == 40
    findings = opened(tmp_path).check_signals(
        opened(tmp_path).read_signals(tmp_path, "S1")[0], known_ids={"w2": "anna"}, session="S1"
    )
    assert [finding.rule for finding in findings] == ["partial-physiology", "no-ibi"]


def test_a_recording_of_another_time_is_a_fault_and_moves_nothing(tmp_path: Path) -> None:
    other = session_files(start=START - 86_400, seed=3)
    write_session(tmp_path / "S1", {**session_files(), "TEMP.csv": other["TEMP.csv"]})
    write_windows(tmp_path, ["w1,S1,anna,5,10"])
    manifest, findings = read(tmp_path, on_error="skip")
    assert findings == {"unreadable-recording": 1}
    assert "S1/TEMP.csv: runs from 2019-06-10T19:03:45Z to 2019-06-10T19:04:45Z, but S1/EDA.csv" in manifest.faults[0]
    rows = rows_of(tmp_path, "S1")
    assert values_of(rows, "w1", "eda") == numbers(session_files()["EDA.csv"])[20:40]
    assert values_of(rows, "w1", "temp") == []


def test_whoever_parses_a_session_needs_no_other(tmp_path: Path) -> None:
    """Workers of a scheduler have only the files of their session: what they read must not depend on the others."""
    files = {day: session_files(start=START + 86_400 * day, seed=day) for day in range(2)}
    for day, each in files.items():
        write_session(tmp_path / f"P1/day{day}", each)
    write_session(tmp_path / "P1/copy", files[1])
    write_windows(tmp_path, [f"a,P1,{START + 86_405},{START + 86_410}"], header="id,participant,start,end")
    reader = opened(tmp_path)
    whole = {name: reader.read_signals(tmp_path, name)[0] for name in ("P1_copy", "P1_day0", "P1_day1")}
    assert [len(each) > 0 for each in whole.values()] == [True, False, False]
    for name, table in whole.items():
        alone = tmp_path.parent / f"{tmp_path.name}-{name}"
        for path in reader.sources(tmp_path)[f"signals/{name}"]:
            (alone / path).parent.mkdir(parents=True, exist_ok=True)
            (alone / path).write_bytes((tmp_path / path).read_bytes())
        bound = pickle.loads(pickle.dumps(reader))  # noqa: S301 - written one call earlier
        assert bound.read_signals(alone, name)[0].equals(table)


def test_rows_of_a_participant_find_their_session_by_the_clock(tmp_path: Path) -> None:
    for day in range(2):
        write_session(tmp_path / f"P1/day{day}", session_files(start=START + 86_400 * day, seed=day))
    write_session(tmp_path / "P2", session_files(seed=7))
    header = "id,participant,start,end"
    write_windows(tmp_path, [f"a,P1,{START + 86_405},{START + 86_410}", "b,P2,5,10"], header=header)
    assert read(tmp_path)[0].utterances["session"].tolist() == ["P1_day1", "P2"]
    write_windows(tmp_path, ["a,P1,5,10"], header=header)
    with pytest.raises(
        CorpusError, match=r"windows\.csv:2: a: found 2 sessions \(P1_day0, P1_day1\) for 'P1', expected"
    ):
        read(tmp_path)
    write_windows(tmp_path, ["a,P3,5,10"], header=header)
    with pytest.raises(CorpusError, match="found none of P1_day0, P1_day1, P2 for 'P3'"):
        read(tmp_path)


@pytest.mark.parametrize("written", ["P1/day0", "P1_day0", "day0", "P1/day0/", "P1\\day0"])
def test_a_session_goes_by_its_path_or_its_own_name(tmp_path: Path, written: str) -> None:
    write_session(tmp_path / "P1/day0", session_files())
    write_session(tmp_path / "P1/day1", session_files(seed=1))
    write_windows(tmp_path, [f"a,{written},anna,5,10"])
    assert read(tmp_path)[0].utterances["session"].tolist() == ["P1_day0"]


def test_windows_around_tags(tmp_path: Path) -> None:
    write_session(tmp_path / "P1/morning", session_files(tags=(10, 58)))
    write_zip(tmp_path / "P2.zip", session_files(start=START + 100, seed=1, tags=(20,)))
    write_session(tmp_path / "P3", session_files(seed=2))
    (tmp_path / "e4.toml").write_text('participants = "folder"\n[tags]\nbefore = 5\nafter = 10\n')
    manifest, findings = read(tmp_path)
    table = manifest.utterances[["id", "session", "speaker", "start", "end"]]
    assert table.values.tolist() == [
        ["P1_morning_tag01", "P1_morning", "P1", 5.0, 20.0],
        ["P1_morning_tag02", "P1_morning", "P1", 53.0, 68.0],
        ["P2_tag01", "P2", "P2", 15.0, 30.0],
    ]
    assert findings == {"unused-session": 1, "window-cut": 1}
    assert "P1/morning/tags.csv" in opened(tmp_path).sources(tmp_path)["signals/P1_morning"]


def test_windows_of_one_length_are_the_recording(tmp_path: Path) -> None:
    files = session_files(seconds=65)
    write_session(tmp_path / "a b", files)
    (tmp_path / "e4.toml").write_text("[fixed]\nlength = 20\n")
    manifest, findings = read(tmp_path)
    assert manifest.utterances["id"].tolist() == ["a-b_0001", "a-b_0002", "a-b_0003"]
    assert findings == {"unknown-speaker": 1}
    rows = rows_of(tmp_path, "a b")
    cut = [value for name in manifest.utterances["id"] for value in values_of(rows, name, "eda")]
    assert cut == numbers(files["EDA.csv"])[:240]
    assert rows.loc[rows["medium"] == "eda", "value"].tolist() == numbers(files["EDA.csv"])
    (tmp_path / "e4.toml").write_text("[fixed]\nlength = 20\nstep = 10\n")
    assert read(tmp_path)[0].utterances["start"].tolist() == [0, 10, 20, 30, 40]


@pytest.mark.parametrize(
    ("settings_text", "said"),
    [
        (None, r"found sessions, but nothing that says how to cut them; expected windows\.csv with the columns id"),
        ("[fixed]\nlength = 0\n", "e4.toml: fixed.length"),
        ("[tags]\nbefor = 1\nafter = 2", "e4.toml.tags: unknown key 'befor'"),
        ("[tags]\nafter = 1\n[fixed]\nlength = 5\n", r"found \[tags\] and \[fixed\], expected one way"),
        ("time_zone = '../etc'\n[fixed]\nlength = 5\n", "expected a name such as Asia/Seoul"),
        ("time_zone = 'Seoul'\n[fixed]\nlength = 5\n", "expected a name such as Asia/Seoul"),
        ("length = ", "not a TOML file"),
    ],
)
def test_settings_that_cannot_be_read_are_refused(tmp_path: Path, settings_text: str | None, said: str) -> None:
    write_session(tmp_path / "P1", session_files())
    if settings_text is not None:
        (tmp_path / "e4.toml").write_text(settings_text)
    with pytest.raises(CorpusError, match=said):
        read(tmp_path)


def test_a_table_and_settings_that_cut_are_two_ways(tmp_path: Path) -> None:
    write_small(tmp_path)
    (tmp_path / "e4.toml").write_text("[fixed]\nlength = 5\n")
    with pytest.raises(CorpusLayoutError, match=r"the table windows\.csv and \[fixed\] in e4\.toml, expected one way"):
        read(tmp_path)


def test_a_session_as_root_is_refused(tmp_path: Path) -> None:
    write_session(tmp_path, session_files())
    with pytest.raises(CorpusLayoutError, match=r"found the files of one session.*pass --root the folder above it"):
        read(tmp_path)


def test_a_table_elsewhere_is_found(tmp_path: Path) -> None:
    write_small(tmp_path / "corpus")
    (tmp_path / "corpus/windows.csv").rename(tmp_path / "mine.csv")
    reader = opened(tmp_path / "corpus", tmp_path / "mine.csv")
    assert len(reader.read_manifest(tmp_path / "corpus")) == 24
    assert reader.sources(tmp_path / "corpus")["annotation"] == ("../mine.csv",)
    with pytest.raises(CorpusLayoutError, match="no such file; expected the table of windows"):
        opened(tmp_path / "corpus", Path("nowhere.csv"))


def test_the_same_session_twice_is_read_once(tmp_path: Path) -> None:
    files = session_files()
    write_session(tmp_path / "S1", files)
    write_zip(tmp_path / "S1.zip", files)
    write_session(tmp_path / "copy/of S1", files)
    write_windows(tmp_path, ["w1,S1,anna,5,10"])
    manifest, findings = read(tmp_path, on_error="skip")
    assert findings == {"second-session": 2}
    assert [fault.partition(" (")[0] for fault in manifest.faults] == [
        "S1.zip: the session is there already, as S1",
        "copy/of S1: has the same recordings as S1",
    ] or len(manifest.faults) == 2
    with pytest.raises(CorpusError, match="is there already, as S1; correct it"):
        read(tmp_path)


def test_two_people_in_one_session_and_one_in_two_at_once(tmp_path: Path) -> None:
    write_session(tmp_path / "left", session_files())
    write_session(tmp_path / "right", session_files(start=START + 30, seed=1))
    write_windows(tmp_path, ["a,left,anna,0,5", "b,left,ben,5,10", "c,right,anna,0,5"])
    manifest, findings = read(tmp_path, on_error="skip")
    assert findings == {"unknown-session": 1, "overlapping-sessions": 1}
    assert manifest.utterances["id"].tolist() == ["a", "c"]
    with pytest.raises(
        CorpusError, match=r"found the participant 'ben', but 'anna' wore the wristband of left by windows"
    ):
        read(tmp_path)


def test_windows_outside_and_partly_outside(tmp_path: Path) -> None:
    write_session(tmp_path / "S1", session_files())
    write_windows(tmp_path, ["a,S1,anna,55,70", "b,S1,anna,70,80"])
    manifest, findings = read(tmp_path, on_error="skip")
    assert findings == {"window-outside": 1, "window-cut": 1}
    assert manifest.utterances["id"].tolist() == ["a"]
    assert len(values_of(rows_of(tmp_path, "S1"), "a", "eda")) == 20
    with pytest.raises(
        CorpusError, match=r"windows\.csv:3: b: 70 to 80 s after the session began; the session lasts 60"
    ):
        read(tmp_path)


@pytest.mark.parametrize(("hours", "hint"), [(9, True), (-5, True), (5.5, True), (0.1, False), (40, False)])
def test_local_times_written_as_utc_are_guessed_and_refused(tmp_path: Path, hours: float, hint: bool) -> None:
    write_session(tmp_path / "S1", session_files())
    begin = START + 3600 * hours + 20
    write_windows(tmp_path, [f"a,S1,anna,{begin},{begin + 10}"])
    with pytest.raises(
        CorpusError, match="the session runs from 2019-06-11T19:03:45Z to 2019-06-11T19:04:45Z"
    ) as caught:
        read(tmp_path)
    assert ("it would be in it if its times were local" in str(caught.value)) == hint


def test_a_time_zone_of_the_settings(tmp_path: Path) -> None:
    write_session(tmp_path / "S1", session_files())
    write_windows(tmp_path, ["a,S1,anna,2019-06-12 04:03:55,2019-06-12T04:04:05.5"])
    with pytest.raises(
        CorpusError, match=r"windows.csv:2 column start: found '2019-06-12 04:03:55', local time or UTC"
    ):
        read(tmp_path)
    (tmp_path / "e4.toml").write_text('time_zone = "Asia/Seoul"\n')
    assert read(tmp_path)[0].utterances[["start", "end"]].values.tolist() == [[10.0, 20.5]]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("w2,S1,anna,5", "malformed-row"),
        ("w 2,S1,anna,5,10", "malformed-id"),
        ("w2,S1,an/na,5,10", "malformed-name"),
        ("w1,S1,anna,5,10", "duplicate-id"),
        ("w2,S1,anna,10,5", "window-time"),
        ("w2,S1,anna,,5", "window-time"),
        ("w2,S1,anna,1560279825000,1560279826000", "window-time"),
        (f"w2,S1,anna,5,{START + 10}", "window-time"),
        ("w2,,,5,10", "unknown-session"),
        ("w2,../S1,anna,5,10", "unknown-session"),
        ("w2,S1,anna,500,510", "window-outside"),
    ],
)
def test_a_row_that_says_no_window_is_left_out_and_counted(tmp_path: Path, row: str, rule: str) -> None:
    write_session(tmp_path / "S1", session_files())
    write_windows(tmp_path, ["w1,S1,anna,0,10", row])
    reader = opened(tmp_path)
    manifest = reader.read_manifest(tmp_path, on_error="skip")
    assert {finding.rule for finding in manifest.findings} == {rule}
    assert str(balance(reader, tmp_path, manifest)) == f"2 found = 1 kept + 0 failed + 1 left out ({rule} 1)"
    with pytest.raises(CorpusError, match=r"windows\.csv:3"):
        reader.read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("id,session,start", "expected a column 'end'"),
        ("id,start,end", "expected a column 'session' or 'participant'"),
        ("id,session,onset,end", "expected a column 'start'; rename 'onset' to 'start'"),
        ("id,session,start,end,end", "expected a printable one that no other column has"),
    ],
)
def test_a_table_without_its_columns_is_refused(tmp_path: Path, header: str, said: str) -> None:
    write_session(tmp_path / "S1", session_files())
    write_windows(tmp_path, ["w1,S1,0,5"], header=header)
    with pytest.raises(CorpusError, match=said):
        read(tmp_path)


@pytest.mark.parametrize("content", ["\ufeff{}", "{}".replace(",", ";"), "{}\r\n"])
def test_tables_as_programs_write_them(tmp_path: Path, content: str) -> None:
    write_session(tmp_path / "S1", session_files())
    table = "ID,Session,Participant,Start,End,Subject,Arousal\nw1,S1,anna,0,10,a,7\n\nw2,S1,anna,10,20,b,NA"
    if content.endswith("\r\n"):
        table = table.replace("\n", "\r\n")
    text = content.format(table).replace(",", ";" if content.startswith("\ufeff") else ",")
    (tmp_path / "windows.csv").write_bytes(text.encode())
    manifest, findings = read(tmp_path)
    assert manifest.utterances["x_Subject"].tolist() == ["a", "b"]
    assert manifest.utterances["arousal"].isna().tolist() == [False, True]
    assert findings == {"label-missing": 1, "rating-range": 1}


def test_labels_that_cannot_be_read_are_faults_of_their_cells(tmp_path: Path) -> None:
    write_session(tmp_path / "S1", session_files())
    write_windows(tmp_path, ["w1,S1,0,10,<b>,high"], header="id,session,start,end,emotion,valence")
    manifest, findings = read(tmp_path, on_error="skip")
    assert findings == {"unknown-label": 1, "bad-number": 1, "unknown-speaker": 1}
    assert manifest.utterances[["emotion", "valence"]].isna().all(axis=None)


def test_every_window_fits_into_its_row_at_the_rate_of_the_files(tmp_path: Path) -> None:
    write_session(tmp_path / "S1", session_files(seconds=90, rate=8))
    write_windows(tmp_path, ["w1,S1,anna,0,75.1", "w2,S1,anna,0,10"])
    store = build_store("e4", root=tmp_path, out=tmp_path / "store").store
    assert store.array("eda").shape == (2, 601)
    assert store.utterances["eda_length"].tolist() == store.utterances["eda_length_total"].tolist() == [601, 80]
    assert store.utterances["eda_coverage"].round(3).tolist() == [1.0, 1.0]


def test_sessions_of_two_rates_end_in_a_sentence(tmp_path: Path) -> None:
    write_session(tmp_path / "S1", session_files())
    write_session(tmp_path / "S2", session_files(rate=8, seed=1))
    write_windows(tmp_path, ["w1,S1,anna,0,10", "w2,S2,ben,0,10"])
    with pytest.raises(ExtractionError, match=r"w2: .*8 samples per second, expected 4"):
        build_store("e4", root=tmp_path, out=tmp_path / "store")


def test_what_is_made_from_audio_says_at_once_that_there_is_none(tmp_path: Path) -> None:
    write_small(tmp_path)
    with pytest.raises(ConfigError, match="mel needs audio and E4 has none; leave mel out, or choose among"):
        build_store("e4", root=tmp_path, out=tmp_path / "store", settings={"features": ["mel"]})


def test_an_edited_recording_in_an_archive_is_built_anew(tmp_path: Path) -> None:
    write_small(tmp_path / "corpus")
    first = build_store("e4", root=tmp_path / "corpus", out=tmp_path / "store")
    (archive,) = (tmp_path / "corpus").rglob("*.zip")
    write_zip(archive, session_files(start=START + 3600, seed=11))
    second = build_store("e4", root=tmp_path / "corpus", out=tmp_path / "store")
    changed = first.store.array("eda")[:] != second.store.array("eda")[:]
    assert set(second.store.utterances["speaker"][changed.any(axis=1)]) == {"P02"}


def test_real_recordings_are_cut_where_the_rows_of_kemdy20_say(shared: Path, tmp_path: Path) -> None:
    """Real samples under an export's own header: windows by place give what KEMDy20's reader gives by id."""
    corpus, who = shared / "data/kemdy20_real_media", "User001F"
    original = open_reader("kemdy20", root=corpus).read_signals(corpus, "Sess01")[0].to_pandas()
    own = original[(original["speaker"] == who) & (original["script"] == "script02")]
    begin = own["time"].min()
    files = {}
    for medium, rows in own.groupby("medium"):
        if medium == "ibi":
            beats = [f"{at:.6f},{value:.6f}" for at, value in zip(rows["offset"], rows["value"], strict=True)]
            start = START + (rows["time"].iloc[0] - begin).total_seconds() - rows["offset"].iloc[0]
            files["IBI.csv"] = "\n".join([f"{start:.6f}, IBI", *beats]).encode()
        else:
            lines = [f"{START}", "4.000000", *map(str, rows["value"])]
            files[f"{medium.upper()}.csv"] = "\r\n".join(lines).encode()
    write_session(tmp_path / who, files)
    named = own[own["medium"] == "eda"].dropna(subset="id").groupby("id")["time"].agg(["min", "max"])
    spans = (named - begin).apply(lambda column: column.dt.total_seconds())
    write_windows(
        tmp_path, [f"{row.Index},{who},{who},{START + row.min},{START + row.max + 0.25}" for row in spans.itertuples()]
    )
    rows = rows_of(tmp_path, who)
    for name in spans.index:
        for medium in ("eda", "temp"):
            assert values_of(rows, name, medium) == values_of(own, name, medium)
    store = build_store("e4", root=tmp_path, out=tmp_path / "store", settings={"features": ["eda", "ibi", "hrv"]}).store
    assert store.utterances["hrv.beats"].sum() > 0
    assert store.utterances["eda_length"].tolist() == [len(values_of(own, name, "eda")) for name in spans.index]
