"""Sentences for people: a code and values each, and one catalogue of texts a language."""
