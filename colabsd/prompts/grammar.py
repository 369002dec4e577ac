"""A prompt's text → its tree. Knows nothing of steps, tokens or wildcards.

What is read, in this order (A1111's):

    # to the end of the line      a comment; `\\#` is a #
    <lora:name:0.8>               an extra network, taken out of the text
    a :1.2 AND b                  parts with weights, guided together; not in negative prompts
    [from:to:when]                `from` until step `when`, then `to`; with a decimal point, a share of the steps
    [to:when]  [from::when]       nothing before, nothing after
    [a|b|c]                       another one at every step
    (x)  (x:1.3)  [x]  BREAK      attention (see `attention.py`)

Because AND is read first it also splits what stands in brackets. Brackets that fit nothing of this are characters for
schedules, and attention for what is left. A `|` outside of an alternation, or a backslash at the end of the text or of
a line, makes every schedule of its part plain text. A part's weight needs an AND: A1111 also reads `time 12:30` as
"time 12" with weight 30, which nobody means.
"""

import re
from dataclasses import dataclass, field

from colabsd.prompts.attention import read_weight
from colabsd.prompts.cleaning import clean, split_parts
from colabsd.prompts.tree import (
    MAX_DEPTH,
    Alternation,
    Break,
    Deemphasis,
    Emphasis,
    Moment,
    Node,
    Nodes,
    Part,
    Prompt,
    Schedule,
    Text,
)

_BREAK = re.compile(r"\bBREAK\b")
_TOKEN = re.compile(r"\\.?|[()\[\]:|]|[^\\()\[\]:|]+")
_MOMENT = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")
_WEIGHT = re.compile(r"\s*([+-]?[.\d]+)\s*")

_LONGEST_NUMBER = 40

_FURTHEST = 1e9
"""Moments are kept within this many steps."""

Range = tuple[int, int]
Item = Range | Node


@dataclass(slots=True)
class Frame:
    """A bracket that is open, or the ground (opener ""): its contents, cut at `:` and `|`.

    `spoiled` tells that something inside could not stand inside a schedule.
    """

    opener: str
    start: int
    segments: list[list[Item]] = field(default_factory=lambda: [[]])
    cuts: list[int] = field(default_factory=list)
    marks: str = ""
    spoiled: bool = False

    def add(self, item: Item) -> None:
        """Append, joining ranges that touch."""
        segment = self.segments[-1]
        if isinstance(item, tuple) and segment and isinstance(segment[-1], tuple) and segment[-1][1] == item[0]:
            segment[-1] = (segment[-1][0], item[1])
        else:
            segment.append(item)

    def cut(self, position: int, mark: str) -> None:
        self.cuts.append(position)
        self.marks += mark
        self.segments.append([])


@dataclass(slots=True)
class Reading:
    """What reading one part found besides its nodes: places (in the part's text) that the linter speaks of."""

    nodes: Nodes = ()
    unclosed: list[int] = field(default_factory=list)
    unopened: list[int] = field(default_factory=list)
    bars: list[int] = field(default_factory=list)
    timed: list[Range] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    numbers: list[Range] = field(default_factory=list)
    deep: list[int] = field(default_factory=list)
    stray_backslash: int = -1


def parse(text: str, *, negative: bool = False) -> Prompt:
    """The tree of a prompt. Every text has one; what is no grammar is text. Linear in the text's length.

    In a `negative` prompt AND is a word, because negative prompts are not guided in parts.
    """
    cleaned = clean(text)
    parts = []
    for part in split_parts(cleaned.text, negative=negative):
        parts.append(Part(read_part(cleaned.text[part.start : part.end]).nodes, part.weight))
    return Prompt(tuple(parts), tuple(network for network, _, _ in cleaned.networks))


def read_part(text: str) -> Reading:
    """The nodes of one part, whose text has no comments, networks or AND any more."""
    reading = Reading()
    _Reader(text, reading, schedules=True).read()
    if reading.bars or reading.stray_backslash >= 0:
        again = Reading()
        _Reader(text, again, schedules=False).read()
        reading.nodes = again.nodes
    return reading


