"""The reader as the build sees it: found by name, on a tiny corpus and on real media."""

import pyarrow as pa
import pytest

from kemfeat.corpora.kemdy20 import KNOWN_BAD, READER, Kemdy20Reader
from kemfeat.errors import CorpusError, CorpusLayoutError
from kemfeat.manifest import SIGNALS
from kemfeat.plugins import find
from tests.corpora.tiny import stamp, write_tiny_kemdy20


@pytest.fixture
def tiny(tmp_path):
    return write_tiny_kemdy20(tmp_path / "root")


def signals(tiny, session="Sess01"):
    table, findings = READER.read_signals(tiny.root, session)
    return table, {finding.rule: finding for finding in findings}


def check(reader, root, session):
    utterances = reader.read_manifest(root).utterances
    known = dict(zip(utterances["id"], utterances["speaker"], strict=True))
    table, _ = reader.read_signals(root, session)
    return {f.rule: f.count for f in reader.check_signals(table, known_ids=known, session=session)}


def test_found_by_its_name():
    assert find("corpora", "KEMDy20") is READER
    assert (READER.name, READER.version, READER.tokenizer) == ("KEMDy20", 2, "skt/kobert-base-v1")
    assert READER.media == ("audio", "transcript", "eda", "temp", "ibi")


def test_sources_are_sorted_groups_of_existing_files(tiny):
    sources = READER.sources(tiny.root)
    assert list(sources) == ["annotation", "audio", "transcript", "signals/Sess01", "signals/Sess02"]
    assert all(list(paths) == sorted(paths) for paths in sources.values())
    paths = [path for group in sources.values() for path in group]
    assert all((tiny.root / path).is_file() for path in paths)
    assert len(paths) == 2 + 2 * len(tiny.ids) + 24


def test_sources_of_a_wrong_folder(tmp_path):
    with pytest.raises(CorpusLayoutError, match="found nothing in"):
        READER.sources(tmp_path)


def test_signals_of_a_sound_corpus(tiny):
    table, findings = signals(tiny)
    assert table.schema == SIGNALS
    assert not findings
    frame = table.to_pandas()
    assert frame["medium"].drop_duplicates().to_list() == ["eda", "temp", "ibi"]
    one = frame[(frame["id"] == tiny.ids[1]) & (frame["medium"] == "eda")]
    assert one["speaker"].to_list() == ["User001F"] * 3
    assert one["script"].to_list() == ["script01"] * 3
    assert one["time"].diff().dropna().dt.total_seconds().to_list() == [0.25, 0.25]
    assert set(frame.loc[frame["medium"] == "ibi", "sampling_rate"].isna()) == {True}
    assert check(Kemdy20Reader(), tiny.root, "Sess01") == {}


def test_signals_of_a_session_without_physiology(tiny):
    table, findings = signals(tiny, "Sess03")
    assert table.equals(SIGNALS.empty_table())
    assert not findings
    with pytest.raises(CorpusError, match="expected a name such as"):
        signals(tiny, "../Sess01")


def test_ids_of_another_session_are_read_as_this_one(tiny):
    sound, _ = signals(tiny, "Sess02")
    name = tiny.ids[-1]
    path = tiny.recording("TEMP", name)
    path.write_bytes(path.read_bytes().replace(b"Sess02_", b"Sess42_"))
    table, findings = signals(tiny, "Sess02")
    assert table.equals(sound)
    assert findings["session-prefix"].count == 3
    assert (
        findings["session-prefix"]
        .examples[0]
        .endswith("Sess42_script02_User004M_001 read as Sess02_script02_User004M_001")
    )


def test_ids_of_nobody_and_of_the_other_speaker_are_kept(tiny):
    path = tiny.recording("EDA", tiny.ids[0])
    orphan, other = "Sess01_script01_User001F_099", "Sess01_script01_User002M_001"
    with path.open("a") as file:
        file.write(f"0.5,{stamp(100)},{orphan}\n0.5,{stamp(101)},{other}\n")
    table, _ = signals(tiny)
    kept = table.filter(pa.compute.field("speaker") == "User001F")["id"].to_pylist()
    assert orphan in kept
    assert other in kept
    assert check(Kemdy20Reader(), tiny.root, "Sess01") == {"orphan-physiology": 1, "other-speaker": 1}


@pytest.mark.parametrize(
    ("folder", "content", "rule"),
    [
        ("IBI", "", "empty-ibi"),
        ("IBI", "1597976937.000000, IBI\n", "empty-ibi"),
        ("EDA", "", "empty-physiology"),
        ("TEMP", "1597976937.000000\n4.000000\n", "empty-physiology"),
        ("EDA", f"1597976937.000000\n4.000000\n0.5,{stamp(0)}\n", "unannotated-physiology"),
        ("TEMP", f"1597976937.000000\n4.000000\n33.5,{stamp(0)},{{name}}\n33.5,2020-08", "bad-physiology-line"),
        ("TEMP", f"1597976937.000000\n4.000000\n,{stamp(0)},{{name}}\n", "missing-value"),
        ("TEMP", f"1597976937.000000\n33.5,{stamp(0)},{{name}}\n", "assumed-rate"),
    ],
)
def test_a_defective_file_is_a_finding_and_spoils_no_other(tiny, folder, content, rule):
    path = tiny.recording(folder, tiny.ids[0])
    path.write_text(content.format(name=tiny.ids[0]))
    table, findings = signals(tiny)
    assert set(findings) == {rule}
    assert findings[rule].examples[0].startswith(path.relative_to(tiny.root).as_posix())
    complete = table.filter(pa.compute.field("speaker") == "User002M").to_pandas()
    assert complete.groupby(["medium", "script"]).size().to_list() == [48, 48, 15, 15, 48, 48]


def test_a_recording_outside_of_the_root_is_refused(tiny, tmp_path):
    path = tiny.recording("EDA", tiny.ids[0])
    path.rename(tmp_path / "outside.csv")
    path.symlink_to(tmp_path / "outside.csv")
    with pytest.raises(CorpusError, match="a link to"):
        signals(tiny)


def test_conversations_known_to_be_bad_are_reported(tmp_path):
    tiny = write_tiny_kemdy20(tmp_path, sessions=(1,), scripts=6, turns=1)
    assert check(Kemdy20Reader(), tiny.root, "Sess01") == {"known-bad-conversation": 2}
    assert len(KNOWN_BAD) == 8


def test_real_media(shared):
    root = shared / "data" / "kemdy20_real_media"
    manifest = READER.read_manifest(root)
    assert len(manifest) == 154
    assert manifest.utterances.notna().all(axis=None)
    assert {f.rule: (f.severity, f.count) for f in manifest.findings} == {"decoding-fallback": ("info", 154)}
    rows, rules = 0, set()
    for session in ("Sess01", "Sess02"):
        table, findings = READER.read_signals(root, session)
        rows += table.num_rows
        rules |= {finding.rule for finding in findings}
        assert set(table["id"].to_pylist()) - {None} <= set(manifest.utterances["id"])
    headers = 16 * 2 + 16 * 2 + 14
    files = [path for folder in ("EDA", "TEMP", "IBI") for path in (root / folder).rglob("*.csv")]
    lines = sum(len(path.read_bytes().splitlines()) for path in files)
    assert rows == lines - headers
    assert rules == {"empty-ibi", "unannotated-physiology"}
