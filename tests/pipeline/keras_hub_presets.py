"""Tiny random presets of KerasHub: folders as it saves them."""

import io

import pytest

keras_hub = pytest.importorskip("keras_hub", reason="the extra `keras-hub` is not installed")
models = keras_hub.models

SMALL = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8}
PIECES = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("a", "red", "blue", "two", "circle", "square", "##s", "!"),
]


def byte_pairs(*special):
    """A vocabulary and merge rules of byte pairs: single letters, and `re`."""
    letters = [*"abcdefghijklmnopqrstuvwxyz!", "Ġ", "re", "Ġa"]
    letters += [f"{letter}</w>" for letter in letters]
    vocabulary = {piece: index for index, piece in enumerate([*special, *letters])}
    return {"vocabulary": vocabulary, "merges": ["r e", "Ġ a"]}


def bert(folder, **sizes):
    """A preset of BERT, as KerasHub saves it."""
    sizes = {"intermediate_dim": 16, "max_sequence_length": 12, **SMALL, **sizes}
    backbone = models.BertBackbone(len(PIECES), **sizes)
    backbone.save_to_preset(folder)
    models.BertTokenizer(PIECES, lowercase=True).save_to_preset(folder)
    return backbone


def roberta(folder):
    rules = byte_pairs("<s>", "<pad>", "</s>", "<mask>")
    backbone = models.RobertaBackbone(
        len(rules["vocabulary"]), intermediate_dim=16, max_sequence_length=32, **SMALL
    )
    backbone.save_to_preset(folder)
    models.RobertaTokenizer(**rules).save_to_preset(folder)
    return backbone


def vit(folder, converter=True):
    backbone = models.ViTBackbone((32, 32, 3), patch_size=16, mlp_dim=16, **SMALL)
    backbone.save_to_preset(folder)
    if converter:
        make = keras_hub.layers.ViTImageConverter
        make((32, 32), scale=[0.01, 0.02, 0.03], offset=[-1.0, -0.5, 0.0]).save_to_preset(folder)
    return backbone


def clip(folder):
    rules = byte_pairs("<|startoftext|>", "<|endoftext|>")
    vision = models.CLIPVisionEncoder(16, intermediate_dim=16, image_shape=(32, 32, 3), **SMALL)
    text = models.CLIPTextEncoder(
        len(rules["vocabulary"]), 8, intermediate_dim=16, max_sequence_length=32, **SMALL
    )
    backbone = models.CLIPBackbone(vision, text, projection_dim=4)
    backbone.save_to_preset(folder)
    models.CLIPTokenizer(**rules).save_to_preset(folder)
    make = keras_hub.layers.CLIPImageConverter
    make((32, 32), scale=1 / 127.5, offset=-1.0).save_to_preset(folder)
    return backbone


def sentence_pieces():
    """A SentencePiece model with the special tokens of T5, trained on the spot."""
    sentencepiece = pytest.importorskip("sentencepiece")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a red circle", "two blue squares", "red and blue"] * 9),
        model_writer=model, vocab_size=22, minloglevel=2, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
    )  # fmt: skip
    return model.getvalue()
