"""Beatmap features: names and values to embedding ids."""
