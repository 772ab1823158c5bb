"""An exported SavedModel over HTTP, in the form of TensorFlow Serving's REST API.

It needs TensorFlow alone, besides the packages of the extra `serve`: nothing here imports Keras.
"""
