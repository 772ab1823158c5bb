"""Answers that a language model of KerasHub writes, from raw rows to a served SavedModel."""

import io
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.decoders import LanguageModel
from mmzoo.export.exported_model import ExportedModel
from mmzoo.tokenizers import TokenVocabulary
from mmzoo.tokenizers.vocabulary import SPECIAL

tiny = pytest.importorskip("tests.tiny_language_models")

COLORS, SHAPES = ("red", "blue", "grün"), ("circle", "square")
ROWS = [(color, shape) for color in COLORS for shape in SHAPES]
COLUMNS = {
    "text": [f"{color} {shape}" for color, shape in ROWS],
    "numbers": [[float(number)] for number in range(len(ROWS))],
}
TEXTS = [f"It's a {color} {shape}." for color, shape in ROWS]
INPUTS = {
    "text": mmzoo.Text(
        length=4,
        vocabulary_size=12,
        optional=True,
        encoder={"class_name": "bag", "config": {"pooling": None, "embedding_dim": 16}},
    ),
    "numbers": mmzoo.Features(1, optional=True),
}
LENGTH = 10


def made(head):
    """Records, a preprocessor and a model with a head."""
    records = mmzoo.data.from_arrays(COLUMNS, TEXTS)
    preprocessor = mmzoo.Preprocessor(INPUTS, head=head)
    preprocessor.adapt(records)
    model = mmzoo.build_model(
        inputs=INPUTS, head=head, dim=32, optimizer=keras.optimizers.Adam(1e-2)
    )
    return records, preprocessor, model


def sentence_pieces(**options):
    """A SentencePiece model of byte pairs that was learned from the texts."""
    sentencepiece = pytest.importorskip("sentencepiece")
    proto = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*TEXTS, "Das Grün."] * 20), model_writer=proto, vocab_size=290,
        model_type="bpe", hard_vocab_limit=False, minloglevel=2, **options,
    )  # fmt: skip
    return proto.getvalue()


def fit(model, records, preprocessor, steps):
    dataset = records.to_dataset(preprocessor, batch_size=len(ROWS))
    return model.fit(dataset.repeat(steps), epochs=1, steps_per_epoch=steps, verbose=0)


def with_gates(language_model, steps):
    """A model whose language model reads by gates, trained for so many steps."""
    decoder = LanguageModel(language_model, "gated_cross_attention", trainable=True)
    records, preprocessor, model = made(mmzoo.heads.Words(length=LENGTH, language_model=decoder))
    fit(model, records, preprocessor, steps)
    return model, preprocessor, records


@pytest.fixture(scope="module")
def trained():
    """A model that has learned all rows by heart."""
    keras.utils.set_random_seed(0)
    # After 120 steps it depends on the processor whether two of the texts are still mixed up.
    return with_gates(tiny.gpt2(TEXTS, hidden_dim=32), steps=300)


@pytest.mark.end_to_end
def test_what_was_learned_is_said(trained):
    model, preprocessor, records = trained
    assert mmzoo.predict(model, preprocessor, COLUMNS) == TEXTS
    report = mmzoo.evaluate(model, records.to_dataset(preprocessor), verbose=False)
    assert report.exact_match == 1 and 1 <= report.perplexity < 1.3
    rows = {name: values[:2] for name, values in COLUMNS.items()}
    beams = mmzoo.generate(model, preprocessor, rows, "beam", beams=2, prefix="It's a")
    assert beams == TEXTS[:2]


@pytest.mark.end_to_end
def test_saved_and_loaded(trained, tmp_path):
    model, preprocessor, _ = trained
    mmzoo.save(model, preprocessor, tmp_path / "model")
    loaded = mmzoo.load(tmp_path / "model")
    assert mmzoo.predict(*loaded, COLUMNS) == TEXTS


