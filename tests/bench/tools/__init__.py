"""Measurements and helpers that are no comparison."""
