"""Coordinates restate what tables and settings say, exactly; whatever else they say, ``verify`` finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kemfeat import plugins
from kemfeat.records import FeatureSpec
from kemfeat.store import coordinates, disk, schema
from kemfeat.store.reader import Store
from kemfeat.store.verify import verify
from tests.store.kit import vouch

MEL = "features.zarr/mel"


def specs(name: str, **settings: Any) -> tuple[FeatureSpec, ...]:
    extractor = plugins.find("features", name)
    made: tuple[FeatureSpec, ...] = extractor.specs(extractor.config(**settings))
    return made


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=9))
def test_any_id_comes_back(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    import zarr

    folder = tmp_path_factory.mktemp("ids")
    coordinates.write(folder, coordinates.Coordinate("utterance", tuple(texts), "1", "id of the row"))
    assert np.asarray(zarr.open_array(folder, mode="r")[:]).tolist() == texts


def test_an_axis_without_rows_has_no_chunk(tmp_path: Path) -> None:
    import zarr

    coordinates.write(tmp_path / "clip", coordinates.Coordinate("clip", (), "1", "id of the row"))
    assert [path.name for path in (tmp_path / "clip").iterdir()] == ["zarr.json"]
    assert zarr.open_array(tmp_path / "clip", mode="r").shape == (0,)


@pytest.mark.parametrize(("n_mels", "fmin", "fmax"), [(128, 100.0, 8000.0), (40, 0.0, 4000.0), (1, 50.0, 300.0)])
def test_frequencies_of_mel_are_those_of_librosa(n_mels: int, fmin: float, fmax: float) -> None:
    _, found = coordinates.of_specs(specs("mel", n_mels=n_mels, fmin=fmin, fmax=fmax))
    assert found.values == pytest.approx(librosa.mel_frequencies(n_mels + 2, fmin=fmin, fmax=fmax)[1:-1])


def test_a_frame_of_log_spectrogram_is_at_its_middle() -> None:
    frame, bins = coordinates.of_specs(specs("log_spectrogram", n_fft=640, hop_length=320, sampling_rate=16000))
    assert frame.values[:3] == pytest.approx((0.02, 0.04, 0.06))
    assert bins.values == pytest.approx(librosa.fft_frequencies(sr=16000, n_fft=640))


def test_axes_without_times_have_no_coordinate() -> None:
    assert coordinates.of_specs(specs("tick_physiology")) == ()
    assert coordinates.of_specs(specs("delta")) == ()


def test_an_array_has_the_coordinates_of_what_it_is_made_of_where_its_axes_are_the_same() -> None:
    mel, shorter = specs("mel", n_mels=16, max_frames=64), specs("mel", n_mels=16, max_frames=32)
    delta = specs("delta", n_mels=16, max_frames=64)
    assert coordinates.of_specs(delta, made_of=mel) == coordinates.of_specs(mel)
    assert coordinates.of_specs(delta, made_of=shorter) == ()


def test_what_was_written_is_sound(finished: Store) -> None:
    assert list(coordinates.problems(finished)) == []
    assert {f"{MEL}/{axis}/c/0" for axis in ("utterance", "frame", "mel_bin")} <= set(finished.header.documents)


def test_a_store_of_an_older_kemfeat_is_sound_without_them(copied: Store) -> None:
    header = json.loads((copied.path / schema.HEADER).read_bytes())
    for name in list(header["documents"]):
        if {"utterance", "frame", "mel_bin", "eda_sample", "temp_sample", "ibi_sample"} & set(name.split("/")):
            del header["documents"][name]
            (copied.path / name).unlink()
    mel = copied.path / MEL / "mel" / "zarr.json"
    told = json.loads(mel.read_bytes())
    del told["attributes"]["lengths"]
    disk.write_json(mel, told)
    disk.write_json(copied.path / schema.HEADER, header)
    assert verify(vouch(copied.path)).problems == ()


def shifted(path: Path) -> None:
    values = np.frombuffer((path / "c/0").read_bytes(), "<f8")
    path.joinpath("c/0").write_bytes((values * 2).tobytes())


def swapped(path: Path) -> None:
    content = (path / "c/0").read_bytes()
    path.joinpath("c/0").write_bytes(content.replace(b"_001", b"_00X", 1))


def cut(path: Path) -> None:
    path.joinpath("c/0").write_bytes((path / "c/0").read_bytes()[:-8])


def reversed_(path: Path) -> None:
    path.joinpath("c/0").write_bytes(np.frombuffer((path / "c/0").read_bytes(), "<f8")[::-1].tobytes())


def pickled(path: Path) -> None:
    told = json.loads((path / "zarr.json").read_bytes())
    disk.write_json(path / "zarr.json", told | {"codecs": [{"name": "numcodecs.pickle"}]})


@pytest.mark.parametrize(
    ("axis", "damage", "says"),
    [
        ("utterance", swapped, "does not have the ids of utterances.parquet"),
        ("utterance", pickled, "does not have the ids of utterances.parquet"),
        ("frame", shifted, "does not ascend by one element"),
        ("frame", pickled, "is neither times in s nor frequencies in Hz"),
        ("frame", cut, "has 152 bytes, expected 160"),
        ("mel_bin", reversed_, "does not ascend"),
    ],
)
def test_another_value_with_a_right_receipt_is_found(copied: Store, axis: str, damage: Any, says: str) -> None:
    damage(copied.path / MEL / axis)
    (problem,) = verify(vouch(copied.path)).problems
    assert problem.startswith(f"{MEL}/{axis}: {says}")


def test_a_coordinate_that_differs_from_its_receipt_is_found(copied: Store) -> None:
    shifted(copied.path / MEL / "frame")
    assert any("frame/c/0" in problem and "SHA-256 differs" in problem for problem in verify(copied).problems)


def test_a_stranger_among_the_coordinates_is_found(copied: Store) -> None:
    strange = copied.path / MEL / "token"
    coordinates.write(strange, coordinates.Coordinate("token", (0.0,), "Hz", "frequency"))
    header = json.loads((copied.path / schema.HEADER).read_bytes())
    for name in ("zarr.json", "c/0"):
        header["documents"][f"{MEL}/token/{name}"] = disk.receipt(strange / name).model_dump()
    disk.write_json(copied.path / schema.HEADER, header)
    (problem,) = verify(vouch(copied.path)).problems
    assert problem.startswith(f"{MEL}/token: is not a coordinate of an axis of mel")


@pytest.mark.parametrize(
    "attribute", [{"units": "V"}, {"lengths": "delta_lengths"}, {"description": ""}, {"mask": "x"}]
)
def test_attributes_are_those_of_the_header(copied: Store, attribute: dict[str, str]) -> None:
    path = copied.path / MEL / "mel" / "zarr.json"
    told = json.loads(path.read_bytes())
    disk.write_json(path, told | {"attributes": told["attributes"] | attribute})
    (problem,) = verify(vouch(copied.path)).problems
    assert problem.startswith("mel: its attributes are ")
