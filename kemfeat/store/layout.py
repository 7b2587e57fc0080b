"""How rows become bytes: the chunks and codecs of an array, and one bit per row for what is complete."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kemfeat.records import FeatureSpec

if TYPE_CHECKING:
    from zarr.codecs import BloscCodec
    from zarr.storage import MemoryStore

LAYOUT = 3
"""Number of this layout, which is part of the keys of parts: shards of another one are not kept."""
CHUNK_BYTES = 1 << 18
"""Inner chunks have at most this many bytes before compression; see docs/decisions/0002-store-layout.md."""
MOST_CHUNK_BYTES = 1 << 20
"""The same in stores of earlier versions of kemfeat, which are still read."""
BLOCK_BYTES = 1 << 18
"""What Blosc compresses at a time: a whole chunk, as smaller blocks compress padding badly."""


def chunk_rows(spec: FeatureSpec, rows_per_shard: int) -> int:
    """Rows of an inner chunk: the most that fit into :data:`CHUNK_BYTES` and divide a shard evenly.

    Parameters
    ----------
    spec : FeatureSpec
        The array.
    rows_per_shard : int
        Rows of a shard.

    Returns
    -------
    int
        At least 1.
    """
    import numpy as np

    row_bytes = np.dtype(spec.dtype).itemsize * math.prod(spec.shape)
    most = max(1, min(rows_per_shard, CHUNK_BYTES // row_bytes))
    return next(rows for rows in range(most, 0, -1) if rows_per_shard % rows == 0)


def create_array(
    features: MemoryStore,
    feature: str,
    spec: FeatureSpec,
    *,
    axis: str,
    rows: int,
    rows_per_shard: int,
    further: Mapping[str, str],
) -> None:
    """Write the metadata of one array, without data, into the Zarr group of its feature.

    Parameters
    ----------
    features : MemoryStore
        The Zarr hierarchy, in memory; see :func:`kemfeat.store.shards.in_folder`.
    feature : str
        Name of the feature.
    spec : FeatureSpec
        The array.
    axis : str
        Name of its row axis.
    rows : int
        Rows of that axis.
    rows_per_shard : int
        Rows of a shard.
    further : mapping of str to str
        Further attributes, after those that the array itself gives.
    """
    import zarr
    from zarr.codecs import Crc32cCodec

    attributes: dict[str, Any] = {"units": spec.unit, "description": spec.description, "pad": _plain(spec.pad)}
    if spec.frame_rate is not None:
        attributes["frame_rate_hz"] = spec.frame_rate
    zarr.create_array(
        features,
        name=f"{feature}/{spec.name}",
        shape=(rows, *spec.shape),
        shards=(rows_per_shard, *spec.shape),
        chunks=(chunk_rows(spec, rows_per_shard), *spec.shape),
        dtype=spec.dtype,
        fill_value=spec.fill,
        compressors=[_blosc(spec), Crc32cCodec()],
        dimension_names=(axis, *spec.dims),
        attributes={**attributes, **further},
    )


def _blosc(spec: FeatureSpec) -> BloscCodec:
    """Zstandard over shuffled bytes, in large blocks: the small ones of Blosc's own choice compress padding badly."""
    import numpy as np
    from zarr.codecs import BloscCodec

    itemsize = np.dtype(spec.dtype).itemsize
    return BloscCodec(typesize=itemsize, cname="zstd", clevel=1, shuffle="shuffle", blocksize=BLOCK_BYTES)


def _plain(value: float | bool) -> float | int | bool | str:
    """A value for JSON, which has no NaN."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def bitmap(complete: list[bool]) -> str:
    """Completeness of rows as hexadecimal text, most significant bit first: row 0 is the first bit.

    Parameters
    ----------
    complete : list of bool
        For each row, whether it is complete.

    Returns
    -------
    str
        Two digits for every eight rows.

    Examples
    --------
    >>> bitmap([True, False, True])
    'a0'
    """
    import numpy as np

    return np.packbits(np.asarray(complete, dtype=bool)).tobytes().hex()


def read_bitmap(text: str, rows: int) -> list[bool]:
    """Inverse of :func:`bitmap`.

    Parameters
    ----------
    text : str
        Hexadecimal digits.
    rows : int
        Number of rows.

    Returns
    -------
    list of bool
        For each row, whether it is complete.

    Examples
    --------
    >>> read_bitmap("a0", 3)
    [True, False, True]
    """
    import numpy as np

    bits = np.unpackbits(np.frombuffer(bytes.fromhex(text), dtype=np.uint8), count=rows)
    return [bool(bit) for bit in bits]
