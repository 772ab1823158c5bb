"""ResNet-50 and BERT, concatenated."""

from mmzoo.encoders import Applications, KerasHub
from mmzoo.heads import Sigmoid
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part
from mmzoo.utils.identifiers import unknown
from mmzoo.utils.optional_packages import require


def bert_resnet50_concat(weights=None, tokenizer=None, trainable=None):
    """A picture and a text through ResNet-50 and BERT, yes or no; needs `mmzoo[keras-hub]`.

    The documents' PyTorch model, mended: BERT's pooled output of 768 rather than its output object,
    2048 of ResNet-50 after its mean, so Dense(512, relu) over 2816; no squeeze that drops a batch
    of one; and word pieces between [CLS] and [SEP]. 224x224x3 picture; text of 128 tokens, or
    of as many as the BERT takes; one sigmoid.

    Args:
        weights: dict with `text`, what `mmzoo.encoders.KerasHub` takes (a preset, a folder, or a
            backbone, also of another size), and `image`, what `mmzoo.encoders.Applications` takes.
            What is not in it, and by default both, is random, of the size of BERT-base.
        tokenizer: as in `mmzoo.encoders.KerasHub`; `None`: the preset's, or, for a BERT without
            one, whole words, learned from the training rows.
        trainable: whether the networks train; `None`: only those with random weights.

    Returns:
        A `Recipe` with the inputs `image` and `text`.

    Raises:
        ImportError: when KerasHub is not installed.
        FileNotFoundError: when weights can't be found or downloaded.
        ValueError: for an unknown entry of `weights`.

    Example:

    ```python
    weights = {"text": "bert_base_en_uncased", "image": "imagenet"}
    recipe = mmzoo.recipes.bert_resnet50_concat(weights)
    model = mmzoo.build_model(recipe, head=mmzoo.heads.Softmax(units=3))
    ```

    Reference: the documents mmzoo grew from; Devlin et al. 2018, arXiv 1810.04805 (BERT); He et al.
        2015, 1512.03385 (ResNet).
    """
    weights = dict(weights or {})
    vocabulary_size = 30_522
    bert, resnet = weights.pop("text", None), weights.pop("image", None)
    if weights:
        raise unknown("entry of `weights`", next(iter(weights)), ("text", "image"))
    if bert is None:
        bert = require("keras_hub", "keras-hub").models.BertBackbone(
            vocabulary_size=vocabulary_size,
            num_layers=12,
            num_heads=12,
            hidden_dim=768,
            intermediate_dim=3072,
        )
    text = KerasHub(bert, output_key="pooled_output", tokenizer=tokenizer, trainable=trainable)
    text_options = {} if text.tokenizer else {"vocabulary_size": vocabulary_size}
    image = Applications("ResNet50", weights=resnet, pooling="mean", trainable=trainable)
    return Recipe(
        name="bert_resnet50_concat",
        inputs={
            "image": Image(size=(224, 224), encoder=image),
            "text": Text(length=min(128, text.max_length or 128), encoder=text, **text_options),
        },
        fusion=part("concat", hidden_units=[512]),
        head=Sigmoid(units=1),
    )
