"""The ``kemfeat`` command: options in, library calls, errors as one line and an exit code."""

from __future__ import annotations

import io
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from kemfeat._version import VERSION
from kemfeat.errors import KemfeatError, MissingFontWarning

from . import (
    analyze,
    audit,
    bench,
    build,
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

app = typer.Typer(
    name="kemfeat",
    help="Turn raw multimodal emotion corpora into one verified feature store.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 ok, 1 differences or a failure of the machine, 2 usage, 3 corpus missing or invalid, "
    "4 store incomplete or corrupt, 5 too many failed rows, 129, 130 or 143 stopped.",
)
app.command("build")(build.build)
app.command("join")(join.join)
app.command("plan")(plan.plan)
app.command("validate")(validate.validate)
app.command("info")(store.info)
app.command("verify")(store.verify)
app.command("diff")(store.diff)
app.command("log")(versions.log)
app.command("prune")(versions.prune)
app.command("push")(publish.push)
app.command("pull")(publish.pull)
app.command("export", cls=export.Export)(export.export)
app.command("report")(report.report)
app.command("split")(split.split)
app.command("audit")(audit.audit)
app.command("train")(train.train)
app.command("embed")(embed.embed)
app.command("predict")(predict.predict)
app.command("ensemble")(ensemble.ensemble)
app.command("evaluate")(evaluate.evaluate)
app.command("synth")(synth.synth)
app.command("bench")(bench.bench)
app.add_typer(analyze.app, name="analyze")


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
            app(args=[argument for argument in sys.argv[1:] if argument != "--debug"])
    except KemfeatError as error:
        code = _refuse(error, error.exit_code, debug=debug)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if code in _STOPPED:
            with suppress(OSError):  # the terminal may be closed
                print("kemfeat: what is finished is kept: run the same command again to continue", file=sys.stderr)
    except MemoryError as error:
        code = _refuse(error, 1, debug=debug, prefix="out of memory; try fewer --workers ")
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        told = f"{what}the system refuses ({error.strerror or error}); make it possible, and run the same command again"
        code = _refuse(OSError(told), 1, debug=debug)
    except Exception as error:  # noqa: BLE001 - the last resort: a user sees a sentence, never a traceback
        prefix = "this is a defect of kemfeat; run again with --debug and report what it shows: "
        code = _refuse(error, 1, debug=debug, prefix=f"{prefix}{type(error).__name__}: ")
    sys.exit(code)


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
