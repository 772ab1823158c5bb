"""WordPiece in plain TensorFlow ops: the ids of KerasHub, whatever the text."""

import random
import unicodedata

import keras
import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.preprocessing import unicode
from mmzoo.tokenizers import WordPiece, from_keras_hub
from tests.parts import slow_among

keras_hub = pytest.importorskip("keras_hub", reason="the extra `keras-hub` is not installed")
tensorflow_text = pytest.importorskip("tensorflow_text")

LETTERS = (
    "abcdefghijklmnopqrstuvwxyzABCDE0123456789éßıöåçşğñ漢字東京한국ᄀ①½αβσςάЖжшأبक्षि"
    "!?.,#'\"-_«»…❤👍"
)
VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("play", "##ing", "##ed", "un", "##aff", "##able", "strasse", "stra", "##ss", "1⁄2", "한국"),
    *("café", "cafe", "naive", "caf", "##é", "##e", "東", "京", "##京", "##\u0301", "i̇stanbul"),
    *dict.fromkeys(LETTERS),
    *(f"##{letter}" for letter in dict.fromkeys(LETTERS)),
]
VOCABULARY = list(dict.fromkeys(VOCABULARY))
HARD = [
    "", " ", "Playing!", "unaffable", "un-affable", "UNAFFABLE played",
    "xyzzy ‽ [MASK] [UNK] ##ing",
    "café CAFÉ cafe\u0301 caf\u0065\u0301", "naïve Straße STRASSE ẞ", "İstanbul ISTANBUL ıI",
    "東京タワー 漢字かな交じり文", "豈更車 \U0002f800", "한국어 \u1112\u1161\u11ab",
    "ΌΣΟΣ ὈΔΥΣΣΕΎΣ ᾼͅ",
    "❤️👍🏽👨‍👩‍👧 ☕", "a\u00adb\u200bc\u200dd\ufeffe", "tab\tnew\nline\r\x0b\x0c\x85end",
    "no\u00a0break ideographic\u3000space thin\u2009space line\u2028separator", "½ ① ﬁ Ａ ℡ ㎏",
    "q\u0323\u0307 q\u0307\u0323 \u0301 a\u0345\u0301", "क्षि हिन्दी \u09c7\u09be \u0dd9\u0dcf\u0dca",
    "أبجد عَرَبِيّ שָׁלוֹם", "a" * 99, "a" * 100, "a" * 101, "é" * 50, "é" * 51, "ß" * 50, "ß" * 51,
    "x" * 5000, "$1,234.56 (50%) a+b=c <tag> `code` ^~|\\", "don't can’t “quoted” «so» …",
]  # fmt: skip


def texts(count, seed=0):
    """Random texts of characters that are hard to normalise, to split or to find."""
    generator = random.Random(seed)
    assigned = [
        c for c in range(1, unicode.END) if unicodedata.category(chr(c)) not in ("Cn", "Cs")
    ]
    marks = [c for c in assigned if unicodedata.category(chr(c)).startswith("M")]
    changing = [c for c in assigned if unicode._folded(chr(c)) != chr(c)]
    joined = [int(c) for key in unicode._pairs()[0] for c in (key >> 32, key & 0xFFFFFFFF)]
    letters = [ord(c) for c in LETTERS]
    pools = [letters] * 6 + [[32]] * 2 + [assigned, marks, changing, joined, range(32, 127)]
    lengths = [generator.randint(0, 40) for _ in range(count)]
    return [
        "".join(chr(generator.choice(generator.choice(pools))) for _ in range(n)) for n in lengths
    ]


