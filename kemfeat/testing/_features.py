"""Laws of features."""

from __future__ import annotations

import copy
import hashlib
import json
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
from pydantic import ValidationError

from kemfeat import plugins
from kemfeat.config import digest, validated
from kemfeat.errors import ExtractionError, KemfeatError
from kemfeat.features import AnyExtractor, Extract
from kemfeat.manifest import READ_COLUMNS
from kemfeat.records import FeatureArray, FeatureSpec
from kemfeat.testing._law import Laws, require
from kemfeat.testing._samples import ONE, OTHER, PHYSIOLOGY, outline

_TYPES = {"int32", "float64", "string", "bool"}


@dataclass(frozen=True)
class Bench:
    """Features made ready for a corpus in ``root``, each with its own folder of resources."""

    root: Path
    module: str = ""
    """Where another process imports the feature from; empty where it is one of kemfeat's."""

    @cached_property
    def _ready(self) -> dict[tuple[str, str], tuple[Any, Extract]]:
        return {}

    def config(self, extractor: AnyExtractor, preset: str | None = None) -> Any:
        """The settings of a preset, made independent of everything outside."""
        return self._prepared(extractor, preset)[0]

    def extract(self, extractor: AnyExtractor, media: Mapping[str, Any], *, preset: str | None = None) -> FeatureArray:
        """What the feature makes of an utterance."""
        config, extract = self._prepared(extractor, preset)
        return extract(self._brings(extractor, media, config))

    def _brings(self, extractor: AnyExtractor, media: Mapping[str, Any], config: Any) -> dict[str, Any]:
        """What a feature reads: the sample of a medium, or what the feature of that name makes of it."""
        own: dict[str, Any] = {
            name: media[name] if name in media else self.extract(_found(name), media) for name in extractor.media
        }
        if own.get("video") is not None:
            own["video"] = own["video"].footage(extractor, config, outline(media).duration)
        return own

    def _prepared(self, extractor: AnyExtractor, preset: str | None) -> tuple[Any, Extract]:
        preset = preset or extractor.config.model_fields["preset"].default
        key = (extractor.name, preset)
        if key not in self._ready:
            encoder = {"encoder": str(self.root / extractor.name)} if "encoder" in extractor.config.model_fields else {}
            given = extractor.config(preset=preset, **encoder)
            ready = extractor.prepare(given, root=self.root, tokenizer="nobody/nothing")
            folder = self.root / "resources" / extractor.name / preset
            folder.mkdir(parents=True, exist_ok=True)
            for file, content in ready.files.items():
                (folder / file).write_bytes(content)
            local = ready.config.model_copy(update=dict(ready.local))
            self._ready[key] = ready.config, extractor.open(local, folder)
        return self._ready[key]


def bench(folder: Path, *, module: str = "") -> Bench:
    """A bench with a tokenizer."""
    if not (folder / "tokenizer").exists():
        write_tokenizer(folder / "tokenizer")
    return Bench(folder, module)


