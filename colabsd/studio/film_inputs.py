"""What a film is made from besides its settings: pictures, films, sounds, depth. Looked at, kept, and found again."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from colabsd.environment.interrupts import stop_waits
from colabsd.errors import DamagedFilmError, NotAPictureError, UnreadableVideoError
from colabsd.library.films import Film
from colabsd.library.inputs import find_input, keep_input
from colabsd.library.scan import file_sha256
from colabsd.models.addons import ADDONS, AddOn, find_addon
from colabsd.models.cache import WeightCache
from colabsd.planning.plans import Execution
from colabsd.planning.video_parts import DEPTH
from colabsd.planning.video_plans import VideoPlan
from colabsd.planning.video_values import film_length
from colabsd.progress import Note, Progress
from colabsd.settings.video import VideoSettings
from colabsd.storage.workspace import Workspace

if TYPE_CHECKING:
    from colabsd.video.depth import Depth

LARGEST_COPY = 500_000_000  # bytes
PLANES = ("", "plane", "none")


@dataclass(frozen=True)
class FilmInputs:
    """What planning wants to know: digests by path, how many frames the input film gives, what the sound says."""

    digests: Mapping[str, str] = field(default_factory=dict)
    frames: int | None = None
    variables: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def look_at_inputs(settings: VideoSettings) -> FilmInputs:
    """Look at what the settings name. Raises: UnreadableVideoError, NotAPictureError, MissingPackageError."""
    for path in _pictures(settings):
        if not Path(path).expanduser().is_file():
            raise NotAPictureError("error.picture.missing", path=path)
    digests, frames = {path: file_sha256(Path(path).expanduser()) for path in _pictures(settings)}, None
    films = [path for path in (_film(settings), _mask_film(settings)) if path]
    for path in films:
        with stop_waits():
            from colabsd.video.input_video import look_at_video

        facts = look_at_video(Path(path).expanduser())
        digests[path] = file_sha256(Path(path).expanduser())
        if path == films[0]:
            frames = facts.count(settings.extract_nth_frame, settings.extract_from_frame, settings.extract_to_frame)
            if not frames:
                last, first = settings.extract_to_frame, settings.extract_from_frame
                told = {"path": path, "count": facts.frames, "first": first, "last": last}
                raise UnreadableVideoError("error.video.empty_range", **told)
    sound = _sound(settings)
    if not sound:
        return FilmInputs(digests, frames)
    with stop_waits():
        from colabsd.video.audio import listen

    heard = listen(Path(sound).expanduser(), settings.fps, film_length(settings, frames))
    return FilmInputs({**digests, sound: file_sha256(Path(sound).expanduser())}, frames, heard.variables())


def keep_inputs(workspace: Workspace, plan: VideoPlan) -> Iterator[Note]:
    """Copy what a film is made from into the workspace, where it is not too large. Raises: StorageError."""
    for name, sha256 in plan.footage.digests.items():
        path = Path(name).expanduser()
        if path.stat().st_size <= LARGEST_COPY:
            keep_input(workspace, path, sha256)
        else:
            yield Note("note.film.input_stays", {"path": path})


def located(workspace: Workspace, film: Film, name: str) -> Path:
    """Where a file of a film's plan is on this machine. Raises: DamagedFilmError, UnreadableVideoError."""
    sha256 = film.plan.footage.digests.get(name, "")
    kept = find_input(workspace, sha256) if sha256 else None
    path = kept or Path(name).expanduser()
    if not path.is_file():
        raise UnreadableVideoError("error.video.missing", path=path)
    if kept is None and sha256 and file_sha256(path) != sha256:
        raise DamagedFilmError("error.film.input_changed", path=path, name=film.name)
    return path


def sound_of(workspace: Workspace, film: Film) -> Path | None:
    """The file that a film's sound track comes from."""
    kind, file = film.plan.file.soundtrack, film.plan.file.sound
    name = {"File": file, "Init Video": film.plan.footage.film or str(film.settings.get("video_init_path", ""))}
    return located(workspace, film, name[kind]) if name.get(kind) else None


def depth_of(
    workspace: Workspace, film: Film, cache: WeightCache, execution: Execution
) -> Generator[Progress | Note, None, "Depth | None"]:
    """Where depth comes from: a map that is given, a model of the catalog or of a folder, or None for a plane."""
    name = film.plan.moving.depth
    if film.plan.mode != "3D" or name.casefold() in PLANES:
        return None
    with stop_waits():
        from colabsd.video.depth import Map, load_depth
        from colabsd.video.holes import from_image

    path = Path(name).expanduser()
    if path.is_dir():
        return (yield from load_depth(path, execution))
    if path.suffix and name in film.plan.footage.digests:
        from colabsd.recipes.originals import read_brought

        return Map(from_image(read_brought(located(workspace, film, name)).image).mean(dim=1)[0])
    row = _depth_model(name)
    if name.casefold() not in {word.casefold() for word in row.words}:
        yield Note("note.film.depth_model", {"asked": name, "name": row.name})
    yield from cache.bring(row.wanted)
    return (yield from load_depth(cache.home / row.wanted.folder, execution))


def _depth_model(name: str) -> AddOn:
    """The row of the catalog for a model of depth: by its name, else the usual one."""
    found = find_addon(name) or find_addon(DEPTH)
    if found is not None and found.kind == "depth":
        return found
    return next(row for row in ADDONS if row.kind == "depth")


def _pictures(settings: VideoSettings) -> list[str]:
    """The picture files that are used."""
    depth = settings.depth_algorithm or ""
    named = {
        settings.init_image: settings.use_init,
        settings.mask_file: settings.use_mask,
        settings.color_coherence_image_path: settings.color_coherence == "Image",
        depth: settings.animation_mode == "3D" and bool(Path(depth).suffix) and not Path(depth).is_dir(),
    }
    return [path for path, used in named.items() if path and used]


def _film(settings: VideoSettings) -> str:
    mixed = settings.hybrid_motion != "None" or settings.hybrid_composite != "None"
    coloured = settings.color_coherence == "Video Input"
    used = settings.animation_mode == "Video Input" or mixed or coloured
    if settings.animation_mode == "Video Input" and not settings.video_init_path:
        raise UnreadableVideoError("error.film.no_input")
    return settings.video_init_path if used else ""


def _mask_film(settings: VideoSettings) -> str:
    return settings.video_mask_path if settings.use_mask_video else ""


def _sound(settings: VideoSettings) -> str:
    if settings.add_soundtrack == "None":
        return ""
    path = settings.soundtrack_path if settings.add_soundtrack == "File" else settings.video_init_path
    if not path:
        raise UnreadableVideoError("error.film.no_sound_file")
    return path
