"""osu!'s `.osu` charts and `.osz` packages."""
