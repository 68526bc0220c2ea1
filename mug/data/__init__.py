"""Files to items: note tensors, features, datasets."""
