import copy
import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat.config import BuildConfig
from kemfeat.errors import ConfigError
from kemfeat.toml_settings import as_toml as written
from kemfeat.toml_settings import read_toml, with_overrides
from tests.settings_kit import quick, tables, trees, words

DEEP = ["a = " + "[" * 20_000, "a" + ".a" * 5_000 + " = 1", "a = " + "{a = " * 5_000, "a = " + "[" * 40 + "]" * 40]


def as_toml(value):
    """One TOML value; JSON's spelling is TOML's except for tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {as_toml(inner)}" for key, inner in value.items()) + "}"
    return "[" + ", ".join(map(as_toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


class TestOverrides:
    @quick
    @given(tables, st.lists(words, min_size=1, max_size=3), trees)
    def test_what_is_set_is_read_back_and_nothing_else_moves(self, table, path, value):
        table = {key: inner for key, inner in table.items() if key != path[0]}
        before = copy.deepcopy(table)
        made = with_overrides(table, [f"{'.'.join(path)}={as_toml(value)}"])
        assert table == before
        assert {key: inner for key, inner in made.items() if key != path[0]} == table
        for key in path:
            made = made[key]
        assert made == value

    def test_a_neighbour_deep_inside_stays_and_the_source_too(self):
        source = {"a": {"b": {"c": 1, "d": 2}}}
        assert with_overrides(source, ["a.b.c=3"]) == {"a": {"b": {"c": 3, "d": 2}}}
        assert source == {"a": {"b": {"c": 1, "d": 2}}}

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("true", True),
            ("True", "True"),
            ("64", 64),
            ("100.0", 100.0),
            ('"64"', "64"),
            ("reflect", "reflect"),
            ("kor-2022", "kor-2022"),
            ("C:\\data", "C:\\data"),
            ("a=b", "a=b"),
            ("", ""),
            ("[1, 2]", [1, 2]),
            ("{a = 1}", {"a": 1}),
            ("1, 2", "1, 2"),
            ("1,", "1,"),
            ("1 # one", "1 # one"),
            ("1\nother = 2", "1\nother = 2"),
            ("1, 0]\nother = [2", "1, 0]\nother = [2"),
        ],
    )
    def test_a_value_is_toml_or_else_text_and_never_cut(self, text, value):
        made = with_overrides({}, [f"mel.x = {text}"])
        assert made == {"mel": {"x": value}}
        assert type(made["mel"]["x"]) is type(value)

    def test_the_last_one_wins(self):
        assert with_overrides({"x": 1}, ["x=2", "x=3"]) == {"x": 3}

    @pytest.mark.parametrize("text", ["mel.n_mels", "=3", "", ".x=1", "mel.=1", "mel..x=1", " . =1"])
    def test_a_key_without_name_or_value_is_refused(self, text):
        with pytest.raises(ConfigError, match=r"expected KEY=VALUE, for example --set mel\.n_mels=64"):
            with_overrides({}, [text])

    def test_a_value_is_no_table(self):
        with pytest.raises(ConfigError, match="'mel' is a value, not a table"):
            with_overrides({"mel": 3}, ["mel.n_mels=64"])


class TestReadToml:
    def test_it_reads_what_windows_writes(self, tmp_path):
        path = tmp_path / "설정 1.toml"
        path.write_bytes(b"\xef\xbb\xbf[mel]\r\nfmin = 100\r\n")
        assert read_toml(path) == {"mel": {"fmin": 100}} == tomllib.loads("mel.fmin = 100")

    @pytest.mark.parametrize("content", [b"mel = ", b"\xff\xfe", b"[mel]\n[mel]\n"])
    def test_what_is_no_toml_is_refused_by_its_path(self, tmp_path, content):
        path = tmp_path / "bad.toml"
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=r"bad\.toml: not a TOML file"):
            read_toml(path)

    def test_what_cannot_be_read_is_refused_by_its_path(self, tmp_path):
        with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read .*; pass a TOML file to --config"):
            read_toml(tmp_path / "absent.toml")
        with pytest.raises(ConfigError, match="cannot be read"):
            read_toml(tmp_path)

    @pytest.mark.parametrize("text", DEEP)
    def test_tables_without_end_are_refused_by_the_path(self, tmp_path, text):
        path = tmp_path / "deep.toml"
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"deep\.toml: "):
            read_toml(path)

    @pytest.mark.parametrize("text", ["mel.x=" + "[" * 3_000 + "]" * 3_000, "mel" + ".a" * 3_000 + "=1"])
    def test_an_override_without_end_is_refused(self, text):
        with pytest.raises(ConfigError, match=r"^--set mel.*nested too deeply, expected at most 32 levels"):
            with_overrides({}, [text])


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
VALUES = TEXTS | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()


class TestConfigurations:
    @quick
    @given(
        st.dictionaries(words, st.dictionaries(words, VALUES | st.lists(VALUES, max_size=3) | st.none(), max_size=3)),
        st.dictionaries(TEXTS, TEXTS, max_size=2),
    )
    def test_a_configuration_is_read_back(self, settings, names):
        config = BuildConfig(dataset="folder", features=tuple(settings), settings=settings, label_map=names)
        read = tomllib.loads(written(config))
        assert read.pop("dataset") == "folder"
        assert read.pop("features") == list(settings)
        assert read.pop("rows_per_shard") == config.rows_per_shard
        assert read.pop("labels") == ({"rule": "annotated", "map": names} if names else "annotated")
        said = {name: {key: value for key, value in of.items() if value is not None} for name, of in settings.items()}
        assert read == {name: of for name, of in said.items() if of}
