"""Helpers that know nothing of models: atomic files, checks, identifiers, optional packages."""
