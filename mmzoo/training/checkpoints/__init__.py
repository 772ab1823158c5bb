"""Checkpoints: the whole state of a training, written so that it resumes to the bit."""
