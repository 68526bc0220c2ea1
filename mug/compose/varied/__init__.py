"""Varied songs: more styles, forms, metres, tempos and sounds than the samples have."""
