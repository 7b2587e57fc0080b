"""What the KEMDy corpora have in common on disk."""
