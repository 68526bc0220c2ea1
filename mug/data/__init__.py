"""Training data: feature database, splits, datasets, loader."""
