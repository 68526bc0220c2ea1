"""Charts of varied songs: what they follow, how dense they are and how they play is drawn."""
