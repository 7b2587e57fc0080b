"""Tables of a user's own: columns and cells, sound and defective."""

import csv
import io
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.corpora.cells import ID as NAME
from kemfeat.corpora.folder._table import read_table
from kemfeat.corpora.text import is_missing
from kemfeat.errors import CorpusError
from kemfeat.findings import Findings

WHERE = "sub/utterances.csv"


def read(text, *, strict=False, where=WHERE):
    findings = Findings(strict=strict)
    content = text if isinstance(text, bytes) else text.encode()
    return read_table(content, where=where, root=Path("/data/corpus"), findings=findings), findings


def rules(findings):
    return {finding.rule: finding.count for finding in findings.merged()}


@pytest.mark.parametrize("name", ["file name", "File-Name", "filename", "WAV_path", "path"])
def test_the_usual_names_of_a_required_column_are_told(name):
    with pytest.raises(CorpusError, match=f"rename '{name}' to 'audio'"):
        read(f"id,{name}\na,a.wav\n")


def test_a_column_that_is_there_is_not_what_another_is_meant_to_be():
    assert "unknown-column" in rules(read("id,audio,participant\na,a.wav,x\n")[1])
    assert "unknown-column" not in rules(read("id,audio,speaker,participant\na,a.wav,x,y\n")[1])


def test_a_row_with_every_column():
    table, findings = read(
        "id,audio,text,speaker,session,script,sex,partner,emotion,valence,arousal,start,end,"
        "eda,eda_rate,temp,temp_rate,ecg,ecg_rate,ibi,Take\n"
        'a.1,wav/a.wav," Ja, ""so"" ",anna,S1,talk,female,ben,Sad;joy,2.5,-1e3,0,3.25,'
        "eda/a.txt,4,temp/a.txt,4.0,ecg/a.txt,250,ibi/a.csv,7\n"
    )
    assert rules(findings) == {}
    assert table.header.media == ("audio", "transcript", "eda", "temp", "ecg", "ibi")
    (row,) = table.rows
    assert (row.id, row.session, row.script, row.speaker, row.sex, row.partner) == (
        *("a.1", "S1", "talk", "anna", "F", "ben"),
    )
    assert (row.text, row.text_file, row.audio) == (' Ja, "so" ', None, "wav/a.wav")
    assert (row.emotions, row.valence, row.arousal, row.start, row.end) == (("sad", "happy"), 2.5, -1000.0, 0.0, 3.25)
    assert row.recordings == {
        "eda": ("eda/a.txt", 4.0, "uS"),
        "temp": ("temp/a.txt", 4.0, "degC"),
        "ecg": ("ecg/a.txt", 250.0, "mV"),
        "ibi": ("ibi/a.csv", None, "s"),
    }
    assert (list(table.header.own), row.own) == (["x_Take"], ("7",))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("where", ["utterances.csv", "utterances.tsv", "utterances.txt"])
def test_a_table_is_read_as_programs_write_it(separator, encoding, where):
    lines = ["id,audio,speaker,emotion,note", 'u1,a.wav,안나,sad,"x, y; z"', "u2,b.wav,ben,angry,"]
    made = io.StringIO()
    csv.writer(made, delimiter=separator).writerows(csv.reader(lines))
    table, findings = read(made.getvalue().encode(encoding), where=where)
    assert [(row.id, row.audio, row.speaker, row.emotions, row.own) for row in table.rows] == [
        ("u1", "a.wav", "안나", ("sad",), ("x, y; z",)),
        ("u2", "b.wav", "ben", ("angry",), (None,)),
    ]
    assert rules(findings) == {}


def test_the_index_of_a_dataframe_is_not_a_column():
    table, findings = read(",id,audio,speaker\n0,u1,a.wav,anna\n1,u2,b.wav,ben\n")
    assert [(row.id, row.speaker, row.own) for row in table.rows] == [("u1", "anna", ()), ("u2", "ben", ())]
    assert rules(findings) == {"unknown-column": 1}


