"""generate(): raw rows in, texts out, written as one wants them."""

import numpy as np

from mmzoo.data.as_records import as_records
from mmzoo.heads import answering_model, heads_of, targets_of
from mmzoo.prediction.predict import outputs_of_rows
from mmzoo.saving import check_pair


def generate(
    model,
    preprocessor,
    rows,
    sampler="greedy",
    *,
    beams=4,
    length=None,
    min_length=0,
    length_penalty=1.0,
    no_repeat_ngram=0,
    temperature=1.0,
    top_k=None,
    top_p=None,
    seed=0,
    prefix=None,
    all_texts=False,
    batch_size=64,
    verbose=0,
):
    """Writes answers to raw rows.

    Each way to write is compiled when it is first used, and the latest few are kept; another seed
    is no other way.

    Args:
        model: what `mmzoo.build_model` returned, with a head that writes: `mmzoo.heads.Words`.
        preprocessor: its adapted `mmzoo.Preprocessor`.
        rows: as for `mmzoo.predict`.
        sampler: `"greedy"`: the likeliest word at every step; `"beam"`: the likeliest text among
            those found by keeping `beams` at every step; `"sample"`: drawn.
        beams: texts that `"beam"` keeps.
        length: the most words of an answer, at most those of the head, which `None` stands for.
        min_length: the fewest.
        length_penalty: a text of `n` words, its end included, scores `log p / n**length_penalty`.
        no_repeat_ngram: no sequence of so many words comes twice; 0: any may.
        temperature: below 1, `"sample"` draws likely words more often; above, less.
        top_k: draw among so many of the likeliest words; `None`: all.
        top_p: draw among the likeliest that together have this probability; `None`: all.
        seed: of the draws.
        prefix: what the answers begin with: a string, or one a row; `None`: nothing.
        all_texts: whether to return all beams with their scores.
        batch_size: rows a batch.
        verbose: as in `keras.Model.predict`.

    Returns:
        List of strings, one a row; with `all_texts` a list of lists of `(text, score)`, the best
        first. With several answers that are texts a dict of such by the name of the answer.

    Raises:
        ValueError: when no head writes, an argument has no such value, a prefix has words that are
            not known, or a value is missing or can't be read.
        FileNotFoundError: for a path that does not exist.

    Example:

    >>> import mmzoo
    >>> inputs = {"text": mmzoo.Text(length=4, vocabulary_size=10, vocabulary=["red", "blue"])}
    >>> head = mmzoo.heads.Words(vocabulary=["rouge", "bleu"], length=3)
    >>> preprocessor = mmzoo.Preprocessor(inputs, head=head)
    >>> model = mmzoo.build_model(inputs=inputs, head=head, dim=8)
    >>> answers = generate(model, preprocessor, {"text": ["red", "blue"]}, prefix="rouge")
    >>> [answer.split()[0] for answer in answers]
    ['rouge', 'rouge']
    """
    writing = {name: head for name, head in heads_of(model).items() if head.generates}
    if not writing:
        raise ValueError(
            f"The model {model.name!r} has no head that writes: give `build_model` a "
            "`mmzoo.heads.Words`. `mmzoo.predict` answers for all heads."
        )
    check_pair(model, preprocessor)
    targets = targets_of(model, preprocessor)
    network = answering_model(
        model, sampler=sampler, beams=beams, max_length=length, min_length=min_length,
        length_penalty=length_penalty, no_repeat_ngram=no_repeat_ngram, temperature=temperature,
        top_k=top_k, top_p=top_p,
    )  # fmt: skip
    records = as_records(rows, preprocessor.inputs)
    besides = {}
    if sampler == "sample":  # an input, so that one compiled loop serves for all seeds
        seeds = np.full(len(records), seed, "int32")
        besides = {f"{name}_seed": seeds for name in writing}
    if prefix is not None:
        prefixes = [prefix] * len(records) if isinstance(prefix, str) else list(prefix)
        if len(prefixes) != len(records):
            raise ValueError(f"{len(prefixes)} prefixes for {len(records)} rows: give one a row.")
        for name in writing:
            besides[f"{name}_prefix"] = targets[name].prefix_ids(prefixes)
    found = outputs_of_rows(network, preprocessor, records, batch_size, verbose, besides)
    found = found if isinstance(found, dict) else {"head": found}
    texts = {}
    for name in writing:
        texts[name] = targets[name].texts(found[name])
        if all_texts:
            scores = np.asarray(found[name].scores).tolist()
            texts[name] = [
                list(zip(*of_row, strict=True)) for of_row in zip(texts[name], scores, strict=True)
            ]
        else:
            texts[name] = [of_row[0] for of_row in texts[name]]
    return texts if isinstance(model.output, dict) else texts["head"]
