"""Chart formats of the games: osu!, StepMania, Quaver, Malody."""
