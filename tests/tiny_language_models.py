"""Causal language models of KerasHub with random weights, and a tokenizer that fits them."""

import json

import keras_hub

END = "<|endoftext|>"
SIZES = {"num_layers": 2, "hidden_dim": 16, "intermediate_dim": 16}
HEADS = {"num_heads": 4}
GROUPED = {"num_query_heads": 4, "num_key_value_heads": 2}

#: Of each family what its backbone takes besides.
FAMILIES = {
    "Bloom": HEADS,
    "Falcon": {"num_attention_heads": 4},
    "GPT2": HEADS,
    "Gemma": {**GROUPED, "head_dim": 4},
    "Gemma3": {**GROUPED, "head_dim": 4, "image_size": 16},
    "Llama": GROUPED,
    "Mistral": GROUPED,
    "Mixtral": {**GROUPED, "num_experts": 2},
    "OPT": HEADS,
    "Phi3": GROUPED,
    "Qwen": GROUPED,
    "Qwen3": {**GROUPED, "head_dim": 4},
}


def language_model(family="GPT2", vocabulary_size=20, preprocessor=None, **sizes):
    """A language model of a family."""
    backbone = getattr(keras_hub.models, f"{family}Backbone")(
        vocabulary_size=vocabulary_size, **{**SIZES, **FAMILIES[family], **sizes}
    )
    return getattr(keras_hub.models, f"{family}CausalLM")(
        backbone=backbone, preprocessor=preprocessor
    )


def tokenizer_of(texts, vocabulary_size=300):
    """A tokenizer of byte pairs that was learned from texts."""
    from tokenizers import ByteLevelBPETokenizer

    learned = ByteLevelBPETokenizer()
    learned.train_from_iterator(texts, vocab_size=vocabulary_size)
    learned = json.loads(learned._tokenizer.to_str())["model"]
    vocabulary = {**learned["vocab"], END: len(learned["vocab"])}  # the last, as in GPT-2
    merges = [" ".join(pair) for pair in learned["merges"]]
    return keras_hub.tokenizers.GPT2Tokenizer(vocabulary, merges)


def gpt2(texts, **sizes):
    """A GPT-2 whose tokenizer was learned from texts."""
    tokenizer = tokenizer_of(texts)
    return language_model(
        "GPT2",
        tokenizer.vocabulary_size(),
        keras_hub.models.GPT2CausalLMPreprocessor(tokenizer, sequence_length=16),
        **sizes,
    )
