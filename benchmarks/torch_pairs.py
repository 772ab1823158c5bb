"""The networks of `pairs.py` in PyTorch, which take over the weights of the Keras models."""

import numpy as np
import torch
from pairs import CLASSES, DECAY, EPSILON, batch
from torch import nn
from torch.nn import functional

#: ImageNet's means, blue, green, red, as `keras.applications.resnet50` has them.
MEANS = (103.939, 116.779, 123.68)


class Model(nn.Module):
    """Both encoders, the fusion and the head: pictures `(B, 3, H, W)` and ids -> logits."""

    def __init__(self, p):
        super().__init__()
        self.p = p
        self.image = {"cnn": CNN, "resnet50": ResNet50, "vit": ViT}[p.image](p)
        self.text = {"lstm": LSTM, "transformer": Transformer}[p.text](p)
        widths = {"cnn": p.filters[-1], "resnet50": 2048, "vit": p.dim}
        width = widths[p.image]
        self.cross = p.fusion == "cross_attention"
        if self.cross:
            self.projection = nn.Linear(width, p.dim) if width != p.dim else nn.Identity()
            self.norms = nn.ModuleList([norm(p) for _ in range(4)])
            self.image_block, self.text_block = Block(p, cross=True), Block(p, cross=True)
            self.joint = nn.Linear(2 * p.dim, p.dim)
            width = 0
        self.hidden = nn.Linear(width + p.dim, p.dim)
        self.head = nn.Linear(p.dim, CLASSES)

    def forward(self, image, ids):
        padding = ids == 0
        image_tokens, text_tokens = self.image(image), self.text(ids, padding)
        if self.cross:
            image_tokens = self.norms[0](self.projection(image_tokens))
            text_tokens = self.norms[1](text_tokens)
            image_tokens, text_tokens = (
                self.image_block(image_tokens, text_tokens, padding),
                self.text_block(text_tokens, image_tokens),
            )
            image_tokens, text_tokens = self.norms[2](image_tokens), self.norms[3](text_tokens)
        if self.p.text == "transformer":
            weights = (~padding).to(text_tokens.dtype)[..., None]
            text_tokens = (text_tokens * weights).sum(1) / weights.sum(1)
        fused = torch.cat([image_tokens.mean(1), text_tokens], dim=-1)
        if self.cross:
            fused = self.joint(fused)
        return self.head(functional.relu(self.hidden(fused)))

    @torch.no_grad()
    def take(self, weights):
        """Takes over weights of a Keras model: name -> array; all of them, or it raises."""
        weights = Weights(weights)
        self.image.take(weights, "image_encoder")
        self.text.take(weights, "text_encoder")
        if self.cross:
            if isinstance(self.projection, nn.Linear):
                weights.linear(self.projection, "image_projection")
            names = ("image_input_norm", "text_input_norm", "image_norm", "text_norm")
            for module, name in zip(self.norms, names, strict=True):
                weights.norm(module, f"fusion_{name}")
            self.image_block.take(weights, "fusion_image_block_0")
            self.text_block.take(weights, "fusion_text_block_0")
            weights.linear(self.joint, "fusion_joint")
        weights.linear(self.hidden, "fusion_hidden_0")
        weights.linear(self.head, "head_dense")
        if weights.left:
            raise ValueError(f"The PyTorch model has no {sorted(weights.left)}.")


def norm(p):
    return nn.LayerNorm(p.dim, eps=1e-6)


class CNN(nn.Module):
    def __init__(self, p):
        super().__init__()
        channels = (3, *p.filters)
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(channels[i], channels[i + 1], 3, 2) for i in range(len(p.filters))]
        )

    def forward(self, x):
        x = x / 127.5 - 1
        for convolution in self.convolutions:  # "same", as Keras pads: behind
            x = functional.relu(convolution(functional.pad(x, (0, 1, 0, 1))))
        return functional.max_pool2d(x, 2).flatten(2).transpose(1, 2)

    def take(self, weights, name):
        for i, convolution in enumerate(self.convolutions):
            weights.convolution(convolution, f"{name}_convolution_{i}")


