"""Beatmaps as values: hit objects, timing points, and the file formats that hold them."""
