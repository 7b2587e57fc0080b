"""``kemfeat analyze dtw``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from .. import _options
from . import _run

Signal = Annotated[
    Literal["temp", "eda", "ibi", "mel-energy"], typer.Option("--signal", help="What is clustered; mel-energy at 4 Hz.")
]
K = Annotated[int | None, typer.Option("--k", min=2, help="Number of clusters.", show_default="chosen from --k-range")]
KRange = Annotated[
    str | None,
    typer.Option("--k-range", metavar="A:B", help="Numbers of clusters to choose from.", show_default="2:10"),
]
Method = Annotated[
    Literal["fasterpam", "tsclust"], typer.Option("--method", help="FasterPAM, or R's alternation as in system 1.")
]
Init = Annotated[
    str | None, typer.Option("--init", metavar="I,J,...", help="First medoids of tsclust.", show_default="drawn")
]
Normalize = Annotated[bool, typer.Option("--normalize/--no-normalize", help="Divide distances by summed length.")]
Scale = Annotated[bool, typer.Option("--scale/--no-scale", help="Bring every series to 0 to 1.")]
Restarts = Annotated[int, typer.Option("--restarts", min=1, help="Random starts per number of clusters.")]
Barycentres = Annotated[bool, typer.Option("--barycentres", help="Add the mean shape of every cluster.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of everything drawn at random.")]
Memory = Annotated[float, typer.Option("--memory", metavar="GB", help="Room for distances; more go to disk.")]


def dtw(
    store: _run.StorePath = None,
    signal: Signal = "temp",
    k: K = None,
    k_range: KRange = None,
    method: Method = "fasterpam",
    init: Init = None,
    normalize: Normalize = False,
    scale: Scale = True,
    labels: _run.Labels = "5class",
    restarts: Restarts = 10,
    barycentres: Barycentres = False,
    seed: Seed = 0,
    memory: Memory = 2.0,
    workers: _options.Workers = None,
    scheduler: _options.Scheduler = None,
    out: _run.Out = None,
    as_json: _options.Json = False,
) -> None:
    """Cluster one signal by dynamic time warping, and test whether clusters go together with emotion."""
    settings = {
        "signal": signal,
        "k_range": _range(k, k_range),
        "method": method,
        "init": None if init is None else _numbers(init, ",", "--init"),
        "normalize": normalize,
        "scale": scale,
        "labels": labels,
        "restarts": restarts,
        "barycentres": barycentres,
        "seed": seed,
        "memory": memory,
        "workers": _options.worker_count(workers, scheduler),
        "scheduler": scheduler,
        "blocks": out,
    }
    _run.run("dtw", settings, store=store, out=out, as_json=as_json)


def _range(k: int | None, k_range: str | None) -> tuple[int, ...]:
    from kemfeat.errors import ConfigError

    if k is None:
        return _numbers(k_range or "2:10", ":", "--k-range")
    if k_range is not None:
        raise ConfigError(f"--k {k} and --k-range {k_range}: give one of them")
    return (k, k)


def _numbers(text: str, separator: str, option: str) -> tuple[int, ...]:
    from kemfeat.errors import ConfigError

    try:
        return tuple(int(part) for part in text.split(separator))
    except ValueError:
        example = separator.join(("2", "10"))
        raise ConfigError(f"{option} {text}: expected whole numbers, for example {option} {example}") from None