def test_what_raters_said_is_kept_apart():
    table, findings = read(
        "id,audio,speaker,rater1_emotion,Rater1_Valence,raterA-b_emotion,rater_emotion\n"
        "u1,a.wav,s,Sad,2.5,happiness;fear,x\nu2,b.wav,s,,,anger,\nu3,c.wav,s,,,NA,\n"
    )
    ratings = [row.ratings for row in table.rows]
    assert [rating[:2] for rating in ratings[0]] == [("1", ("sad",)), ("a-b", ("happy", "fear"))]
    assert (ratings[0][0].valence, math.isnan(ratings[0][1].valence)) == (2.5, True)
    assert [rating[:2] for rating in ratings[1]] == [("a-b", ("angry",))]
    assert ratings[2] == ()
    assert list(table.header.own) == ["x_rater_emotion"]
    assert rules(findings) == {"unknown-column": 1}  # no rater is named


def test_a_cell_of_a_rater_that_cannot_be_read_is_named():
    table, findings = read("id,audio,speaker,rater1_emotion,rater1_arousal\nu1,a.wav,s,<b>,1\nu2,b.wav,s,sad,many\n")
    assert rules(findings) == {"unknown-label": 1, "bad-number": 1}
    assert "u1" in {row.id for row in table.rows}
    examples = [finding.examples[0] for finding in findings.merged()]
    assert any(":2 column rater1_emotion" in example for example in examples)
    assert any(":3 column rater1_arousal" in example for example in examples)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("filename", "audio"), ("wav_path", "audio"), ("participant", "speaker"), ("utt_id", "id"), ("gender", "sex")],
)
def test_usual_names_of_other_tables_are_told(name, meant):
    columns = {"id": "u1", "audio": "a.wav", "speaker": "s", "sex": "F"}
    del columns[meant]
    header, row = [*columns, name], [*columns.values(), "x"]
    text = f"{','.join(header)}\n{','.join(row)}\n"
    if meant in ("id", "audio"):
        with pytest.raises(CorpusError, match=f"rename '{name}' to '{meant}'"):
            read(text)
    else:
        _, findings = read(text)
        (said,) = [finding for finding in findings.merged() if finding.rule == "unknown-column"]
        assert f"found '{name}'; did you mean '{meant}'?" in said.examples[0]


def test_flags_are_yes_or_no():
    cells = ["yes", "TRUE", "1", "no", "False", "0", ""]
    rows = "".join(f"u{place},a.wav,s,{cell}\n" for place, cell in enumerate(cells))
    table, findings = read(f"id,audio,speaker,scripted\n{rows}")
    assert [row.scripted for row in table.rows] == [True] * 3 + [False] * 4
    assert rules(findings) == {}


def test_a_row_with_nothing_but_the_required_columns():
    table, findings = read("id,audio\na,a.wav\nb,\n")
    first, second = table.rows
    assert (first.session, first.script, first.speaker, first.sex, first.partner) == (
        *("unknown", "all", "unknown", None, None),
    )
    assert (first.text, first.text_file, first.emotions, first.own) == (None, None, (), ())
    assert all(map(math.isnan, (first.start, first.end, first.valence, first.arousal)))
    assert second.audio is None
    assert table.header.media == ("audio",)
    assert rules(findings) == {"unknown-speaker": 1}


