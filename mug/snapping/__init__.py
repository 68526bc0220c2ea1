"""Notes to beat lines."""
