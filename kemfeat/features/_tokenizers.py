"""Where a tokenizer comes from: a folder, a Hugging Face name, the corpus' own folder.

Nothing here uses the network, runs code that came with a tokenizer, or opens a pickle. A folder is read as the first
of these that it matches:

1. ``tokenizer.json``: taken byte for byte;
2. one SentencePiece ``*.model`` with a vocabulary, ``vocab.txt`` (one token per line) or a JSON file with
   ``idx_to_token`` or ``token_to_idx`` (KoBERT), or one whose pieces themselves include ``[CLS]`` and the like
   (``skt/kobert-base-v1``, whose own Python tokenizer is never run): converted, see :mod:`._sentencepiece`;
3. anything else from which ``transformers.AutoTokenizer`` can make a fast tokenizer.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from kemfeat.errors import ConfigError, KemfeatError
from kemfeat.features._sentencepiece import SPECIALS, convert, parse

DEFAULT_MAX_LENGTH = 512
"""Positions of a BERT, where a tokenizer does not say how many its model has."""

MOST_BYTES = 64 << 20
"""Size above which a file is not read; the largest published tokenizers have half of that."""

_MOST_ID = 2**31 - 1
_PATTERNS = ("*.json", "*.model", "*.txt")
_ROBERTA = {
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "mask_token": "<mask>",
}
_EXPECTED = "expected tokenizer.json, or KoBERT's *.model and vocab.txt; pass --tokenizer such a folder"
_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?")


@dataclass(frozen=True, slots=True)
class Source:
    """A tokenizer's content, without a trace of where it was stored.

    Parameters
    ----------
    json : bytes
        Content of its ``tokenizer.json``.
    specials : mapping of str to str
        The token per role (``pad_token`` ...), for the roles it has; ``pad_token`` always.
    pad_id : int, >= 0
        Id of ``pad_token``.
    max_length : int, >= 1
        Positions of the model it belongs to.
    """

    json: bytes
    specials: Mapping[str, str]
    pad_id: int
    max_length: int

    def files(self, *, max_length: int) -> dict[str, bytes]:
        """A folder that ``transformers.AutoTokenizer`` loads, by file name."""
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": max_length,
            "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
            "clean_up_tokenization_spaces": False,
            **self.specials,
        }
        text = json.dumps(settings, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        return {"tokenizer.json": self.json, "tokenizer_config.json": text.encode()}


def resolve(name: str, *, root: Path, default: str) -> Source:
    """Find and read the tokenizer that a build uses.

    Parameters
    ----------
    name : str
        Local folder or Hugging Face name; empty takes ``root/tokenizer`` if it is a folder, else ``default``.
    root : Path
        Folder of the corpus.
    default : str
        Hugging Face name that belongs to the corpus.

    Raises
    ------
    ConfigError
        It is not on this machine (the message gives the command that fetches it), or cannot be used.
    """
    if name:
        return locate(name)
    own = root / "tokenizer"
    if own.is_dir():
        _refuse_links(own, root)
        return read_folder(own)
    if not default:
        raise ConfigError(
            "tokens: this corpus has no tokenizer of its own; pass --tokenizer a folder or a Hugging Face name, or "
            "leave tokens out of the features"
        )
    return locate(default)


def locate(name: str) -> Source:
    """Read the tokenizer of a local folder or of a Hugging Face name in the local cache.

    Raises
    ------
    ConfigError
        There is no such folder, the name is not in the cache, or the tokenizer cannot be used.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return read_folder(folder)
    if not _HUB_NAME.fullmatch(name) or ".." in name:
        raise ConfigError(
            f"tokenizer {name!r}: no such folder, and not a Hugging Face name such as skt/kobert-base-v1; pass "
            f"--tokenizer a folder with tokenizer.json, or with KoBERT's *.model and vocab.txt"
        )
    return read_folder(_cached(name))