def test_the_session_of_a_row_is_its_speaker_unless_it_is_named():
    table, findings = read("id,audio,speaker,session\na,a,anna,\nb,b,anna,S2\nc,c,,\nd,d,,S2\n")
    assert [(row.session, row.speaker) for row in table.rows] == [
        ("anna", "anna"),
        ("S2", "anna"),
        ("unknown", "unknown"),
        ("S2", "unknown"),
    ]
    assert rules(findings) == {"unknown-speaker": 2}


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"id,audio,speaker\na,a.wav,s\n", "t.csv"),
        (b"\xef\xbb\xbfid,audio,speaker\r\na,a.wav,s\r\n", "t.csv"),
        (b"id\taudio\tspeaker\na\ta.wav\ts", "t.tsv"),
        (b" ID , Audio,Speaker,,\n a , ./a.wav ,s,,\n,,\n\n", "t.txt"),
    ],
)
def test_spellings_of_one_table(content, where):
    table, findings = read(content, where=where)
    (row,) = table.rows
    assert (row.id, row.audio, row.speaker) == ("a", "a.wav", "s")
    assert rules(findings) == {}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "found no header; expected the names"),
        (",,\n", "found no header"),
        ("id,audio\n", "no utterance; expected one row"),
        ("id,audio\n,\n\n", "no utterance; expected"),
        ("id,path\na,b\n", "found the columns 'id', 'path', expected one called 'audio' too; rename 'path' to 'audio'"),
        ("id|audio\na|b\n", "expected one called 'id' too; add it; cells are separated by commas, semicolons or tabs"),
        (",id\n0,a\n", "expected one called 'audio' too"),
        ("id,audio,,x\na,b,c,d\n", r":1 column 3: found the name '', expected 1 to 64 printable"),
        ("id,audio,x\x07\na,b,c\n", "printable characters; name the column"),
        (f"id,audio,{'x' * 65}\na,b,c\n", "expected 1 to 64"),
        ("id,audio,ID\na,b,c\n", r":1 column 3: a second column 'ID'"),
        ("id,audio,text,text_file\na,b,c,d\n", "'text' and 'text_file', expected one of them"),
        ("id,audio,eda\na,b,c\n", "found the column 'eda' without 'eda_rate', expected both"),
        ("id,audio,ecg_rate\na,b,4\n", "found the column 'ecg_rate' without 'ecg'"),
        ('id,audio\na,"b\nc,d\n', r":3: cannot be split into cells \(unexpected end of data\)"),
        ('id,audio\na,"b"c\n', r":2: cannot be split into cells"),
        (f"id,audio,text\na,b,{'x' * 1_000_000}\n", "field larger than field limit"),
        ("id,audio\na,b\n".encode("utf-16") + b"x", "expected UTF-8 text; save the table"),
        (b"id,audio,text\na,b,sch\xf6n\n", ":2: found the byte 0xf6"),
    ],
)
def test_a_table_that_cannot_be_told_apart_is_refused_in_both_modes(text, sentence):
    for strict in (False, True):
        with pytest.raises(CorpusError, match=f"^{WHERE}.*{sentence}"):
            read(text, strict=strict)


def test_a_table_of_which_nothing_is_left_says_why():
    content = b"id,audio\nhappy 01,a.wav\nhappy 02,b.wav\n"
    with pytest.raises(CorpusError, match=r"none of its rows can be read; .*:2 column id: found 'happy 01'"):
        read(content)
    with pytest.raises(CorpusError, match=r":2 column id: found 'happy 01', expected .*--on-error skip"):
        read(content, strict=True)


@pytest.mark.parametrize(
    ("column", "cell", "rule", "sentence"),
    [
        ("id", "", "malformed-id", r":2 column id: found '', expected 1 to 128 letters"),
        ("id", "None", "malformed-id", "found 'None'"),
        ("id", "../a", "malformed-id", r"found '\.\./a'"),
        ("id", ".a", "malformed-id", r"found '\.a', .*without \. at the beginning"),
        ("id", "a" * 129, "malformed-id", "expected 1 to 128"),
        ("id", "안녕", "malformed-id", "found '안녕'"),
        ("session", "S/1", "malformed-name", r":2 column session: found 'S/1'"),
        ("speaker", "anna/b", "malformed-name", "found 'anna/b', expected letters"),
        ("speaker", "." + "a" * 9, "malformed-name", "a space not at the beginning"),
        ("session", "가" * 67, "malformed-name", "at most 128 and 200 bytes"),
        ("script", "a\x00", "malformed-name", "column script"),
        ("partner", "ben?", "malformed-name", "column partner"),
    ],
)
def test_a_row_whose_names_do_not_fit_is_dropped(column, cell, rule, sentence):
    cells = {"id": "a", "audio": "a", "speaker": "s", "session": "", "script": "", "partner": ""} | {column: cell}
    text = f"{','.join(cells)}\n{','.join(cells.values())}\nb,b,s,,,\n"
    table, findings = read(text)
    assert [row.id for row in table.rows] == ["b"]
    assert rules(findings) == {rule: 1}
    with pytest.raises(CorpusError, match=f"{sentence}.*--on-error skip.*{rule}"):
        read(text, strict=True)


