"""The exact plan of a film as plain data: what every frame is (in the key), and how it is run (recorded only).

It stays small however long the film is: values are kept as runs per field, and a frame is made when it is asked for.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self

from colabsd.geometry import Size
from colabsd.keys import key_of
from colabsd.planning.plans import Drawing, Execution, Note
from colabsd.planning.video_frames import CAMERA as CAMERA
from colabsd.planning.video_frames import CameraValues as CameraValues
from colabsd.planning.video_frames import FramePlan as FramePlan
from colabsd.planning.video_frames import FrameTable as FrameTable

Mode = Literal["2D", "3D", "Video Input", "Interpolation", "AnimateDiff"]
Dialect = Literal["notebook", "a1111"]
UNCOUNTED = ("model",)  # for people; its digest is what counts
RUN = ("execution", "notes", "file", "fps")


@dataclass(frozen=True, kw_only=True)
class Moving:
    """How pictures are moved. `depth` is "" (a plane at distance 1), a depth model's name, or a depth map's path."""

    border: str = "replicate"
    padding_mode: str = "border"
    sampling_mode: str = "bicubic"
    depth: str = ""


@dataclass(frozen=True, kw_only=True)
class Colours:
    """How colours are kept together: `mode` as color_coherence, `every` frames a new reference of an input film."""

    mode: str = "None"
    image: str = ""
    every: int = 1
    grayscale: bool = False
    legacy: bool = False


@dataclass(frozen=True, kw_only=True)
class NoiseKind:
    """What noise is added: `gaussian` to the values (notebook), or a blend towards `uniform` or `perlin` (a1111)."""

    kind: str = "gaussian"
    perlin_w: float = 8.0
    perlin_h: float = 8.0
    octaves: int = 4
    persistence: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Footage:
    """Pictures and films that come in, by path, or "" for none; `digests` are the sha256 of those that have one."""

    init_image: str = ""
    init_strength: float = 0.0
    mask: str = ""
    mask_film: str = ""
    invert_mask: bool = False
    mask_blur: float = 0.0
    film: str = ""
    nth: int = 1
    first: int = 0
    last: int = -1
    motion: str = "None"
    flow: str = "DIS Medium"
    composite: str = "None"
    digests: Mapping[str, str] = field(default_factory=dict)

    def what(self) -> dict[str, Any]:
        """What counts of it: digests in place of paths, where there are some."""
        plain = {name: value for name, value in vars(self).items() if name != "digests"}
        return {
            name: self.digests.get(value, value) if isinstance(value, str) else value for name, value in plain.items()
        }


@dataclass(frozen=True, kw_only=True)
class FilmFile:
    """What becomes of the frames: no pixel depends on it. `between` is RIFE, Flow or None, `times` as many frames."""

    soundtrack: str = "None"
    sound: str = ""
    gif: bool = False
    webp: bool = False
    no_film: bool = False
    between: str = "None"
    times: int = 2
    slow: bool = False


@dataclass(frozen=True, kw_only=True)
class VideoPlan:
    """A film, exactly: `frames[i]` is frame i, and len(frames) is how many there are.

    `cadence` is how many frames apart drawn ones are, `flow_cadence` the optical flow used for those between.
    """

    mode: Mode
    dialect: Dialect
    width: int
    height: int
    frames: FrameTable
    compat: tuple[str, ...] = ()
    cadence: int = 1
    flow_cadence: str = "None"
    moving: Moving = Moving()
    colours: Colours = Colours()
    noise: NoiseKind = NoiseKind()
    footage: Footage = Footage()
    fps: float = 15.0
    file: FilmFile = FilmFile()
    execution: Execution = field(default_factory=Execution)
    notes: tuple[Note, ...] = ()

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    @property
    def key(self) -> str:
        """The sha256 of what the frames are; not of the machine, the model's name, the speed or the file."""
        frames = self.frames.as_json()
        frames["columns"] = {name: one for name, one in frames["columns"].items() if name not in UNCOUNTED}
        data = {name: value for name, value in self.as_json().items() if name not in RUN}
        return key_of(data | {"frames": frames, "footage": self.footage.what()})

    def drawing(self, index: int) -> Drawing:
        """The drawing of a frame: one from a sentence; where `strength` of the frame is not 0, from a moved picture."""
        frame = self.frames[index]
        return Drawing(
            prompt=frame.prompt,
            negative_prompt=frame.negative_prompt,
            model=frame.model,
            model_sha256=frame.model_sha256,
            width=self.width,
            height=self.height,
            sampler=frame.sampler,
            schedule=frame.schedule,
            steps=frame.steps,
            guidance=frame.guidance,
            clip_skip=frame.clip_skip,
            seed=frame.seed,
            eta=frame.eta,
            variation_seed=frame.variation_seed,
            variation_strength=frame.variation_strength,
            loras=frame.loras,
            embeddings=frame.embeddings,
            strength=1.0 - frame.strength,
            noise_multiplier=frame.noise_multiplier,
        )

    def as_json(self) -> dict[str, Any]:
        parts = {name: asdict(getattr(self, name)) for name in PARTS}
        plain = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in (*PARTS, "notes")}
        execution, frames = self.execution.as_json(), self.frames.as_json()
        return plain | parts | {"compat": list(self.compat), "execution": execution, "frames": frames}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: KeyError, TypeError or ValueError for data that is no film's plan."""
        parts = {name: kind(**data[name]) for name, kind in PARTS.items()}
        made = {"execution": Execution(**data["execution"]), "frames": FrameTable.from_json(data["frames"])}
        return cls(**{**data, **parts, **made, "compat": tuple(data["compat"])})


PARTS: Mapping[str, type] = {
    "moving": Moving,
    "colours": Colours,
    "noise": NoiseKind,
    "footage": Footage,
    "file": FilmFile,
}