@dataclass(slots=True)
class _Reader:
    """One pass over a part. The stack of open brackets is a list, so depth costs no recursion."""

    text: str
    reading: Reading
    schedules: bool
    stack: list[Frame] = field(default_factory=lambda: [Frame("", 0)])
    deep: bool = False

    def read(self) -> None:
        for match in _TOKEN.finditer(self.text):
            token, (start, end) = match.group(), match.span()
            if token in ("(", "["):
                self.stack.append(Frame(token, start))
            elif token in (")", "]"):
                self.close("(" if token == ")" else "[", start)
            elif token in (":", "|"):
                self.stack[-1].cut(start, token)
            else:
                if token == "\\":
                    self.reading.stray_backslash = start
                self.stack[-1].add((start, end))
        self.dissolve(0)
        self.check_bars(self.stack[0])
        self.deep = False
        self.reading.nodes = self.nodes(self.joined(self.stack[0]))

    def close(self, opener: str, position: int) -> None:
        """A closing bracket: ends the nearest bracket of its kind, and whatever is open inside that one."""
        index = len(self.stack) - 1
        if self.stack[index].opener != opener:
            index = self.nearest(opener)
        if index < 0:
            self.reading.unopened.append(position)
            self.stack[-1].spoiled = True
            self.stack[-1].add((position, position + 1))
            return
        self.dissolve(index)
        frame = self.stack.pop()
        self.deep = len(self.stack) > MAX_DEPTH
        node, fits = self.finished(frame, position)
        parent = self.stack[-1]
        parent.spoiled |= not fits
        if self.deep:
            self.reading.deep.append(frame.start)
            parent.add((frame.start, position + 1))
        else:
            parent.add(node)

    def nearest(self, opener: str) -> int:
        for index in range(len(self.stack) - 1, 0, -1):
            if self.stack[index].opener == opener:
                return index
        return -1

    def dissolve(self, index: int) -> None:
        """Make characters of the brackets that are open above `stack[index]`."""
        base = self.stack[index]
        for frame in self.stack[index + 1 :]:
            self.reading.unclosed.append(frame.start)
            base.add((frame.start, frame.start + 1))
            base.spoiled = True
            for number, segment in enumerate(frame.segments):
                if number:
                    base.cut(frame.cuts[number - 1], frame.marks[number - 1])
                for item in segment:
                    base.add(item)
        del self.stack[index + 1 :]

    def finished(self, frame: Frame, end: int) -> tuple[Node, bool]:
        """The node of a closed bracket, and whether it may stand inside a schedule."""
        sound = not frame.spoiled
        if frame.opener == "(":
            self.check_bars(frame)
            return self.emphasis(frame), sound and len(frame.marks) <= 1
        if sound and self.schedules and frame.marks and set(frame.marks) == {"|"}:
            self.reading.timed.append((frame.start, end))
            return Alternation(tuple(self.nodes(segment) for segment in frame.segments)), True
        if sound and self.schedules and frame.marks in (":", "::"):
            when = self.moment(frame.segments[-1])
            if when is not None:
                self.reading.timed.append((frame.start, end))
                if when.unit == "share" and when.value > 1:
                    self.reading.late.append(frame.start)
                before = self.nodes(frame.segments[0]) if len(frame.marks) == 2 else ()
                return Schedule(before, self.nodes(frame.segments[-2]), when), True
        self.check_bars(frame)
        if frame.marks:
            self.check_number(frame.segments[-1], _MOMENT)
        return Deemphasis(self.nodes(self.joined(frame))), sound and not frame.marks

    def emphasis(self, frame: Frame) -> Emphasis:
        last = frame.segments[-1]
        if frame.marks.endswith(":") and len(last) == 1 and isinstance(last[0], tuple):
            match = _WEIGHT.fullmatch(self.text, *last[0])
            weight = read_weight(match[1]) if match else None
            if weight is not None:
                frame.segments.pop()
                frame.marks = frame.marks[:-1]
                return Emphasis(self.nodes(self.joined(frame)), weight)
            self.check_number(last, None)
        return Emphasis(self.nodes(self.joined(frame)))

    def moment(self, segment: list[Item]) -> Moment | None:
        if len(segment) != 1 or not isinstance(segment[0], tuple):
            return None
        match = _MOMENT.fullmatch(self.text, *segment[0])
        if match is None:
            return None
        value = max(-_FURTHEST, min(_FURTHEST, float(match[1])))
        return Moment(value, "share" if "." in match[1] else "step")

    def check_bars(self, frame: Frame) -> None:
        """Note the bars of a bracket that is no alternation."""
        self.reading.bars += [cut for cut, mark in zip(frame.cuts, frame.marks, strict=False) if mark == "|"]

    def check_number(self, segment: list[Item], valid: re.Pattern[str] | None) -> None:
        """Note what was meant as a number and is none."""
        if len(segment) == 1 and isinstance(segment[0], tuple):
            start, end = segment[0]
            meant = self.text[start : min(end, start + _LONGEST_NUMBER)]
            if re.fullmatch(r"\s*[+-]?[\d.,]*\d[\d.,eE+-]*\s*", meant) and not (valid and valid.fullmatch(meant)):
                self.reading.numbers.append((start, end))

    def joined(self, frame: Frame) -> list[Item]:
        """The contents of a frame with its cuts as characters again."""
        if not frame.marks:
            return frame.segments[0]
        whole = Frame(frame.opener, frame.start)
        for number, segment in enumerate(frame.segments):
            if number:
                whole.add((frame.cuts[number - 1], frame.cuts[number - 1] + 1))
            for item in segment:
                whole.add(item)
        return whole.segments[0]

    def nodes(self, items: list[Item]) -> Nodes:
        """The items as nodes, each BREAK as a node of its own; none for what is too deep to become nodes."""
        nodes: list[Node] = []
        if self.deep:
            return ()
        for item in items:
            if not isinstance(item, tuple):
                nodes.append(item)
                continue
            source = self.text[item[0] : item[1]]
            done = 0
            for match in _BREAK.finditer(source):
                if match.start() > done:
                    nodes.append(Text(source[done : match.start()]))
                nodes.append(Break())
                done = match.end()
            if done < len(source):
                nodes.append(Text(source[done:]))
        return tuple(nodes)
