"""Rhythm of charts: which lines of a beat have a row, from the sound at each line."""
