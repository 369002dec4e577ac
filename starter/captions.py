"""Captions: sentences that people would type for a scene, English or Spanish; what is left out is free."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass

from .palette import COLOURS, STYLE_OPENERS, STYLE_PHRASES
from .recipe import STYLES
from .scenes import Background, Scene, Thing
from .vocabulary import COUNTS, PLACE_PHRASES, TINTS_ES, VOCABULARIES, Vocabulary

LANGUAGES = ("en", "es")


@dataclass(frozen=True)
class Habits:
    """How people write, as shares of all captions."""

    usual_name: float = 0.5
    style_said: float = 0.8
    opener: float = 0.35
    style_in_opener: float = 0.3
    background_said: float = 0.82
    article: float = 0.55
    adjective: float = 0.16
    praised: float = 0.3
    unknown_words: float = 0.15
    shuffled: float = 0.15
    commas: float = 0.85
    accents_dropped: float = 0.2
    plural: float = 0.05


PLAIN = Habits(
    style_in_opener=0.1,
    opener=0.1,
    article=0.4,
    adjective=0.05,
    praised=0.08,
    unknown_words=0.04,
    shuffled=0.05,
    plural=0.02,
)


@dataclass(frozen=True)
class Caption:
    """The sentence, in lower case, and what it says: the style and the background, each or None."""

    text: str
    language: str
    style: str | None
    background: Background | None


def describe(scene: Scene, rng: random.Random, language: str | None = None, habits: Habits | None = None) -> Caption:
    """A caption of the scene; it always names what is to be seen, and never anything that is not."""
    habits = habits or Habits()
    language = language or rng.choice(LANGUAGES)
    words = VOCABULARIES[language]
    subject = f" {words.also} ".join(_noun_phrase(thing, rng, language, habits) for thing in scene.things)
    opener, style_phrase, style = _style(scene.style, rng, language, habits)
    parts = [f"{opener} {subject}".strip()]
    background = scene.background if rng.random() < habits.background_said else None
    if background is not None:
        parts.append(_background_phrase(background, rng, language))
    if style_phrase:
        parts.insert(rng.choice((1, len(parts))), style_phrase)
    parts = _order(parts, rng, habits)
    parts += _fillers(words, rng, habits)
    text = contracted(_joined(parts, rng, habits, background is not None))
    if rng.random() < habits.accents_dropped:
        text = without_accents(text, keep_n=rng.random() < 0.5)
    return Caption(text, language, style, background)


def _style(style: str, rng: random.Random, language: str, habits: Habits) -> tuple[str, str, str | None]:
    """Opener, style phrase and the style that was said."""
    said = rng.random() < habits.style_said
    if said and rng.random() < habits.style_in_opener:
        return rng.choice(STYLE_OPENERS[style][language]), "", style
    opener = ""
    if rng.random() < habits.opener:
        openers = VOCABULARIES[language].openers
        if said and rng.random() < 0.2:  # "a drawing of a dog, 3d style": the style that is named counts
            openers = STYLE_OPENERS["drawing"][language]
        opener = rng.choice(openers)
    return opener, (rng.choice(STYLE_PHRASES[style][language]) if said else ""), (style if said else None)


def _noun_phrase(thing: Thing, rng: random.Random, language: str, habits: Habits) -> str:
    names = thing.concept.names(language)
    index = 0 if rng.random() < habits.usual_name else rng.randrange(len(names))
    feminine = language == "es" and thing.concept.es_gender[index] == "f"
    name, plural = names[index], names[index].split()[0].endswith("s") and len(names[index]) > 4
    if len(thing.spots) > 1:
        return f"{COUNTS[language][len(thing.spots)]} {_tinted(pluralised(name, language), thing, language, feminine)}"
    if rng.random() < habits.plural:
        name, plural = pluralised(name, language), True
    if rng.random() < habits.adjective:
        name = _with_adjective(name, rng, VOCABULARIES[language], feminine)
    name = _tinted(name, thing, language, feminine)
    return f"{_article(name, rng, language, feminine, plural)} {name}" if rng.random() < habits.article else name


def _with_adjective(name: str, rng: random.Random, words: Vocabulary, feminine: bool) -> str:
    def agreed(adjective: str) -> str:
        return adjective.split("|")[-1 if feminine else 0]

    if rng.random() < 0.15:
        return f"{_unknown(words, rng)} {name}"
    if words.after and rng.random() < 0.6:
        return f"{name} {agreed(rng.choice(words.after))}"
    chosen = [agreed(one) for one in rng.sample(words.before, 2 if rng.random() < 0.25 else 1)]
    return f"{' '.join(chosen)} {name}"


def _tinted(name: str, thing: Thing, language: str, feminine: bool) -> str:
    if thing.tint is None:
        return name
    if language == "es":
        return f"{name} {TINTS_ES[thing.tint].split('|')[-1 if feminine else 0]}"
    return f"{COLOURS[thing.tint].en[0]} {name}"


def _article(name: str, rng: random.Random, language: str, feminine: bool, plural: bool) -> str:
    definite = rng.random() < 0.25
    if language == "en":
        if plural:
            return "the" if definite else "some"
        return "the" if definite else ("an" if name[0] in "aeiou" else "a")
    if plural:
        return ("las" if feminine else "los") if definite else ("unas" if feminine else "unos")
    return ("la" if feminine else "el") if definite else ("una" if feminine else "un")


def pluralised(name: str, language: str) -> str:
    """ "red apple" -> "red apples", "manzana roja" -> "manzanas rojas", "copo de nieve" -> "copos de nieve"."""
    words = name.split()
    ends = (len(words),) if language == "en" else tuple(range(1, len(words) + 1))
    if language == "es" and any(word in ("de", "del", "para") for word in words):
        ends = (1,)
    return " ".join(_plural(word, language) if place in ends else word for place, word in enumerate(words, 1))


def _plural(word: str, language: str) -> str:
    if word.endswith("s") and not word.endswith("ss"):
        return word
    if language == "en":
        if word.endswith(("ss", "sh", "ch", "x")):
            return word + "es"
        return word[:-1] + "ies" if word.endswith("y") and word[-2] not in "aeiou" else word + "s"
    if word[-1] in "aeiouáéó":
        return word + "s"
    bare = word[:-2] + without_accents(word[-2:]) if len(word) > 2 else word
    return (bare[:-1] + "c" if bare.endswith("z") else bare) + "es"


def _background_phrase(background: Background, rng: random.Random, language: str) -> str:
    if background.kind == "place":
        assert background.place is not None
        return rng.choice(PLACE_PHRASES[background.place][language])
    names = [rng.choice(COLOURS[colour].names(language)) for colour in background.colours]
    colour = f" {VOCABULARIES[language].also} ".join(names)
    return rng.choice(VOCABULARIES[language].background).format(colour)


def _order(parts: list[str], rng: random.Random, habits: Habits) -> list[str]:
    if rng.random() < habits.shuffled:
        rng.shuffle(parts)
    return parts


def _fillers(words: Vocabulary, rng: random.Random, habits: Habits) -> list[str]:
    """Praise and unknown words, for the end of a sentence; sometimes many."""
    fillers = []
    if rng.random() < habits.praised:
        fillers += rng.sample(words.praise, rng.choice((1, 1, 2, 2, 3, 4, 6)))
    if rng.random() < habits.unknown_words:
        fillers += [_unknown(words, rng) for _ in range(rng.choice((1, 1, 2)))]
    return fillers


def _unknown(words: Vocabulary, rng: random.Random) -> str:
    return invented_word(rng) if rng.random() < 0.25 else rng.choice(words.unknown)


def _joined(parts: list[str], rng: random.Random, habits: Habits, has_background: bool) -> str:
    """Commas between the parts, or none; a filler may come first."""
    if len(parts) > 2 and rng.random() < 0.1:
        parts = [parts[-1], *parts[:-1]]
    if rng.random() < habits.commas:
        first = " " if has_background and len(parts) > 1 and rng.random() < 0.35 else ", "
        return first.join(parts[:2]) + "".join(f", {part}" for part in parts[2:])
    return " ".join(parts)


def contracted(text: str) -> str:
    """ "de el sol" -> "del sol", "a orange background" -> "an orange background"."""
    return text.replace(" de el ", " del ").replace(" a orange ", " an orange ")


def invented_word(rng: random.Random) -> str:
    """A word of two or three syllables that means nothing."""
    syllables = [rng.choice("bcdfghjklmnprstvz") + rng.choice("aeiou") for _ in range(rng.choice((2, 3)))]
    return "".join(syllables) + rng.choice(("", "n", "r", "s", "x", "l"))


def without_accents(text: str, keep_n: bool = False) -> str:
    """ "pingüino" -> "pinguino"; ñ stays when asked."""
    kept = {"ñ": "ñ"} if keep_n else {}
    return "".join(kept.get(letter, unicodedata.normalize("NFD", letter)[0]) for letter in text)


def plain_prompt(name: str, style: str, colour: str, language: str) -> str:
    """The prompt of the evaluation: "a red apple, 3d style, blue background" without its article."""
    assert style in STYLES
    style_phrase = STYLE_PHRASES[style][language][0]
    shade = COLOURS[colour].names(language)[0]
    return f"{name}, {style_phrase}, " + (f"{shade} background" if language == "en" else f"fondo {shade}")
