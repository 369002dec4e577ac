"""The frame loop: a film's frames one after the other, each from the one before it; any of them may be the last.

Order of operations as Deforum's notebook and its extension for A1111 have it. Between two drawn frames lies a stretch:
a frame is drawn, its state is kept, then the frames up to the next drawn one are written. A run that was killed goes on
from a state, and every pixel is what it would have been; frames that are missing or damaged are drawn again from the
state before them. Knows nothing of engines (a Painter draws), of Drive and of files for films.
"""

from bisect import bisect_right
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from colabsd.artifacts import Frame
from colabsd.planning.video_plans import FramePlan, VideoPlan
from colabsd.planning.video_stretches import drawn_frames, written_frames
from colabsd.progress import Note, Progress
from colabsd.video.coherence import Coherence, as_reference, as_tensor
from colabsd.video.depth import Depth, Plane
from colabsd.video.film_store import FilmStore, frame_key
from colabsd.video.flow import Method, carried, optical_flow
from colabsd.video.footage import InputFootage, flow_method, to_pixels
from colabsd.video.moving import Mover
from colabsd.video.painting import Painter
from colabsd.video.state import FilmState

CHAINED = ("2D", "3D")
LONG = 50
"""Frames of a stretch from which on the picture is moved from where it was drawn in one step, not blurred so often."""


def render(
    painter: Painter,
    plan: VideoPlan,
    store: FilmStore,
    *,
    footage: InputFootage | None = None,
    depth: Depth | None = None,
) -> Iterator[Progress | Note | Frame]:
    """Draw what a film still lacks, and yield each frame when it is a file. Close the iterator to stop after any step.

    Raises: StorageError, UnreadableVideoError, and what the painter raises; everything written is kept.
    """
    loop = _Loop(painter, plan, store, footage or InputFootage(plan), Mover(plan, depth or Plane()))
    try:
        yield from store.restore()
        yield from loop.run()
    finally:
        loop.footage.close()
        store.secure_quietly()


