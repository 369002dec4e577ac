"""A tree → its text, so that parsing it again gives the tree. Knows nothing of steps or tokens."""

import re
from collections.abc import Callable
from decimal import Decimal

from colabsd.prompts.tree import (
    Alternation,
    Break,
    Deemphasis,
    Emphasis,
    Moment,
    Network,
    Nodes,
    Part,
    Prompt,
    Schedule,
    Text,
)

Timed = Schedule | Alternation
Choose = Callable[[Timed], Nodes]

_SPECIAL = re.compile(r"[\\()\[\]:|#]")
_NUMBER_AFTER_COLON = re.compile(r"(\\:\s*)(?=[+\-.\d])")
_WORD = re.compile(r"\b(?:AND|BREAK)\b")
_TAG = re.compile(r"<(?=\w+(?::[^>]|$))")  # also where the colon of a schedule or a weight may follow
_WEIGHT_LIKE = re.compile(r":\s*[-+]?[.\d]+\s*$")


def write(prompt: Prompt, *, negative: bool = False) -> str:
    """The text of a prompt: `parse(write(prompt)) == prompt` for what `parse` gave and for what is made of `literal`.

    Networks come last. `negative` as in `parse`: there is one part, and AND is a word.
    """
    several = len(prompt.parts) > 1 and not negative
    parts = " AND ".join(_part(part) if several else render(part.nodes) for part in prompt.parts)
    return parts + "".join(write_network(network) for network in prompt.networks)


def literal(sentence: str) -> str:
    """A source for `Text` that means this sentence, whatever characters are in it, wherever it stands."""
    source = _SPECIAL.sub(lambda match: "\\" + match[0], sentence)
    source = _NUMBER_AFTER_COLON.sub(r"\1\\", source)
    source = _WORD.sub(lambda match: match[0][0] + "\\" + match[0][1:], source)
    return _TAG.sub(r"<\\", source)


def write_network(network: Network) -> str:
    """`<kind:argument:argument>`."""
    return f"<{':'.join((network.kind, *network.arguments))}>"


def write_number(number: float) -> str:
    """A number in digits alone (prompts know no exponents), the shortest that reads back equal."""
    digits = format(Decimal(repr(number)), "f")
    return digits.removesuffix(".0")


def render(nodes: Nodes, choose: Choose | None = None) -> str:
    """The text of nodes: with `choose`, what it picks stands in the place of each schedule and alternation."""
    pieces: list[str] = []
    for node in nodes:
        match node:
            case Text(source):
                pieces.append(source)
            case Break():
                pieces.append("BREAK")
            case Emphasis(inside, weight):
                number = "" if weight is None else f":{write_number(weight)}"
                pieces += ("(", render(inside, choose), number, ")")
            case Deemphasis(inside):
                pieces += ("[", render(inside, choose), "]")
            case Schedule() | Alternation():
                pieces.append(_timed(node) if choose is None else render(choose(node), choose))
    return "".join(pieces)


def _timed(node: Timed) -> str:
    if isinstance(node, Alternation):
        return f"[{'|'.join(render(member) for member in node.members)}]"
    before = f"{render(node.before)}:" if node.before else ""
    return f"[{before}{render(node.after)}:{_moment(node.when)}]"


def _moment(when: Moment) -> str:
    if when.unit == "step":
        return write_number(when.value)
    digits = write_number(when.value)
    return digits if "." in digits else f"{digits}.0"


def _part(part: Part) -> str:
    """One side of an AND. A weight of 1 is written only where the text would be read as a weight itself."""
    text = render(part.nodes)
    if part.weight == 1 and not _WEIGHT_LIKE.search(text):
        return text
    return f"{text} :{write_number(part.weight)}"