@pytest.mark.parametrize(
    ("column", "cell", "rule", "sentence"),
    [
        ("start", "0:03", "bad-time", r":2 column start: found '0:03', expected seconds from 0 to 1e\+09"),
        ("start", "-1", "bad-time", "found '-1'"),
        ("end", "inf", "bad-time", "found 'inf'"),
        ("end", "1e300", "bad-time", "found '1e300'"),
        ("end", "1.5", "end-before-start", "found end 1.5 s, expected more than the start 1.5 s"),
        ("scripted", "maybe", "bad-flag", "column scripted: found 'maybe', expected yes or no"),
        ("valence", "high", "bad-number", r"column valence: found 'high', expected a finite number"),
        ("arousal", "1_0", "bad-number", "found '1_0'"),
        ("end", "٣", "bad-time", "found '٣'"),
        ("eda_rate", "1_0", "bad-number", "found '1_0'"),
        ("eda_rate", "", "bad-number", "column eda_rate: blank cell, expected samples per second"),
        ("eda_rate", "0", "bad-number", "found '0', expected samples per second from 0.001 to"),
        ("eda_rate", "4 Hz", "bad-number", "found '4 Hz'"),
        ("emotion", "sad;", "unknown-label", r"column emotion: found emotion '', expected 1 to 64 letters"),
        ("emotion", "sad/angry", "unknown-label", "found emotion 'sad/angry'"),
        ("emotion", "x" * 65, "unknown-label", "found emotion"),
        ("emotion", "sad;NaN", "unknown-label", "found emotion 'nan', .* or a blank cell"),
    ],
)
def test_a_cell_that_cannot_be_read_is_blanked(column, cell, rule, sentence):
    sound = {
        "id": "a", "audio": "a", "speaker": "s", "emotion": "sad", "valence": "1", "arousal": "1",
        "start": "1.5", "end": "2", "scripted": "no", "eda": "eda.txt", "eda_rate": "4",
    }  # fmt: skip
    assert read(f"{','.join(sound)}\n{','.join(sound.values())}\n")[0].rows[0].recordings
    text = f"{','.join(sound)}\n{','.join((sound | {column: cell}).values())}\n"
    table, findings = read(text)
    (row,) = table.rows
    assert rules(findings) == {rule: 1}
    blank = {"emotion": row.emotions == (), "eda_rate": row.recordings == {}, "scripted": not row.scripted}
    assert blank[column] if column in blank else math.isnan(getattr(row, column))
    with pytest.raises(CorpusError, match=f"{sentence}.*--on-error skip.*{rule}"):
        read(text, strict=True)


def test_rows_of_a_wrong_width_and_second_rows_of_an_id_are_dropped():
    text = "id,audio,speaker\na,1,s\nb,2\nc,3,s,4\na,5,s\n"
    table, findings = read(text)
    assert [(row.id, row.audio) for row in table.rows] == [("a", "1")]
    assert rules(findings) == {"malformed-row": 2, "duplicate-id": 1}
    assert "sub/utterances.csv:5: a again, first in line 2 (duplicate-id" in findings.faults[-1]
    with pytest.raises(CorpusError, match=r"utterances\.csv:3: found 2 cells, expected 3 as in the header"):
        read(text, strict=True)


def test_blank_labels_are_counted_by_row():
    _, findings = read("id,audio,speaker,emotion,valence\na,1,s,,\nb,2,s,sad,\nc,3,s,sad,1\n")
    assert rules(findings) == {"label-missing": 2}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("emotions", "emotion"),
        ("valance", "valence"),
        ("transcript", "text"),
        ("gender", "sex"),
        ("Text-File", "text"),
    ],
)
def test_a_column_that_is_nearly_called_like_a_known_one_is_reported(name, meant):
    table, findings = read(f"id,audio,speaker,{name}\na,b,s,c\n")
    assert rules(findings) == {"unknown-column": 1}
    (finding,) = findings.merged()
    assert finding.examples[0].startswith(f"{WHERE}:1 column 4: found {name!r}; did you mean '{meant}")
    assert table.rows[0].own == ("c",)


