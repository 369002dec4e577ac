"""Where the command speaks: results on stdout, everything else on stderr; as sentences or as lines of JSON."""

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from colabsd.cli.text import cut, harmless
from colabsd.errors import ColabsdError, InvalidSettingError
from colabsd.language import Language, choose_language, fact_in, say

LONGEST_FACT = 1000  # columns


@dataclass(frozen=True, kw_only=True)
class Console:
    """How one run of the command speaks."""

    language: Language = "en"
    as_json: bool = False
    quiet: bool = False
    debug: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @classmethod
    def from_arguments(cls, arguments: Sequence[str], environ: Mapping[str, str]) -> Self:
        """Read from the raw command line, so that its own errors are told in the right way too."""
        own = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
        return cls(
            language=choose_language(_asked_language(own), environ),
            as_json="--json" in own,
            quiet="--quiet" in own,
            debug="--debug" in own,
            environ=environ,
        )

    @property
    def width(self) -> int:
        """Columns of the terminal; 80 in a pipe that says nothing else."""
        return shutil.get_terminal_size((80, 24)).columns

    def sentence(self, key: str, facts: Mapping[str, object]) -> str:
        """A sentence whose facts can do a terminal no harm."""
        return say(
            key, self.language, **{name: _harmless_fact(fact_in(fact, self.language)) for name, fact in facts.items()}
        )

    def tell(self, key: str, /, **facts: object) -> None:
        """A sentence for people on stderr (in JSON an object of type note); nothing when quiet."""
        if not self.quiet:
            self.tell_always(key, **facts)

    def tell_always(self, key: str, /, **facts: object) -> None:
        """The same, also when quiet."""
        if self.as_json:
            self.write_json("note", key=key, text=self.sentence(key, facts))
        else:
            print(self.sentence(key, facts), file=sys.stderr, flush=True)

    def result(self, line: str) -> None:
        """A line of the result on stdout, for commands that are not asked for JSON."""
        print(line, flush=True)

    def write_json(self, type_: str, /, **facts: Any) -> None:
        """One JSON object on a line of stdout. ASCII only, so that no terminal or pipe can misread it."""
        print(json.dumps({"type": type_, **facts}, default=str), flush=True)

    def tell_error(self, error: ColabsdError) -> None:
        """An error with its way out: a sentence on stderr, or a JSON object on stdout."""
        said = [self.sentence(one.message_key, _with_option_name(one)) for one in (error, *error.parts)]
        if self.as_json:
            message = "\n- ".join(said)
            self.write_json("error", key=error.message_key, message=message, exit_code=error.exit_code)
        else:
            first = self.sentence("cli.error", {"message": said[0]})
            print("\n- ".join((first, *said[1:])), file=sys.stderr, flush=True)


def _asked_language(arguments: Sequence[str]) -> str | None:
    """The value of `--lang`, wherever it stands; the last one counts."""
    asked = None
    for place, argument in enumerate(arguments):
        if argument.startswith("--lang="):
            asked = argument.removeprefix("--lang=")
        elif argument == "--lang" and place + 1 < len(arguments):
            asked = arguments[place + 1]
    return asked


def _harmless_fact(fact: object) -> str:
    """A fact as text that a terminal can show: nothing that it obeys, and not the whole of a prompt of 10,000 words."""
    return cut(harmless(str(fact)), LONGEST_FACT)


def _with_option_name(error: ColabsdError) -> Mapping[str, object]:
    """The error's facts with a setting's name as the option that sets it: `clip_skip` becomes `--clip-skip`."""
    if not isinstance(error, InvalidSettingError) or "field" not in error.facts:
        return error.facts
    return {**error.facts, "field": option_name(str(error.facts["field"]))}


def option_name(setting: str) -> str:
    """The option of a setting; the prompt is an argument and has none."""
    return setting if setting == "prompt" else "--" + setting.replace("_", "-")
