"""From a store to batches: rows, order, placement and loaders."""
