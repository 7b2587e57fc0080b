"""The tables and the header of a finished store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from kemfeat import provenance
from kemfeat.build._axes import UTTERANCE
from kemfeat.build._diff import Plan
from kemfeat.build._partition import COLUMNS
from kemfeat.build._physiology import BEATS, INDEX, beat_seconds, staged_session
from kemfeat.build._recordings import utterance_lengths
from kemfeat.build._settings import Resolved
from kemfeat.build._sources import Sources
from kemfeat.build._statistics import STATISTICS, TABLE, features_counted
from kemfeat.errors import StoreError
from kemfeat.manifest import SEGMENT, Manifest
from kemfeat.records import Terms
from kemfeat.store import card, disk, layout, schema, writer
from kemfeat.store.reader import Store
from kemfeat.store.receipts import are_whole
from kemfeat.store.schema import FileReceipt, PartReceipt, SessionReceipt
from kemfeat.waveform import segment

if TYPE_CHECKING:
    import pandas as pd

FIRST_COLUMNS = (
    *("id", "corpus", "session", "script", "speaker", "sex", "partner", "start", "end", "duration", "text"),
    *("text_clean", "n_pieces", "emotion", "emotion_first", "is_tie", "valence", "arousal"),
    *("mel_frames", "mel_frames_total", "eda_length", "temp_length", "ibi_length"),
)
"""The columns of ``utterances`` that come first, as far as the features make them."""


@dataclass(slots=True)
class SignalStage:
    """The physiology of a build: finished sessions are taken over, the others are added as they are parsed.

    Parameters
    ----------
    store : Path
        Folder of the store.
    old : Store or None
        The finished store.
    keys : mapping of str to str
        Digest of the source files of each session.
    rehash : bool
        Whether to read what is taken over.
    """

    store: Path
    old: Store | None
    keys: Mapping[str, str]
    rehash: bool
    _receipts: dict[str, SessionReceipt] = field(default_factory=dict)
    _rows: dict[str, pa.Table] = field(default_factory=dict)

    def stale(self) -> list[str]:
        """The sessions that must be parsed."""
        return [session for session in self.keys if not (self._resume(session) or self._take_over(session))]

    def add(self, session: str, receipt: SessionReceipt, rows: pa.Table) -> None:
        """Add the result of parsing a session."""
        self._receipts[session] = receipt
        self._rows[session] = rows

    def receipts(self) -> dict[str, SessionReceipt]:
        """Receipts of all sessions, in order."""
        return {session: self._receipts[session] for session in self.keys}

    def index(self) -> pd.DataFrame:
        """The index over all sessions, in order."""
        tables = [self._rows[session] for session in self.keys]
        joined: pd.DataFrame = pa.concat_tables([INDEX.empty_table(), *tables]).to_pandas()
        return joined

    def _resume(self, session: str) -> bool:
        staged = staged_session(self.store, session, key=self.keys[session])
        if staged is not None:
            self.add(session, *staged)
        return staged is not None

    def _take_over(self, session: str) -> bool:
        if self.old is None:
            return False
        receipt = self.old.header.sessions.get(session)
        if receipt is None or receipt.key != self.keys[session]:
            return False
        try:
            source = self.old.local(schema.session_path(session))
        except StoreError:
            return False
        if not are_whole(source.parent, {source.name: receipt.file}, read=self.rehash):
            return False
        with disk.writing(self.store):
            disk.link(source, writer.staging(self.store) / schema.session_path(session))
        rows = self.old.signal_index[self.old.signal_index["session"] == session]
        self.add(session, receipt, pa.Table.from_pandas(rows, schema=INDEX, preserve_index=False))
        return True


def with_media(
    utterances: pd.DataFrame, *, sources: pd.DataFrame, signals: pd.DataFrame, beats: Iterable[pa.Table]
) -> pd.DataFrame:
    """Add what is known of the media before extraction.

    ``duration`` of the audio [s], NaN where it is missing; ``clock_start``, the clock time of the first EDA or TEMP
    sample of the utterance, else of its first beat or other sample; and ``<medium>_coverage`` for each medium, the
    share of start to end that it covers, or of the audio where there is no end, 0 to 1. ``beats`` are the signals of
    the sessions with beats: those before the beginning or after the end of an utterance cover nothing of it.
    """
    made = utterances.copy()
    audio = sources[sources["group"] == "audio"]
    made["duration"] = _durations(made, audio)
    own = signals.merge(made[["id", "speaker"]], on=["id", "speaker"])
    wrist = own["medium"].isin(["eda", "temp"])
    first, other = (own[rows].groupby("id")["start"].min().to_dict() for rows in (wrist, ~wrist))
    clock = made["id"].map(first).astype("datetime64[ms]")
    made["clock_start"] = clock.fillna(made["id"].map(other).astype("datetime64[ms]"))
    length = utterance_lengths(made)
    seconds: dict[str, dict[str, float]] = {
        medium: own[own["medium"] == medium].set_index("id")["covered"].to_dict() for medium in set(own["medium"])
    }
    timed = made.assign(length=length)
    for table in beats:
        found = beat_seconds(table, timed)
        if found:
            seconds[BEATS] |= found
    for medium in sorted(seconds):
        covered = made["id"].map(seconds[medium]).astype("float64").fillna(0.0)
        made[f"{medium}_coverage"] = (covered / length).clip(0.0, 1.0).fillna(0.0)
    return made


def _durations(utterances: pd.DataFrame, audio: pd.DataFrame) -> pd.Series[float]:
    """Seconds of the audio of every utterance: of its file, or of its segment of one."""
    seconds = (audio["frames"] / audio["sampling_rate"]).astype("float64")
    durations = utterances["audio"].map(dict(zip(audio["path"], seconds, strict=True))).astype("float64")
    if not set(SEGMENT) <= set(utterances.columns):
        return durations
    headers = audio.set_index("path")[["frames", "sampling_rate"]]
    for row, (path, start, end) in enumerate(
        zip(utterances["audio"], utterances[SEGMENT[0]], utterances[SEGMENT[1]], strict=True)
    ):
        if start == start and path in headers.index and headers.loc[path].notna().all():
            frames, rate = headers.loc[path]
            first, last = segment(start, end, sampling_rate=rate, frames=int(frames))
            durations.iloc[row] = (last - first) / rate if last > first else float("nan")
    return durations


class Described(Protocol):
    """What the data card asks of a corpus."""

    @property
    def name(self) -> str:
        """Name of the corpus."""
        ...

    @property
    def terms(self) -> Terms:
        """Its terms of use."""
        ...

    @property
    def columns(self) -> Mapping[str, str]:
        """The meaning of the columns that only it has."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Everything a build has made before its tables."""

    reader: Described
    resolved: Resolved
    manifest: Manifest
    utterances: pd.DataFrame
    sources: Sources
    sessions: Mapping[str, SessionReceipt]
    signals: pd.DataFrame
    plan: Plan
    receipts: tuple[PartReceipt, ...]


