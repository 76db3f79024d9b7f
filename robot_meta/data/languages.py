"""Languages that do not exist, each drawn by a number: words, word order, affixes, particles.

A language belongs to a family. For a concept it has the family's stem, so that relatives share
words, or a stem of its own from a pool that all languages draw from, where the same stem means
another thing elsewhere. Word order and marking follow the family too, less strictly. The tokens of
all languages are known beforehand, as with subwords of real ones; what they mean is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from robot_meta.data import instructions
from robot_meta.data.instructions import CONCEPTS, Instruction, Thing
from robot_meta.data.vocabulary import Codec, Pair, Vocabulary

FAMILIES, OWN_STEMS, AFFIXES = 4, 80, 12
COGNATE = 0.6
"""Chance that a concept has the family's stem."""
KEPT = 0.75
"""Chance that a trait is the family's."""
LENGTH = 14
"""Of the longest sentence in tokens."""
_SYLLABLES = tuple(c + v for c in "ptkbdgmnlrsz" for v in "aeiou")
_TRAITS: dict[str, tuple[str, ...]] = {
    "verb": ("first", "last"),
    "adjective": ("before", "after"),
    "place": ("before", "after"),
    "adverb": ("first", "last"),
    "article": ("none", "word", "suffix"),
    "plural": ("suffix", "prefix", "word", "twice"),
    "object": ("none", "suffix"),
    "negation": ("first", "last"),
    "courtesy": ("none", "word"),
}
"""What may differ, and how. "twice": cubes are said as cube cube."""
_MARKS = ("article", "plural", "object", "courtesy")
"""What is said by an affix or a particle."""
# Streams of random numbers: the stems of all, families, languages.
_STEMS, _FAMILY, _LANGUAGE = 0, 1, 2


@dataclass(frozen=True)
class Language:
    """One of them."""

    number: int
    family: int
    stems: dict[str, str]
    """By concept."""
    traits: dict[str, str]
    marks: dict[str, str]
    """The syllable that marks what `traits` says is marked."""

    def say(self, meant: Instruction) -> list[str]:
        """Tokens: stems, `-x` a suffix, `x-` a prefix, other short ones particles."""
        order = self.traits
        verb = [self.stems[meant.verb]]
        rest = self._thing(meant.thing, "object")
        if meant.place:
            place, what = [self.stems[meant.place[0]]], self._thing(meant.place[1], "")
            rest += place + what if order["place"] == "before" else what + place
        out = verb + rest if order["verb"] == "first" else rest + verb
        if meant.negated:
            no = [self.stems["not"]]
            out = no + out if order["negation"] == "first" else out + no
        if meant.adverb:
            how = [self.stems[meant.adverb]]
            out = how + out if order["adverb"] == "first" else out + how
        return out + ([self.marks["courtesy"]] if order["courtesy"] == "word" else [])

    def _thing(self, thing: Thing, role: str) -> list[str]:
        noun = [self.stems[thing.noun]]
        if thing.plural:
            noun = self._marked(noun, "plural")
        if role:
            noun = self._marked(noun, role)
        noun = self._marked(noun, "article")
        kind = [self.stems[thing.adjective]] if thing.adjective else []
        return kind + noun if self.traits["adjective"] == "before" else noun + kind

    def _marked(self, noun: list[str], what: str) -> list[str]:
        mark, way = self.marks[what], self.traits[what]
        if way == "suffix":
            return [*noun, f"-{mark}"]
        if way == "prefix":
            return [f"{mark}-", *noun]
        if way == "word":
            return [mark, *noun]
        return noun * 2 if way == "twice" else noun


def language(number: int) -> Language:
    """The language of a number; its family is the rest of dividing by `FAMILIES`."""
    rng = np.random.default_rng([_LANGUAGE, number])
    family = number % FAMILIES
    of_family = _traits(np.random.default_rng([_FAMILY, family]))
    own = [OWN[i] for i in rng.permutation(OWN_STEMS)]
    stems = {
        concept: COGNATES[family][i] if rng.random() < COGNATE else own[i]
        for i, concept in enumerate(CONCEPTS)
    }
    drawn = _traits(rng)
    traits = {name: of_family[name] if rng.random() < KEPT else drawn[name] for name in _TRAITS}
    marks = [_SYLLABLES[i] for i in rng.permutation(AFFIXES)]
    return Language(number, family, stems, traits, dict(zip(_MARKS, marks, strict=False)))


def corpus(spoken: Language, size: int, rng: np.random.Generator) -> list[Pair]:
    """Sentences with their English translations."""
    meant = (instructions.draw(rng) for _ in range(size))
    return [(spoken.say(each), instructions.english(each)) for each in meant]


@cache
def codec() -> Codec:
    """From any of the languages into English."""
    affixes = [form for s in _SYLLABLES[:AFFIXES] for form in (s, f"-{s}", f"{s}-")]
    stems = [stem for family in COGNATES for stem in family]
    source = Vocabulary([*stems, *OWN, *affixes])
    target = Vocabulary(instructions.ENGLISH)
    return Codec(source, target, LENGTH, instructions.LENGTH + 1)


def _traits(rng: np.random.Generator) -> dict[str, str]:
    return {name: ways[int(rng.integers(len(ways)))] for name, ways in _TRAITS.items()}


def _stems() -> list[str]:
    """Different stems of two syllables for every family and the pool."""
    rng = np.random.default_rng([_STEMS])
    wanted = FAMILIES * len(CONCEPTS) + OWN_STEMS
    pairs = rng.permutation(len(_SYLLABLES) ** 2)[:wanted]
    return [_SYLLABLES[p // len(_SYLLABLES)] + _SYLLABLES[p % len(_SYLLABLES)] for p in pairs]


_ALL = _stems()
COGNATES = tuple(tuple(_ALL[f * len(CONCEPTS) : (f + 1) * len(CONCEPTS)]) for f in range(FAMILIES))
"""Stems of each family, by concept."""
OWN = tuple(_ALL[FAMILIES * len(CONCEPTS) :])
"""Stems that any language may use for anything."""