@pytest.mark.parametrize("function, theirs", [
    (unicode.decompose, lambda x: tensorflow_text.normalize_utf8(x, "NFD")),
    (unicode.case_fold, tensorflow_text.case_fold_utf8),
])  # fmt: skip
def test_normal_forms_are_those_of_tensorflow_text(function, theirs):
    known = [c for c in range(1, 0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
    for batch in ([chr(c) for c in known], texts(5000), HARD, [""]):
        batch = tf.constant(batch)
        np.testing.assert_array_equal(function(batch), theirs(batch))


@pytest.mark.parametrize("split_on_cjk", slow_among([True, False], slow=[False]))
@pytest.mark.parametrize("strip_accents", slow_among([True, False], slow=[False]))
@pytest.mark.parametrize("lowercase", slow_among([True, False], slow=[False]))
@pytest.mark.end_to_end
def test_ids_are_those_of_keras_hub(lowercase, strip_accents, split_on_cjk):
    options = {
        "lowercase": lowercase, "strip_accents": strip_accents, "split_on_cjk": split_on_cjk
    }  # fmt: skip
    theirs = keras_hub.models.BertTokenizer(VOCABULARY, **options)
    preprocessor = keras_hub.models.BertTextClassifierPreprocessor(theirs, sequence_length=12)
    ours = from_keras_hub(theirs)
    assert isinstance(ours, WordPiece)
    assert {key: ours.get_config()[key] for key in options} == options
    batch = tf.constant(HARD + texts(1500))
    dataset = tf.data.Dataset.from_tensors(batch)
    expected = next(iter(dataset.map(lambda x: preprocessor(x))))
    actual = next(iter(dataset.map(lambda x: ours.tokenize(x, 12))))
    np.testing.assert_array_equal(actual["ids"], expected["token_ids"])
    np.testing.assert_array_equal(actual["mask"] == 1, expected["padding_mask"])
    expected = next(iter(dataset.map(theirs)))
    actual = ours.pieces(batch)
    np.testing.assert_array_equal(actual.flat_values, expected.flat_values)
    np.testing.assert_array_equal(actual.row_splits, expected.row_splits)


def test_text_behind_a_nul_is_read():
    """KerasHub reads it, too, except in a graph."""
    theirs = keras_hub.models.BertTokenizer(VOCABULARY, lowercase=True)
    ours = from_keras_hub(theirs).pieces(tf.constant(["a\0b c"]))
    assert ours.to_list() == [theirs("a\0b c").tolist()]


def test_bytes_that_are_no_text():
    tokenizer = WordPiece(VOCABULARY, lowercase=True)
    ids = tokenizer.pieces(tf.constant([b"a \xff\xfe b", b"\xc3"])).to_list()
    unknown = VOCABULARY.index("[UNK]")
    assert ids == [[VOCABULARY.index("a"), unknown, VOCABULARY.index("b")], [unknown]]


@pytest.mark.parametrize("kind", ["BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer"])
def test_every_kind(kind):
    tokenizer = from_keras_hub(getattr(keras_hub.models, kind)(VOCABULARY, lowercase=True), 512)
    again = WordPiece.from_config(tokenizer.get_config())
    ids = again.tokenize(tf.constant(["Playing"]), 5)["ids"].numpy()[0].tolist()
    assert [VOCABULARY[i] for i in ids] == ["[CLS]", "play", "##ing", "[SEP]", "[PAD]"]
    assert again.get_config() == tokenizer.get_config()


def test_lengths():
    tokenizer = WordPiece(VOCABULARY, max_length=4)
    assert tokenizer.tokenize(tf.constant(["a b c d", "a"]), None)["ids"].shape == (2, 4)
    assert tokenizer.tokenize(tf.constant(["a", ""]), None)["mask"].numpy().tolist() == [
        [1, 1, 1], [1, 1, 0]
    ]  # fmt: skip
    with pytest.raises(ValueError, match="at most 4 tokens; received: length=5"):
        mmzoo.Text(length=5, tokenizer=tokenizer)
    bare = WordPiece(VOCABULARY, start=None, end=None)
    assert bare.tokenize(tf.constant(["a b c"]), 2)["mask"].numpy().tolist() == [[1, 1]]
    assert bare.tokenize(tf.constant([""]), None)["ids"].shape == (1, 0)


def test_a_vocabulary_that_lacks_pieces():
    with pytest.raises(ValueError, match=r"lacks \[UNK\], \[CLS\], \[SEP\]"):
        WordPiece(["[PAD]", "a"])


def test_without_an_encoder_that_brings_it(tmp_path):
    """In a `Text` of its own, saved with the preprocessor."""
    tokenizer = WordPiece(VOCABULARY, lowercase=True)
    inputs = {"text": mmzoo.Text(length=6, tokenizer=tokenizer, encoder="bag", optional=True)}
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.save(tmp_path / "preprocessor.json")
    loaded = mmzoo.Preprocessor.load(tmp_path / "preprocessor.json")
    rows = {"text": ["Playing", ""]}
    for name, tensor in preprocessor(rows).items():
        np.testing.assert_array_equal(loaded(rows)[name], tensor)
    assert keras.saving.get_registered_name(WordPiece) == "mmzoo>WordPiece"
