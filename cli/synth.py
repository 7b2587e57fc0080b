"""``kemfeat synth``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kemfeat.plural import many

from . import _options
from ._console import linked, say_next
from ._progress import Reporter


def synth(
    dataset: _options.SyntheticDataset,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder to write; absent or empty.",
            show_default=False,
        ),
    ],
    utterances: Annotated[
        int | None,
        typer.Option("--utterances", min=1, help="How many utterances.", show_default="as many as the real corpus"),
    ] = None,
    sessions: Annotated[
        int | None,
        typer.Option("--sessions", min=1, help="In how many sessions.", show_default="as many as the real corpus"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed and options give identical bytes.")] = 0,
    version: Annotated[
        str | None,
        typer.Option(
            "--version",
            metavar="V",
            help="Release whose defects it has.",
            show_default="the first",
        ),
    ] = None,
    speaker_effect: Annotated[
        float, typer.Option("--speaker-effect", min=0.0, help="Factor on how much speakers' ratings differ.")
    ] = 1.0,
    video: Annotated[
        bool, typer.Option("--video", help="Write films, too: IEMOCAP only, needs kemfeat[video].")
    ] = False,
    workers: _options.Workers = None,
    scheduler: _options.Scheduler = None,
    progress: _options.ShowProgress = None,
) -> None:
    """Write a synthetic corpus in the real folder shape, with the real corpus' defects at their real rates."""
    from kemfeat import plugins
    from kemfeat.synth import SyntheticCorpus

    corpus: SyntheticCorpus[Any] = plugins.find("synth", dataset)
    with Reporter(bar=progress) as reporter:
        corpus.write(
            out,
            utterances=utterances,
            sessions=sessions,
            seed=seed,
            version=version,
            speaker_effect=speaker_effect,
            video=video,
            workers=_options.worker_count(workers, scheduler),
            scheduler=scheduler,
            progress=lambda done, total: reporter("synth", done, total),
        )
    print(
        f"{linked(out)}: a synthetic {corpus.name} of {many(utterances or corpus.utterances, 'utterance')} "
        f"in {many(sessions or corpus.sessions, 'session')}"
    )
    say_next("validate", dataset=corpus.name, root=out)
