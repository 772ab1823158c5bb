"""Validation: every value of the rows is looked at, and what is wrong is listed."""
