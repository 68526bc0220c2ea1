"""Processes that do the page's tasks within bounds, and can be killed."""