class ResNet50(nn.Module):
    """ResNet-50 as `keras.applications` has it: strides in the first convolution of a stage."""

    def __init__(self, p):
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(3, 64, 7, 2, padding=3), _batch_norm(64)
        self.blocks, width = nn.ModuleDict(), 64
        for stage, (filters, depth) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=2):
            for i in range(depth):
                stride = 2 if stage > 2 and not i else 1
                block = Bottleneck(width, filters, stride, shortcut=not i)
                self.blocks[f"conv{stage}_block{i + 1}"] = block
                width = 4 * filters
        self.register_buffer("means", torch.tensor(MEANS)[:, None, None])

    def forward(self, x):
        x = x.flip(1) - self.means
        x = functional.relu(self.stem_norm(self.stem(x)))
        x = functional.max_pool2d(functional.pad(x, (1, 1, 1, 1)), 3, 2)
        for block in self.blocks.values():
            x = block(x)
        return x.flatten(2).transpose(1, 2)

    def take(self, weights, name):
        weights.convolution(self.stem, f"{name}_conv1_conv")
        weights.norm(self.stem_norm, f"{name}_conv1_bn")
        for key, block in self.blocks.items():
            for i, (convolution, normalization) in block.layers().items():
                weights.convolution(convolution, f"{name}_{key}_{i}_conv")
                weights.norm(normalization, f"{name}_{key}_{i}_bn")


class Bottleneck(nn.Module):
    def __init__(self, width, filters, stride, shortcut):
        super().__init__()
        sizes = (
            (width, filters, 1, stride),
            (filters, filters, 3, 1),
            (filters, 4 * filters, 1, 1),
        )
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(n, m, k, s, padding=k // 2) for n, m, k, s in sizes]
        )
        self.norms = nn.ModuleList([_batch_norm(m) for _, m, _, _ in sizes])
        if shortcut:
            self.shortcut = nn.Conv2d(width, 4 * filters, 1, stride)
            self.shortcut_norm = _batch_norm(4 * filters)
        else:
            self.shortcut = None

    def layers(self):
        pairs = zip(self.convolutions, self.norms, strict=True)
        numbered = dict(enumerate(pairs, start=1))
        return numbered if self.shortcut is None else {
            0: (self.shortcut, self.shortcut_norm), **numbered,
        }  # fmt: skip

    def forward(self, x):
        shortcut = x if self.shortcut is None else self.shortcut_norm(self.shortcut(x))
        for i, (convolution, normalization) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            x = normalization(convolution(x))
            x = functional.relu(x) if i < 2 else x
        return functional.relu(shortcut + x)


def _batch_norm(width):
    return nn.BatchNorm2d(width, eps=1.001e-5, momentum=0.01)