def read_folder(folder: Path) -> Source:
    """Read a tokenizer folder; see the module for what it may contain.

    Raises
    ------
    ConfigError
        Nothing in it is a tokenizer that can be used, or it has no padding token.
    """
    path = folder / "tokenizer.json"
    if path.is_file():
        content = _read(path)
        return _source(content, folder=folder, tokenizer=_parse(content, path))
    model, vocabulary = _model(folder), _vocabulary(folder)
    if model is not None and (vocabulary is not None or _holds_specials(model)):
        with refused(str(model), "not a model that can be converted", "pass --tokenizer a folder with tokenizer.json"):
            tokenizer = convert(_read(model), vocabulary=vocabulary, where=str(model))
    else:
        tokenizer = _from_transformers(folder)
    return _source(tokenizer.to_str().encode(), folder=folder, tokenizer=tokenizer)


@contextmanager
def refused(where: str, what: str, way: str, *, kind: type[KemfeatError] = ConfigError) -> Iterator[None]:
    """Make a sentence of whatever a library raises: nothing narrower, or a panic of its Rust code."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, MemoryError, KemfeatError):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic is not an Exception
        raise kind(f"{where}: {what} ({_first_line(error)}); {way}") from None


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:200]


def _refuse_links(folder: Path, root: Path) -> None:
    home = root.resolve()
    for path in (folder, *sorted(folder.iterdir())):
        if not path.resolve().is_relative_to(home):
            raise ConfigError(
                f"{path}: links out of the corpus folder {root}, which is never followed; pass --tokenizer {folder} "
                f"to use the tokenizer that the link points to"
            )


def _cached(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True, allow_patterns=list(_PATTERNS)))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError):
        includes = " ".join(f"--include '{pattern}'" for pattern in _PATTERNS)
        raise ConfigError(
            f"tokenizer {name}: no such folder and not in the Hugging Face cache of this machine; run `hf download "
            f"{name} {includes}`, or pass --tokenizer DIR, a folder with tokenizer.json, or with KoBERT's *.model and "
            f"vocab.txt"
        ) from None


def _model(folder: Path) -> Path | None:
    models = sorted(folder.glob("*.model"))
    if len(models) > 1:
        names = ", ".join(path.name for path in models)
        raise ConfigError(f"{folder}: {len(models)} SentencePiece models ({names}); expected one; move the others away")
    return models[0] if models else None


def _holds_specials(model: Path) -> bool:
    pieces = {piece.piece for piece in parse(_read(model), where=str(model)).pieces}
    return pieces.issuperset(SPECIALS.values())


def _vocabulary(folder: Path) -> Sequence[str] | None:
    """The token of each id from ``vocab.txt`` or a JSON vocabulary, which must agree where both exist."""
    found: dict[str, list[str]] = {}
    if (folder / "vocab.txt").is_file():
        lines = _text(folder / "vocab.txt").split("\n")
        found["vocab.txt"] = [line.removesuffix("\r") for line in lines[: -1 if lines[-1] == "" else None]]
    for path in sorted(folder.glob("*.json")):
        content = _json(path)
        if isinstance(content, dict) and ("idx_to_token" in content or "token_to_idx" in content):
            found[path.name] = _json_vocabulary(content, path)
    if not found:
        return None
    first, *others = found
    for other in others:
        if found[other] != found[first]:
            raise ConfigError(f"{folder}: {first} and {other} are different vocabularies; leave only the model's own")
    return found[first]


def _json_vocabulary(content: Mapping[str, Any], path: Path) -> list[str]:
    tokens = content.get("idx_to_token")
    if tokens is None:
        ids = content["token_to_idx"]
        if isinstance(ids, dict) and all(type(number) is int for number in ids.values()):
            tokens = sorted(ids, key=ids.__getitem__) if set(ids.values()) == set(range(len(ids))) else None
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise ConfigError(
            f"{path}: expected idx_to_token, a list of tokens, or token_to_idx with ids that count from 0"
        )
    return tokens


def _from_transformers(folder: Path) -> Tokenizer:
    from transformers import AutoTokenizer

    _refuse_code(folder)
    for pattern in _PATTERNS:
        for path in sorted(folder.glob(pattern)):
            _refuse_unreadable(path)
    with refused(str(folder), "has no tokenizer that can be loaded", _EXPECTED):
        made = AutoTokenizer.from_pretrained(str(folder), use_fast=True, local_files_only=True, trust_remote_code=False)
    tokenizer = getattr(made, "backend_tokenizer", None)
    if not isinstance(tokenizer, Tokenizer):
        raise ConfigError(
            f"{folder}: {type(made).__name__} is not a fast tokenizer; expected one; save it as tokenizer.json"
        )
    return tokenizer


def _refuse_code(folder: Path) -> None:
    """Name the Python code that comes with a tokenizer; transformers is told not to run it, too."""
    for path in (folder / "tokenizer_config.json", folder / "config.json"):
        settings = _json(path) if path.is_file() else None
        named = settings.get("auto_map", ()) if isinstance(settings, dict) else ()
        if "AutoTokenizer" in named if isinstance(named, dict) else named:
            raise ConfigError(
                f"{folder}: has no tokenizer that can be loaded: auto_map in {path.name} names Python code, which "
                f"kemfeat never runs; {_EXPECTED}"
            )


def _source(content: bytes, *, folder: Path, tokenizer: Tokenizer) -> Source:
    vocabulary = tokenizer.get_vocab()
    if not set(vocabulary) - {
        *SPECIALS.values(),
        *_ROBERTA.values(),
    }:  # which transformers makes of a folder without one
        raise ConfigError(f"{folder}: its tokenizer knows no word; {_EXPECTED}")
    largest = max(vocabulary.values(), default=0)
    if largest > _MOST_ID:
        raise ConfigError(f"{folder}: has the token id {largest}; expected at most {_MOST_ID}, which int32 can store")
    settings: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        told = _json(folder / name) if (folder / name).is_file() else None
        settings |= told if isinstance(told, dict) else {}
    specials = {role: token for role in SPECIALS if (token := _special(role, settings, tokenizer)) is not None}
    pad_id = tokenizer.token_to_id(specials.get("pad_token", ""))
    if pad_id is None:
        raise ConfigError(f"{folder}: the tokenizer has no padding token; expected [PAD], <pad> or a named pad_token")
    length = settings.get("model_max_length")
    # transformers writes 1e30 where the length is not known
    if type(length) is not int or not 0 < length <= 1_000_000:
        length = DEFAULT_MAX_LENGTH
    return Source(content, specials, pad_id, length)


def _special(role: str, settings: Mapping[str, Any], tokenizer: Tokenizer) -> str | None:
    """The token of a role: the one in its settings, else the one of BERT or RoBERTa that is in its vocabulary."""
    token = settings.get(role)
    named = token.get("content") if isinstance(token, dict) else token
    for candidate in (named, SPECIALS[role], _ROBERTA[role]):
        if isinstance(candidate, str) and tokenizer.token_to_id(candidate) is not None:
            return candidate
    return None


def _parse(content: bytes, path: Path) -> Tokenizer:
    with refused(str(path), "not a tokenizer", "expected a file saved by tokenizers; fetch it again"):
        made = Tokenizer.from_str(content.decode())
    return made  # noqa: RET504 - a context may swallow an error, as far as types say


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not JSON ({_first_line(error)}); fetch the file again") from None


def _text(path: Path) -> str:
    try:
        return _read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); fetch the file again") from None


def _read(path: Path) -> bytes:
    _refuse_unreadable(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions") from None


def _refuse_unreadable(path: Path) -> None:
    """Refuse what would block, never end, or fill the memory."""
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check the file and its permissions") from None
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path}: is not a file; expected one of a tokenizer; move it elsewhere")
    if found.st_size > MOST_BYTES:
        raise ConfigError(
            f"{path}: has {found.st_size / 1e6:,.0f} MB, more than any tokenizer; expected at most "
            f"{MOST_BYTES / 1e6:,.0f} MB; move it elsewhere if it does not belong to the tokenizer"
        )
