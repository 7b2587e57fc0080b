"""Checks of a pretrained model's folder before ``transformers`` reads it: no code, no files elsewhere, no bombs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from kemfeat.errors import ConfigError
from kemfeat.learn.torch_files import archive_problem

CONFIG = "config.json"
_INDEX = "*.index.json"
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")

_LARGEST_JSON = 1 << 24
"""Bytes of a JSON file; the index of a large model has a few hundred thousand."""

_MOST_LAYERS = 1000

_ADVICE = "pass --set model.text_encoder=DIR, an encoder such as BERT that transformers can load by itself"


def check_folder(folder: Path, *, name: str) -> None:
    """Refuse a folder that asks for code, reads files elsewhere, or describes more than its files contain.

    Raises
    ------
    ConfigError
        It does one of these.
    """
    config = _read(folder / CONFIG, name)
    for problem in _problems(folder, config, name):
        raise ConfigError(f"text encoder {name}: {problem}; {_ADVICE}")


def check_size(parameters: int, folder: Path, *, name: str) -> None:
    """Refuse a configuration of more numbers than the weight files have bytes.

    Raises
    ------
    ConfigError
        The files are smaller.
    """
    size = sum(file.stat().st_size for pattern in _WEIGHTS for file in folder.glob(pattern) if file.is_file())
    if parameters > size:
        raise ConfigError(
            f"text encoder {name}: {CONFIG} describes a model of {parameters:,} numbers, but its weight files have "
            f"only {size:,} bytes; download the files again, or {_ADVICE}"
        )


def _problems(folder: Path, config: dict[str, Any], name: str) -> Iterator[str]:
    if config.get("auto_map"):
        yield f"{CONFIG} asks for code that comes with the weights (auto_map), which kemfeat never runs"
    for key, value in config.items():
        if ("attn_implementation" in key or "kernel" in key) and "/" in str(value):
            yield f"{CONFIG} asks for code from elsewhere ({key} {value!r}), which kemfeat never runs"
        if "layers" in key and isinstance(value, int) and value > _MOST_LAYERS:
            yield f"{CONFIG} has {key} {value:,}, expected at most {_MOST_LAYERS:,}"
    if config.get("quantization_config"):
        yield f"{CONFIG} says that the weights are quantised (quantization_config); expected plain floating-point ones"
    if (folder / "adapter_config.json").exists():
        yield "the folder has an adapter, whose weights are those of another model; expected a whole model"
    yield from _file_problems(folder, name)


def _file_problems(folder: Path, name: str) -> Iterator[str]:
    for index in sorted(folder.glob(_INDEX)):
        shards = _read(index, name).get("weight_map", {})
        for shard in sorted(set(map(str, shards.values()))) if isinstance(shards, dict) else ():
            if PurePosixPath(shard).name != shard or shard == ".." or "\\" in shard:
                yield f"{index.name} gives the file {shard!r}, which is not in the folder"
    for pattern in _WEIGHTS:
        for weights in sorted(folder.glob(pattern)):
            problem = archive_problem(weights) if weights.suffix == ".bin" and weights.is_file() else ""
            if problem:
                yield f"{weights.name} {problem}"


def _read(file: Path, name: str) -> dict[str, Any]:
    """The table in a JSON file; empty where there is none, which transformers says better."""
    if not file.is_file():
        return {}
    try:
        if file.stat().st_size > _LARGEST_JSON:
            raise ConfigError(f"text encoder {name}: {file.name} is larger than 16 MiB; {_ADVICE}")
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise ConfigError(f"text encoder {name}: {file.name} cannot be read ({reason}); {_ADVICE}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"text encoder {name}: {file.name} is not a JSON object; {_ADVICE}")
    return content
