"""What a finished run shows: scores and comparisons."""
