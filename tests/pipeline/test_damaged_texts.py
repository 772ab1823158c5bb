"""Damaged texts: no crash, exact counts, neighbours as if nothing had happened; served alike."""

import numpy as np
import pytest
import tensorflow as tf

import mmzoo

MEGABYTE = 2**20
GOOD = ["is it a red circle", "ein blauer Kreis", "東京の円", "green"]
SCRIPTS = [
    "the quick brown fox", "שלום עולם", "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก",
    "👩‍👩‍👧‍👦👍🏽🇩🇪", "é" * 3, "e\u0301\u0323\u0302 a\u0308", "\u202eright\u202c \u200bto left",
    "İSTANBUL ß ﬁ Å",
]  # fmt: skip


def one_of(random, values):
    return values[random.integers(len(values))]


def valid(random):
    return " ".join(one_of(random, SCRIPTS) for _ in range(random.integers(1, 6)))


def not_utf8(random):
    noise = random.bytes(random.integers(1, 80))
    return b"\xff" + noise + one_of(random, SCRIPTS).encode()


def cut_within_a_character(random):
    return one_of(random, SCRIPTS[1:6]).encode()[: -random.integers(1, 3)]


def flipped(random):
    bits = np.unpackbits(np.frombuffer(valid(random).encode(), np.uint8))
    bits[random.integers(0, len(bits), random.integers(1, 20))] ^= 1
    return np.packbits(bits).tobytes()


def with_nul(random):
    return b"red\0" + random.bytes(3) + bytes(random.integers(0, 5)) + b"circle"


def overlong_or_half(random):
    """Encodings that UTF-8 forbids: of NUL in two bytes, of half a pair, behind the last plane."""
    return b"a " + one_of(random, [b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xfe"])


def marks(random):
    return "o" + "".join(map(chr, random.integers(0x300, 0x36F, random.integers(1, 200))))


def any_characters(random):
    points = random.integers(1, 0x11_0000, random.integers(1, 40))
    return "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000) or "?"


def blank(random):
    return one_of(random, [" ", "\t\n\r", "\u3000", "\u200b", "\ufeff", "\0", "...", "\x7f\x1b"])


def lone_surrogate(random):
    return f"red {chr(random.integers(0xD800, 0xE000))} circle"


DAMAGES = (
    valid, not_utf8, cut_within_a_character, flipped, with_nul, overlong_or_half, marks,
    any_characters, blank, lone_surrogate,
)  # fmt: skip
LONG = [
    b"red " * (MEGABYTE // 4),
    b"x" * MEGABYTE,
    b"\xff" * MEGABYTE,
    bytes(MEGABYTE),
    ("円" * (MEGABYTE // 3)).encode(),
]
WORD_PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "circle", "##s", "is", "it", "a", "円"]


def damaged(count, seed):
    """So many damaged texts, each between two good ones; and which rows are the good ones."""
    random = np.random.default_rng(seed)
    bad = [DAMAGES[number % len(DAMAGES)](random) for number in range(count)] + LONG
    values, is_good = [GOOD[0]], [True]
    for number, value in enumerate(bad):
        values += [value, GOOD[number % len(GOOD)]]
        is_good += [False, True]
    return values, np.array(is_good)


def has_lone_surrogate(value):
    return isinstance(value, str) and any(0xD800 <= ord(character) < 0xE000 for character in value)


def as_bytes(value):
    return value if isinstance(value, bytes) else value.encode(errors="surrogatepass")


@pytest.mark.slow
@pytest.mark.parametrize("tokenizer", [None, "word_piece"])
@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_texts(seed, tokenizer, tmp_path, caplog):
    count = 1000
    values, is_good = damaged(count, seed)
    bad = [row for row, value in enumerate(values) if has_lone_surrogate(value)]
    assert len(bad) == count // len(DAMAGES)
    if tokenizer:
        tokenizer = mmzoo.tokenizers.WordPiece(WORD_PIECES, lowercase=True, strip_accents=True)
    size = None if tokenizer else 500
    text = mmzoo.Text(8, size, encoder="bag", optional=True, tokenizer=tokenizer)
    preprocessor = mmzoo.Preprocessor({"text": text})
    records = mmzoo.data.from_arrays({"text": values}, np.arange(len(values), dtype="float32"))
    message = f"No readable text in {len(bad)} of {len(values)} rows: row {bad[0]}"
    with pytest.raises(ValueError, match=f"row {bad[0]}: the text of 'text' is not valid Unicode"):
        preprocessor.adapt(records)
    preprocessor.adapt(records.take([row for row in range(len(values)) if row not in bad]))
    clean = preprocessor({"text": tf.constant(GOOD)})["text"].numpy()

    kept, rows = [], []
    for x, y in records.to_dataset(preprocessor, 50, on_error="skip"):
        kept.append(x["text"].numpy())
        rows += y.numpy().astype(int).tolist()
    assert rows == [row for row in range(len(values)) if row not in bad]
    assert caplog.messages[-1].startswith(message) and caplog.messages[-1].endswith("left out.")

    batches = list(records.to_dataset(preprocessor, 50, on_error="missing"))
    tensors = {
        name: np.concatenate([x[name].numpy() for x, _ in batches]) for name in batches[0][0]
    }
    np.testing.assert_array_equal(np.flatnonzero(~tensors["text_present"]), bad)
    assert caplog.messages[-1].startswith(message) and caplog.messages[-1].endswith("as absent.")
    np.testing.assert_array_equal(tensors["text"][rows], np.concatenate(kept))
    np.testing.assert_array_equal(
        tensors["text"][is_good], np.concatenate([clean[:1], clean[np.arange(count + 5) % 4]])
    )
    with pytest.raises(ValueError, match=f"row {bad[0]}: the text of 'text' is not valid Unicode"):
        records.to_dataset(preprocessor)
    errors = records.validate({"text": text}, preprocessor).errors
    assert [error.row for error in errors] == bad

    # A server can't refuse bytes; half a pair is then read as U+FFFD, as all that is not UTF-8.
    model = mmzoo.build_model(inputs={"text": text}, head="regression", dim=4)
    served = tf.saved_model.load(mmzoo.export_savedmodel(model, preprocessor, tmp_path / "served"))
    answer = served.signatures["serving_default"](text=tf.constant(list(map(as_bytes, values))))
    assert answer["ok"].numpy().all()
    expected = model.predict({name: x[rows] for name, x in tensors.items()}, verbose=0)
    np.testing.assert_allclose(answer["values"].numpy()[rows], expected, rtol=1e-4, atol=1e-5)


def test_one_reading_of_what_is_not_utf8():
    """Bytes that are not UTF-8, and U+FFFD itself, separate words in words of any kind."""
    texts = tf.constant([b"red\xffcircle", "red\ufffdcircle".encode(), b"red circle"])
    words = mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "circle"])
    ids = mmzoo.Preprocessor({"text": words})({"text": texts})["text"].numpy()
    assert ids.tolist() == [[2, 3, 0, 0]] * 3
    tokenizer = mmzoo.tokenizers.WordPiece(WORD_PIECES)
    pieces = mmzoo.Preprocessor({"text": mmzoo.Text(length=6, tokenizer=tokenizer)})
    ids = pieces({"text": texts[:2]})["text"].numpy()
    assert ids[0].tolist() == ids[1].tolist()
