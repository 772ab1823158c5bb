"""The zoo: named triples of inputs, fusion and head, a recipe a file."""

import inspect

from mmzoo.recipes.bert_resnet50_concat import bert_resnet50_concat
from mmzoo.recipes.captioning import captioning
from mmzoo.recipes.cnn_lstm_concat import cnn_lstm_concat
from mmzoo.recipes.cnn_rnn_concat_softmax import cnn_rnn_concat_softmax
from mmzoo.recipes.cnn_rnn_regression import cnn_rnn_regression
from mmzoo.recipes.crf_tagger import crf_tagger
from mmzoo.recipes.customer_service import customer_service
from mmzoo.recipes.film_cnn import film_cnn
from mmzoo.recipes.ft_transformer_image_text import ft_transformer_image_text
from mmzoo.recipes.gmu import gmu
from mmzoo.recipes.linear_sum import linear_sum
from mmzoo.recipes.mbt_small import mbt_small
from mmzoo.recipes.mult import mult
from mmzoo.recipes.multimodal_tagger import multimodal_tagger
from mmzoo.recipes.multimodal_translation import multimodal_translation
from mmzoo.recipes.perceiver_fusion import perceiver_fusion
from mmzoo.recipes.recipe import Recipe
from mmzoo.recipes.relation_network import relation_network
from mmzoo.recipes.seq2seq import seq2seq
from mmzoo.recipes.speech_to_text import speech_to_text
from mmzoo.recipes.summary import summary
from mmzoo.recipes.tfhub_image_text import tfhub_image_text
from mmzoo.recipes.trimodal import trimodal
from mmzoo.recipes.vilt_small import vilt_small
from mmzoo.recipes.voice_assistant import voice_assistant
from mmzoo.recipes.voice_sentiment import voice_sentiment
from mmzoo.recipes.vqa_words import vqa_words
from mmzoo.recipes.weighted_average import weighted_average
from mmzoo.utils.identifiers import register as add
from mmzoo.utils.identifiers import unknown

#: The recipes that need no arguments: name -> function.
RECIPES = {
    "bert_resnet50_concat": bert_resnet50_concat,
    "captioning": captioning,
    "cnn_lstm_concat": cnn_lstm_concat,
    "cnn_rnn_concat_softmax": cnn_rnn_concat_softmax,
    "cnn_rnn_regression": cnn_rnn_regression,
    "crf_tagger": crf_tagger,
    "customer_service": customer_service,
    "film_cnn": film_cnn,
    "gmu": gmu,
    "linear_sum": linear_sum,
    "mbt_small": mbt_small,
    "mult": mult,
    "multimodal_tagger": multimodal_tagger,
    "multimodal_translation": multimodal_translation,
    "perceiver_fusion": perceiver_fusion,
    "relation_network": relation_network,
    "seq2seq": seq2seq,
    "speech_to_text": speech_to_text,
    "summary": summary,
    "trimodal": trimodal,
    "vilt_small": vilt_small,
    "voice_assistant": voice_assistant,
    "voice_sentiment": voice_sentiment,
    "vqa_words": vqa_words,
    "weighted_average": weighted_average,
}
#: Those that need some: name -> function that returns a `Recipe`.
WITH_ARGUMENTS = {
    "ft_transformer_image_text": ft_transformer_image_text,
    "tfhub_image_text": tfhub_image_text,
}


def register(name, recipe=None):
    """Gives a recipe from outside a name, which `build_model` then takes.

    Args:
        name: the name.
        recipe: function without arguments that returns a `Recipe`; `None`: a decorator is returned.

    Returns:
        The function, or the decorator.

    Raises:
        TypeError: when it is no function, or needs arguments.
        ValueError: when the name is impossible or taken.

    Example:

    >>> register("gmu", gmu) is RECIPES["gmu"]
    True
    """
    return add(RECIPES, "recipe", name, recipe, _check_recipe)


def _check_recipe(recipe):
    if not callable(recipe):
        raise TypeError(f"A recipe is a function that returns a Recipe; received: {recipe!r}.")
    needed = [
        parameter.name
        for parameter in inspect.signature(recipe).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    if needed:
        raise TypeError(
            f"A recipe with a name needs no arguments; {recipe.__name__} needs "
            f"{', '.join(needed)}. Give `build_model` what it returns instead."
        )


def list_models():
    """The names that `build_model` takes, sorted.

    Returns:
        A list of strings.

    Example:

    >>> "cnn_lstm_concat" in list_models()
    True
    """
    return sorted(RECIPES)


def get(identifier):
    """Turns a name into a `Recipe`.

    Args:
        identifier: a name of `list_models()` or a `Recipe`.

    Returns:
        A `Recipe`.

    Raises:
        ValueError: for an unknown name; the message lists the known ones and the nearest.
        TypeError: for anything else.

    Example:

    >>> get("cnn_lstm_concat").fusion["class_name"]
    'concat'
    """
    if isinstance(identifier, Recipe):
        return identifier
    if not isinstance(identifier, str):
        raise TypeError(f"Expected the name of a recipe or a Recipe; received: {identifier!r}.")
    if identifier in WITH_ARGUMENTS:
        raise ValueError(
            f"The recipe {identifier!r} needs arguments: give `build_model` what "
            f"`mmzoo.recipes.{identifier}(...)` returns."
        )
    if identifier not in RECIPES:
        raise unknown("recipe", identifier, RECIPES)
    return RECIPES[identifier]()


def model_inputs(recipe, inputs):
    """The modalities of a model: the recipe's, and over them the user's.

    Args:
        recipe: name, `Recipe` or `None`.
        inputs: dict from modality name to modality, or `None`.

    Returns:
        Dict from modality name to modality.

    Example:

    >>> sorted(model_inputs("cnn_lstm_concat", None))
    ['image', 'text']
    """
    return {**({} if recipe is None else get(recipe).inputs), **(inputs or {})}


__all__ = [
    "RECIPES",
    "WITH_ARGUMENTS",
    "Recipe",
    "bert_resnet50_concat",
    "captioning",
    "cnn_lstm_concat",
    "cnn_rnn_concat_softmax",
    "cnn_rnn_regression",
    "crf_tagger",
    "customer_service",
    "film_cnn",
    "ft_transformer_image_text",
    "get",
    "gmu",
    "linear_sum",
    "list_models",
    "mbt_small",
    "model_inputs",
    "mult",
    "multimodal_tagger",
    "multimodal_translation",
    "perceiver_fusion",
    "register",
    "relation_network",
    "seq2seq",
    "speech_to_text",
    "summary",
    "tfhub_image_text",
    "trimodal",
    "vilt_small",
    "voice_assistant",
    "voice_sentiment",
    "vqa_words",
    "weighted_average",
]
