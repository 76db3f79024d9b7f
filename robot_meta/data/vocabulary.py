"""Words to numbers and back, and pairs of sentences as labelled examples for a sequence model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from robot_meta.errors import ConfigError, DataError
from robot_meta.few_shot import Examples

PAD, BEGIN, END = 0, 1, 2
MARKS = ("<pad>", "<begin>", "<end>")
Pair = tuple[Sequence[str], Sequence[str]]
"""What is read, and what is to be said."""


class Vocabulary:
    """Tokens by number; the first three are marks."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = (*MARKS, *tokens)
        self._numbers = {token: i for i, token in enumerate(self.tokens)}
        if len(self._numbers) != len(self.tokens):
            raise ConfigError("vocabulary: a token came twice; each may come once")

    def __len__(self) -> int:
        """Number of tokens, marks included."""
        return len(self.tokens)

    def encode(self, words: Sequence[str], length: int) -> list[int]:
        """Numbers of the words, filled up to `length`.

        Raises:
            DataError: an unknown word, or more words than `length`.
        """
        if unknown := sorted({word for word in words if word not in self._numbers}):
            raise DataError(f"vocabulary: unknown {unknown}; it has {len(self)} tokens")
        if len(words) > length:
            raise DataError(f"vocabulary: {len(words)} words came, at most {length} fit")
        return [self._numbers[word] for word in words] + [PAD] * (length - len(words))

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """The words up to the first end."""
        out = []
        for number in numbers:
            if number == END:
                break
            out.append(self.tokens[number])
        return out


@dataclass(frozen=True)
class Codec:
    """Pairs as tensors: what is read, then what was said so far, in one x."""

    source: Vocabulary
    target: Vocabulary
    source_length: int
    """S."""
    target_length: int
    """T, the end included."""

    def encode(self, pairs: Sequence[Pair]) -> Examples:
        """Numbers: x (n, S + T), the source and the target moved on by one; y (n, T), the target.

        Raises:
            DataError: an unknown word, or a sentence that is too long.
        """
        x, y = [], []
        for read, said in pairs:
            begun = self.target.encode((MARKS[BEGIN], *said), self.target_length)
            x.append(self.source.encode(read, self.source_length) + begun)
            y.append(self.target.encode((*said, MARKS[END]), self.target_length))
        return Examples(torch.tensor(x), torch.tensor(y))

    def decode(self, y: torch.Tensor) -> list[list[str]]:
        """Sentences of numbers (n, T)."""
        return [self.target.decode(row) for row in y.tolist()]


def joined(tokens: Sequence[str]) -> list[str]:
    """Words of tokens: `-s` is fixed to the word before it, `ka-` to the one after it."""
    text = " ".join(tokens).replace(" -", "").replace("- ", "")
    return text.split()


def stacked(parts: Sequence[Examples]) -> Examples:
    """Those of B tasks as one: x (B, n, .), y (B, n, .)."""
    return Examples(torch.stack([p.x for p in parts]), torch.stack([p.y for p in parts]))
