"""Figures: tables in, SVG and PNG out; the only room that imports matplotlib.

Every public function here takes a table or arrays and the stem of the files to write, labels its axes with units, uses
the palette of :mod:`kemfeat.figures.style`, and writes the same SVG bytes for the same input.
"""
