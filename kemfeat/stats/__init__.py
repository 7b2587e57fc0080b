"""Statistics: numbers in, numbers or a table out, no disk."""
