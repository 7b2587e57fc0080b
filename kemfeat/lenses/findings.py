"""Utterances that validation named, or whose features could not be extracted."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from kemfeat.findings import printable
from kemfeat.lenses import Context, Lens, Suspect

_SCORES = {"error": 3.0, "warning": 2.0, "info": 1.0}
_RANKS = {"error": "problem", "warning": "caution", "info": "note"}
_WORD = re.compile(r"[^\s,;:()'\"]+")


class _Case(NamedTuple):
    severity: str
    text: str


def _needs(context: Context) -> str:
    if context.findings is not None or len(context.store.failures):
        return ""
    return "needs what validation finds in the corpus, which no store keeps: give --root"


def _look(context: Context) -> Iterable[Suspect]:
    cases: dict[str, list[_Case]] = defaultdict(list)
    named = _names(context)
    for owner, case in (*_failed(context, named), *_validated(context, named)):
        cases[owner].append(case)
    for name in context.store.utterances["id"]:
        if name in cases:
            found = sorted(set(cases[name]), key=lambda case: (-_SCORES[case.severity], case.text))
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            first = found[0]
            yield Suspect(name, _SCORES[first.severity], f"{_RANKS[first.severity]}: {first.text}{more}")


def _failed(context: Context, named: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, _Case]]:
    """What the build could not extract, and places of the annotation that it could not read."""
    failures = context.store.failures
    for name, feature, error in zip(failures["id"], failures["feature"], failures["error"], strict=True):
        case = _Case("error", f"{printable(feature)}: {printable(error)}")
        yield from ((owner, case) for owner in (named.get(name) or _owners(error, named)))


def _validated(context: Context, named: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, _Case]]:
    """Places that validation names, five for each rule at most."""
    if context.findings is None:
        return
    columns = (context.findings[name] for name in ("rule", "severity", "examples"))
    for rule, severity, examples in zip(*columns, strict=True):
        for example in examples:
            case = _Case(severity, f"{rule}: {printable(example)}")
            yield from ((owner, case) for owner in _owners(example, named))


def _names(context: Context) -> Mapping[str, tuple[str, ...]]:
    """The utterances that an id or the path of an audio file stands for."""
    table = context.store.utterances
    ids = set(table["id"])
    named: dict[str, tuple[str, ...]] = defaultdict(tuple)
    for name, audio in zip(table["id"], table["audio"] if "audio" in table else [None] * len(table), strict=True):
        named[name] = (name,)
        if isinstance(audio, str) and audio not in ids:
            named[audio] += (name,)
    return named


def _owners(example: str, named: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The utterances that an example names: by id, by audio file, or by a file that is called like one."""
    place, _, found = example.partition(": ")
    numbers_are_counts = {word for word in _WORD.findall(found) if not word.isnumeric()}
    words = {place, *_WORD.findall(place), *numbers_are_counts}
    words |= {PurePosixPath(word).stem for word in words}
    return {owner for word in words for owner in named.get(word, ())}


LENS = Lens(
    name="findings",
    title="Findings",
    unit="",
    help=(
        "Utterances that `kemfeat validate` names, up to five for each rule, and those with features that could not be "
        "extracted; the score is 3 for a problem, 2 for a caution, 1 for a note."
    ),
    needs=_needs,
    look=_look,
)
