"""What raw files mention is counted by itself; whatever befalls a row or a file, a rule says so."""

import os

import pytest

from kemfeat.corpora import balance, open_reader
from kemfeat.corpora.census import lines_of, media_mentions, table_files
from kemfeat.errors import CorpusError
from tests.corpora.tiny import wav_bytes, write_tiny_kemdy20
from tests.corpora.tiny19 import write_tiny_kemdy19
from tests.corpora.tiny_iemocap import write_tiny_iemocap

WRITERS = {"KEMDy20": write_tiny_kemdy20, "KEMDy19": write_tiny_kemdy19, "IEMOCAP": write_tiny_iemocap}
SUFFIXES = (".wav", ".txt")


def write_folder(root):
    root.mkdir()
    for name in "abcd":
        (root / f"{name}.wav").write_bytes(wav_bytes(0.5))
    rows = "".join(f'{name},{name}.wav,s,"word, {name}"\n' for name in "abcd")
    (root / "utterances.csv").write_text(f"id,audio,speaker,text\n{rows}")


def weighed(dataset, root):
    reader = open_reader(dataset, root=root)
    return balance(reader, root, reader.read_manifest(root, on_error="skip"))


def table_of(dataset, root):
    folder = {"IEMOCAP": "Session1/dialog/EmoEvaluation", "folder": "."}.get(dataset, "annotation")
    suffix = ".txt" if dataset == "IEMOCAP" else ".csv"
    return sorted((root / folder).glob(f"*{suffix}"))[0]


@pytest.fixture(params=[*WRITERS, "folder"])
def corpus(request, tmp_path):
    root = tmp_path / "corpus"
    WRITERS.get(request.param, write_folder)(root)
    return request.param, root


def test_a_sound_corpus_is_even(corpus):
    dataset, root = corpus
    made = weighed(dataset, root)
    assert made.holds
    assert made.found == made.kept > 0


def test_every_line_that_is_removed_joined_doubled_or_cut_is_accounted_for(corpus):
    """Each line of a table in turn; what the balance says adds up, and what is missing has a rule."""
    dataset, root = corpus
    table = table_of(dataset, root)
    usual, lines = weighed(dataset, root), table.read_bytes().splitlines(keepends=True)
    first = {"IEMOCAP": 2, "folder": 1}.get(dataset, 2)
    refused = 0
    for number in range(first, min(len(lines), first + 9)):
        line = lines[number]
        for change in (b"", line.rstrip(), line * 2, line[: len(line) // 2] + b"\n"):
            table.write_bytes(b"".join([*lines[:number], change, *lines[number + 1 :]]))
            try:
                made = weighed(dataset, root)
            except CorpusError:
                refused += 1
                continue
            assert made.holds, (number, change, str(made), made.lost)
            if made.kept < usual.kept:
                assert made.left_out, (number, change, str(made))
    assert refused <= (len(lines) * 2 if dataset == "folder" else 0)


@pytest.mark.parametrize("kind", ["loop", "pipe", "device", "folder", "nowhere"])
def test_what_is_not_a_file_is_named_and_its_rows_are_not_lost(corpus, kind):
    dataset, root = corpus
    if dataset == "folder":
        pytest.skip("a table that is not a file is refused, and its recordings are looked up one by one")
    table = table_of(dataset, root)
    usual = weighed(dataset, root)
    table.unlink()
    {
        "loop": lambda: table.symlink_to(table.name),
        "pipe": lambda: os.mkfifo(table),
        "device": lambda: table.symlink_to("/dev/null"),
        "folder": table.mkdir,
        "nowhere": lambda: table.symlink_to("nothing.csv"),
    }[kind]()
    made = weighed(dataset, root)
    assert made.holds
    assert made.left_out["not-a-file"] == 1
    if dataset != "KEMDy19":  # which has the listener's rows in another file
        assert made.kept < usual.kept
        assert made.left_out["unannotated-media"] == usual.kept - made.kept


def test_a_quotation_mark_that_joins_rows_is_named_with_every_row(tmp_path):
    corpus = write_tiny_kemdy20(tmp_path / "corpus")
    usual = weighed("KEMDy20", corpus.root)
    lines = corpus.annotation().read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b",", b',"', 1)
    lines[4] = lines[4].replace(b",", b'",', 1)
    corpus.annotation().write_bytes(b"".join(lines))
    made = weighed("KEMDy20", corpus.root)
    assert made.holds
    assert (made.kept, made.left_out) == (usual.kept - 3, {"malformed-row": 3})


def test_rows_inside_a_cell_of_a_users_table_are_lost_and_named(tmp_path):
    write_folder(tmp_path / "corpus")
    table = tmp_path / "corpus/utterances.csv"
    table.write_text(
        'id,audio,speaker,text\na,a.wav,s,"word\nb,b.wav,s,word\nc,c.wav,s,word"\nd,d.wav,s,"two\nlines, "\n'
    )
    made = weighed("folder", tmp_path / "corpus")
    assert made.lost == ("utterances.csv:3",)
    assert not made.holds


def test_two_clips_of_one_utterance_are_named(tmp_path):
    corpus = write_tiny_kemdy20(tmp_path / "corpus")
    clip = corpus.wav(corpus.ids[0])
    clip.with_name(clip.name.replace("Sess01", "Sess02")).write_bytes(wav_bytes(0.5))
    made = weighed("KEMDy20", corpus.root)
    assert made.holds
    assert made.left_out == {"second-media": 1}


def test_listing_follows_links_inside_the_root_only_and_each_folder_once(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "wav/a").mkdir(parents=True)
    outside.mkdir()
    for folder in (root / "wav/a", outside):
        (folder / "x.WAV").write_bytes(b"")
        (folder / ".hidden.wav").write_bytes(b"")
    (root / "wav/again").symlink_to("a")
    (root / "wav/loop").symlink_to("..")
    (root / "wav/out").symlink_to(outside)
    found = [mention.place for mention in media_mentions(root, "wav", suffixes=SUFFIXES, name=None)]
    assert found in (["wav/a/x.WAV"], ["wav/again/x.WAV"])
    assert table_files(root, "nothing", suffix=".csv") == []


def test_lines_are_those_of_the_file_whatever_ends_them(tmp_path):
    (tmp_path / "a.txt").write_bytes("a\r\nb\rc\u2028d\n".encode())
    assert lines_of(tmp_path, "a.txt", encoding="utf-8") == [(1, "a"), (2, "b"), (3, "c\u2028d"), (4, "")]
    assert lines_of(tmp_path, "b.txt", encoding="utf-8") is None
    os.mkfifo(tmp_path / "pipe.txt")
    assert lines_of(tmp_path, "pipe.txt", encoding="utf-8") is None


@pytest.mark.parametrize(("target", "said"), [("a.wav", "a link that leads nowhere"), ("/dev/null", "a device")])
def test_a_listed_recording_that_is_not_a_file_is_missing_and_not_unlisted(tmp_path, target, said):
    root = tmp_path / "corpus"
    write_folder(root)
    (root / "a.wav").unlink()
    (root / "a.wav").symlink_to(target)
    reader = open_reader("folder", root=root, follow_links=True)
    manifest = reader.read_manifest(root, on_error="skip")
    (finding,) = [finding for finding in manifest.findings if finding.severity == "error"]
    assert finding.rule == "missing-wav"
    assert said in finding.examples[0]
    made = balance(reader, root, manifest)
    assert (str(made), made.holds) == ("4 found = 4 kept + 0 failed + 0 left out", True)
