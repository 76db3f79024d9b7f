"""Personas and their small talk, generated: a task is a person, whose replies hang together.

A persona is a value for each of six facts and two habits of speech. A turn is something said to
the person, in one of several wordings, and the reply; most turns ask for a fact. What a reply
claims can be read off it exactly, and so can whether that is true of the persona.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from robot_meta.data.vocabulary import Codec, Pair, Vocabulary
from robot_meta.few_shot_tasks import Split

FACTS: dict[str, tuple[str, ...]] = {
    "pet": ("dog", "cat", "parrot", "horse", "rabbit", "turtle"),
    "job": ("baker", "nurse", "pilot", "teacher", "farmer", "painter"),
    "home": ("paris", "oslo", "lima", "cairo", "delhi", "quebec"),
    "food": ("pizza", "soup", "rice", "cheese", "salad", "noodles"),
    "hobby": ("chess", "tennis", "fishing", "sailing", "dancing", "reading"),
    "colour": ("red", "blue", "green", "white", "black", "purple"),
}
QUESTIONS: dict[str, tuple[str, ...]] = {
    "pet": ("do you have a pet", "which animal is yours", "tell me of your pet"),
    "job": ("what is your job", "what do you work as", "tell me of your work"),
    "home": ("where do you live", "which town is home", "tell me of your town"),
    "food": ("what do you eat", "which food do you like", "tell me of your food"),
    "hobby": ("what do you do for fun", "which hobby do you have", "tell me of your hobby"),
    "colour": ("what colour do you like", "which colour is yours", "tell me of your colour"),
}
REPLIES: dict[str, tuple[str, ...]] = {
    "pet": ("i have a {}", "my pet is a {}"),
    "job": ("i am a {}", "i work as a {}"),
    "home": ("i live in {}", "my home is {}"),
    "food": ("i love {}", "i eat {}"),
    "hobby": ("i enjoy {}", "my hobby is {}"),
    "colour": ("i like {}", "my colour is {}"),
}
CHAT: dict[str, tuple[str, ...]] = {
    "hello there": ("hello", "good day"),
    "how are you": ("i am well", "not bad"),
    "that is nice": ("thank you", "yes it is"),
}
OPENINGS = ("", "well", "oh", "honestly")
ENDINGS = ("", "my friend", "you know", "haha")
ASKED = 0.8
"""Chance that a turn asks for a fact."""
SOURCE_LENGTH, TARGET_LENGTH = 6, 9
_OF_VALUE = {value: fact for fact, values in FACTS.items() for value in values}


@dataclass(frozen=True)
class Persona:
    """One person."""

    facts: dict[str, str]
    opening: str
    ending: str
    wording: int
    """Which of two ways of saying things is the person's."""

    @property
    def split(self) -> Split:
        """A checksum of the persona decides, so that no persona is in two splits."""
        total = sum(FACTS[fact].index(value) for fact, value in self.facts.items())
        total += OPENINGS.index(self.opening) + ENDINGS.index(self.ending) + self.wording
        kinds: tuple[Split, ...] = ("val", "test", "train", "train", "train")
        return kinds[total % len(kinds)]

    def reply(self, said: str, fact: str | None) -> list[str]:
        """Words to answer with; `fact` is what was asked for, None for chat."""
        if fact is None:
            core = CHAT[said][self.wording]
        else:
            core = REPLIES[fact][self.wording].format(self.facts[fact])
        return f"{self.opening} {core} {self.ending}".split()


def persona(rng: np.random.Generator, split: Split) -> Persona:
    """A person of a split, out of 1.5 million."""
    while (found := _anyone(rng)).split != split:
        pass
    return found


def _anyone(rng: np.random.Generator) -> Persona:
    return Persona(
        facts={fact: values[int(rng.integers(len(values)))] for fact, values in FACTS.items()},
        opening=OPENINGS[int(rng.integers(len(OPENINGS)))],
        ending=ENDINGS[int(rng.integers(len(ENDINGS)))],
        wording=int(rng.integers(2)),
    )


def turn(person: Persona, rng: np.random.Generator) -> Pair:
    """What is said to the person, and the reply."""
    if rng.random() < ASKED:
        fact = tuple(FACTS)[int(rng.integers(len(FACTS)))]
        said = QUESTIONS[fact][int(rng.integers(len(QUESTIONS[fact])))]
        return said.split(), person.reply(said, fact)
    said = tuple(CHAT)[int(rng.integers(len(CHAT)))]
    return said.split(), person.reply(said, None)


def claims(words: list[str]) -> dict[str, set[str]]:
    """The values that a reply gives, by fact; empty for chat."""
    out: dict[str, set[str]] = {}
    for word in words:
        if word in _OF_VALUE:
            out.setdefault(_OF_VALUE[word], set()).add(word)
    return out


def consistency(person: Persona, words: list[str]) -> int:
    """1 if a reply claims what is true of the person, -1 if something that is not, 0 if nothing.

    As the C score of Madotto et al. 2019, section 3.3, with the exact answer for a trained judge's.
    """
    told = claims(words)
    if any(values != {person.facts[fact]} for fact, values in told.items()):
        return -1
    return 1 if told else 0


@cache
def codec() -> Codec:
    """From what is said to replies."""
    heard = sorted({w for said in (*sum(QUESTIONS.values(), ()), *CHAT) for w in said.split()})
    patterns = (*sum(REPLIES.values(), ()), *sum(CHAT.values(), ()), *OPENINGS, *ENDINGS)
    words = {word for pattern in patterns for word in pattern.split()} - {"{}"}
    return Codec(
        Vocabulary(heard),
        Vocabulary(sorted(words | set(_OF_VALUE))),
        SOURCE_LENGTH,
        TARGET_LENGTH,
    )
