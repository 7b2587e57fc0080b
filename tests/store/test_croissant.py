"""The Croissant description of a store."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from kemfeat.store.reader import Store


@pytest.fixture(scope="module")
def croissant(finished: Store) -> dict[str, Any]:
    return json.loads((finished.path / "croissant.json").read_text(encoding="utf-8"))


def test_croissant_names_every_file_with_its_hash(finished: Store, croissant: dict[str, Any]) -> None:
    files = {item["@id"]: item for item in croissant["distribution"]}
    assert set(files) == {*finished.header.tables, "signals", "features.zarr"}
    for name, receipt in finished.header.tables.items():
        assert files[name]["sha256"] == receipt.sha256
        assert files[name]["contentSize"] == f"{receipt.bytes} B"
    assert croissant["version"] == f"2.0.0+{finished.digest[:12]}"


def test_croissant_describes_columns_and_arrays(finished: Store, croissant: dict[str, Any]) -> None:
    records = {item["@id"]: [field["name"] for field in item["field"]] for item in croissant["recordSet"]}
    assert records == {"utterances": list(finished.utterances.columns), "ratings": list(finished.ratings.columns)}
    variables = {item["alternateName"]: item for item in croissant["variableMeasured"]}
    assert set(variables) == set(finished.arrays)
    assert variables["mel"]["unitText"] == "dB"
    assert variables["mel"]["propertyID"] == "features.zarr/mel/mel"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # rdflib's, which mlcroissant calls
def test_mlcroissant_validates_and_reads_the_values(finished: Store) -> None:
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=str(finished.path / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    # A date of publication would depend on time.
    assert [warning for warning in issues.warnings if "datePublished" not in warning] == []
    expected = finished.utterances.iloc[0]
    record = next(iter(dataset.records("utterances")))
    assert record["utterances/id"].decode() == expected["id"]
    assert record["utterances/valence"] == expected["valence"]
    assert record["utterances/mel_frames"] == expected["mel_frames"]
    assert [name.decode() for name in record["utterances/majority"]] == list(expected["majority"])
    raters = [record["ratings/rater"].decode() for record in islice(dataset.records("ratings"), 10)]
    assert raters == finished.ratings["rater"].iloc[:10].tolist()
