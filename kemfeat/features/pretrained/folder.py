"""The folder of a pretrained model before ``transformers`` reads it: what is refused in it, and its identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from kemfeat.errors import ConfigError, KemfeatError
from kemfeat.features.pretrained.archive import archive_problem

CONFIG = "config.json"
FILES = ("*.json", "*.txt", "*.model", "*.safetensors", "pytorch_model*.bin")
"""The files of a model that are used."""

_INDEX = "*.index.json"
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_LOADED = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
"""Where ``transformers`` looks for weights, in this order."""

_PASSING = ("_name_or_path", "transformers_version")
"""Keys of a configuration that say where it has been, and not what the model computes."""

_LARGEST_JSON = 1 << 24
"""Bytes of a JSON file; the index of a large model has a few hundred thousand."""

_MOST_LAYERS = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A model that somebody asked for.

    Parameters
    ----------
    name : str
        A folder, or a Hugging Face name in the local cache.
    role : str
        What it is for messages, such as ``text encoder``.
    setting : str
        The setting that named it, such as ``model.text_encoder``.
    such_as : str, default "an encoder such as BERT"
        What is expected.
    """

    name: str
    role: str
    setting: str
    such_as: str = "an encoder such as BERT"

    def refusal(self, problem: str) -> ConfigError:
        """The sentence that says what is wrong with it.

        Parameters
        ----------
        problem : str
            What is wrong.

        Returns
        -------
        ConfigError
            To be raised.
        """
        return ConfigError(
            f"{self.role} {self.name}: {problem}; pass --set {self.setting}=DIR, {self.such_as} that transformers can "
            "load by itself"
        )

    @contextmanager
    def refused(self, problem: str) -> Iterator[None]:
        """Make a sentence of whatever ``transformers`` raises, as a damaged model may make it raise anything.

        Parameters
        ----------
        problem : str
            What is wrong.

        Yields
        ------
        None
            While it is read.

        Raises
        ------
        ConfigError
            Something was raised.
        """
        try:
            yield
        except KemfeatError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise self.refusal(f"{problem} ({reason})") from None


def locate(wanted: Wanted) -> Path:
    """The folder of a model: itself, or where the local cache keeps the model of that name.

    Parameters
    ----------
    wanted : Wanted
        The model.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    ConfigError
        It is not on this machine; the message gives the command that fetches it.
    """
    folder = Path(wanted.name).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(wanted.name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, ValueError):
        includes = " ".join(f"--include '{pattern}'" for pattern in FILES)
        raise ConfigError(
            f"{wanted.role} {wanted.name}: is not a folder and not in the Hugging Face cache of this machine "
            f"({constants.HF_HUB_CACHE}); run `hf download {wanted.name} {includes}`, or pass "
            f"--set {wanted.setting}=DIR, a folder with {CONFIG} and model.safetensors"
        ) from None


def described(folder: Path, wanted: Wanted) -> Any:
    """The configuration of a model, as ``transformers`` completes it, after :func:`check_folder`.

    Parameters
    ----------
    folder : Path
        The model's folder.
    wanted : Wanted
        Which model it is, for messages.

    Returns
    -------
    PretrainedConfig
        Its configuration.

    Raises
    ------
    ConfigError
        There is none, or it asks for what is refused.
    """
    from transformers import AutoConfig

    check_folder(folder, wanted)
    with wanted.refused(f"{CONFIG} does not describe a model"):
        return AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)


def table_in(file: Path, wanted: Wanted) -> dict[str, Any]:
    """The table in a JSON file of a model.

    Parameters
    ----------
    file : Path
        The file.
    wanted : Wanted
        Which model it is, for messages.

    Returns
    -------
    dict
        Empty where there is no such file, which ``transformers`` says better.

    Raises
    ------
    ConfigError
        It is not a JSON object, or too large.
    """
    if not file.is_file():
        return {}
    try:
        if file.stat().st_size > _LARGEST_JSON:
            raise wanted.refusal(f"{file.name} is larger than 16 MiB")
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise wanted.refusal(f"{file.name} cannot be read ({reason})") from None
    if not isinstance(content, dict):
        raise wanted.refusal(f"{file.name} is not a JSON object")
    return content


