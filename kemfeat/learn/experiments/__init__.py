"""Several runs of one recipe: sweeps of a setting, ablations of a modality."""
