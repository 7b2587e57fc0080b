"""Several runs of one recipe: sweeps over settings and ablations of a modality."""