def identity(folder: Path, wanted: Wanted, *, besides: bytes) -> str:
    """What a frozen model computes, whatever it is called and wherever it is.

    Parameters
    ----------
    folder : Path
        The model's folder.
    wanted : Wanted
        Which model it is, for messages.
    besides : bytes
        What else decides over its output: how its input is prepared.

    Returns
    -------
    str
        SHA-256 of its configuration, of the weights that would be loaded, and of ``besides``, as 64 hexadecimal digits.

    Raises
    ------
    ConfigError
        It has no weights, or they cannot be read.
    """
    config = {key: value for key, value in table_in(folder / CONFIG, wanted).items() if key not in _PASSING}
    whole = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for content in (besides, *map(str.encode, _weights(folder, wanted))):
        whole.update(hashlib.sha256(content).digest())
    return whole.hexdigest()


def _weights(folder: Path, wanted: Wanted) -> list[str]:
    """SHA-256 of each file of weights, in order."""
    for name in _LOADED:
        path = folder / name
        if not path.is_file():
            continue
        files = [path]
        if path.suffix == ".json":
            table = table_in(path, wanted).get("weight_map", {})
            files = [folder / shard for shard in sorted(set(map(str, table.values())))]
        try:
            states = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
            return [_digest(*state) for state in states]
        except OSError as error:
            raise wanted.refusal(f"{name}: its weights cannot be read ({error.strerror})") from None
    raise wanted.refusal("the folder has no weights, such as model.safetensors")


@lru_cache(maxsize=64)
def _digest(path: str, _size: int, _changed: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_folder(folder: Path, wanted: Wanted) -> None:
    """Refuse a folder that asks for code, reads files elsewhere, or describes more than its files contain.

    Parameters
    ----------
    folder : Path
        The model's folder.
    wanted : Wanted
        Which model it is, for messages.

    Raises
    ------
    ConfigError
        It does one of these.
    """
    for problem in _problems(folder, table_in(folder / CONFIG, wanted), wanted):
        raise wanted.refusal(problem)


def check_size(parameters: int, folder: Path, wanted: Wanted) -> None:
    """Refuse a configuration of more numbers than the weight files have bytes.

    Parameters
    ----------
    parameters : int
        Numbers of the model that the configuration describes.
    folder : Path
        The model's folder.
    wanted : Wanted
        Which model it is, for messages.

    Raises
    ------
    ConfigError
        The files are smaller.
    """
    size = sum(file.stat().st_size for pattern in _WEIGHTS for file in folder.glob(pattern) if file.is_file())
    if parameters > size:
        raise wanted.refusal(
            f"{CONFIG} describes a model of {parameters:,} numbers, but its weight files have only {size:,} bytes; "
            "download the files again"
        )


def _problems(folder: Path, config: dict[str, Any], wanted: Wanted) -> Iterator[str]:
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
    yield from _file_problems(folder, wanted)


def _file_problems(folder: Path, wanted: Wanted) -> Iterator[str]:
    for index in sorted(folder.glob(_INDEX)):
        shards = table_in(index, wanted).get("weight_map", {})
        for shard in sorted(set(map(str, shards.values()))) if isinstance(shards, dict) else ():
            if PurePosixPath(shard).name != shard or shard == ".." or "\\" in shard:
                yield f"{index.name} gives the file {shard!r}, which is not in the folder"
    for pattern in _WEIGHTS:
        for weights in sorted(folder.glob(pattern)):
            problem = archive_problem(weights) if weights.suffix == ".bin" and weights.is_file() else ""
            if problem:
                yield f"{weights.name} {problem}"