def fingerprint(made: FeatureArray) -> str:
    """Digest of all that a feature made: every byte, type, shape and column."""
    total = hashlib.sha256(repr(dict(made.columns)).encode())
    for name, array in made.arrays.items():
        total.update(f"{name} {array.dtype.str} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def fingerprints(extractor: AnyExtractor, on: Bench) -> dict[str, str]:
    """The digest of what each preset makes of the first utterance."""
    return {preset: fingerprint(on.extract(extractor, ONE, preset=preset)) for preset in extractor.config.PRESETS}


def _found(name: str) -> AnyExtractor:
    found: AnyExtractor = plugins.find("features", name)
    return found


def write_tokenizer(folder: Path) -> None:
    """A WordPiece tokenizer of a few Korean syllables, as a corpus may ship one."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *"오늘은날씨가참좋네요아니", *(f"##{piece}" for piece in "늘은씨가네요니")]
    numbers = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(special)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    roles = {f"{role}_token": f"[{role.upper()}]" for role in ("pad", "unk", "cls", "sep", "mask")}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, **roles}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")


def _identity(extractor: AnyExtractor, on: Bench) -> None:  # noqa: ARG001 - the shape of a law
    features = set(plugins.names("features")) - {extractor.name}
    require(extractor.version >= 1, f"version is {extractor.version}, expected 1 or more")
    require(extractor.axis.isidentifier(), f"axis is {extractor.axis!r}, expected the name of an axis")
    require(extractor.media, "media is empty, expected what the feature reads")
    for medium in extractor.media:
        require(medium in ONE or medium in features, f"media: no corpus brings {medium!r}, and no feature is called so")
    for column, kind in extractor.columns.items():
        require(kind in _TYPES, f"column {column} is {kind!r}, expected one of {', '.join(sorted(_TYPES))}")


def _specs(extractor: AnyExtractor, on: Bench) -> None:
    for preset in extractor.config.PRESETS:
        specs = extractor.specs(on.config(extractor, preset))
        names = [spec.name for spec in specs]
        require(len(set(names)) == len(names), f"preset {preset}: two arrays have one name: {names}")
        sizes: dict[str, int] = {}
        for spec in specs:
            _check_spec(spec)
            for dim, size in zip(spec.dims, spec.shape, strict=True):
                require(
                    sizes.setdefault(dim, size) == size,
                    f"preset {preset}: {dim} has two sizes, {sizes[dim]} and {size}",
                )
        clash = {*names, extractor.axis} & set(sizes) | ({extractor.axis} & set(names))
        require(not clash, f"preset {preset}: {clash} is an array or the axis, and a dimension too")
        origins = {(spec.dims[0], spec.time_origin, spec.frame_rate) for spec in specs if spec.time_origin is not None}
        require(len({dim for dim, *_ in origins}) == len(origins), f"preset {preset}: an axis has two time coordinates")


def _check_spec(spec: FeatureSpec) -> None:
    dtype, of = np.dtype(spec.dtype), f"array {spec.name}"
    require(dtype.name == spec.dtype, f"{of}: dtype {spec.dtype!r}, expected it spelt {dtype.name!r}")
    require(dtype.kind in "biuf", f"{of}: dtype {spec.dtype}, expected numbers or bool")
    require(len(set(spec.dims)) == len(spec.dims), f"{of}: a dimension occurs twice in {spec.dims}")
    require(min(spec.shape, default=1) > 0, f"{of}: shape {spec.shape}, expected 1 and more")
    for value in (spec.pad, spec.fill):
        kept = np.array_equal(np.asarray(value).astype(dtype), value, equal_nan=dtype.kind == "f")
        require(kept, f"{of}: {spec.dtype} does not hold the pad or fill value {value}")
    require(
        dtype.kind != "f" or np.isnan(spec.fill), f"{of}: fill is {spec.fill}, expected NaN where nothing was written"
    )
    require(spec.unit, f"{of}: has no unit; 1 where it has none")
    require(spec.description and "\n" not in spec.description, f"{of}: expected a description of one line")
    require(spec.frame_rate is None or spec.frame_rate > 0, f"{of}: frame_rate {spec.frame_rate}, expected more than 0")
    require(spec.time_origin is None or spec.frame_rate is not None, f"{of}: time_origin without frame_rate")
    require(len(spec.frequencies) in (0, *spec.shape[-1:]), f"{of}: frequencies do not match the last dimension")
    require(list(spec.frequencies) == sorted(set(spec.frequencies)), f"{of}: frequencies do not ascend")


def _own_names(extractor: AnyExtractor, on: Bench) -> None:
    columns = dict.fromkeys(READ_COLUMNS.names, "the manifest")
    arrays: dict[str, str] = {}
    for name in plugins.names("features"):
        if name == extractor.name:
            continue
        other = _found(name)
        columns |= dict.fromkeys(other.columns, f"the feature {name}")
        try:
            arrays |= {spec.name: f"the feature {name}" for spec in other.specs(other.config())}
        except (KemfeatError, ValueError):
            continue  # one whose arrays depend on a model that is not here
    for column in extractor.columns:
        require(column not in columns, f"column {column} is one of {columns.get(column)}")
    for spec in extractor.specs(on.config(extractor)):
        require(spec.name not in arrays, f"array {spec.name} is one of {arrays.get(spec.name)}")


def _config(extractor: AnyExtractor, on: Bench) -> None:
    model = extractor.config
    for preset in model.PRESETS:
        for config in (model(preset=preset), on.config(extractor, preset)):
            values, of = json.loads(config.model_dump_json()), f"preset {preset}"
            require(
                model.model_validate_json(config.model_dump_json()) == config, f"{of}: another one comes back from JSON"
            )
            require(
                validated(model, values, where=extractor.name) == config,
                f"{of}: another one comes back from its values",
            )
            keys = random.Random(7).sample(sorted(values), len(values))
            same = digest({key: values[key] for key in keys}) == digest(values) == digest(config)
            require(same, f"{of}: its digest depends on the order of the settings")
            alike = copy.deepcopy(config)
            require(
                alike == config and hash(alike) == hash(config), f"{of}: a copy is not equal to it, or does not hash"
            )


def _frozen(extractor: AnyExtractor, on: Bench) -> None:  # noqa: ARG001 - the shape of a law
    config = extractor.config()
    require(config.preset in config.PRESETS, f"the default preset {config.preset!r} is not in PRESETS")
    try:
        config.preset = "other"
    except ValidationError:
        return
    require(False, "the configuration can be changed; derive it from kemfeat.config.FeatureConfig")


def _declared(extractor: AnyExtractor, on: Bench) -> None:
    for preset in extractor.config.PRESETS:
        for media in (ONE, OTHER):
            _check_made(on.extract(extractor, media, preset=preset), extractor, on.config(extractor, preset))


def _check_made(made: FeatureArray, extractor: AnyExtractor, config: Any) -> None:
    specs = {spec.name: spec for spec in extractor.specs(config)}
    require(set(made.arrays) == set(specs), f"arrays {sorted(made.arrays)}, declared are {sorted(specs)}")
    require(
        set(made.columns) == set(extractor.columns),
        f"columns {sorted(made.columns)}, declared are {sorted(extractor.columns)}",
    )
    for name, spec in specs.items():
        array = np.asarray(made.arrays[name])
        trailing = spec.shape if extractor.rows else spec.shape[1:]
        dims = len(spec.dims) + (extractor.rows is not None)
        require(
            array.ndim == dims and array.shape[1:] == trailing,
            f"array {name} has the shape {array.shape}, declared is (any, {trailing})",
        )
        require(
            np.can_cast(array.dtype, spec.dtype, "same_kind"),
            f"array {name} is {array.dtype}, declared is {spec.dtype}",
        )
    for name, value in made.columns.items():
        cells, kind = list(value) if extractor.rows else [value], extractor.columns[name]
        try:
            kept = pa.array(cells, pa.type_for_alias(kind)).to_pylist() == cells
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            kept = False
        require(kept, f"column {name} is {value!r}, declared is {kind}")


def _rows(extractor: AnyExtractor, on: Bench) -> None:
    alone = extractor.rows is None
    require(
        alone == (extractor.axis == "utterance"),
        f"axis is {extractor.axis!r}; rows belongs to every other axis than utterance",
    )
    for preset in extractor.config.PRESETS if extractor.rows is not None else ():
        for media in (ONE, OTHER):
            rows = extractor.rows(on.config(extractor, preset), outline(media))  # type: ignore[misc]
            require({"start", "end"} <= set(rows), f"rows has {sorted(rows)}, expected start and end")
            require(len({len(column) for column in rows.values()}) == 1, "rows: its columns have several lengths")
            require((np.asarray(rows["start"]) <= np.asarray(rows["end"])).all(), "rows: a row ends before it starts")
            made = on.extract(extractor, media, preset=preset)
            lengths = {len(part) for part in (*made.arrays.values(), *made.columns.values())}
            require(lengths <= {len(rows["start"])}, f"extracts {lengths} rows, rows says {len(rows['start'])}")


def _pure(extractor: AnyExtractor, on: Bench) -> None:
    for preset in extractor.config.PRESETS:
        media = copy.deepcopy(dict(ONE))
        first = fingerprint(on.extract(extractor, media, preset=preset))
        on.extract(extractor, OTHER, preset=preset)
        again = fingerprint(on.extract(extractor, media, preset=preset))
        require(again == first, f"preset {preset}: the same utterance gives other bytes after another one")
        fresh = fingerprint(Bench(on.root).extract(extractor, ONE, preset=preset))
        require(fresh == first, f"preset {preset}: opened anew, it gives other bytes")


def _media_left_alone(extractor: AnyExtractor, on: Bench) -> None:
    media = copy.deepcopy(dict(ONE))
    before = pickle.dumps(media)
    on.extract(extractor, media)
    require(pickle.dumps(media) == before, "it changes what it reads; copy before changing")


def _other_process(extractor: AnyExtractor, on: Bench) -> None:
    module = on.module or f"kemfeat.features.{extractor.name}"
    line = [sys.executable, "-m", "kemfeat.testing._features", str(on.root), module]
    done = subprocess.run(line, capture_output=True, text=True, check=False)  # noqa: S603 - this interpreter
    require(done.returncode == 0, f"another process fails: {done.stderr.strip().rpartition(chr(10))[2]}")
    require(
        json.loads(done.stdout) == fingerprints(extractor, on), "another process makes other bytes of the same media"
    )


def _missing(extractor: AnyExtractor, on: Bench) -> None:
    media = _without(ONE, extractor)
    try:
        made = on.extract(extractor, media)
    except ExtractionError:
        # Only missing physiology must be a missing value; any other medium may make a failed row.
        require(
            not PHYSIOLOGY & set(extractor.media), "an utterance without physiology is an error, expected empty arrays"
        )
        return
    _check_made(made, extractor, on.config(extractor))
    for spec in extractor.specs(on.config(extractor)):
        require(made.arrays[spec.name].shape[:1] in {(0,), ()}, f"array {spec.name} has values where nothing was read")
        require(spec.dtype != "bool" or spec.pad is False, f"array {spec.name}: a mask is padded with False")
    counts = (column for column in made.columns if column.endswith(("_length", "_frames")))
    require(not any(np.any(made.columns[column]) for column in counts), "a length is not 0 where nothing was read")


def _without(media: Mapping[str, Any], extractor: AnyExtractor) -> dict[str, Any]:
    """The same utterance without any medium that the feature is made from, be it through another feature."""
    reads = set(extractor.media)
    while more := {medium for name in reads - set(media) for medium in _found(name).media} - reads:
        reads |= more
    return {medium: None if medium in reads else value for medium, value in media.items()}


LAWS: Laws = {
    "says who it is and what it reads": _identity,
    "declares arrays that a store can hold": _specs,
    "uses no name of another feature": _own_names,
    "has a configuration that is an identity": _config,
    "has a configuration that cannot be changed": _frozen,
    "returns what it declares": _declared,
    "knows its rows before they are made": _rows,
    "depends on its media alone": _pure,
    "leaves its media alone": _media_left_alone,
    "makes the same bytes in another process": _other_process,
    "refuses what is missing, or leaves it empty": _missing,
}


if __name__ == "__main__":
    import importlib

    folder, name = sys.argv[1:]
    print(json.dumps(fingerprints(importlib.import_module(name).EXTRACTOR, Bench(Path(folder)))))  # noqa: T201