@pytest.mark.parametrize("name", ["actor", "intensity", "statement", "repetition", "modality", "age", "date", "rate"])
def test_other_columns_are_the_users_own(name):
    table, findings = read(f"id,audio,speaker,{name}\na,b,s,\n")
    assert rules(findings) == {}
    assert (list(table.header.own), table.rows[0].own) == ([f"x_{name}"], (None,))


cell_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(st.lists(cell_text, min_size=1, max_size=4), st.booleans())
@settings(deadline=None, max_examples=60)
def test_any_text_that_csv_can_write_comes_back_as_it_stands(texts, tabs):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter="\t" if tabs else ",")
    writer.writerow(["id", "audio", "speaker", "text"])
    writer.writerows([f"u{number}", "a.wav", "s", text] for number, text in enumerate(texts))
    table, _ = read(buffer.getvalue(), where="t.tsv" if tabs else "t.csv", strict=True)
    assert [row.text for row in table.rows] == ["" if is_missing(text) else text for text in texts]


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=60)
def test_any_bytes_are_a_table_or_a_sentence(content):
    try:
        table, _ = read(b"id,audio,emotion,start\n" + content)
    except CorpusError as error:
        assert str(error).startswith(WHERE)  # noqa: PT017 - either outcome is right
    else:
        assert all(NAME.fullmatch(row.id) for row in table.rows)


@pytest.mark.parametrize("word", ["NA", "None", "null", "N/A", " nan "])
def test_a_missing_word_is_missing_in_every_column(word):
    optional = (
        *("text", "speaker", "session", "script", "sex", "partner", "emotion", "valence", "arousal", "start", "end"),
        *("scripted", "eda", "eda_rate", "ibi", "mine"),
    )
    header = ",".join(("id", "audio", *optional))
    blank, missing = (read(f"{header}\na,{','.join([cell] * (1 + len(optional)))}\n") for cell in ("", word))
    assert repr(missing[0]) == repr(blank[0])
    assert rules(missing[1]) == rules(blank[1]) == {"unknown-speaker": 1, "label-missing": 1}


@pytest.mark.parametrize("encoding", ["rot13", "zlib", "utf-7", "cp9490"])
def test_only_listed_encodings_may_be_declared(encoding):
    text = f"id,audio,speaker,text_file,text_encoding\na,a,s,a.txt,{encoding}\n"
    table, findings = read(text)
    assert table.rows[0].text_encoding is None
    assert rules(findings) == {"unknown-encoding": 1}
    with pytest.raises(CorpusError, match=f"column text_encoding: found '{encoding}', expected one of utf-8, .*cp949"):
        read(text, strict=True)
    with pytest.raises(CorpusError, match="found the column 'text_encoding' without 'text_file', expected both"):
        read("id,audio,text,text_encoding\na,a,b,utf-8\n")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../a",
        "a/../../b",
        "C:/a",
        "c:a",
        "\\\\host\\a",
        "..\\a",
        "\\a",
        "/data/corpus/../b",
        "a\x00b",
        "a\nb",
    ],
)
@pytest.mark.parametrize("column", ["audio", "text_file", "eda"])
def test_a_path_out_of_the_root_is_refused_in_both_modes(path, column):
    cells = {"id": "a", "audio": "a", "text_file": "t", "eda": "e", "eda_rate": "4"} | {column: f'"{path}"'}
    text = f"{','.join(cells)}\n{','.join(cells.values())}\n"
    for strict in (False, True):
        with pytest.raises(CorpusError, match=rf"^{WHERE}:\d column {column}: found the path .*, expected"):
            read(text, strict=strict)


def test_names_of_people_may_be_in_any_script():
    table, findings = read("id,audio,speaker,partner\na,a.wav,김 안나,Jürgen O.\n")
    assert (table.rows[0].speaker, table.rows[0].session, table.rows[0].partner) == ("김 안나", "김 안나", "Jürgen O.")
    assert rules(findings) == {}
