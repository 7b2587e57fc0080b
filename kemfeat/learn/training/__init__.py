"""Training runs: settings, recipes, the loop, checkpoints."""
