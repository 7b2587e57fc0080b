import copy
import json
import math
import pickle
import random
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kemfeat.config import (
    BuildConfig,
    FeatureConfig,
    FrozenConfig,
    SettingsTable,
    canonical,
    digest,
    suggest,
    validated,
)
from kemfeat.errors import ConfigError
from tests.settings_kit import quick, scalars, tables, trees, words


class Window(FrozenConfig):
    width: int = 9
    weights: tuple[float, ...] = ()


class Toy(FeatureConfig):
    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {"default": {}, "loud": {"fmin": 20.0, "name": "loud"}}

    fmin: float = 100.0
    n_mels: int = 128
    centred: bool = True
    name: str = "hann"
    edges: tuple[tuple[int, ...], ...] = ()
    window: Window = Window()
    windows: tuple[Window, ...] = ()


def reordered(value, order):
    """The same content with the keys of every table shuffled."""
    if isinstance(value, dict):
        keys = order.sample(list(value), len(value))
        return {key: reordered(value[key], order) for key in keys}
    return [reordered(inner, order) for inner in value] if isinstance(value, list) else value


class TestDigest:
    @quick
    @given(tables, st.integers())
    def test_the_order_of_keys_does_not_count(self, table, seed):
        assert digest(reordered(table, random.Random(seed))) == digest(table)

    @quick
    @given(tables, words, scalars)
    def test_a_changed_cell_does(self, table, key, value):
        changed = {**table, key: [table.get(key), value]}
        assert digest(changed) != digest(table)

    @quick
    @given(trees)
    def test_canonical_text_says_it_all(self, value):
        assert json.loads(canonical(value)) == value

    @quick
    @given(tables)
    def test_a_table_has_the_digest_of_its_dict(self, table):
        assert digest(SettingsTable(table)) == digest(table)

    def test_a_config_has_the_digest_of_its_values_alone_or_within(self):
        config = Toy(edges=((1, 2),))
        assert digest(config) == digest(config.model_dump(mode="json"))
        assert digest({"toy": config}) == digest({"toy": config.model_dump(mode="json")})

    def test_integers_given_for_floats_change_nothing(self):
        assert digest(validated(Toy, {"fmin": 100}, where="toy")) == digest(Toy())

    def test_numbers_that_are_none_have_no_digest(self):
        with pytest.raises(ValueError, match="JSON"):
            digest({"x": math.nan})
        with pytest.raises(TypeError, match="no place in a configuration"):
            digest({"x": object()})


class TestTable:
    @quick
    @given(tables)
    def test_it_equals_hashes_and_pickles(self, table):
        frozen = SettingsTable(table)
        again = pickle.loads(pickle.dumps(frozen))  # noqa: S301 - written one call earlier
        assert again == frozen == copy.deepcopy(frozen)
        assert hash(again) == hash(frozen) == hash(SettingsTable(dict(reversed(table.items()))))

    def test_nothing_in_it_can_be_changed(self):
        source = {"a": {"b": [1, [2]]}}
        frozen = SettingsTable(source)
        source["a"]["b"].append(3)
        assert frozen == {"a": {"b": (1, (2,))}}
        with pytest.raises(TypeError):
            frozen["a"]["b"] = 1


class TestValidated:
    def test_lists_become_tuples_however_deep(self):
        made = validated(
            Toy, {"edges": [[1, 2], [3]], "window": {"weights": [1, 0.5]}, "windows": [{"width": 3}]}, where="toy"
        )
        assert made.windows == (Window(width=3),)
        assert made.edges == ((1, 2), (3,))
        assert made.window.weights == (1.0, 0.5)
        assert hash(made) == hash(made.model_copy())

    @pytest.mark.parametrize("key", ["fmin", "n_mels", "centred", "name"])
    @pytest.mark.parametrize("value", ["1", 1, 1.5, True, math.nan, None, [1], {"a": 1}])
    def test_types_are_strict_but_integers_are_floats(self, key, value):
        fits = {"fmin": (int, float), "n_mels": int, "centred": bool, "name": str}[key]
        right = isinstance(value, fits) and (key == "centred" or not isinstance(value, bool)) and value == value
        if right:
            assert getattr(validated(Toy, {key: value}, where="toy"), key) == value
        else:
            with pytest.raises(ConfigError, match=f"^toy: {key}: expected .*, found"):
                validated(Toy, {key: value}, where="toy")

    def test_every_complaint_is_made_at_once(self):
        with pytest.raises(ConfigError, match=r"n_mels: .*, found '64'; toy: unknown key 'fmim'; did you mean 'fmin'"):
            validated(Toy, {"n_mels": "64", "fmim": 1}, where="toy")

    def test_an_unknown_key_inside_a_table_is_compared_with_that_table(self):
        with pytest.raises(ConfigError, match=r"^toy\.window: unknown key 'widht'; did you mean 'width'"):
            validated(Toy, {"window": {"widht": 3}}, where="toy")

    def test_an_element_of_a_list_is_named_by_its_place(self):
        with pytest.raises(ConfigError, match=r"^toy: edges\.0\.1: .*, found 'x'"):
            validated(Toy, {"edges": [[1, "x"]]}, where="toy")

    def test_a_missing_key_is_named_without_the_rest(self):
        with pytest.raises(ConfigError) as refusal:
            validated(BuildConfig, {"dataset": "KEMDy20"}, where="configuration")
        assert str(refusal.value) == "configuration: features: is required"

    @pytest.mark.parametrize("values", [3, "mel", [1], None])
    def test_a_value_is_no_table(self, values):
        with pytest.raises(ConfigError, match="toy: expected a table of settings, found"):
            validated(Toy, values, where="toy")

    @quick
    @given(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.booleans(), words)
    def test_json_brings_a_config_back(self, fmin, n_mels, centred, name):
        config = Toy(fmin=fmin, n_mels=n_mels, centred=centred, name=name)
        assert validated(Toy, json.loads(config.model_dump_json()), where="toy") == config
        assert Toy.model_validate_json(config.model_dump_json()) == config


