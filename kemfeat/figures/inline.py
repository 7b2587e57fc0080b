"""Figures that a notebook shows, without pyplot and whatever backend is chosen."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.figure import Figure

CSS_PIXELS_PER_INCH = 96


class InlineFigure(Figure):
    """A figure that IPython shows where it is the last value of a cell.

    Parameters
    ----------
    width, height : float, > 0 [inch]
        Size of the figure.
    png : callable
        Gives the pixels of a figure as PNG.
    """

    def __init__(self, *, width: float, height: float, png: Callable[[Figure], bytes]) -> None:
        super().__init__(figsize=(width, height))
        self._png = png

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The pixels, and the size in CSS pixels at which they are shown."""
        width, height = (round(float(inches) * CSS_PIXELS_PER_INCH) for inches in self.get_size_inches())
        return self._png(self), {"width": width, "height": height}
