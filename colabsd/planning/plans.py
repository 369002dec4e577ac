"""Exact plans as plain data: what is drawn (in the key) and how it is run (recorded, not in the key)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args

from colabsd.geometry import Size
from colabsd.keys import key_of

Device = Literal["cpu", "cuda"]
Precision = Literal["fp32", "fp16", "bf16"]
Noise = Literal["cpu", "nv"]
NOISES: tuple[Noise, ...] = get_args(Noise)


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What one picture is: every fact that decides its pixels, and nothing else.

    `model` names the model for people, `model_sha256` is the digest of its files. `sampler` and `schedule` are names
    of the tables in `settings/samplers.py`. Sizes are pixels that the model can draw. `eta` is None for samplers that
    have none. `variation_seed` is None when `variation_strength` is 0.
    """

    prompt: str
    negative_prompt: str
    model: str
    model_sha256: str
    width: int
    height: int
    sampler: str
    schedule: str
    steps: int
    guidance: float
    clip_skip: int
    seed: int
    eta: float | None = None
    variation_seed: int | None = None
    variation_strength: float = 0.0
    noise: Noise = "cpu"

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    @property
    def key(self) -> str:
        """The sha256 of what is drawn.

        The model's name is not in it: its digest is. Nor is what has its default, so that a field added later leaves
        the keys of older pictures as they are.
        """
        defaults = {field.name: field.default for field in fields(self)}
        return key_of(
            {name: value for name, value in asdict(self).items() if name != "model" and value != defaults[name]}
        )

    @property
    def recipe_key(self) -> str:
        """The key without the seeds: drawings of equal recipe_key can share a batch."""
        return key_of(asdict(self) | {"seed": 0, "variation_seed": self.variation_seed is not None})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How pictures are drawn: recorded with them, not part of what they are."""

    device: Device = "cpu"
    precision: Precision = "fp32"
    attention: Literal["sdpa"] = "sdpa"
    reasons: tuple["Note", ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"device": self.device, "precision": self.precision, "attention": self.attention}


@dataclass(frozen=True)
class Note:
    """Something that planning chose or changed, with its reason: a sentence's key and facts."""

    key: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ImagePlan:
    """All pictures of one request, in order, and the batches that they are drawn in.

    `batches` holds indexes into `drawings`; drawings of a batch share everything but their seeds.
    """

    drawings: tuple[Drawing, ...]
    batches: tuple[tuple[int, ...], ...]
    execution: Execution
    notes: tuple[Note, ...] = ()

    @property
    def key(self) -> str:
        return key_of([drawing.key for drawing in self.drawings])

    def batch_of(self, index: int) -> tuple[int, ...]:
        """The batch in which drawing `index` is drawn."""
        return next(batch for batch in self.batches if index in batch)

    def as_json(self) -> dict[str, Any]:
        return {
            "drawings": [drawing.as_json() for drawing in self.drawings],
            "batches": [list(batch) for batch in self.batches],
            "execution": self.execution.as_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: KeyError, TypeError or ValueError when the data is not a plan."""
        return cls(
            drawings=tuple(Drawing(**drawing) for drawing in data["drawings"]),
            batches=tuple(tuple(batch) for batch in data["batches"]),
            execution=Execution(**data["execution"]),
        )
