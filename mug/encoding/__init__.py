"""Charts as note tensors, and back."""
