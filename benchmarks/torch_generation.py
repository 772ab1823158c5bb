"""The decoder of `generation.py` in PyTorch, which takes over the weights of mmzoo's head.

Its keys and values are kept in tensors that are made once, and written in place; those of what is
read are computed once. The search for the best texts is the one of `mmzoo.decoders.generate`.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch_pairs import Weights

from mmzoo.decoders.generation import IMPOSSIBLE
from mmzoo.tokenizers.vocabulary import END, PADDING, SPECIAL, START


class Writer(nn.Module):
    """Reads vectors and writes ids.

    Args:
        size: `generation.Size`.
        longest: the most words that it will be asked for.
    """

    def __init__(self, size, longest):
        super().__init__()
        dim = size.dim
        self.heads = size.heads
        self.tokens_map, self.vector_map = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.embedding = nn.Parameter(torch.zeros(size.vocabulary, dim))
        self.bias = nn.Parameter(torch.zeros(size.vocabulary))
        self.blocks = nn.ModuleList([Block(dim, size.heads) for _ in range(size.depth)])
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        rates = torch.exp(torch.arange(dim // 2) * (-np.log(10_000.0) / (dim // 2)))
        angles = torch.arange(longest + 1)[:, None] * rates[None]
        sinusoids = torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)
        self.register_buffer("positions", sinusoids.float())

    @torch.no_grad()
    def take(self, weights):
        """Takes over weights of mmzoo's head: name -> array; all of them, or it raises."""
        weights = Weights(weights)
        weights.linear(self.tokens_map, "head_tokens_map")
        weights.linear(self.vector_map, "head_vector_map")
        weights.copy(self.embedding, "head_embedding")
        weights.copy(self.bias, "head_bias")
        for number, block in enumerate(self.blocks):
            block.take(weights, f"head_decoder_block_{number}")
        weights.norm(self.norm, "head_decoder_norm")
        if weights.left:
            raise ValueError(f"The PyTorch model has no {sorted(weights.left)}.")

    def start(self, fused, tokens, mask, texts, positions):
        """`(read, caches)`: what stays as it is, and room for keys and values of all positions."""
        vector = self.vector_map(fused)
        memory = torch.cat([vector[:, None], self.tokens_map(tokens)], dim=1)
        mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
        read = [block.read(memory) for block in self.blocks]
        rows, dim = len(fused) * texts, fused.shape[1]
        shape = (rows, self.heads, positions, dim // self.heads)
        caches = [(torch.zeros(shape), torch.zeros(shape)) for _ in self.blocks]
        return (vector.repeat_interleave(texts, dim=0), mask[:, None, None], read), caches

    def step(self, ids, position, read, caches):
        """Logits `(R, V)` of the token at a position, a tensor of one number or an integer."""
        vector, mask, of_blocks = read
        x = self.embedding[ids] * self.embedding.shape[1] ** 0.5 + vector + self.positions[position]
        for block, of_block, cache in zip(self.blocks, of_blocks, caches, strict=True):
            x = block(x, position, of_block, mask, cache)
        return functional.linear(self.norm(x), self.embedding, self.bias)


class Block(nn.Module):
    """Attention to what stands so far, attention to what is read, feed-forward network."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm, self.memory_norm, self.reading_norm, self.feedforward_norm = (
            nn.LayerNorm(dim, eps=1e-6) for _ in range(4)
        )
        self.query_key_value, self.output_map = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.reading_query, self.reading_output = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.memory_key, self.memory_value = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.hidden, self.output = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def read(self, memory):
        """Keys and values `(B, N, S, d)`."""
        memory = self.memory_norm(memory)
        return [
            dense(memory).unflatten(-1, (self.heads, -1)).transpose(1, 2).contiguous()
            for dense in (self.memory_key, self.memory_value)
        ]

    def forward(self, x, position, read, mask, cache):
        joint = self.query_key_value(self.norm(x)).unflatten(-1, (3, self.heads, -1))
        query, key, value = joint.unbind(1)
        keys, values = cache
        if isinstance(position, int):
            keys[:, :, position], values[:, :, position] = key, value
            earlier = None
            keys, values = keys[:, :, : position + 1], values[:, :, : position + 1]
        else:  # shapes stay as they are, so that one compiled step serves for all
            keys.index_copy_(2, position, key[:, :, None])
            values.index_copy_(2, position, value[:, :, None])
            earlier = (torch.arange(keys.shape[2]) <= position)[None, None, None]
        attended = functional.scaled_dot_product_attention(
            query[:, :, None], keys, values, attn_mask=earlier
        )
        x = x + self.output_map(attended.flatten(1))
        # The texts of a row read the same: they are queries side by side.
        keys, values = read
        query = self.reading_query(self.reading_norm(x)).reshape(
            len(keys), -1, self.heads, keys.shape[-1]
        )
        reading = functional.scaled_dot_product_attention(
            query.transpose(1, 2), keys, values, attn_mask=mask
        )
        x = x + self.reading_output(reading.transpose(1, 2).reshape(x.shape))
        return x + self.output(functional.gelu(self.hidden(self.feedforward_norm(x))))

    def take(self, weights, name):
        for part in ("norm", "memory_norm", "reading_norm", "feedforward_norm"):
            weights.norm(getattr(self, part), f"{name}_{part}")
        for part in ("kernel", "bias"):
            arrays = [weights.left.pop(f"{name}_{x}_{part}") for x in ("query", "key", "value")]
            weights.left[f"{name}_joint_{part}"] = np.concatenate(arrays, axis=-1)
        weights.linear(self.query_key_value, f"{name}_joint")
        for part in ("output_map", "reading_query", "reading_output", "memory_key", "memory_value"):
            weights.linear(getattr(self, part), f"{name}_{part}")
        weights.linear(self.hidden, f"{name}_feedforward_hidden")
        weights.linear(self.output, f"{name}_feedforward_output")


def write(model, inputs, length, beams=None, step=None):
    """Writes texts of exactly so many words, and their ends.

    Args:
        model: `Writer`.
        inputs: fused vectors `(B, D)`, tokens `(B, S, D)` and their mask `(B, S)`, tensors.
        length: number of words.
        beams: number of texts kept a row; `None`: greedily.
        step: the compiled step; `None`: `model.step`.

    Returns:
        Ids `(B, K, length + 1)`, the best text first, and scores `(B, K)`.
    """
    texts, rows = beams or 1, len(inputs[0])
    read, caches = model.start(*inputs, texts, length + 1)
    ids = torch.full((rows * texts,), START)
    written = torch.zeros((rows, texts, length + 1), dtype=torch.long)
    total = torch.where(torch.arange(texts) == 0, 0.0, IMPOSSIBLE).repeat(rows, 1)
    lengths = torch.zeros((rows, texts))
    done = torch.zeros((rows, texts), dtype=torch.bool)
    for position in range(length + 1):
        if step is None:
            logits = model.step(ids, position, read, caches)
        else:
            logits = step(ids, torch.tensor([position]), read, caches)
        logs = functional.log_softmax(logits, dim=-1).view(rows, texts, -1)
        if position < length:
            logs[..., :SPECIAL] = IMPOSSIBLE
        else:
            logs[..., :END] = IMPOSSIBLE
            logs[..., END + 1 :] = IMPOSSIBLE
        if done.any():  # goes on with padding, at no cost
            logs[done] = IMPOSSIBLE
            logs[..., PADDING][done] = 0.0
        lengths = lengths + ~done
        if beams is None:
            best, tokens = logs.max(dim=-1)
            total = total + best
        else:
            words = logs.shape[-1]
            candidates = (total[..., None] + logs).view(rows, -1)
            normalised = candidates.view(rows, texts, -1) / lengths[..., None].clamp(min=1)
            _, best = normalised.view(rows, -1).topk(beams)
            parents, tokens = best // words, best % words
            total = candidates.gather(1, best)
            lengths, done = lengths.gather(1, parents), done.gather(1, parents)
            written = written.gather(1, parents[..., None].expand_as(written))
            flat = (parents + texts * torch.arange(rows)[:, None]).view(-1)
            for cache in caches:
                for kept in cache:
                    past = kept[:, :, : position + 1]
                    past.copy_(past[flat])
        written[:, :, position] = tokens
        done = done | (tokens == END)
        ids = tokens.view(-1)
        if done.all():
            break
    return written.masked_fill(written == END, PADDING), total / lengths.clamp(min=1)


def torch_writer(size, weights, inputs, length, beams=None, compiled=False):
    """A function that writes, and returns ids and scores as arrays.

    Args:
        size: `generation.Size`.
        weights: dict from name to array, see `pairs.weights_by_name`.
        inputs: arrays, see `write`.
        length: number of words.
        beams: texts kept a row; `None`: greedily.
        compiled: whether `torch.compile` compiles the step.
    """
    model = Writer(size, length).eval()
    model.take(weights)
    tensors = [torch.from_numpy(x) for x in inputs]
    step = torch.compile(model.step) if compiled else None

    @torch.inference_mode()
    def run():
        return [x.numpy() for x in write(model, tensors, length, beams, step)]

    return run


def hugging_face_writer(size, inputs, length, beams=None):
    """As `torch_writer`: a BART of the same sizes and random weights, and its `generate`.

    Its blocks normalise behind what ours normalise before, and its positions are learned, which
    costs nothing. The rest is as large, and it writes as many tokens.
    """
    from transformers import BartConfig, BartForConditionalGeneration
    from transformers.modeling_outputs import BaseModelOutput

    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=size.vocabulary, d_model=size.dim, encoder_layers=1, decoder_layers=size.depth,
        encoder_attention_heads=size.heads, decoder_attention_heads=size.heads,
        encoder_ffn_dim=size.dim, decoder_ffn_dim=4 * size.dim, dropout=0.0,
        max_position_embeddings=length + 2, pad_token_id=PADDING, bos_token_id=START,
        eos_token_id=END, decoder_start_token_id=START, forced_eos_token_id=END,
    )  # fmt: skip
    model = BartForConditionalGeneration(config).eval()
    fused, tokens, mask = (torch.from_numpy(x) for x in inputs)
    memory = torch.cat([fused[:, None], tokens], dim=1)
    mask = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1).long()
    options = {"num_beams": beams or 1, "do_sample": False, "use_cache": True}
    options |= {"min_new_tokens": length + 1, "max_new_tokens": length + 1}

    @torch.inference_mode()
    def run():
        outputs = BaseModelOutput(last_hidden_state=memory)
        ids = model.generate(encoder_outputs=outputs, attention_mask=mask, **options)
        return ids[:, None, 1:].numpy(), None

    return run
