"""Rows in, rows out: whatever a corpus mentions is in the manifest, or left out by a rule that says so.

What a corpus mentions is counted from the raw files, by other code than that which reads them, and then compared with
what the reader says it did with each place. A place that is neither used nor left out is a lost row, which is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kemfeat import findings
from kemfeat.findings import Findings, Ledger
from kemfeat.manifest import Manifest
from kemfeat.records import Finding


class Mention(NamedTuple):
    """A place that mentions an utterance.

    Parameters
    ----------
    place : str
        ``path:line`` of a line, or the path of a recording or text, relative to the root, with ``/``.
    id : str or None
        The utterance, as it is written there; None where the place does not say.
    """

    place: str
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What became of every utterance that a corpus mentions.

    Parameters
    ----------
    found : int
        Utterances that annotation or media folders mention, and lines of the annotation that name none.
    kept : int
        Utterances of the manifest, without the failed ones.
    failed : int
        Utterances of the manifest that cannot be built.
    left_out : mapping of str to int
        Per rule, how many are not in the manifest because of it.
    lost : tuple of str
        Places that are in neither: a defect of the reader. Utterances that no place mentions are among them.

    Examples
    --------
    >>> str(Balance(found=5, kept=3, failed=1, left_out={"malformed-row": 1}, lost=()))
    '5 found = 3 kept + 1 failed + 1 left out (malformed-row 1)'
    """

    found: int
    kept: int
    failed: int
    left_out: Mapping[str, int]
    lost: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing is lost and the numbers add up."""
        return not self.lost and self.found == self.kept + self.failed + sum(self.left_out.values())

    def with_failed(self, failed: int) -> Balance:
        """The same balance where some of the manifest's utterances cannot be built.

        Parameters
        ----------
        failed : int
            Their number.

        Returns
        -------
        Balance
            With as many fewer kept.
        """
        kept = self.kept + self.failed - failed
        return Balance(found=self.found, kept=kept, failed=failed, left_out=self.left_out, lost=self.lost)

    def __str__(self) -> str:
        rules = ", ".join(f"{rule} {count:,}" for rule, count in self.left_out.items())
        left = f"{sum(self.left_out.values()):,} left out" + (f" ({rules})" if rules else "")
        lost = f" + {len(self.lost):,} lost" if self.lost else ""
        return f"{self.found:,} found = {self.kept:,} kept + {self.failed:,} failed + {left}{lost}"


def balance_of(manifest: Manifest, mentions: Iterable[Mention]) -> Balance:
    """Compare what a corpus mentions with what its reader made of it.

    Parameters
    ----------
    manifest : Manifest
        What the reader read, with its ledger.
    mentions : iterable of Mention
        What the raw files mention.

    Returns
    -------
    Balance
        With no failed utterance; see :meth:`Balance.with_failed`.
    """
    kept = set(manifest.utterances["id"])
    reached: set[str] = set()
    left: dict[str, str] = {}
    lost: dict[str, str] = {}
    for place, name in mentions:
        used = manifest.ledger.used.get(place)
        if used is not None and used in kept:
            reached.add(used)
            continue
        # A second row of a kept utterance is a row of its own.
        unit = name if name is not None and name not in kept else place
        rule = _rule_of(place, manifest.ledger)
        if rule is None:
            lost.setdefault(unit, place)
        else:
            left.setdefault(unit, rule)
    nowhere = [f"{name}: no place mentions it" for name in sorted(kept - reached)]
    # A lost row makes its clip one without annotation, which is no excuse.
    named = Counter(rule for unit, rule in left.items() if unit not in lost)
    return Balance(
        found=len(reached | left.keys() | lost.keys()),
        kept=len(manifest),
        failed=0,
        left_out=dict(sorted(named.items())),
        lost=(*lost.values(), *nowhere),
    )


def report_lost(balance: Balance, found: Findings) -> None:
    """Report what is lost.

    Parameters
    ----------
    balance : Balance
        What became of every utterance.
    found : Findings
        Receives one fault per lost place.

    Raises
    ------
    CorpusError
        Something is lost and ``found`` is strict.
    """
    for place in balance.lost:
        found.fault(findings.LOST_ROW, f"{place}: neither used nor left out by a rule")


def lost_findings(balance: Balance) -> tuple[Finding, ...]:
    """What is lost, as findings; empty where the balance is even.

    Parameters
    ----------
    balance : Balance
        What became of every utterance.

    Returns
    -------
    tuple of Finding
        At most one.
    """
    found = Findings()
    report_lost(balance, found)
    return found.merged()


def _rule_of(place: str, ledger: Ledger) -> str | None:
    """The rule by which a place, its file or a folder above it was left out."""
    path, _, line = place.rpartition(":")
    whole = path if path and line.isdecimal() else place
    parts = whole.split("/")
    above = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((ledger.left_out[name] for name in (place, *above) if name in ledger.left_out), None)
