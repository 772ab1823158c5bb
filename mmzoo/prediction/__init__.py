"""Prediction: raw rows in, answers out."""

from mmzoo.prediction.embed import embed
from mmzoo.prediction.predict import predict

__all__ = ["embed", "predict"]
