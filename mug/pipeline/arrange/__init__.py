"""Rearranging finished charts: star ratings to reach, notes to add or drop, nested rhythms."""
