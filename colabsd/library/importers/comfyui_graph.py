"""A graph of nodes as ComfyUI writes it, walked without trust: it may be cyclic, deep, or point at what is missing."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

MOST_NODES = 10_000
PRIMITIVES = ("value", "int", "float", "string", "text", "seed", "noise_seed", "number", "Number", "int_", "Text")
SAMPLER_MARKS = ({"sampler_name", "steps"}, {"sampler", "sigmas"})


@dataclass(frozen=True)
class Node:
    """One node: its id, its class, and its inputs, each a value or a link."""

    id: str
    name: str
    inputs: Mapping[str, Any]


def is_link(value: object) -> TypeGuard[list[Any]]:
    """Whether an input comes from another node: a list of that node's id and one of its outputs."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], (str, int))


class Graph:
    """The nodes by id. Everything else in the object is left out."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._nodes: dict[str, Node] = {}
        for key, node in list(data.items())[:MOST_NODES]:
            if (
                isinstance(node, dict)
                and isinstance(node.get("class_type"), str)
                and isinstance(node.get("inputs"), dict)
            ):
                self._nodes[str(key)] = Node(str(key), node["class_type"], node["inputs"])

    def node(self, link: object) -> Node | None:
        """The node that a link comes from."""
        return self._nodes.get(str(link[0])) if is_link(link) else None

    def walk(self, link: object, names: Sequence[str] = (), without: Sequence[str] = ()) -> Iterator[Node]:
        """The nodes behind a link, nearest first, each once; only through inputs of those names, or through all."""
        waiting, seen = deque([link]), set[str]()
        while waiting:
            node = self.node(waiting.popleft())
            if node is None or node.id in seen:
                continue
            seen.add(node.id)
            yield node
            waiting.extend(
                value
                for name, value in node.inputs.items()
                if is_link(value) and (not names or name in names) and name not in without
            )

    def value(self, value: object) -> object:
        """What an input says: the value itself, or that of the primitive node that it is linked to, or None."""
        if not is_link(value):
            return value
        for node in self.walk(value, PRIMITIVES):
            for name in PRIMITIVES:
                found = node.inputs.get(name)
                if found is not None and not is_link(found):
                    return found
        return None

    def nearest(self, link: object, names: Sequence[str], through: Sequence[str]) -> object:
        """The first value of one of those names behind a link."""
        for node in self.walk(link, through):
            for name in names:
                found = self.value(node.inputs.get(name))
                if isinstance(found, str):
                    return found
        return None

    def text(self, link: object, names: Sequence[str], without: Sequence[str], side: str) -> str | None:
        """The texts behind a conditioning, joined: its nearest nodes that have one, not those behind them.

        A node that makes both conditionings has a link of the side's own name; only that one is followed.
        """
        found: list[str] = []
        waiting, seen = deque([link]), set[str]()
        while waiting:
            node = self.node(waiting.popleft())
            if node is None or node.id in seen:
                continue
            seen.add(node.id)
            texts = [self.value(node.inputs[name]) for name in names if name in node.inputs]
            told = next((text for text in texts if isinstance(text, str)), None)
            if told is not None:
                found.append(told)
            elif is_link(node.inputs.get(side)):
                waiting.append(node.inputs[side])
            else:
                waiting.extend(value for name, value in node.inputs.items() if is_link(value) and name not in without)
        return "\n".join(found) if found else None

    def told(self, sampler: Node, links: Sequence[str]) -> dict[str, Any]:
        """What a sampler is told, by itself and by the nodes that its special inputs come from; its own word counts."""
        told: dict[str, Any] = {}
        for node in (sampler, *(node for name in links for node in self.walk(sampler.inputs.get(name), links))):
            told = {**node.inputs, **told}
        return told

    def chain_of_samplers(self, outputs: Sequence[str], latents: Sequence[str]) -> tuple[Node, ...]:
        """The samplers that a picture went through, last first; of the whole graph where it has no output."""
        for output in outputs:
            for node in self._nodes.values():
                if node.name == output:
                    chain = self._samplers_behind(node, latents)
                    if chain:
                        return chain
        return tuple(node for node in self._nodes.values() if self._is_sampler(node))[:1]

    def _samplers_behind(self, node: Node, latents: Sequence[str]) -> tuple[Node, ...]:
        starts = [value for name, value in node.inputs.items() if is_link(value) and name != "vae"]
        through = (*latents, "images", "image1", "upscale_model_input")
        found = (one for start in starts for one in self.walk(start, through) if self._is_sampler(one))
        return tuple({one.id: one for one in found}.values())

    def _is_sampler(self, node: Node) -> bool:
        return any(marks <= set(node.inputs) for marks in SAMPLER_MARKS)
