"""Encoders: tensors of one modality -> tokens and their mask, in pure Keras."""

from mmzoo.encoders.adapter import Adapter
from mmzoo.encoders.applications import Applications
from mmzoo.encoders.audio_cnn import AudioCNN
from mmzoo.encoders.audio_crnn import AudioCRNN
from mmzoo.encoders.audio_dnn import AudioDNN
from mmzoo.encoders.audio_gru import AudioGRU
from mmzoo.encoders.audio_transformer import AudioTransformer
from mmzoo.encoders.encoder import Encoder
from mmzoo.encoders.features_linear import FeaturesLinear
from mmzoo.encoders.features_mlp import FeaturesMLP
from mmzoo.encoders.features_transformer import FeaturesTransformer
from mmzoo.encoders.image_cnn import ImageCNN
from mmzoo.encoders.image_resnet import ImageResNet
from mmzoo.encoders.image_vit import ImageViT
from mmzoo.encoders.keras_hub import KerasHub
from mmzoo.encoders.registry import ENCODERS, get, names, register
from mmzoo.encoders.tabular_ft_transformer import TabularFTTransformer
from mmzoo.encoders.tabular_mlp import TabularMLP
from mmzoo.encoders.text_bag import TextBag
from mmzoo.encoders.text_cnn import TextCNN
from mmzoo.encoders.text_gru import TextGRU
from mmzoo.encoders.text_lstm import TextLSTM
from mmzoo.encoders.text_transformer import TextTransformer
from mmzoo.encoders.tf_hub import TFHub
from mmzoo.encoders.video_frames import VideoFrames

ENCODERS |= {
    "image": {
        "cnn": ImageCNN,
        "resnet": ImageResNet,
        "vit": ImageViT,
    },
    "text": {
        "bag": TextBag,
        "cnn": TextCNN,
        "lstm": TextLSTM,
        "gru": TextGRU,
        "transformer": TextTransformer,
    },
    "tabular": {
        "mlp": TabularMLP,
        "ft_transformer": TabularFTTransformer,
    },
    "features": {
        "linear": FeaturesLinear,
        "mlp": FeaturesMLP,
        "transformer": FeaturesTransformer,
    },
    "audio": {
        "cnn": AudioCNN,
        "crnn": AudioCRNN,
        "dnn": AudioDNN,
        "gru": AudioGRU,
        "transformer": AudioTransformer,
    },
    "video": {
        "frames": VideoFrames,
    },
}

__all__ = [
    "ENCODERS",
    "Adapter",
    "Applications",
    "AudioCNN",
    "AudioCRNN",
    "AudioDNN",
    "AudioGRU",
    "AudioTransformer",
    "Encoder",
    "FeaturesLinear",
    "FeaturesMLP",
    "FeaturesTransformer",
    "ImageCNN",
    "ImageResNet",
    "ImageViT",
    "KerasHub",
    "TFHub",
    "TabularFTTransformer",
    "TabularMLP",
    "TextBag",
    "TextCNN",
    "TextGRU",
    "TextLSTM",
    "TextTransformer",
    "VideoFrames",
    "get",
    "names",
    "register",
]
