"""The store as Croissant 1.1 metadata with its responsible-AI vocabulary, so that data catalogues understand it.

Croissant describes the Parquet tables in full. It has no vocabulary for Zarr yet: the arrays are a file set, and each
one is listed with its unit as a schema.org ``variableMeasured``. Specification: https://docs.mlcommons.org/croissant/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kemfeat import provenance
from kemfeat.manifest import RATINGS
from kemfeat.records import Terms
from kemfeat.store import columns, layout, schema

if TYPE_CHECKING:
    import pandas as pd

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_PARQUET = ("application/vnd.apache.parquet", "application/x-parquet")
"""The registered media type, and the one that readers of Croissant know."""
_ZARR = ("application/vnd.zarr; version=3",)
_CR = (
    *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject"),
    *("fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
    *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator"),
    *("source", "subField", "transform"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{name: f"cr:{name}" for name in _CR},
}
"""The context that the specification asks of every description."""

_SIZED = {"i": "cr:Int", "u": "cr:UInt", "f": "cr:Float"}
_UNSIZED = {"b": "sc:Boolean", "M": "sc:DateTime"}
"""Croissant's data types by the kind of a NumPy dtype; all else is text."""


def document(header: schema.Header, utterances: pd.DataFrame, *, terms: Terms, own_columns: Mapping[str, str]) -> str:
    """The whole description; parameters as :func:`kemfeat.store.card.render`.

    Returns
    -------
    str
        JSON text.
    """
    banner = f" {provenance.BANNER}" if header.synthetic else ""
    content = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": f"{header.dataset} features{' (synthetic)' if header.synthetic else ''}",
        "description": f"{terms.title}: features of {len(utterances)} utterances, made by kemfeat.{banner}",
        "license": terms.licence,
        "citeAs": terms.citation,
        "version": f"{header.format_version}.0.0+{header.digest[:12]}",
        "keywords": ["speech emotion recognition", header.dataset, *(["synthetic data"] if header.synthetic else [])],
        "isLiveDataset": False,
        **_responsible_ai(header, utterances, terms),
        "variableMeasured": [_variable(name, info) for name, info in header.arrays.items()],
        "distribution": _distribution(header),
        "recordSet": [_utterances(utterances, own_columns), _ratings()],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _responsible_ai(header: schema.Header, utterances: pd.DataFrame, terms: Terms) -> dict[str, Any]:
    top = utterances["emotion"].value_counts(normalize=True, sort=False)
    bias = (
        f"The most frequent emotion is {top.max():.1%} of the utterances." if len(top) else "No utterance is labelled."
    )
    missing = {
        name: layout.read_bitmap(header.complete[name], header.axes[axis].rows).count(False)
        for name, axis in header.features.items()
    }
    return {
        "rai:dataCollection": terms.collection,
        "rai:dataAnnotationProtocol": [terms.annotation, f"Label rule of this store: {header.label_rule}."],
        "rai:dataCollectionMissingData": "What was not measured is NaN under a mask, never zero. Missing rows: "
        + ", ".join(f"{name} {count}" for name, count in missing.items()),
        "rai:dataImputationProtocol": "Nothing is imputed.",
        "rai:dataPreprocessingProtocol": [
            f"{name}: {json.dumps(settings, sort_keys=True)}"
            for name, settings in header.config.model_dump(mode="json")["settings"].items()
        ],
        "rai:dataBiases": [bias],
        "rai:dataLimitations": ["Speakers recur: split by speaker or session, never by utterance."],
        "rai:personalSensitiveInformation": ["Voices, transcripts, physiology and emotions of identifiable people."],
    }


def _variable(name: str, info: schema.ArrayInfo) -> dict[str, Any]:
    shape = " x ".join(f"{dim} {size}" for dim, size in zip(info.dims, info.shape, strict=True))
    return {
        "@type": "sc:PropertyValue",
        "propertyID": schema.array_path(info.feature, name),
        "alternateName": name,
        "unitText": info.unit,
        "disambiguatingDescription": f"{info.description} [{shape}, {info.dtype}]",
    }


def _distribution(header: schema.Header) -> list[dict[str, Any]]:
    tables = [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": f"{receipt.bytes} B",
            "encodingFormat": list(_PARQUET) if name.endswith(".parquet") else ["application/octet-stream"],
            "sha256": receipt.sha256,
        }
        for name, receipt in header.tables.items()
    ]
    return [
        *tables,
        _file_set(schema.SIGNALS, f"{schema.SIGNALS}/*.parquet", _PARQUET, "physiology, one file per session"),
        _file_set(schema.FEATURES, f"{schema.FEATURES}/**", _ZARR, "arrays: one Zarr 3 hierarchy, a group per feature"),
    ]


def _file_set(name: str, includes: str, encoding: tuple[str, ...], description: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": description,
        "encodingFormat": list(encoding),
        "includes": includes,
    }


def _utterances(utterances: pd.DataFrame, own: Mapping[str, str]) -> dict[str, Any]:
    fields = [
        _field("utterances", schema.UTTERANCES, name, _type_of(utterances[name]), columns.describe(name, own))
        | ({"isArray": True, "arrayShape": "-1"} if name == "majority" else {})
        for name in utterances.columns
    ]
    return _record_set("utterances", "one record per utterance, in the order of the arrays' rows", fields)


def _ratings() -> dict[str, Any]:
    fields = [
        _field(
            "ratings",
            schema.RATINGS,
            field.name,
            "cr:Float64" if str(field.type) == "double" else "sc:Text",
            columns.RATINGS[field.name],
        )
        for field in RATINGS
    ]
    fields[0]["references"] = {"field": {"@id": "utterances/id"}}
    return _record_set("ratings", "one record per utterance and rater", fields)


def _record_set(name: str, description: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    key = {"key": {"@id": "utterances/id"}} if name == "utterances" else {}
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "description": description, **key, "field": fields}


def _field(records: str, table: str, name: str, data_type: str, description: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{name}",
        "name": name,
        "description": description or name,
        "dataType": data_type,
        "source": {"fileObject": {"@id": table}, "extract": {"column": name}},
    }


def _type_of(column: pd.Series[Any]) -> str:
    import numpy as np

    dtype = column.dtype
    if not isinstance(dtype, np.dtype):
        return "sc:Text"
    if dtype.kind in _SIZED:
        return f"{_SIZED[dtype.kind]}{8 * dtype.itemsize}"
    return _UNSIZED.get(dtype.kind, "sc:Text")
