"""What comes out of a film's frames: the film as a file of the workspace, once more in another way where asked."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from colabsd.artifacts import Clip
from colabsd.environment.interrupts import stop_waits
from colabsd.errors import DamagedFilmError
from colabsd.library.films import Film, Films
from colabsd.planning.video_stretches import written_frames
from colabsd.progress import Note, Progress
from colabsd.storage.failures import storage_errors
from colabsd.studio.film_inputs import sound_of
from colabsd.studio.workshop import Workshop

if TYPE_CHECKING:
    from colabsd.video.cutting import Cut
    from colabsd.video.frames import FrameFolder


def clip_of(workshop: Workshop, one: Film) -> Clip:
    """What came out of a finished film."""
    plan, paths = one.plan, [workshop.workspace.locate(file) for file in one.files]
    return Clip(
        name=one.name,
        path=paths[0],
        frames=written_frames(plan),
        fps=plan.fps,
        size=plan.size,
        key=plan.key,
        sha256=one.sha256,
        sound=plan.file.soundtrack != "None",
        shorts=tuple(paths[1:]),
    )


def cut_and_keep(
    workshop: Workshop, known: Films, one: Film, frames: "FrameFolder"
) -> Iterator[Progress | Note | Clip]:
    """Write a film out of its frames, keep it, and say so. Raises: EncodingError, MissingPackageError, StorageError."""
    if one.plan.file.no_film:
        yield Note("note.film.frames_only", {"path": frames.folder})
        return
    cut = yield from _cut(workshop, known, one, frames)
    digests = _publish(known, one, cut, [path.name for path in cut.files])
    facts = {"frames": cut.frames, "fps": cut.fps, "sha256": digests[0], "key": one.plan.key}
    finished = known.finish(one, tuple(path.name for path in cut.files), facts)
    workshop.library.keep_film(finished)
    yield replace(clip_of(workshop, finished), frames=cut.frames, fps=cut.fps)


def encode_film(
    workshop: Workshop, name: str, *, fps: float | None = None, gif: bool = False, webp: bool = False
) -> Iterator[Progress | Note | Clip]:
    """See `Studio.encode_film`."""
    known = Films(workshop.workspace)
    with known.locked(known.find(name)) as held, stop_waits():
        from colabsd.studio.filming import store_of
        from colabsd.video.cutting import in_other_ways

        store = store_of(workshop, known, held)
        yield from store.restore()
        gaps = store.frames.gaps(written_frames(held.plan))
        if gaps:
            raise DamagedFilmError("error.film.gaps", name=held.name, count=len(gaps), frame=min(gaps))
        other = replace(held, plan=in_other_ways(held.plan, fps, gif, webp))
        if not held.is_finished:
            yield from cut_and_keep(workshop, known, other, store.frames)
            return
        cut = yield from _cut(workshop, known, other, store.frames)
        names = known.free_names(held, [path.suffix for path in cut.files])
        digests = _publish(known, held, cut, names)
        workshop.library.wake()
        paths = [workshop.workspace.locate(f"{held.folder}/{one}") for one in names]
        clip = clip_of(workshop, other)
        clip = replace(clip, path=paths[0], shorts=tuple(paths[1:]), sha256=digests[0])
        yield replace(clip, frames=cut.frames, fps=cut.fps)


def _cut(workshop: Workshop, known: Films, one: Film, frames: "FrameFolder") -> Generator[Progress | Note, None, "Cut"]:
    with stop_waits():
        from colabsd.video.cutting import cut_film

    sound = sound_of(workshop.workspace, one)
    folder: Path = known.local(one.name)
    count = written_frames(one.plan)
    return (yield from cut_film(one.plan, frames, count, folder, one.name, sound, one.settings))


def _publish(known: Films, one: Film, cut: "Cut", names: list[str]) -> list[str]:
    """Put what came out into the workspace; the digests."""
    digests = []
    for path, name in zip(cut.files, names, strict=True):
        with storage_errors(path):
            digests.append(known.publish(one, name, path.read_bytes()).sha256)
            path.unlink()
    return digests
