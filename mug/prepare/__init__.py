"""Data preparation: collecting, measuring and cleaning charts, as resumable jobs."""
