"""One array of a store as a user holds it: described at once, read where it is sliced."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import zarr
    from numpy.typing import DTypeLike, NDArray

    from kemfeat.store.schema import ArrayInfo


class StoredArray:
    """An array of a store; made by ``store["mel"]``. Slices of it are NumPy arrays, and ``numpy.asarray`` reads it all.

    Parameters
    ----------
    name : str
        Its name.
    info : ArrayInfo
        What the header of the store says of it.
    array : zarr.Array
        The array, opened; reading from it may raise StoreError.

    Examples
    --------
    >>> import kemfeat
    >>> mel = kemfeat.open_store("stores/KEMDy20")["mel"]
    >>> mel.dims, mel.units, mel[0].shape
    (('utterance', 'frame', 'mel_bin'), 'dB', (512, 128))
    """

    def __init__(self, name: str, info: ArrayInfo, array: zarr.Array[Any]) -> None:
        self.name = name
        self.info = info
        self._array = array

    def __len__(self) -> int:
        return self.info.shape[0]

    def __getitem__(self, selection: Any) -> NDArray[Any]:
        return np.asarray(self._array[selection])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError(f"{self.name}: it has to be read from its files; leave copy=False out")
        return self[...].astype(self.dtype if dtype is None else dtype, copy=False)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{dim}: {size:,}" for dim, size in zip(self.dims, self.shape, strict=True))
        unit = "" if self.units == "1" else f" [{self.units}]"
        return f"<kemfeat.StoredArray {self.name} ({sizes}) {self.dtype}{unit}: {self.description}>"

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of its axes; the first is that of the rows."""
        return self.info.shape

    @property
    def ndim(self) -> int:
        """Number of its axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its values."""
        return np.dtype(self.info.dtype)

    @property
    def dims(self) -> tuple[str, ...]:
        """Names of its axes; the first is the row axis."""
        return self.info.dims

    @property
    def units(self) -> str:
        """Unit of its values, such as ``dB``; ``1`` for none."""
        return self.info.unit

    @property
    def description(self) -> str:
        """What it is, in one line."""
        return self.info.description

    @cached_property
    def attrs(self) -> dict[str, Any]:
        """Its attributes as the store has them, such as ``frame_rate_hz`` and the name of its lengths or mask."""
        return dict(self._array.attrs)
