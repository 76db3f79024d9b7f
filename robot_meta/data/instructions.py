"""What a robot may be told to do, as a meaning, and how English says it. All of it is generated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NOUNS = ("cube", "bowl", "cup", "plate", "ball", "box", "spoon", "bottle", "tray", "can")
ADJECTIVES = ("red", "blue", "green", "black", "small", "large", "long", "round")
VERBS = ("put", "push", "slide", "carry")
SIMPLE_VERBS = ("lift", "open", "turn", "find")
"""Verbs without a place."""
PLACES = ("behind", "under", "towards", "beside")
ADVERBS = ("slowly", "gently", "now")
CONCEPTS = (*NOUNS, *ADJECTIVES, *VERBS, *SIMPLE_VERBS, *PLACES, *ADVERBS, "not")
ENGLISH = (*CONCEPTS, "the", "do", "-s")
"""Every token of the English side; `-s` is fixed to the word before it."""
LENGTH = 12
"""Of the longest instruction in English tokens."""


@dataclass(frozen=True)
class Thing:
    """A thing, or several of a kind."""

    noun: str
    adjective: str | None
    plural: bool


@dataclass(frozen=True)
class Instruction:
    """What is to be done, in no language."""

    verb: str
    thing: Thing
    place: tuple[str, Thing] | None
    adverb: str | None
    """Not where it is negated."""
    negated: bool


def draw(rng: np.random.Generator) -> Instruction:
    """An instruction of the shared grammar."""
    placed, negated = rng.random() < 0.6, bool(rng.random() < 0.15)
    return Instruction(
        verb=_one(VERBS if placed else SIMPLE_VERBS, rng),
        thing=_thing(rng),
        place=(_one(PLACES, rng), _thing(rng)) if placed else None,
        adverb=_one(ADVERBS, rng) if rng.random() < 0.25 and not negated else None,
        negated=negated,
    )


def english(said: Instruction) -> list[str]:
    """Tokens, as in "put the small cube -s behind the bowl slowly"."""
    out = ["do", "not"] if said.negated else []
    out += [said.verb, *_english(said.thing)]
    if said.place:
        out += [said.place[0], *_english(said.place[1])]
    return out + ([said.adverb] if said.adverb else [])


def _english(thing: Thing) -> list[str]:
    adjective = [thing.adjective] if thing.adjective else []
    return ["the", *adjective, thing.noun, *(["-s"] if thing.plural else [])]


def _thing(rng: np.random.Generator) -> Thing:
    return Thing(
        noun=_one(NOUNS, rng),
        adjective=_one(ADJECTIVES, rng) if rng.random() < 0.6 else None,
        plural=bool(rng.random() < 0.3),
    )


def _one(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]
