"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from . import _completion


def _corpus_named(completion: Callable[[str], list[str]]) -> Any:
    return typer.Option(
        "--dataset", metavar="NAME", help="Corpus, e.g. KEMDy20.", show_default=False, autocompletion=completion
    )


Dataset = Annotated[str, _corpus_named(_completion.datasets)]
SyntheticDataset = Annotated[str, _corpus_named(_completion.synthetic_datasets)]


def _no_address(value: Path | None) -> Path | None:
    """Refuse an address where a folder is meant."""
    if value is not None:
        from kemfeat.store.address import refuse_address

        refuse_address(value, "pass a folder on this machine")
    return value


def as_shown(text: str) -> str:
    """A folder or an address, as it is shown."""
    return text if "://" in text else str(Path(text))


def _folder(value: Path | None) -> Path | None:
    """Refuse an address, which may contain what no message should repeat."""
    if value is not None:
        from kemfeat.store.address import refuse_address

        refuse_address(value, "copy the corpus into a folder")
    return value


Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="DIR",
        callback=_folder,
        help="Folder of the corpus.",
        show_default="DATASET* in $KEMFEAT_DATA, data or here",
    ),
]
RootPlace = Annotated[
    str | None,
    typer.Option(
        "--root",
        metavar="PLACE",
        parser=as_shown,
        help="Folder of the corpus, or its address in a bucket.",
        show_default="DATASET* in $KEMFEAT_DATA, data or here",
    ),
]
FollowLinks = Annotated[
    bool, typer.Option("--follow-links", help="Read files that links in the corpus' folder lead to outside of it.")
]
TableFile = Annotated[
    Path | None,
    typer.Option(
        "--table",
        metavar="FILE",
        help="Table of the utterances of your own corpus (--dataset folder), or of windows (e4).",
        show_default="ROOT/utterances.csv, ROOT/windows.csv",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        "-j",
        min=1,
        help="Worker processes; the result is the same for any number.",
        show_default="one per core",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="tcp://HOST:PORT",
        help="Run on the workers of this Dask scheduler instead.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


STORE_HELP = "Folder or address of a store."
StorePath = Annotated[
    str,
    typer.Argument(
        metavar="STORE",
        help=STORE_HELP,
        parser=as_shown,
        show_default=False,
        autocompletion=_completion.stores,
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        envvar="KEMFEAT_CACHE",
        callback=_no_address,
        help="Keep what is fetched from an address.",
        show_default=False,
    ),
]
ShowProgress = Annotated[
    bool | None,
    typer.Option(
        "--progress/--no-progress", help="Progress bar; plain lines when not a terminal.", show_default="at a terminal"
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder of the store.", show_default="stores/DATASET")
]
OutPlace = Annotated[
    str | None,
    typer.Option(
        "--out",
        metavar="PLACE",
        parser=as_shown,
        help="Folder of the store, or its address in a bucket.",
        show_default="stores/DATASET",
    ),
]
MayPassOn = Annotated[
    bool,
    typer.Option("--i-may-pass-this-on", help="All who can read the address have the licence of the corpus."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="TOML file with settings; see the docs.", show_default=False),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting, e.g. mel.n_mels=64; may be repeated."),
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help="Settings of a published system, e.g. kor-2022.",
        autocompletion=_completion.presets,
        show_default=False,
    ),
]
Features = Annotated[
    str | None,
    typer.Option(
        "--features",
        metavar="LIST",
        help="Comma-separated features.",
        autocompletion=_completion.features,
        show_default="all the corpus has",
    ),
]
Tokenizer = Annotated[
    str | None,
    typer.Option(
        "--tokenizer",
        metavar="NAME",
        help="Folder of a tokenizer, or its Hugging Face name.",
        show_default="ROOT/tokenizer",
    ),
]


def settings_of(
    config: Path | None, overrides: list[str], preset: str | None, features: str | None, tokenizer: str | None
) -> dict[str, Any]:
    """The settings of the TOML file, overridden by the options."""
    from kemfeat.toml_settings import read_toml, with_overrides

    settings = with_overrides(read_toml(config) if config is not None else {}, overrides)
    if preset is not None:
        settings["preset"] = preset
    if features is not None:
        settings["features"] = [name.strip() for name in features.split(",") if name.strip()]
    if tokenizer is not None and isinstance(settings.setdefault("tokens", {}), dict):
        settings["tokens"]["tokenizer"] = tokenizer
    return settings


def worker_count(workers: int | None, scheduler: str | None) -> int:
    """The number of local workers."""
    from kemfeat import parallel
    from kemfeat.errors import ConfigError

    if workers is not None and scheduler is not None:
        raise ConfigError(
            f"--workers {workers} and --scheduler {scheduler}: pass only one of them; the workers of a scheduler are "
            "started on their own machines (dask worker)"
        )
    return workers or parallel.default_workers()
