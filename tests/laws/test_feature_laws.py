"""Laws that every feature keeps: a file put into ``kemfeat/features`` is tested here before it has a test of its own.

A feature that reads a medium not listed in :data:`MEDIA` fails here until a sample of the medium is added to the table.
"""

import copy
import hashlib
import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from kemfeat import plugins
from kemfeat.config import digest, validated
from kemfeat.errors import ExtractionError
from kemfeat.features import AnyExtractor, Extract, Outline, Scene
from kemfeat.manifest import READ_COLUMNS
from kemfeat.records import Events, FeatureArray, FeatureSpec, Footage, Recording, Signal
from kemfeat.video import Frame, shoot
from tests.features import encoder_kit

NOISE = np.random.default_rng(7)


def clock(samples: int, rate: float) -> np.ndarray:
    """Stamps of so many samples."""
    milliseconds = np.rint(np.arange(samples) * 1000 / rate).astype("timedelta64[ms]")
    return np.datetime64("2020-08-21T11:28:57.250", "ms") + milliseconds


def heart(samples: int) -> np.ndarray:
    """Something with a peak every 0.8 s at 250 Hz."""
    return np.exp(-(((np.arange(samples) % 200) - 100) ** 2) / 8.0) + 0.01 * NOISE.normal(size=samples)


@dataclass(frozen=True)
class Reel:
    """A film in memory, 10 frames per second, and where the utterance begins in it."""

    pictures: np.ndarray
    start: float
    side: str

    def footage(self, extractor: AnyExtractor, config: Any, duration: float) -> Footage:
        """What a build hands to a feature that asks for pictures."""
        scene = Scene(film="reel", side=self.side, sex="F", start=self.start, duration=duration, frame_rate=10.0)
        shots = extractor.filming.shots(config, scene)
        frames = [Frame(place / 10, picture.copy) for place, picture in enumerate(self.pictures)]
        [(pictures, times)] = shoot(frames, [shots], frame_rate=10.0)
        return Footage(pictures=pictures, times=times, side=shots.side)


def around(samples: int, rate: float | None, unit: str) -> Recording:
    """What was recorded from 10 s before an utterance of 5 s on."""
    times = np.arange(samples) / (rate or 1.2) - 10.0
    values = 2.0 + 0.05 * np.cumsum(NOISE.normal(scale=0.1, size=samples)) if rate else NOISE.uniform(0.7, 0.9, samples)
    own = (times >= 0) & (times < 5)
    return Recording(times=times, values=values, own=own, length=5.0, unit=unit, sampling_rate=rate)


SECONDS = np.arange(24000) / 16000
MEDIA: Mapping[str, Any] = {
    "audio": Signal((0.3 * np.sin(2 * np.pi * 220 * SECONDS)).astype(np.float32), 16000.0, "1"),
    "transcript": "b/ 오늘은 날씨가 참 좋네요, 그렇죠?",
    "eda": Signal(np.array([0.31, 0.32, np.nan, 0.35, 0.36]), 4.0, "uS", clock(5, 4.0)),
    "temp": Signal(np.array([32.27, 32.29, 32.29, np.nan]), 4.0, "degC", clock(4, 4.0)),
    "ibi": Events(np.array([0.2, 1.0, 3.1]), np.array([0.78, 0.8, 0.75]), "s"),
    "ecg": Signal(heart(375), 250.0, "mV", clock(375, 250.0)),
    "video": Reel(NOISE.integers(0, 256, size=(30, 96, 144, 3)).astype(np.uint8), 0.5, "left"),
    "eda_recording": around(120, 4.0, "uS"),
    "ibi_recording": around(30, None, "s"),
}
"""One utterance with everything."""

