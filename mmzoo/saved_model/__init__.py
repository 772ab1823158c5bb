"""The Keras layer around a SavedModel of others, such as a TF-Hub module."""
