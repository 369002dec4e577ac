"""The words people see, in English and in Spanish. Knows nothing of what they are about."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, Protocol, get_args, runtime_checkable

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@runtime_checkable
class Speaks(Protocol):
    """A fact that is a sentence itself, as the reason for something."""

    def tell(self, language: Language) -> str: ...


@cache
def words(language: Language) -> Mapping[str, str]:
    """Every sentence of a language by its key. Both languages have the same keys."""
    text = files("colabsd.language").joinpath(f"{language}.json").read_text(encoding="utf-8")
    sentences: dict[str, str] = json.loads(text)
    return sentences


def say(key: str, language: Language, **facts: object) -> str:
    """The sentence of that key with the facts filled in; facts that are sentences are told in its language.

    Raises: KeyError when the key or one of the sentence's facts is missing (a mistake of ours, never of a user).
    """
    told = {name: fact_in(fact, language) for name, fact in facts.items()}
    return words(language)[key].format_map(told)


def fact_in(fact: object, language: Language) -> object:
    """The fact as it stands in a sentence of that language."""
    return fact.tell(language) if isinstance(fact, Speaks) else fact


def say_on_page(key: str, language: Language, **facts: object) -> str:
    """As `say`; where a sentence has a form for those who have no command line (`<key>.on_page`), that one."""
    own = f"{key}.on_page"
    return say(own if own in words(language) else key, language, **facts)


def choose_language(asked: str | None, environ: Mapping[str, str]) -> Language:
    """The language asked for, else that of `COLABSD_LANG`, else the locale's, else English.

    Locale variables are read in POSIX order: LC_ALL, LC_MESSAGES, LANG.
    """
    for name in (asked, *(environ.get(variable) for variable in ("COLABSD_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))):
        if name:
            return "es" if name.lower().startswith("es") else "en"
    return "en"
