"""Files that charts are written to, and whose they are."""
