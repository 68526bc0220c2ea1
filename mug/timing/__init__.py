"""Tempo, offset, downbeats and tempo changes of a song."""