def write_tables(store: Path, made: Made, *, seconds: float) -> schema.Header:
    """Stage the tables, the data card and the Croissant file; return the header that lists them all."""
    import pandas as pd

    utterances = _with_features(store, made)
    folder = writer.staging(store)
    tables = {
        schema.UTTERANCES: utterances,
        schema.RATINGS: made.manifest.ratings,
        schema.SIGNAL_INDEX: pa.Table.from_pandas(made.signals, schema=INDEX, preserve_index=False),
        schema.KEYS: pd.DataFrame(dict(made.plan.keys)),
        schema.FAILURES: _failures(made),
        schema.STATISTICS: pa.concat_tables(
            [TABLE.empty_table(), *(_staged(store, made, name, STATISTICS) for name in features_counted(made.resolved))]
        ),
    }
    axis_tables = _axis_tables(store, made)
    further = {**axis_tables, **_derived(made, axis_tables)}
    tables |= {schema.table_path(name): table for name, table in further.items()}
    for name, table in tables.items():
        disk.write_table(folder / name, table)
    disk.write_table(folder / schema.SOURCES, made.sources.table)
    files = [*tables, *_resources(made.resolved)]
    receipts = {name: disk.receipt(folder / name) for name in files}
    header = _header(made, utterances, receipts, seconds)
    notices = [extractor.notice for extractor in made.resolved.extractors.values() if extractor.notice]
    terms = replace(made.reader.terms, licence=" ".join([made.reader.terms.licence, *notices]))
    for name, text in card.render(header, utterances, terms=terms, own_columns=made.reader.columns).items():
        disk.write_bytes(folder / name, text.encode())
    return header


def _staged(store: Path, made: Made, feature: str, table: str) -> pa.Table:
    return writer.read_tables(store, made.plan.parts_of(feature), name=table)


def _resources(resolved: Resolved) -> list[str]:
    """Files of the resources of the features; an interrupted build of other features may have left more."""
    return [f"{schema.RESOURCES}/{feature}/{name}" for feature, files in resolved.resources.items() for name in files]


