"""The ``kemfeat`` command: options in, library calls, errors as one line and an exit code."""

from __future__ import annotations

import io
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.exceptions import TyperException

from kemfeat._version import VERSION
from kemfeat.errors import ConfigError, KemfeatError, MissingFontWarning

from . import (
    analyze,
    audit,
    bench,
    browse,
    build,
    catalogue,
    config,
    doctor,
    embed,
    ensemble,
    evaluate,
    export,
    join,
    plan,
    predict,
    publish,
    report,
    split,
    store,
    synth,
    train,
    validate,
    versions,
)
from ._help import MARKUP, Command, Commands, epilog

app = typer.Typer(
    name="kemfeat",
    cls=Commands,
    help="Turn raw multimodal emotion corpora into one verified feature store.",
    no_args_is_help=True,
    rich_markup_mode=MARKUP,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with kemfeat doctor, or docs/quickstart.md.\n\n"
    "Exit codes: 0 ok, 1 differences or a failure of the machine, 2 usage, 3 corpus missing or invalid, "
    "4 store incomplete or corrupt, 5 too many failed rows, 129, 130 or 143 stopped.",
)


def _add(panel: str, name: str, function: Callable[..., None], example: str, cls: type[Command] = Command) -> None:
    app.command(name, cls=cls, rich_help_panel=panel, epilog=epilog(name, f"{name} {example}"))(function)


_DATA = "--store stores/KEMDy20 --split splits/KEMDy20-session.parquet"
_CORPUS, _STORE, _MODELS, _LOOK, _HELP = "Corpora", "Stores", "Splits and models", "Analyses", "Names and machine"
_add(_CORPUS, "validate", validate.validate, "--dataset KEMDy20 --root data/KEMDy20")
_add(_CORPUS, "plan", plan.plan, "--dataset KEMDy20 --features mel,tokens")
_add(_CORPUS, "synth", synth.synth, "--dataset KEMDy20 --out demo/KEMDy20 --utterances 240 --sessions 4")
_add(_STORE, "build", build.build, "--dataset KEMDy20 --out stores/KEMDy20 --set mel.n_mels=64")
_add(_STORE, "join", join.join, "stores/KEMDy20 stores/IEMOCAP --out stores/both")
_add(_STORE, "info", store.info, "stores/KEMDy20")
_add(_STORE, "verify", store.verify, "stores/KEMDy20 --recompute 5")
_add(_STORE, "diff", store.diff, "stores/KEMDy20 stores/other")
_add(_STORE, "log", versions.log, "stores/KEMDy20")
_add(_STORE, "prune", versions.prune, "stores/KEMDy20 --keep 1")
_add(_STORE, "push", publish.push, "stores/KEMDy20 s3://BUCKET/KEMDy20")
_add(_STORE, "pull", publish.pull, "s3://BUCKET/KEMDy20 stores/KEMDy20")
_add(_STORE, "export", export.export, "stores/KEMDy20 --to webdataset --out shards", export.Export)
_add(_LOOK, "report", report.report, "stores/KEMDy20 --out report.html")
_add(_LOOK, "browse", browse.browse, "stores/KEMDy20 --root data/KEMDy20")
_add(_MODELS, "split", split.split, "stores/KEMDy20 --scheme session")
_add(_MODELS, "audit", audit.audit, "stores/KEMDy20 splits/KEMDy20-session.parquet")
_add(_MODELS, "train", train.train, f"kor/audio-arousal {_DATA}")
_add(_MODELS, "embed", embed.embed, f"runs/encoder {_DATA} --out sides/encoder")
_add(_MODELS, "predict", predict.predict, "runs/first --wav speech.wav")
_add(_MODELS, "ensemble", ensemble.ensemble, "runs/audio runs/text --out runs/both")
_add(_MODELS, "evaluate", evaluate.evaluate, "runs/first runs/second --by speaker")
_add(_HELP, "list", catalogue.catalogue, "features")
_add(_HELP, "doctor", doctor.doctor, "--dataset KEMDy20")
_add(_HELP, "bench", bench.bench, "--quick")
app.add_typer(config.app, name="config", rich_help_panel=_HELP)
app.add_typer(analyze.app, name="analyze", rich_help_panel=_LOOK)


_ENDS = (signal.SIGTERM, signal.SIGHUP)
"""What a scheduler of jobs, or a terminal that is closed, ends a command by."""
_STOPPED = [128 + number for number in (signal.SIGINT, *_ENDS)]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"kemfeat {VERSION}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line and exit with its code; ``--debug`` may be anywhere in it."""
    debug = "--debug" in sys.argv
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may not be Unicode, nor terminals UTF-8
    try:
        with _unwound(), _font_advice():
            code = app(args=[each for each in sys.argv[1:] if each != "--debug"], standalone_mode=False) or 0
    except KemfeatError as error:
        code = _refuse(error, error.exit_code, debug=debug)
    except TyperException as error:
        code = _refuse(_usage(error), 2, debug=False)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except MemoryError as error:
        code = _refuse(error, 1, debug=debug, prefix="out of memory; try fewer --workers ")
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        told = f"{what}the system refuses ({error.strerror or error}); make it possible, and run the same command again"
        code = _refuse(OSError(told), 1, debug=debug)
    except Exception as error:  # noqa: BLE001 - the last resort: a user sees a sentence, never a traceback
        prefix = "this is a defect of kemfeat; run again with --debug and report what it shows: "
        code = _refuse(error, 1, debug=debug, prefix=f"{prefix}{type(error).__name__}: ")
    if code in _STOPPED:
        with suppress(OSError):  # the terminal may be closed
            print("kemfeat: what is finished is kept: run the same command again to continue", file=sys.stderr)
    sys.exit(code)


def _usage(error: TyperException) -> ConfigError:
    """A wrong command line as one sentence that names the command and its help."""
    where = getattr(error, "ctx", None)
    command = where.command_path if where is not None else "kemfeat"
    found = " ".join(error.format_message().split()).rstrip(".")
    advice = f"{' See' if found.endswith('?') else '; see'} {command} --help"
    return ConfigError(found + advice)


@contextmanager
def _unwound() -> Iterator[None]:
    """Let :data:`_ENDS` end a command as Ctrl-C does, so that nothing temporary is left; not those that are ignored."""

    def end(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a handler is given both
        raise SystemExit(128 + number)

    mine = [number for number in _ENDS if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        mine = []
    for number in mine:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _font_advice() -> Iterator[None]:
    """After a command that drew Korean text without a font for it, say once which font to install."""
    advice: set[str] = set()
    with warnings.catch_warnings():
        show = warnings.showwarning

        def keep(message: Warning | str, category: type[Warning], *where: Any) -> None:
            if issubclass(category, MissingFontWarning):
                advice.add(str(message))
            else:
                show(message, category, *where)

        warnings.showwarning = keep  # type: ignore[assignment] # `where` is passed on as it comes
        warnings.simplefilter("always", MissingFontWarning)
        try:
            yield
        finally:
            for sentence in advice:
                print(f"kemfeat: {sentence}", file=sys.stderr)


def _refuse(error: BaseException, code: int, *, debug: bool, prefix: str = "") -> int:
    if debug:
        raise error
    from kemfeat.findings import printable

    told = "\n".join(map(printable, str(error).split("\n")))  # it may contain names of files of a corpus
    print(f"kemfeat: {prefix}{told}", file=sys.stderr)
    return code