class _Loop:
    """One run over a film."""

    def __init__(
        self, painter: Painter, plan: VideoPlan, store: FilmStore, footage: InputFootage, mover: Mover
    ) -> None:
        self.painter, self.plan, self.store, self.footage, self.mover = painter, plan, store, footage, mover
        self.coherence = Coherence(plan, footage.colours)
        self.starts = drawn_frames(plan)
        self.count = written_frames(plan)
        self.ends = [*(start for start in self.starts[1:]), len(plan.frames)]

    def run(self) -> Iterator[Progress | Note | Frame]:
        """Until no frame is missing."""
        yield Progress(stage="check", done=0, total=self.count)
        missing = set(self.store.frames.gaps(self.count))
        if missing and len(missing) < self.count:
            yield Note("note.film.goes_on", {"frame": min(missing), "missing": len(missing), "total": self.count})
        standing: _Standing | None = None
        while missing:
            place = bisect_right(self.starts, min(missing)) - 1
            standing = self._nearest(place, standing)
            while standing is None or standing.place < place:
                standing = yield from self._go_on(standing, missing)
            yield from self._stretch(standing, missing)
            self.store.rest()

    def _nearest(self, place: int, standing: "_Standing | None") -> "_Standing | None":
        """Where the run stands already, or the state that is nearest before a stretch."""
        if standing is not None and standing.place > place:
            standing = None
        if standing is not None and standing.place >= place - 1:
            return standing
        state = self.store.states.newest(self.starts[place])
        if state is None or state.index not in self.starts:
            return standing
        found = bisect_right(self.starts, state.index) - 1
        return standing if standing is not None and standing.place >= found else _Standing(found, state)

    def _go_on(
        self, standing: "_Standing | None", missing: set[int]
    ) -> Generator[Progress | Note | Frame, None, "_Standing"]:
        """Draw the next frame that is drawn, and keep the state after it."""
        place = 0 if standing is None else standing.place + 1
        if standing is not None and not standing.is_through:
            yield from self._stretch(standing, missing)
        frame = self.plan.frames[self.starts[place]]
        state = yield from self._drawn(frame, None if standing is None else standing)
        self.store.keep_state(state)
        return _Standing(place, state)

    def _drawn(
        self, frame: FramePlan, before: "_Standing | None"
    ) -> Generator[Progress | Note | Frame, None, FilmState]:
        """The state after a frame was drawn."""
        known = None if before is None else as_reference(before.state.reference)
        film = self.footage.film_at(frame.index)
        known = self.coherence.reference_at(frame, known, film)
        start: Tensor | None = None
        if self.plan.mode in CHAINED and before is not None:
            start, known = yield from self._moved(frame, before, known)
        elif self.plan.mode == "Video Input":
            start = self._from_film(frame, before)
        if start is None and frame.index == 0:
            start = self.footage.init_image
        mask = self.footage.mask_at(frame.index) if start is not None else None
        picture = yield from self._painted(frame, self.painter.paint(self._as_planned(frame), start, mask))
        if self.plan.footage.composite == "After Generation":
            picture = self.mover.whole(self.footage.composed(picture, frame), moved=True)
        picture, known = self.coherence.after_drawing(frame, picture, known)
        return FilmState(
            index=frame.index,
            plan=self.store.states.plan,
            picture=picture,
            before=before.picture if before is not None and self._has_between(frame) else None,
            before_at=-1 if before is None else before.at,
            reference=as_tensor(known),
        )

    def _moved(
        self, frame: FramePlan, before: "_Standing", known: Any
    ) -> Generator[Progress | Note | Frame, None, tuple[Tensor, Any]]:
        """What a frame of a chain is drawn from: the frame before, moved, in its colours, prepared."""
        composite = self.plan.footage.composite
        base = self.mover.whole(before.picture)
        moved, gaps = self.mover.move(base, frame)
        moved = self.mover.whole(moved, moved=True)
        if gaps is not None and bool(gaps.any()):
            moved = yield from self._painted(frame, self.painter.fill(frame, moved, gaps))
        if composite == "Before Motion":
            moved = self.footage.composed(moved, frame)
        moved, believed = self.footage.carried_along(moved, frame)
        if composite == "Normal":
            moved = self.footage.composed(moved, frame, believed)
        moved = self.mover.whole(moved, moved=True)
        moved, known = self.coherence.after_move(moved, known)
        last = self.plan.frames[before.state.index]
        return self.coherence.prepared(moved, frame, last.seed), known

    def _from_film(self, frame: FramePlan, before: "_Standing | None") -> Tensor | None:
        """What a frame of a restyled film is drawn from: its frame, over the last one carried along where asked."""
        film = self.footage.film_at(frame.index)
        if before is None or film is None or self.plan.footage.composite == "None":
            return film
        carried_on, believed = self.footage.carried_along(before.picture, frame)
        return self.mover.whole(self.footage.composed(carried_on, frame, believed), moved=True)

    def _painted(self, frame: FramePlan, events: Iterator[Progress | Tensor]) -> Generator[Progress, None, Tensor]:
        """Follow the painter to its picture."""
        picture: Tensor | None = None
        for event in events:
            if isinstance(event, Progress):
                yield replace(event, item=frame.index, items=self.count)
            else:
                picture = event
        assert picture is not None, "a painter ends with a picture"
        return picture

    def _stretch(self, standing: "_Standing", missing: set[int]) -> Iterator[Progress | Note | Frame]:
        """Move on through the frames after a drawn one, and write those that are missing."""
        state, end = standing.state, self.ends[standing.place]
        walk = _Walk(self, state, end)
        for index in range(state.index, end):
            picture = walk.to(index)
            if index in missing:
                pixels = to_pixels(self.mover.whole(picture))
                yield self.store.keep_frame(index, pixels, self._facts(index, state.index))
                missing.discard(index)
        standing.picture, standing.at, standing.is_through = walk.picture, end - 1, True

    def _facts(self, index: int, start: int) -> dict[str, Any]:
        """What a frame says of itself: what it is, and which frames and files it was made from."""
        place = bisect_right(self.starts, start) - 1
        chained = self.plan.mode in CHAINED or self.plan.footage.composite != "None"
        earlier = [self.starts[place - 1]] if place and (chained or index != start) else []
        sources = earlier if index == start else [*earlier, start]
        parents = [frame_key(self.store.states.plan, source) for source in sources]
        brought = [sha256 for sha256 in self.plan.footage.digests.values() if sha256]
        drawn = {"drawing": self.plan.drawing(index).as_json()} if index == start else {}
        return {"drawn": index == start, "parents": [*parents, *brought], **drawn}

    def _has_between(self, frame: FramePlan) -> bool:
        """Whether frames follow this one that are made of two drawn ones."""
        return self.plan.mode in CHAINED and self.ends[self.starts.index(frame.index)] - frame.index > 1

    def _as_planned(self, frame: FramePlan) -> FramePlan:
        """The frame, with Deforum's one strength for a whole input film where that is asked for."""
        if self.plan.mode == "Video Input" and "video_strength" in self.plan.compat:
            return replace(frame, strength=self.plan.frames[0].strength)
        return frame