def _with_features(store: Path, made: Made) -> pd.DataFrame:
    """The utterances with the columns of every feature, in the order of :data:`FIRST_COLUMNS`."""
    import pandas as pd

    table = pd.concat([made.utterances.reset_index(drop=True), *_columns_on(UTTERANCE, store, made)], axis=1)
    first = [name for name in FIRST_COLUMNS if name in table.columns]
    ordered: pd.DataFrame = table[[*first, *(name for name in table.columns if name not in first)]]
    return ordered


def _axis_tables(store: Path, made: Made) -> dict[str, pd.DataFrame]:
    """The table of each axis other than that of utterances, with the columns of the features on it."""
    import pandas as pd

    return {
        name: pd.concat([axis.table(made.utterances), *_columns_on(name, store, made)], axis=1)
        for name, axis in made.plan.axes.items()
        if name != UTTERANCE
    }


def _columns_on(axis: str, store: Path, made: Made) -> list[pd.DataFrame]:
    """The columns that the features on an axis make, one table for each feature that has any."""
    names = [name for name, extractor in made.resolved.extractors.items() if extractor.axis == axis]
    return [
        _staged(store, made, name, COLUMNS).to_pandas()
        for name in names
        if made.resolved.extractors[name].columns and made.plan.parts_of(name)
    ]


def _derived(made: Made, axis_tables: Mapping[str, pd.DataFrame]) -> dict[str, pa.Table]:
    """The tables that features make from the rows of their axis."""
    return {
        name: table
        for feature, extractor in made.resolved.extractors.items()
        if extractor.tables is not None
        for name, table in extractor.tables(made.resolved.settings(feature), axis_tables[extractor.axis]).items()
    }


def _failures(made: Made) -> pd.DataFrame:
    import pandas as pd

    ids = made.utterances["id"].tolist()
    rows = [("", schema.ANNOTATION, fault) for fault in made.manifest.faults]
    rows += [
        (ids[owner], receipt.feature, error)
        for receipt in made.receipts
        for owner, error in made.plan.owners(receipt).items()
    ]
    return pd.DataFrame(rows, columns=["id", "feature", "error"], dtype="str")


def _header(made: Made, utterances: pd.DataFrame, tables: dict[str, FileReceipt], seconds: float) -> schema.Header:
    resolved = made.resolved
    header = schema.Header(
        format_version=schema.FORMAT_VERSION,
        dataset=made.reader.name,
        config=resolved.config,
        config_digest=resolved.digest,
        manifest_fingerprint=made.manifest.fingerprint,
        label_rule=resolved.config.labels,
        versions=provenance.versions(),
        axes={
            name: schema.AxisInfo(
                rows=len(axis), table=schema.UTTERANCES if name == UTTERANCE else schema.table_path(name)
            )
            for name, axis in made.plan.axes.items()
        },
        features={name: extractor.axis for name, extractor in resolved.extractors.items()},
        arrays=_arrays(made, utterances),
        parts=made.receipts,
        sessions=dict(made.sessions),
        tables=tables,
        complete=_complete(made),
        annotation_faults=len(made.manifest.faults),
        digest="0" * 64,
        provenance={
            "created": provenance.now(),
            "command": provenance.command(),
            "seconds": round(seconds, 1),
            "synthetic": made.manifest.synthetic,
        },
    )
    return header.model_copy(update={"digest": schema.store_digest(header)})


def _arrays(made: Made, utterances: pd.DataFrame) -> dict[str, schema.ArrayInfo]:
    return {
        spec.name: schema.ArrayInfo(
            feature=name,
            axis=extractor.axis,
            dims=(extractor.axis, *spec.dims),
            shape=(len(made.plan.axes[extractor.axis]), *spec.shape),
            dtype=spec.dtype,
            unit=spec.unit,
            description=spec.description,
            max_abs_error=_rounding(utterances, spec.name),
        )
        for name, extractor in made.resolved.extractors.items()
        for spec in extractor.specs(made.resolved.settings(name))
    }


def _rounding(utterances: pd.DataFrame, array: str) -> float:
    """Largest error made by a narrow dtype; its feature records it per row as ``<array>_rounding_error``."""
    column = f"{array}_rounding_error"
    errors = utterances[column].dropna() if column in utterances.columns else ()
    return float(max(errors, default=0.0))


def _complete(made: Made) -> dict[str, str]:
    bits = {name: [True] * len(made.plan.axis_of(name)) for name in made.resolved.extractors}
    for receipt in made.receipts:
        for failure in receipt.failures:
            bits[receipt.feature][failure.row] = False
    return {name: layout.bitmap(row_bits) for name, row_bits in bits.items()}
