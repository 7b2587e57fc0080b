"""The folders of KEMDy20, and its annotation and transcripts as one Manifest."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from kemfeat.corpora._kemdy.annotation import Annotation, read_annotation
from kemfeat.corpora._kemdy.e4 import SENSORS, Sensor
from kemfeat.corpora._kemdy.manifest import Clips, Utterance, clips_without_annotation, make_manifest
from kemfeat.corpora._kemdy.signals import report_unreadable
from kemfeat.corpora._kemdy.tree import SESSION_FOLDER, SUFFIXES, Layout, Tree, session_of
from kemfeat.corpora.layout import read_file, report_strays
from kemfeat.errors import CorpusError
from kemfeat.findings import (
    DUPLICATE_ID,
    EMPTY_ANNOTATION,
    MALFORMED_ID,
    MISSING_ANNOTATION,
    MISSING_PHYSIOLOGY_FILE,
    SECOND_MEDIA,
    SESSION_PREFIX,
    Findings,
)
from kemfeat.manifest import Manifest
from kemfeat.plural import many

CORPUS = "KEMDy20"
CONVERSATION = re.compile(r"(Sess[0-9]{2})_(script[0-9]{2})_(User[0-9]{3}([FM]))")
UTTERANCE = re.compile(CONVERSATION.pattern + r"_[0-9]{3}")
_RECORDING = re.compile(CONVERSATION.pattern + r"\.csv")
TABLE = re.compile(r"(Sess[0-9]{2})_eval\.csv")
_LAYOUT = Layout(
    corpus=CORPUS,
    table=TABLE,
    clip=(SESSION_FOLDER, re.compile(UTTERANCE.pattern + r"\.(?:wav|txt)")),
    recording=(SESSION_FOLDER, _RECORDING),
    media=SENSORS,
    tables="SessNN_eval.csv",
    clips="SessionNN/<utterance>.wav",
)
GROUPS = {"Numb": 1, "WAV": 2, "Segment ID": 1, "Total Evaluation": 3}
"""The first annotation header row up to the evaluators: names, and the number of cells of each."""


def read_manifest(root: Path, *, on_error: str, follow_links: bool = False) -> Manifest:
    """Read annotation and transcripts; see :meth:`kemfeat.corpora.CorpusReader.read_manifest`."""
    findings = Findings(strict=on_error != "skip")
    tree = scan(root, follow_links=follow_links)
    report_strays(tree.strays, root=root, suffixes=SUFFIXES, findings=findings)
    utterances = _read_utterances(root, tree, findings)
    clips = Clips(_by_id(tree.audio, findings), _by_id(tree.transcript, findings))
    for session, number in clips_without_annotation(tree).items():
        findings.fault(
            MISSING_ANNOTATION,
            f"annotation/{session}_eval.csv: no such file, but wav/ has {many(number, 'clip')} of {session}",
        )
    _report_missing_recordings(tree, utterances, findings)
    report_unreadable(root, (path for paths in tree.signals.values() for path in paths), findings=findings)
    return make_manifest(CORPUS, root, _with_partners(tree, utterances), clips=clips, findings=findings)


def _read_utterances(root: Path, tree: Tree, findings: Findings) -> list[Utterance]:
    """The annotated utterances, sessions by number, each in the order of its file."""
    utterances: dict[str, Utterance] = {}
    for path in tree.annotation:
        annotation = read_annotation(read_file(root / path), groups=GROUPS, where=path, findings=findings)
        if not annotation.rows:
            findings.fault(EMPTY_ANNOTATION, f"{path}: no row after the two header rows")
        for utterance in _identified(annotation, path, findings):
            where = f"{path}:{utterance.row.line}"
            if utterance.id in utterances:
                first = utterances[utterance.id]
                example = f"{where}: {utterance.id} again, first in {first.session}_eval.csv:{first.row.line}"
                findings.fault(DUPLICATE_ID, example, left_out=[where])
            else:
                utterances[utterance.id] = utterance
                findings.ledger.used[where] = utterance.id
    if not utterances:
        raise CorpusError(f"{root}: the annotation contains no utterance; copy annotation/ from the corpus again")
    return list(utterances.values())


def _identified(annotation: Annotation, path: str, findings: Findings) -> Iterable[Utterance]:
    session = session_of(path)
    for row in annotation.rows:
        parts = UTTERANCE.fullmatch(row.id)
        if parts is None:
            example = (
                f"{path}:{row.line} column 4: found id {row.id!r}, expected such as {session}_script01_User001F_001"
            )
            findings.fault(MALFORMED_ID, example, left_out=[f"{path}:{row.line}"])
            continue
        name = in_session(row.id, session)
        if name != row.id:
            findings.add(SESSION_PREFIX, f"{path}:{row.line}: {row.id} read as {name}")
        place = f"wav/Session{session[4:]}/{name}"
        yield Utterance(name, session, parts[2], parts[3], parts[4], None, place, row, annotation.raters)


def _by_id(paths: Sequence[str], findings: Findings) -> dict[str, str]:
    """Path per utterance id; of two files of an id, the one whose own name has the right session is used."""
    named: dict[str, str] = {}
    for path in paths:
        stem = PurePosixPath(path).stem
        name = in_session(stem, session_of(path))
        if name != stem:
            findings.add(SESSION_PREFIX, f"{path}: read as {name}")
        known = named.setdefault(name, path)
        if known != path:
            named[name], other = (path, known) if name == stem else (known, path)
            findings.add(SECOND_MEDIA, f"{other}: {named[name]} is used", left_out=[other])
    return named


def _report_missing_recordings(tree: Tree, utterances: Sequence[Utterance], findings: Findings) -> None:
    there = {
        (path.split("/")[0], in_session(PurePosixPath(path).stem, session))
        for session, paths in tree.signals.items()
        for path in paths
    }
    for conversation in sorted({utterance.id.rpartition("_")[0] for utterance in utterances}):
        for medium in SENSORS:
            if (medium.folder, conversation) not in there:
                path = f"{medium.folder}/Session{conversation[4:6]}/{conversation}.csv"
                findings.add(MISSING_PHYSIOLOGY_FILE, f"{path}: no such file")


def _with_partners(tree: Tree, utterances: Sequence[Utterance]) -> list[Utterance]:
    """The utterances with their partners; a session that does not have exactly two speakers has none."""
    speakers: dict[str, set[str]] = defaultdict(set)
    for utterance in utterances:
        speakers[utterance.session].add(utterance.speaker)
    for session, known in speakers.items():
        # A session in which one speaker was never annotated still has the other's physiology.
        if len(known) < 2:
            known |= {script_and_speaker(path)[1] for path in tree.signals.get(session, ())}
    partners = {
        (session, speaker): other
        for session, known in speakers.items()
        if len(known) == 2
        for speaker, other in (sorted(known), sorted(known, reverse=True))
    }
    return [
        replace(utterance, partner=partners.get((utterance.session, utterance.speaker))) for utterance in utterances
    ]


def scan(root: Path, *, follow_links: bool = False) -> Tree:
    """List the corpus; see :meth:`kemfeat.corpora._kemdy.tree.Layout.scan`."""
    return _LAYOUT.scan(root, follow_links=follow_links)


def session_recordings(root: Path, session: str, *, follow_links: bool = False) -> Iterator[tuple[str, Sensor]]:
    """List one session's physiology; see :meth:`kemfeat.corpora._kemdy.tree.Layout.recordings`."""
    return _LAYOUT.recordings(root, session, follow_links=follow_links)


def script_and_speaker(path: str) -> tuple[str, str]:
    """The script and the speaker of a physiology file, such as ``("script01", "User001F")``."""
    _, script, speaker = in_session(PurePosixPath(path).stem, session_of(path)).split("_")
    return script, speaker


def in_session(name: str, session: str) -> str:
    """An id or file name with the session of its folder, because names may carry a wrong one.

    A user number that belongs to the wrong session (session NN has the users 2NN - 1 and 2NN) is corrected with it:
    ``Sess42_script06_User084F_038`` in session 17 is ``Sess17_script06_User034F_038``. Any other user number stays.
    """
    written, right = int(name[4:6]), int(session[4:6])
    user = int(name[20:23])
    moved = user - 2 * (written - right) if (user + 1) // 2 == written else user
    return f"{session}{name[6:20]}{moved:03d}{name[23:]}"
