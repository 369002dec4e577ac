"""Exact plans as plain data: what is drawn (in the key) and how it is run (recorded, not in the key)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args

from colabsd.geometry import Size
from colabsd.keys import key_of
from colabsd.progress import Note as Note

Device = Literal["cpu", "cuda"]
Precision = Literal["fp32", "fp16", "bf16"]
Noise = Literal["cpu", "nv"]
NOISES: tuple[Noise, ...] = get_args(Noise)
Safety = Literal["off", "blur"]
SAFETIES: tuple[Safety, ...] = get_args(Safety)
"""What becomes of pictures that the model's own checker would rather not show: it is not asked, or they are blurred."""
Emphasis = Literal["original", "no-norm", "ignore", "literal"]
EMPHASES: tuple[Emphasis, ...] = get_args(Emphasis)
"""What brackets do, as A1111's modes: weigh and restore the mean, only weigh, nothing, or stand for themselves."""


NAMES = ("model", "vae")  # for people; the digests of their files are what counts


@dataclass(frozen=True, kw_only=True)
class LoraUse:
    """A LoRA that a drawing is made with: its strength in the UNet and in the text encoder, and its file's sha256.

    `ranks` is how many of its ranks are used, None for all.
    """

    name: str
    unet: float = 1.0
    text_encoder: float = 1.0
    ranks: int | None = None
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class EmbeddingUse:
    """A textual inversion that a drawing's prompts call: the word that calls it, and its file's sha256."""

    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What one picture is: every fact that decides its pixels, and nothing else.

    `model` names the model for people, `model_sha256` is the digest of its files. `sampler` and `schedule` are names of
    the tables in `settings/samplers.py`. Sizes are pixels that the model can draw. `eta` is None for samplers that have
    none. `variation_seed` is None when `variation_strength` is 0. `noise_seed_delta` is added to the seed for the noise
    drawn after the first. Prompts are final: styles and dynamic parts are filled in, the language of `prompts/` is
    still in them. `loras` are those that the prompt names or that were asked for, found, and `embeddings` the textual
    inversions that the prompts call. `vae` is "" where the model's own autoencoder draws. A drawing made from a picture
    has the sha256 of that picture's file and of its mask's ("" is none); `strength`, `exact_steps`, `mask_blur`
    (pixels) and `image_guidance` are as in RedrawSettings. `safety` says what becomes of flagged pictures.
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
    noise_seed_delta: int = 0
    emphasis: Emphasis = "original"
    loras: tuple[LoraUse, ...] = ()
    embeddings: tuple[EmbeddingUse, ...] = ()
    vae: str = ""
    vae_sha256: str = ""
    source_sha256: str = ""
    mask_sha256: str = ""
    strength: float = 1.0
    exact_steps: bool = False
    mask_blur: float = 0.0
    image_guidance: float = 1.0
    safety: Safety = "off"

    def __post_init__(self) -> None:
        """Plain data becomes what it stands for, so that a drawing read from a file is one like any other."""
        loras = tuple(LoraUse(**one) if isinstance(one, Mapping) else one for one in self.loras)
        embeddings = tuple(EmbeddingUse(**one) if isinstance(one, Mapping) else one for one in self.embeddings)
        object.__setattr__(self, "loras", loras)
        object.__setattr__(self, "embeddings", embeddings)

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    @property
    def key(self) -> str:
        """The sha256 of what is drawn.

        The names of the model and of its autoencoder are not in it: their digests are. Nor is what has its default, so
        that a field added later leaves the keys of older pictures as they are.
        """
        defaults = {field.name: field.default for field in fields(self)}
        return key_of(
            {name: value for name, value in asdict(self).items() if name not in NAMES and value != defaults[name]}
        )

    @property
    def recipe_key(self) -> str:
        """The key without the seeds: drawings of equal recipe_key can share a batch."""
        return key_of(asdict(self) | {"seed": 0, "variation_seed": self.variation_seed is not None})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How pictures are drawn: recorded with them, not part of what they are. `tiling` decodes large ones in tiles."""

    device: Device = "cpu"
    precision: Precision = "fp32"
    attention: Literal["sdpa"] = "sdpa"
    tiling: bool = False
    reasons: tuple["Note", ...] = ()

    def as_json(self) -> dict[str, Any]:
        tiling = {"tiling": True} if self.tiling else {}
        return {"device": self.device, "precision": self.precision, "attention": self.attention, **tiling}


@dataclass(frozen=True, kw_only=True)
class ImagePlan:
    """All pictures of one request, in order, and the batches that they are drawn in.

    `batches` holds indexes into `drawings`; drawings of a batch share everything but their seeds. `prompting` tells for
    each drawing how its prompts came about, where dynamic prompts were asked for; else it is empty.
    """

    drawings: tuple[Drawing, ...]
    batches: tuple[tuple[int, ...], ...]
    execution: Execution
    notes: tuple[Note, ...] = ()
    prompting: tuple[Mapping[str, Any], ...] = ()

    @property
    def key(self) -> str:
        return key_of([drawing.key for drawing in self.drawings])

    def prompting_of(self, index: int) -> Mapping[str, Any]:
        """How the prompts of drawing `index` came about; empty where they were as asked."""
        return self.prompting[index] if self.prompting else {}

    def batch_of(self, index: int) -> tuple[int, ...]:
        """The batch in which drawing `index` is drawn."""
        return next(batch for batch in self.batches if index in batch)

    def as_json(self) -> dict[str, Any]:
        return {
            "drawings": [drawing.as_json() for drawing in self.drawings],
            "batches": [list(batch) for batch in self.batches],
            "execution": self.execution.as_json(),
            **({"prompting": [dict(one) for one in self.prompting]} if self.prompting else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: KeyError, TypeError or ValueError when the data is not a plan."""
        return cls(
            drawings=tuple(Drawing(**drawing) for drawing in data["drawings"]),
            batches=tuple(tuple(batch) for batch in data["batches"]),
            execution=Execution(**data["execution"]),
            prompting=tuple(dict(one) for one in data.get("prompting", ())),
        )
