"""A small transformer from a sequence to a sequence (Vaswani et al. 2017), norms first.

n sentences; S source and T target tokens; D features; H heads; V target tokens of the vocabulary.
Functional, for one task; `torch.func.vmap` gives every task parameters of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding, layer_norm, relu

from robot_meta.data.vocabulary import BEGIN, PAD
from robot_meta.errors import ConfigError
from robot_meta.nets.sequence import apply_linear, init_linear
from robot_meta.types import Params


@dataclass(frozen=True, kw_only=True)
class Seq2SeqConfig:
    """Sizes."""

    source_tokens: int
    target_tokens: int
    source_length: int
    """S."""
    target_length: int
    """T."""
    width: int = 32
    """D."""
    heads: int = 2
    """H."""
    layers: int = 2
    """Of the encoder, and as many of the decoder."""
    hidden: int = 64
    """Units between the two linear maps of a layer."""

    def __post_init__(self) -> None:
        """Refuse nonsense."""
        least = min(self.source_length, self.target_length, self.heads, self.layers, self.hidden)
        if least < 1 or min(self.source_tokens, self.target_tokens) < 4:
            raise ConfigError(f"seq2seq: sizes must be >= 1 and tokens >= 4, got {self}")
        if self.width % (2 * self.heads):
            raise ConfigError(
                f"seq2seq: width {self.width} must be a multiple of 2 * heads {self.heads}"
            )


class Seq2Seq:
    """The network."""

    def __init__(self, config: Seq2SeqConfig) -> None:
        self.config = config
        self._places = positions(max(config.source_length, config.target_length), config.width)

    def init(self, rng: torch.Generator) -> Params:
        """Fresh parameters."""
        c = self.config
        out: Params = {}
        for side, tokens in (("source", c.source_tokens), ("target", c.target_tokens)):
            out[f"{side}.embed"] = torch.randn(tokens, c.width, generator=rng) / math.sqrt(c.width)
        for i in range(c.layers):
            out |= self._init_layer(f"encoder.{i}", ("self",), rng)
            out |= self._init_layer(f"decoder.{i}", ("self", "cross"), rng)
        return out | init_linear("head", c.width, c.target_tokens, rng)

    def __call__(self, params: Params, x: Tensor) -> Tensor:
        """Logits (n, T, V) of x (n, S + T): source tokens, then the target so far."""
        read = self.config.source_length
        source, target = x[..., :read], x[..., read:]
        return self.decode(params, self.encode(params, source), source == PAD, target)

    def encode(self, params: Params, source: Tensor) -> Tensor:
        """Memory (n, S, D) of tokens (n, S)."""
        unseen = (source == PAD)[..., None, None, :]
        x = self._embed(params, "source", source)
        for i in range(self.config.layers):
            name = f"encoder.{i}"
            z = norm(x)
            x = x + attend(params, f"{name}.self", z, z, unseen, self.config.heads)
            x = x + feed(params, name, norm(x))
        return norm(x)

    def decode(self, params: Params, memory: Tensor, unseen: Tensor, target: Tensor) -> Tensor:
        """Logits (n, t, V) of the token after each of (n, t); unseen (n, S) is where PAD is."""
        times = torch.arange(target.shape[-1])
        later = times[None] > times[:, None]
        x = self._embed(params, "target", target)
        for i in range(self.config.layers):
            name = f"decoder.{i}"
            z = norm(x)
            x = x + attend(params, f"{name}.self", z, z, later, self.config.heads)
            outside = unseen[..., None, None, :]
            x = x + attend(params, f"{name}.cross", norm(x), memory, outside, self.config.heads)
            x = x + feed(params, name, norm(x))
        return apply_linear(params, "head", norm(x))

    def greedy(self, params: Params, x: Tensor) -> Tensor:
        """(n, T) tokens, each the likeliest after those before it; of x only the source is read."""
        source = x[..., : self.config.source_length]
        memory, unseen = self.encode(params, source), source == PAD
        said = torch.full_like(source[..., :1], BEGIN)
        for _ in range(self.config.target_length):
            best = self.decode(params, memory, unseen, said)[..., -1:, :].argmax(-1)
            said = torch.cat([said, best], -1)
        return said[..., 1:]

    def _embed(self, params: Params, side: str, tokens: Tensor) -> Tensor:
        found = embedding(tokens, params[f"{side}.embed"]) * math.sqrt(self.config.width)
        return found + self._places[: tokens.shape[-1]]

    def _init_layer(self, name: str, parts: tuple[str, ...], rng: torch.Generator) -> Params:
        width, hidden = self.config.width, self.config.hidden
        out: Params = {}
        for part in parts:
            out |= init_linear(f"{name}.{part}.query", width, width, rng)
            out |= init_linear(f"{name}.{part}.memory", width, 2 * width, rng)
            out |= init_linear(f"{name}.{part}.out", width, width, rng)
        out |= init_linear(f"{name}.up", width, hidden, rng)
        return out | init_linear(f"{name}.down", hidden, width, rng)


def positions(length: int, width: int) -> Tensor:
    """(length, D): sin and cos of t / 10000^(2 i / D), section 3.5."""
    t = torch.arange(length)[:, None]
    rates = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    return torch.cat([torch.sin(t * rates), torch.cos(t * rates)], -1)


def attend(
    params: Params, name: str, z: Tensor, memory: Tensor, hidden: Tensor, heads: int
) -> Tensor:
    """softmax(q k' / sqrt(d)) v by heads, eq. 1; z (n, t, D), memory (n, s, D), hidden (.., t, s).

    `hidden` is True where nothing may be read.
    """

    def by_head(of: Tensor) -> Tensor:
        return of.reshape(*of.shape[:-1], heads, -1).transpose(1, 2)

    keys, values = apply_linear(params, f"{name}.memory", memory).chunk(2, -1)
    q, k, v = by_head(apply_linear(params, f"{name}.query", z)), by_head(keys), by_head(values)
    logits = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    read = shares(logits.masked_fill(hidden, -1e9)) @ v
    return apply_linear(params, f"{name}.out", read.transpose(1, 2).flatten(-2))


def shares(logits: Tensor) -> Tensor:
    """Softmax of the last dimension; torch's own takes several times longer for a dozen values."""
    each = (logits - logits.amax(-1, keepdim=True).detach()).exp()
    return each / each.sum(-1, keepdim=True)


def feed(params: Params, name: str, z: Tensor) -> Tensor:
    """Two linear maps with ReLU between, eq. 2."""
    return apply_linear(params, f"{name}.down", relu(apply_linear(params, f"{name}.up", z)))


def norm(x: Tensor) -> Tensor:
    """Layer norm of x (..., D), without gain and offset: the linear map after it has both."""
    return layer_norm(x, (x.shape[-1],))