class ViT(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.patches = nn.Conv2d(3, p.dim, p.patch, p.patch)
        self.positions = nn.Parameter(torch.zeros((p.size // p.patch) ** 2, p.dim))
        self.blocks = nn.ModuleList([Block(p) for _ in range(p.depth)])
        self.norm = norm(p)

    def forward(self, x):
        x = self.patches(x / 127.5 - 1).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def take(self, weights, name):
        weights.convolution(self.patches, f"{name}_patches")
        weights.copy(self.positions, f"{name}_positions_positions")
        for i, block in enumerate(self.blocks):
            block.take(weights, f"{name}_block_{i}")
        weights.norm(self.norm, f"{name}_norm")


class Transformer(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.embedding = nn.Embedding(p.vocabulary, p.dim)
        rates = torch.exp(torch.arange(p.dim // 2) * (-np.log(10_000.0) / (p.dim // 2)))
        angles = torch.arange(p.length)[:, None] * rates[None]
        sinusoids = torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)
        self.register_buffer("positions", sinusoids.float())
        self.blocks = nn.ModuleList([Block(p) for _ in range(p.depth)])
        self.norm = norm(p)

    def forward(self, ids, padding):
        x = self.embedding(ids)
        x = x * x.shape[-1] ** 0.5 + self.positions
        for block in self.blocks:
            x = block(x, padding=padding)
        return self.norm(x)

    def take(self, weights, name):
        weights.copy(self.embedding.weight, f"{name}_embedding_embeddings")
        for i, block in enumerate(self.blocks):
            block.take(weights, f"{name}_block_{i}")
        weights.norm(self.norm, f"{name}_norm")


class LSTM(nn.Module):
    """The state at each text's last word."""

    def __init__(self, p):
        super().__init__()
        self.embedding = nn.Embedding(p.vocabulary, p.dim)
        self.recurrent = nn.LSTM(p.dim, p.dim, batch_first=True)
        self.recurrent.bias_hh_l0.requires_grad = False  # Keras has one bias

    def forward(self, ids, padding):
        states, _ = self.recurrent(self.embedding(ids))
        return states[torch.arange(len(ids), device=ids.device), (~padding).sum(1) - 1]

    def take(self, weights, name):
        weights.copy(self.embedding.weight, f"{name}_embedding_embeddings")
        cell = f"{name}_recurrent_lstm_cell"
        weights.copy(self.recurrent.weight_ih_l0, f"{cell}_kernel", np.transpose)
        weights.copy(self.recurrent.weight_hh_l0, f"{cell}_recurrent_kernel", np.transpose)
        weights.copy(self.recurrent.bias_ih_l0, f"{cell}_bias")
        self.recurrent.bias_hh_l0.zero_()


class Block(nn.Module):
    """A pre-norm transformer block; with `cross`, for tokens that attend to others."""

    def __init__(self, p, cross=False):
        super().__init__()
        self.attention_norm, self.feedforward_norm = norm(p), norm(p)
        self.context_norm = norm(p) if cross else None
        self.attention = nn.MultiheadAttention(p.dim, p.heads, batch_first=True)
        self.hidden, self.output = nn.Linear(p.dim, p.hidden), nn.Linear(p.hidden, p.dim)

    def forward(self, tokens, context=None, padding=None):
        query = self.attention_norm(tokens)
        value = query if context is None else self.context_norm(context)
        attended, _ = self.attention(
            query, value, value, key_padding_mask=padding, need_weights=False
        )
        tokens = tokens + attended
        hidden = functional.gelu(self.hidden(self.feedforward_norm(tokens)))
        return tokens + self.output(hidden)

    def take(self, weights, name):
        for part in ("attention", "context", "feedforward"):
            if getattr(self, f"{part}_norm") is not None:
                weights.norm(getattr(self, f"{part}_norm"), f"{name}_{part}_norm")
        weights.attention(self.attention, f"{name}_attention")
        weights.linear(self.hidden, f"{name}_feedforward_hidden")
        weights.linear(self.output, f"{name}_feedforward_output")


class Weights:
    """Arrays by name, of which each goes into one parameter."""

    def __init__(self, arrays):
        self.left = dict(arrays)

    def copy(self, parameter, name, change=np.asarray):
        array = np.ascontiguousarray(change(self.left.pop(name)))
        if array.shape != tuple(parameter.shape):
            raise ValueError(f"{name} is {array.shape}, the parameter {tuple(parameter.shape)}.")
        parameter.copy_(torch.from_numpy(array))

    def linear(self, module, name):
        self.copy(module.weight, f"{name}_kernel", np.transpose)
        self.copy(module.bias, f"{name}_bias")

    def convolution(self, module, name):
        self.copy(module.weight, f"{name}_kernel", lambda kernel: kernel.transpose(3, 2, 0, 1))
        self.copy(module.bias, f"{name}_bias")

    def norm(self, module, name):
        self.copy(module.weight, f"{name}_gamma")
        self.copy(module.bias, f"{name}_beta")

    def attention(self, module, name):
        width = module.embed_dim
        parts = [f"{name}_{part}" for part in ("query", "key", "value")]
        kernels = [self.left.pop(f"{part}_kernel").reshape(width, width).T for part in parts]
        biases = [self.left.pop(f"{part}_bias").reshape(width) for part in parts]
        module.in_proj_weight.copy_(torch.from_numpy(np.concatenate(kernels)))
        module.in_proj_bias.copy_(torch.from_numpy(np.concatenate(biases)))
        output = f"{name}_attention_output"
        self.copy(module.out_proj.weight, f"{output}_kernel", lambda w: w.reshape(width, width).T)
        self.copy(module.out_proj.bias, f"{output}_bias")


def adamw(model, p, **options):
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        parameters, p.learning_rate, weight_decay=DECAY, eps=EPSILON, **options
    )


def torch_batch(p, rows=None, layout=torch.contiguous_format):
    """What `pairs.batch` makes, as tensors; pictures `(B, 3, H, W)` float32."""
    image, text, y = batch(p, rows)
    image = torch.from_numpy(image).permute(0, 3, 1, 2).float().contiguous(memory_format=layout)
    return image, torch.from_numpy(text).long(), torch.from_numpy(y).long()


def torch_steps(p, weights, channels_last=False, compiled=False):
    """A function that trains some steps and returns their losses, and the number of parameters."""
    model = Model(p)
    model.take(weights)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = model.to(memory_format=layout).train()
    image, text, y = torch_batch(p, layout=layout)
    optimizer = adamw(model, p)
    forward = torch.compile(model) if compiled else model

    def run(steps, losses=False):
        seen = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = functional.cross_entropy(forward(image, text), y)
            loss.backward()
            optimizer.step()
            seen.append(loss.detach())
        return [value.item() for value in seen] if losses else seen

    return run, sum(x.numel() for x in model.parameters() if x.requires_grad)