OTHER: Mapping[str, Any] = {
    "audio": Signal(NOISE.normal(scale=0.1, size=9000).astype(np.float32), 16000.0, "1"),
    "transcript": "아니요.",
    "eda": Signal(NOISE.random(200), 4.0, "uS", clock(200, 4.0)),
    "temp": Signal(NOISE.random(200) + 30, 4.0, "degC", clock(200, 4.0)),
    "ibi": Events(np.cumsum(NOISE.random(90)), NOISE.random(90), "s"),
    "ecg": Signal(heart(9000), 250.0, "mV", clock(9000, 250.0)),
    "video": Reel(NOISE.integers(0, 256, size=(9, 96, 144, 3)).astype(np.uint8), 0.7, "right"),
    "eda_recording": around(44, 4.0, "uS"),
    "ibi_recording": around(14, None, "s"),
}
"""Another one, longer than a row of physiology holds."""

PHYSIOLOGY = {"eda", "temp", "ibi", "ecg", "eda_recording", "ibi_recording"}
FEATURES = plugins.names("features")
CASES = [(name, preset) for name in FEATURES for preset in plugins.find("features", name).config.PRESETS]

every_feature = pytest.mark.parametrize("name", FEATURES)
every_preset = pytest.mark.parametrize(("name", "preset"), CASES)


@dataclass(frozen=True)
class Room:
    """Features made ready for a corpus in ``root``, each with its own folder of resources."""

    root: Path

    @cached_property
    def _ready(self) -> dict[tuple[str, str], tuple[Any, Extract]]:
        return {}

    def config(self, name: str, preset: str | None = None) -> Any:
        return self._prepared(name, preset)[0]

    def extract(self, name: str, media: Mapping[str, Any], *, preset: str | None = None) -> FeatureArray:
        config, extract = self._prepared(name, preset)
        return extract(self._brings(find(name), media, config))

    def _brings(self, extractor: AnyExtractor, media: Mapping[str, Any], config: Any) -> dict[str, Any]:
        """What a feature reads: the sample of a medium, or what the feature of that name makes of it."""
        own = {medium: media[medium] if medium in media else self.extract(medium, media) for medium in extractor.media}
        if own.get("video") is not None:
            own["video"] = own["video"].footage(extractor, config, outline(media).duration)
        return own

    def _prepared(self, name: str, preset: str | None) -> tuple[Any, Extract]:
        extractor = find(name)
        preset = preset or extractor.config.model_fields["preset"].default
        if (name, preset) not in self._ready:
            encoder = {"encoder": str(self.root / name)} if "encoder" in extractor.config.model_fields else {}
            given = extractor.config(preset=preset, **encoder)
            ready = extractor.prepare(given, root=self.root, tokenizer="nobody/nothing")
            folder = self.root / "resources" / name / preset
            folder.mkdir(parents=True, exist_ok=True)
            for file, content in ready.files.items():
                (folder / file).write_bytes(content)
            local = ready.config.model_copy(update=dict(ready.local))
            self._ready[name, preset] = ready.config, extractor.open(local, folder)
        return self._ready[name, preset]


def find(name: str) -> AnyExtractor:
    return plugins.find("features", name)


