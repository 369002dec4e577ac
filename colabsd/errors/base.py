"""What all errors are: facts, and a sentence for them in each language."""

from typing import ClassVar

from colabsd.language import Language, say, say_on_page


class ColabsdError(Exception):
    """Base of everything colabsd raises on purpose.

    Keyword arguments are the facts that the sentence names; `str(error)` is English, `error.tell("es")` is Spanish.
    `parts` are the errors that it is made of, where it stands for several; each is told in a line of its own.
    """

    key: ClassVar[str] = "error.general"
    exit_code: ClassVar[int] = 1
    parts: tuple["ColabsdError", ...] = ()

    def __init__(self, message_key: str | None = None, **facts: object) -> None:
        super().__init__(message_key or self.key, facts)
        self.message_key = message_key or self.key
        self.facts = facts

    def __str__(self) -> str:
        return self.tell("en")

    def tell(self, language: Language) -> str:
        """The error as a sentence with a way out, in the reader's language."""
        said = say(self.message_key, language, **self.facts)
        return "\n- ".join((said, *(part.tell(language) for part in self.parts)))

    def tell_on_page(self, language: Language) -> str:
        """The same for those who have no command line before them."""
        said = say_on_page(self.message_key, language, **self.facts)
        return "\n- ".join((said, *(part.tell_on_page(language) for part in self.parts)))


class UsageError(ColabsdError):
    """What was asked cannot be done as it was asked. Exit code 2."""

    exit_code = 2
