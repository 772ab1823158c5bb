"""Prediction: raw rows in, answers out."""

from mmzoo.prediction.predict import predict

__all__ = ["predict"]