@dataclass
class _Standing:
    """Where a run is: at the drawn frame number `place`, and when it `is_through` the stretch behind it, with the
    picture moved on to frame `at`.
    """

    place: int
    state: FilmState
    is_through: bool = False

    def __post_init__(self) -> None:
        self.picture, self.at = self.state.picture, self.state.index


class _Walk:
    """The two pictures of a stretch, moved on from frame to frame, and what is seen of both."""

    def __init__(self, loop: _Loop, state: FilmState, end: int) -> None:
        self.loop, self.state, self.end = loop, state, end
        self.picture, self.at = state.picture, state.index
        self.before, self.before_at = state.before, state.before_at
        self._way: Any = None

    def to(self, index: int) -> Tensor:
        """The picture that is seen at a frame: of the last drawn one as much as the way to the next one is done."""
        frame = self.loop.plan.frames[index]
        depth = None
        if index > self.at or (self.before is not None and index > self.before_at):
            depth = self.loop.mover.depth_of(self.picture)
        if self.before is not None and index > self.before_at:
            self.before, self.before_at = self.loop.mover.move(self.before, frame, depth).picture, index
        if index > self.at:
            self._move_on(frame, depth)
        share = (index - self.state.index + 1) / (self.end - self.state.index)
        if self.before is None or share == 1:
            return self.picture
        return self._between(self.before, self.picture, share, frame)

    def _move_on(self, frame: FramePlan, depth: Tensor | None) -> None:
        mover = self.loop.mover
        if mover.plan.mode == "2D" and self.end - self.state.index > LONG:
            step = mover.matrix(frame)
            self._way = step if self._way is None else step @ self._way
            self.picture = mover.placed(self.state.picture, self._way)
        else:
            self.picture = mover.move(self.picture, frame, depth).picture
        self.at = frame.index

    def _between(self, before: Tensor, after: Tensor, share: float, frame: FramePlan) -> Tensor:
        """Both, one fading into the other; along the flow between them where that was asked for."""
        plan = self.loop.plan
        if plan.flow_cadence != "None":
            method: Method = flow_method(replace(plan.footage, flow=plan.flow_cadence))
            pixel, factor = "flow_cadence_pixel" in plan.compat, frame.cadence_flow_factor
            back, ahead = optical_flow(after, before, method), optical_flow(before, after, method)
            before = carried(before, -back, share * factor, one_pixel=pixel)
            after = carried(after, -ahead, (1 - share) * factor, one_pixel=pixel)
        return before * (1 - share) + after * share
