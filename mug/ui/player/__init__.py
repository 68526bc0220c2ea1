"""The playable preview: its document, page and JavaScript."""
