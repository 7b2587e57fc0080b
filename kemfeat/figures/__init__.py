"""Figures: tables in, matplotlib figures out; the only room that imports matplotlib.

Every public function here takes a table or arrays and returns a :class:`matplotlib.figure.Figure`, which a notebook
shows. Where it is given the stem of files, it also writes them as SVG and PNG, with the same SVG bytes for the same
input. It labels its axes with units and uses the palette of :mod:`kemfeat.figures.style`.
"""
