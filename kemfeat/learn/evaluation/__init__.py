"""What a finished run says: scores and comparisons."""
