"""Condition encoders: beatmap features and audio."""