@pytest.mark.end_to_end
def test_a_process_with_tensorflow_alone_writes(trained, tmp_path):
    model, preprocessor, _ = trained
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "served")
    code = f"""
import sys, tensorflow as tf
served = tf.saved_model.load({str(folder)!r}).signatures["serving_default"]
answers = served(text=tf.constant({COLUMNS["text"]!r}), numbers=tf.constant({COLUMNS["numbers"]!r}))
print([text.decode() for text in answers["text"].numpy()])
assert not [name for name in ("keras_hub", "mmzoo", "tensorflow_text") if name in sys.modules]
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(TEXTS)


@pytest.mark.parametrize("prompt", ["", "It's a", "red"])
@pytest.mark.end_to_end
def test_without_a_prefix_it_writes_what_keras_hub_writes(prompt):
    """Their `generate` and ours, of the same weights; special tokens never win here."""
    keras.utils.set_random_seed(3)
    language_model = tiny.gpt2(TEXTS, hidden_dim=32)
    for weight in language_model.backbone.weights:
        noise = np.random.default_rng(len(weight.shape)).normal(size=weight.shape)
        weight.assign(weight + 0.2 * noise)
    language_model.compile(sampler="greedy")
    expected = language_model.generate([prompt], max_length=LENGTH + 1, strip_prompt=False)[0]
    decoder = LanguageModel(language_model, prefix_length=0)
    _, preprocessor, model = made(mmzoo.heads.Words(length=LENGTH, language_model=decoder))
    rows = {name: values[:1] for name, values in COLUMNS.items()}
    written = mmzoo.generate(model, preprocessor, rows, prefix=prompt or None)[0]
    assert written == expected.strip() and len(written) > len(prompt)


@pytest.mark.end_to_end
def test_a_row_with_nothing_at_all():
    """Gates leave the language model alone then, however it was trained."""
    keras.utils.set_random_seed(0)
    language_model = tiny.gpt2(TEXTS, hidden_dim=32)
    model, preprocessor, _ = with_gates(language_model, steps=3)
    for gate in model.get_layer("head").language_model.gates:
        gate.attention_gate.assign(2.0)
    alone = LanguageModel(language_model, prefix_length=0)
    _, other, plain = made(mmzoo.heads.Words(length=LENGTH, language_model=alone))
    nothing = {"text": [None, "red circle"], "numbers": [None, [1.0]]}
    of_gates = mmzoo.generate(model, preprocessor, nothing, all_texts=True)
    of_alone = mmzoo.generate(plain, other, nothing, all_texts=True)
    assert of_gates[0][0][0] == of_alone[0][0][0]
    np.testing.assert_allclose(of_gates[0][0][1], of_alone[0][0][1], atol=1e-5)
    assert abs(of_gates[1][0][1] - of_alone[1][0][1]) > 1e-4


@pytest.mark.end_to_end
def test_only_what_is_to_be_trained_is_trained():
    language_model = tiny.gpt2(TEXTS)
    frozen = LanguageModel(language_model, trainable=False)
    records, preprocessor, model = made(mmzoo.heads.Words(length=LENGTH, language_model=frozen))
    own = list(frozen.backbone.weights)  # LoRA adds others
    before = [ops.convert_to_numpy(weight) for weight in own]
    fit(model, records, preprocessor, 2)
    for weight, was in zip(own, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), was)
    mmzoo.enable_lora(model, rank=2, branches="language_model")
    fit(model, records, preprocessor, 2)
    trained = [weight.path for weight in model.trainable_variables]
    assert any("lora" in path for path in trained) and any("prefix" in path for path in trained)
    assert not [path for path in trained if "transformer_layer" in path and "lora" not in path]
    for weight, was in zip(own, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(weight), was)
    answers = mmzoo.generate(model, preprocessor, COLUMNS, all_texts=True)
    copy = mmzoo.training.merged_copy(model)
    merged = mmzoo.generate(copy, preprocessor, COLUMNS, all_texts=True)
    for one, other in zip(answers, merged, strict=True):
        assert one[0][0] == other[0][0]
        np.testing.assert_allclose(one[0][1], other[0][1], atol=1e-5)
    table = str(mmzoo.training.branch_table(model))
    assert "language_model" in table and "head" in table
    mmzoo.unfreeze(model, "language_model")
    assert any("transformer_layer" in weight.path for weight in model.trainable_variables)


@pytest.mark.end_to_end
def test_a_tokenizer_alone():
    """Any decoder may write in the tokens of a tokenizer."""
    keras.utils.set_random_seed(0)
    tokenizer = tiny.tokenizer_of(TEXTS)
    decoder = {"class_name": "transformer", "config": {"depth": 1}}
    head = mmzoo.heads.Words(length=LENGTH, tokenizer=tokenizer, decoder=decoder)
    assert head.units == SPECIAL + tokenizer.vocabulary_size()
    records, preprocessor, model = made(head)
    fit(model, records, preprocessor, 100)
    assert mmzoo.predict(model, preprocessor, COLUMNS) == TEXTS
    again = mmzoo.heads.Words.from_config(json.loads(json.dumps(head.get_config())))
    assert again.target().encode(TEXTS).tolist() == head.target().encode(TEXTS).tolist()


def test_every_text_comes_back():
    vocabulary = TokenVocabulary(tiny.tokenizer_of(TEXTS))
    for text in (*TEXTS, "Grüße, 世界!", "a  b", "🙂"):
        assert vocabulary.text(vocabulary.ids(text)) == text
    ids = np.zeros((3, 24), "int32")
    for row, text in enumerate(("Grüße, 世界!", "🙂 a", TEXTS[0])):
        of_text = vocabulary.ids(text)
        ids[row, : len(of_text)] = of_text
    in_graph = [text.decode() for text in vocabulary.texts_in_graph(ids).numpy()]
    assert in_graph == ["Grüße, 世界!", "🙂 a", TEXTS[0]]
    assert vocabulary.text([SPECIAL, 3, SPECIAL + 1]) == "!"  # up to its end


def test_sentence_pieces():
    keras_hub = pytest.importorskip("keras_hub")
    proto = sentence_pieces(
        byte_fallback=True, pad_id=0, eos_id=1, bos_id=2, unk_id=3,
        pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
    )  # fmt: skip
    vocabulary = TokenVocabulary(keras_hub.tokenizers.GemmaTokenizer(proto))
    for text in (*TEXTS, "Das ist grün 世."):
        assert vocabulary.text(vocabulary.ids(text)) == text
    with pytest.raises(ValueError, match="BertTokenizer"):
        TokenVocabulary(
            keras_hub.tokenizers.BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
        )


def test_characters_without_a_token_are_counted_and_not_learned():
    """SentencePiece without bytes to fall back on has one token for all that it does not know."""
    keras_hub = pytest.importorskip("keras_hub")
    proto = sentence_pieces(unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    tokenizer = keras_hub.tokenizers.LlamaTokenizer(proto)
    language_model = tiny.language_model(
        "Llama", tokenizer.vocabulary_size(), keras_hub.models.LlamaCausalLMPreprocessor(tokenizer)
    )
    head = mmzoo.heads.Words(length=LENGTH, language_model=LanguageModel(language_model))
    rows = {"text": ["red", "blue", "red"], "numbers": [[0.0], [1.0], [2.0]]}
    records = mmzoo.data.from_arrays(rows, labels=["a red circle", "a ß circle", "a square"])
    preprocessor = mmzoo.Preprocessor(INPUTS, head=head)
    preprocessor.adapt(records)
    model = mmzoo.build_model(inputs=INPUTS, head=head, dim=32)
    with pytest.warns(UserWarning, match=r"1 of 3 texts .* no token for.*'a ß circle'"):
        dataset = records.to_dataset(preprocessor, batch_size=3)
    loss = model.evaluate(dataset, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(np.log(tokenizer.vocabulary_size()), rel=0.5)
    report = mmzoo.evaluate(model, dataset, verbose=False)
    assert report.perplexity == pytest.approx(np.exp(loss), rel=1e-3)
    with pytest.raises(ValueError, match="'aß' has characters that the tokenizer has no token"):
        mmzoo.generate(model, preprocessor, rows, prefix="aß")


def test_what_does_not_fit():
    language_model = tiny.gpt2(TEXTS)
    with pytest.raises(ValueError, match="leave `vocabulary`"):
        mmzoo.heads.Words(["a"], language_model=language_model)
    with pytest.raises(ValueError, match="do not belong together"):
        LanguageModel(
            tiny.language_model(vocabulary_size=30, preprocessor=language_model.preprocessor)
        )
    head = mmzoo.heads.Words(length=LENGTH, language_model=language_model)
    records, preprocessor, _ = made(head)
    with pytest.raises(ValueError, match="already part of a model"):
        made(head)
    words = mmzoo.heads.Words([*"abc"], length=LENGTH)
    other = mmzoo.build_model(inputs=INPUTS, head=words, dim=32)
    with pytest.raises(ValueError, match="unit='word'"):
        other.fit(records.to_dataset(preprocessor), verbose=0)
    with pytest.warns(UserWarning, match="are longer than length=10"):
        mmzoo.data.from_arrays(COLUMNS, [text * 9 for text in TEXTS]).to_dataset(preprocessor)


@pytest.mark.slow
def test_other_formats(trained, tmp_path):
    """LiteRT has every op; ONNX lacks the one by which KerasHub writes its cache, and says so."""
    model, preprocessor, _ = trained
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "litert", format="litert")
    tensors = preprocessor({name: values[:2] for name, values in COLUMNS.items()})
    x = {name: tensor.numpy() for name, tensor in tensors.items()}
    written = ExportedModel(folder, model.heads).predict_on_batch(x)
    assert preprocessor.targets["head"].answers(written) == TEXTS[:2]
    with pytest.raises(ValueError, match="XlaDynamicUpdateSlice"):
        mmzoo.export_savedmodel(model, preprocessor, tmp_path / "onnx", format="onnx")
