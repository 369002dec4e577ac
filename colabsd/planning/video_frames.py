"""The frames of a film's plan: what each is, kept as a column per field, however many there are."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self, overload

from colabsd.planning.frame_columns import Column
from colabsd.planning.plans import EmbeddingUse, LoraUse

CAMERA = "camera."


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraValues:
    """How the picture before a frame is moved: per frame, not from the start.

    `angle`, rotations and flips are degrees, `zoom` a factor, translations pixels in 2D and 200ths of a unit in 3D,
    the centre shares of width and height; `fov` and `perspective_flip_fv` are vertical fields of view in degrees.
    """

    angle: float = 0.0
    zoom: float = 1.0
    translation_x: float = 0.0
    translation_y: float = 0.0
    translation_z: float = 0.0
    transform_center_x: float = 0.5
    transform_center_y: float = 0.5
    rotation_3d_x: float = 0.0
    rotation_3d_y: float = 0.0
    rotation_3d_z: float = 0.0
    fov: float = 70.0
    aspect_ratio: float = 1.0
    perspective_flip: bool = False
    perspective_flip_theta: float = 0.0
    perspective_flip_phi: float = 0.0
    perspective_flip_gamma: float = 0.0
    perspective_flip_fv: float = 53.0


@dataclass(frozen=True, kw_only=True, slots=True)
class FramePlan:
    """What one frame is.

    A frame that is not `drawn` is made from its neighbours. `strength` in [0, 1] is how much of the moved picture
    stays (0: drawn from noise); `steps` are those of a whole drawing, of which `drawn_steps` are done. `seed` has
    advanced as Deforum does. `noise`, `contrast`, `kernel`, `sigma`, `amount` and `threshold` (levels) are what is
    done to the moved picture before. Between two key frames of an interpolation `blend` in [0, 1) is the way towards
    `next_prompt`, `next_negative_prompt` and `next_seed`. Factors are of optical flow, `hybrid_alpha` is the share of
    the input film in a composite.
    """

    index: int
    drawn: bool = True
    camera: CameraValues = CameraValues()
    prompt: str = ""
    negative_prompt: str = ""
    strength: float = 0.0
    steps: int = 20
    guidance: float = 7.0
    sampler: str = "Euler a"
    schedule: str = "Automatic"
    seed: int = 0
    model: str = ""
    model_sha256: str = ""
    loras: tuple[LoraUse, ...] = ()
    embeddings: tuple[EmbeddingUse, ...] = ()
    clip_skip: int = 1
    eta: float | None = None
    variation_seed: int | None = None
    variation_strength: float = 0.0
    noise: float = 0.0
    noise_multiplier: float = 1.0
    contrast: float = 1.0
    kernel: int = 5
    sigma: float = 1.0
    amount: float = 0.0
    threshold: float = 0.0
    next_prompt: str = ""
    next_negative_prompt: str = ""
    next_seed: int = 0
    blend: float = 0.0
    cadence_flow_factor: float = 1.0
    hybrid_flow_factor: float = 1.0
    hybrid_alpha: float = 0.0

    @property
    def drawn_steps(self) -> int:
        """The steps that are done, as Deforum counts them: the whole part of (1 - strength) x steps; it may be 0."""
        return int((1.0 - self.strength) * self.steps)


FRAME_FIELDS = tuple(one.name for one in fields(FramePlan) if one.name not in ("index", "camera"))
CAMERA_FIELDS = tuple(one.name for one in fields(CameraValues))


@dataclass(frozen=True)
class FrameTable(Sequence[FramePlan]):
    """All frames, kept as a column per field (`zoom` as `camera.zoom`); a field that is nowhere is its default."""

    length: int
    columns: Mapping[str, Column[Any]]

    @classmethod
    def of(cls, frames: Iterable[FramePlan]) -> Self:
        """The table of frames 0, 1, … in order."""
        rows = tuple(frames)
        columns = {name: Column.of(getattr(row, name) for row in rows) for name in FRAME_FIELDS}
        for name in CAMERA_FIELDS:
            columns[CAMERA + name] = Column.of(getattr(row.camera, name) for row in rows)
        return cls(len(rows), columns)

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> FramePlan: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[FramePlan, ...]: ...
    def __getitem__(self, index: int | slice) -> FramePlan | tuple[FramePlan, ...]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(self.length)))
        place = index + self.length if index < 0 else index
        if not 0 <= place < self.length:
            raise IndexError(index)
        frame: dict[str, Any] = {}
        camera: dict[str, Any] = {}
        for name, column in self.columns.items():
            if name.startswith(CAMERA):
                camera[name.removeprefix(CAMERA)] = column.at(place)
            else:
                frame[name] = column.at(place)
        return FramePlan(index=place, camera=CameraValues(**camera), **frame)

    def __iter__(self) -> Iterator[FramePlan]:
        return (self[place] for place in range(self.length))

    def column(self, name: str) -> tuple[Any, ...]:
        """The values of one field (`strength`, `camera.zoom`) over all frames."""
        if name in self.columns:
            return self.columns[name].over(self.length)
        kind, plain = (CameraValues, name.removeprefix(CAMERA)) if name.startswith(CAMERA) else (FramePlan, name)
        return (next(one.default for one in fields(kind) if one.name == plain),) * self.length

    def as_json(self) -> dict[str, Any]:
        columns = {name: column.as_json() for name, column in self.columns.items()}
        for name in ("loras", "embeddings"):
            if name in columns:
                columns[name]["values"] = [[asdict(use) for use in uses] for uses in self.columns[name].values]
        return {"length": self.length, "columns": columns}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: KeyError, TypeError or ValueError for data that is no table."""
        columns = {name: Column[Any].from_json(one) for name, one in data["columns"].items()}
        for name, kind in (("loras", LoraUse), ("embeddings", EmbeddingUse)):
            if name in columns:
                values = tuple(tuple(kind(**use) for use in uses) for uses in columns[name].values)
                columns[name] = dataclasses.replace(columns[name], values=values)
        table = cls(int(data["length"]), columns)
        if table.length:
            table[0]  # a column of no field is a TypeError here, and not in the middle of a film
        return table