class TestPresets:
    def test_a_preset_stands_in_for_the_defaults_and_a_value_wins(self):
        assert (Toy(preset="loud").fmin, Toy(preset="loud").n_mels) == (20.0, 128)
        assert (Toy(preset="loud", fmin=50.0).fmin, Toy(preset="loud", fmin=50.0).name) == (50.0, "loud")

    def test_a_preset_survives_json(self):
        config = Toy(preset="loud", fmin=50.0)
        assert Toy.model_validate_json(config.model_dump_json()) == config

    @pytest.mark.parametrize(
        ("preset", "words"),
        [
            ("lout", "^toy: unknown preset 'lout'; did you mean 'loud'"),
            (1, "^toy: preset: "),
            ({"a": 1}, "^toy: preset"),
        ],
    )
    def test_an_unknown_preset_is_refused(self, preset, words):
        with pytest.raises(ConfigError, match=words):
            validated(Toy, {"preset": preset}, where="toy")


def replaced(config, **changes):
    return validated(BuildConfig, {**dict(config), **changes}, where="configuration")


class TestBuildConfig:
    CONFIG = BuildConfig(dataset="KEMDy20", features=("mel",), settings={"mel": {"edges": [1, 2], "x": {"y": 1}}})

    def test_it_cannot_be_changed(self):
        with pytest.raises(ValidationError, match="frozen"):
            self.CONFIG.dataset = "IEMOCAP"
        with pytest.raises(TypeError):
            self.CONFIG.settings["mel"]["edges"] = ()
        assert isinstance(hash(self.CONFIG), int)

    def test_it_travels_through_json_and_between_processes(self):
        assert BuildConfig.model_validate_json(self.CONFIG.model_dump_json()) == self.CONFIG
        assert pickle.loads(pickle.dumps(self.CONFIG)) == self.CONFIG  # noqa: S301 - written one call earlier
        assert self.CONFIG.model_dump(mode="json")["settings"] == {"mel": {"edges": [1, 2], "x": {"y": 1}}}

    @quick
    @given(st.dictionaries(words, tables, max_size=3))
    def test_any_settings_survive_json(self, settings):
        config = replaced(self.CONFIG, settings=settings)
        assert config.model_dump(mode="json")["settings"] == settings
        assert BuildConfig.model_validate_json(config.model_dump_json()) == config
        assert digest(BuildConfig.model_validate_json(config.model_dump_json())) == digest(config)

    def test_a_replaced_value_is_checked(self):
        assert replaced(self.CONFIG, rows_per_shard=7).rows_per_shard == 7
        assert self.CONFIG.rows_per_shard == 128
        with pytest.raises(ConfigError, match="rows_per_shard"):
            replaced(self.CONFIG, rows_per_shard=0)
        with pytest.raises(ConfigError, match="unknown key 'row_per_shard'; did you mean 'rows_per_shard'"):
            replaced(self.CONFIG, row_per_shard=7)

    def test_a_feature_stands_once(self):
        with pytest.raises(ConfigError, match="features: 'mel' is named twice"):
            replaced(self.CONFIG, features=["mel", "eda", "mel"])

    def test_a_label_rule_is_one_that_a_store_may_have(self):
        with pytest.raises(ConfigError, match=r"labels: expected 'annotated' or 'votes', or .*, found 'vote'"):
            replaced(self.CONFIG, labels="vote")

    def test_a_configuration_without_a_map_keeps_its_digest(self):
        assert "label_map" not in self.CONFIG.model_dump(mode="json")
        assert digest(self.CONFIG) != digest(replaced(self.CONFIG, label_map={"ang": "angry"}))


class TestSuggest:
    def test_the_nearest_name_is_found_whatever_its_case(self):
        assert suggest("N_MEL", ["n_mels", "n_fft"]) == "; did you mean 'n_mels'? (known: n_fft, n_mels)"
        assert suggest("kemdy2O", ["KEMDy20"]) == "; did you mean 'KEMDy20'? (known: KEMDy20)"

    def test_a_far_name_gets_the_list_alone(self):
        assert suggest("zzz", ["b", "a"]) == " (known: a, b)"
        assert suggest("zzz", []) == ""


@pytest.mark.parametrize(
    "values", [{"width": "wide"}, {"width": 1.5}, {"weights": 3}, {"weights": ["x"]}, {"width": None}, {"width": []}]
)
def test_no_words_of_pydantic_reach_a_user(values):
    with pytest.raises(ConfigError) as found:
        validated(Window, values, where="window")
    said = str(found.value)
    assert said.startswith("window")
    assert not any(words in said for words in ("Input should", "Value error", "errors.pydantic", "validation error"))
