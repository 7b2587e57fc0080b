"""Every law of exports can be broken, and says what was found."""

import os
from dataclasses import replace

import pytest

from kemfeat.export.tsv_npy import EXPORTER
from kemfeat.testing import LawBroken
from kemfeat.testing import _exports as laws


def random_bytes(selection, out):
    EXPORTER.write(selection, out)
    (out / "noise").write_bytes(os.urandom(9))


def outside(selection, out):
    EXPORTER.write(selection, out)
    for folder in out.parents[:2]:
        (folder / "log.txt").write_text("written")


def without_blocks(selection, out):
    (out / "ids.txt").write_text("\n".join(selection.table["id"]))


def all_rows(selection, out):
    if not len(selection):
        raise ValueError("nothing to write")
    EXPORTER.write(selection, out)


BROKEN = {
    "says what it is and how it is read": (replace(EXPORTER, reading=" "), "reading: expected how to read"),
    "gives the same bytes for the same store, and nothing outside its folder": (
        replace(EXPORTER, write=random_bytes),
        "the same store twice gives other bytes in noise",
    ),
    "says how far it is": (replace(EXPORTER, write=without_blocks), r"progress ends at \(0, 12\)"),
    "exports no row and no array, too": (replace(EXPORTER, write=all_rows), "nothing to write"),
}


def test_every_law_is_broken_here():
    assert set(BROKEN) == set(laws.LAWS)


@pytest.mark.parametrize("law", BROKEN)
def test_a_broken_law_says_what_was_found(finished, monkeypatch, law):
    broken, told = BROKEN[law]
    on = laws.Bench(finished.build().store)
    laws.LAWS[law](EXPORTER, on)
    monkeypatch.setattr("kemfeat.export.tsv_npy.EXPORTER", broken)
    with pytest.raises((LawBroken, ValueError), match=told):
        laws.LAWS[law](broken, on)


def test_what_is_written_outside_is_found(finished, monkeypatch):
    monkeypatch.setattr("kemfeat.export.tsv_npy.EXPORTER", replace(EXPORTER, write=outside))
    with pytest.raises(LawBroken, match=r"writes outside its folder: log\.txt"):
        laws.LAWS["gives the same bytes for the same store, and nothing outside its folder"](
            EXPORTER, laws.Bench(finished.build().store)
        )