def write_tokenizer(folder: Path) -> None:
    """A WordPiece tokenizer of a few Korean syllables, as a corpus may ship one."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *"오늘은날씨가참좋네요아니",
        *(f"##{p}" for p in "늘은씨가네요니"),
    ]
    numbers = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(pieces[:5])
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    roles = {f"{role}_token": f"[{role.upper()}]" for role in ("pad", "unk", "cls", "sep", "mask")}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, **roles}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


def fingerprint(made: FeatureArray) -> str:
    """Digest of all that a feature made: every byte, type, shape and column."""
    total = hashlib.sha256(repr(dict(made.columns)).encode())
    for name, array in made.arrays.items():
        total.update(f"{name} {array.dtype.str} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def fingerprints(root: Path) -> dict[str, str]:
    room = Room(root)
    return {f"{name} {preset}": fingerprint(room.extract(name, MEDIA, preset=preset)) for name, preset in CASES}


def without(media: Mapping[str, Any], extractor: AnyExtractor) -> dict[str, Any]:
    """The same utterance without any medium that the feature is made from, be it through another feature."""
    reads = set(extractor.media)
    while more := {medium for name in reads - set(media) for medium in find(name).media} - reads:
        reads |= more
    return {medium: None if medium in reads else value for medium, value in media.items()}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    write_tokenizer(folder / "tokenizer")
    encoder_kit.save_speech_encoder(folder / "speech_embedding")
    encoder_kit.save_text_encoder(folder / "text_embedding", folder / "tokenizer")
    return folder


@pytest.fixture(scope="module")
def room(root):
    return Room(root)


@every_feature
def test_an_extractor_says_who_it_is_and_what_it_reads(name):
    extractor = find(name)
    assert extractor.name == name
    assert extractor.version >= 1
    assert extractor.axis.isidentifier()
    assert extractor.media
    for medium in extractor.media:
        assert medium in MEDIA or (medium in FEATURES and medium != name), f"add a sample of {medium} to MEDIA"


@every_preset
def test_specs_are_consistent(room, name, preset):
    extractor = find(name)
    specs = extractor.specs(room.config(name, preset))
    arrays = [spec.name for spec in specs]
    assert len(set(arrays)) == len(arrays)
    sizes: dict[str, int] = {}
    for spec in specs:
        check_spec(spec)
        for dim, size in zip(spec.dims, spec.shape, strict=True):
            assert sizes.setdefault(dim, size) == size, f"{dim} has two sizes in one group"
    assert not {*arrays, extractor.axis} & set(sizes), "xarray takes a variable named like an axis for its coordinate"
    assert extractor.axis not in arrays
    origins = {(spec.dims[0], spec.time_origin, spec.frame_rate) for spec in specs if spec.time_origin is not None}
    assert len({dim for dim, *_ in origins}) == len(origins), "an axis has one coordinate"


def check_spec(spec: FeatureSpec) -> None:
    dtype = np.dtype(spec.dtype)
    assert dtype.name == spec.dtype
    assert dtype.kind in "biuf"
    assert len(set(spec.dims)) == len(spec.dims)
    assert all(isinstance(size, int) and size > 0 for size in spec.shape)
    for value in (spec.pad, spec.fill):
        assert np.array_equal(np.asarray(value).astype(dtype), value, equal_nan=dtype.kind == "f")
    assert dtype.kind != "f" or np.isnan(spec.fill)
    assert spec.unit
    assert spec.description
    assert "\n" not in spec.description
    assert spec.frame_rate is None or spec.frame_rate > 0
    assert spec.time_origin is None or spec.frame_rate is not None
    assert len(spec.frequencies) in (0, *spec.shape[-1:])
    assert list(spec.frequencies) == sorted(set(spec.frequencies))


def test_no_two_features_use_one_name(room):
    arrays = [spec.name for name in FEATURES for spec in find(name).specs(room.config(name))]
    columns = [column for name in FEATURES for column in find(name).columns]
    assert len(set(arrays)) == len(arrays)
    assert len(set(columns)) == len(columns)
    assert not set(columns) & set(READ_COLUMNS.names)


@every_feature
def test_columns_have_types_of_a_table(name):
    for kind in find(name).columns.values():
        assert kind in {"int32", "float64", "string", "bool"}


@every_preset
def test_a_config_is_an_identity(room, name, preset):
    model = find(name).config
    for config in (model(preset=preset), room.config(name, preset)):
        values = json.loads(config.model_dump_json())
        assert model.model_validate_json(config.model_dump_json()) == config
        assert validated(model, values, where=name) == config
        keys = random.Random(7).sample(sorted(values), len(values))
        assert digest({key: values[key] for key in keys}) == digest(values) == digest(config)
        assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 - written one call earlier
        assert hash(config) == hash(copy.deepcopy(config)), "a value that does not hash can be changed"


@every_feature
def test_a_config_cannot_be_changed_and_knows_its_default_preset(name):
    config = find(name).config()
    assert config.preset in config.PRESETS
    with pytest.raises(ValidationError, match="frozen"):
        config.preset = "other"


@every_preset
@pytest.mark.parametrize("media", [MEDIA, OTHER], ids=["one", "other"])
def test_what_is_declared_is_returned(room, name, preset, media):
    check_made(room.extract(name, media, preset=preset), find(name), room.config(name, preset))


def check_made(made: FeatureArray, extractor: AnyExtractor, config: Any) -> None:
    specs = {spec.name: spec for spec in extractor.specs(config)}
    assert set(made.arrays) == set(specs)
    assert set(made.columns) == set(extractor.columns)
    for name, spec in specs.items():
        array = np.asarray(made.arrays[name])
        assert array.ndim == len(spec.dims) + (extractor.rows is not None)
        assert array.shape[1:] == (spec.shape if extractor.rows else spec.shape[1:])
        assert np.can_cast(array.dtype, spec.dtype, "same_kind")
    for name, value in made.columns.items():
        cells = list(value) if extractor.rows else [value]
        assert pa.array(cells, pa.type_for_alias(extractor.columns[name])).to_pylist() == cells


def outline(media: Mapping[str, Any]) -> Outline:
    audio = media["audio"]
    duration = len(audio.values) / audio.sampling_rate if audio is not None else float("nan")
    return Outline(duration, {name: media[name] for name in PHYSIOLOGY if media[name] is not None})


@every_preset
@pytest.mark.parametrize("media", [MEDIA, OTHER], ids=["one", "other"])
def test_rows_are_known_before_they_are_made(room, name, preset, media):
    extractor, config = find(name), room.config(name, preset)
    assert (extractor.rows is None) == (extractor.axis == "utterance")
    if extractor.rows is None:
        return
    rows = extractor.rows(config, outline(media))
    assert len({len(column) for column in rows.values()}) == 1
    assert (np.asarray(rows["start"]) <= np.asarray(rows["end"])).all()
    made = room.extract(name, media, preset=preset)
    lengths = {len(part) for part in (*made.arrays.values(), *made.columns.values())}
    assert lengths <= {len(rows["start"])}


@every_preset
def test_extraction_depends_on_its_media_alone(room, name, preset):
    media = copy.deepcopy(dict(MEDIA))
    first = fingerprint(room.extract(name, media, preset=preset))
    room.extract(name, OTHER, preset=preset)
    assert fingerprint(room.extract(name, media, preset=preset)) == first
    assert fingerprint(Room(room.root).extract(name, MEDIA, preset=preset)) == first


@every_feature
def test_extraction_leaves_its_media_alone(room, name):
    before = pickle.dumps(copy.deepcopy(dict(MEDIA)))
    room.extract(name, MEDIA)
    assert pickle.dumps(copy.deepcopy(dict(MEDIA))) == before


def test_another_process_makes_the_same_bytes(root):
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-W", "error", "-m", "tests.laws.test_feature_laws", str(root)]
    above = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=above, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == fingerprints(root)


def refuses(room: Room, name: str, media: Mapping[str, Any]) -> bool:
    try:
        room.extract(name, media)
    except ExtractionError:
        return True
    return False


@every_feature
def test_what_is_missing_is_refused_or_empty_and_never_made_up(room, name):
    extractor = find(name)
    media = without(MEDIA, extractor)
    if not PHYSIOLOGY & set(extractor.media) and refuses(room, name, media):
        return  # only missing physiology must be a missing value; any other medium may make a failed row
    made = room.extract(name, media)
    check_made(made, extractor, room.config(name))
    for spec in extractor.specs(room.config(name)):
        assert made.arrays[spec.name].shape[:1] in {(0,), ()}
        assert spec.dtype != "bool" or spec.pad is False
    assert not any(np.any(value) for column, value in made.columns.items() if column.endswith(("_length", "_frames")))


if __name__ == "__main__":
    print(json.dumps(fingerprints(Path(sys.argv[1]))))  # noqa: T201 - read by test_another_process_makes_the_same_bytes
