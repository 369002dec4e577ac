"""Exact plans as plain data: what is drawn (in the key) and how it is run (recorded, not in the key)."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args

from colabsd.geometry import Size
from colabsd.keys import key_of
from colabsd.progress import Note as Note

Device = Literal["cpu", "cuda"]
Precision = Literal["fp32", "fp16", "bf16"]
Attention = Literal["sdpa", "sliced", "xformers"]
ATTENTIONS: tuple[Attention, ...] = get_args(Attention)
"""How attention is computed: by PyTorch's kernels, the same in slices, or by xformers."""
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
class Enlargement:
    """How many times larger a finished picture is made, and by which network: its name and its file's sha256.

    Without a network the sha256 is "" and the name says what is done instead.
    """

    factor: int
    upscaler: str
    sha256: str = ""


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
    `original_width`, `original_height` (0 is the size drawn at), `crop_left` and `crop_top` are what SDXL is told.
    `enlargements` is what happens to the picture when it is finished, in order: `width` and `height` are as drawn.
    Guidance acts from `guidance_start` to `guidance_stop`, shares of the way; the UNet's inner levels are computed at
    every `feature_reuse`-th model call. `noise_multiplier` is of the noise that a picture is turned into.
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
    original_width: int = 0
    original_height: int = 0
    crop_left: int = 0
    crop_top: int = 0
    enlargements: tuple[Enlargement, ...] = ()
    guidance_start: float = 0.0
    guidance_stop: float = 1.0
    feature_reuse: int = 1
    noise_multiplier: float = 1.0

    def __post_init__(self) -> None:
        """Plain data becomes what it stands for, so that a drawing read from a file is one like any other."""
        loras = tuple(LoraUse(**one) if isinstance(one, Mapping) else one for one in self.loras)
        embeddings = tuple(EmbeddingUse(**one) if isinstance(one, Mapping) else one for one in self.embeddings)
        larger = tuple(Enlargement(**one) if isinstance(one, Mapping) else one for one in self.enlargements)
        object.__setattr__(self, "loras", loras)
        object.__setattr__(self, "embeddings", embeddings)
        object.__setattr__(self, "enlargements", larger)

    @property
    def size(self) -> Size:
        """The size that is drawn."""
        return Size(self.width, self.height)

    @property
    def picture_size(self) -> Size:
        """The size of the finished picture: larger than what was drawn where it was enlarged."""
        factor = math.prod(one.factor for one in self.enlargements)
        return Size(self.width * factor, self.height * factor)

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
    """How pictures are drawn: recorded with them, not part of what they are.

    `tiling` decodes large ones in tiles; with `offload` the parts of the model take turns on the device.
    """

    device: Device = "cpu"
    precision: Precision = "fp32"
    attention: Attention = "sdpa"
    tiling: bool = False
    offload: bool = False
    reasons: tuple["Note", ...] = ()

    def as_json(self) -> dict[str, Any]:
        switches = {name: True for name in ("tiling", "offload") if getattr(self, name)}
        return {"device": self.device, "precision": self.precision, "attention": self.attention, **switches}


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A kept picture that another one comes from: its key, and its file's sha256 ("" where no file is needed).

    `enlarged` where its pixels are enlarged, and not drawn again.
    """

    key: str
    sha256: str = ""
    enlarged: bool = False


@dataclass(frozen=True, kw_only=True)
class ImagePlan:
    """All pictures of one request, in order, and the batches that they are drawn in.

    `batches` holds indexes into `drawings`; drawings of a batch share everything but their seeds. `prompting` tells for
    each drawing how its prompts came about, where dynamic prompts were asked for, and `origins` which kept picture it
    comes from, where there are some; else they are empty.
    """

    drawings: tuple[Drawing, ...]
    batches: tuple[tuple[int, ...], ...]
    execution: Execution
    notes: tuple[Note, ...] = ()
    prompting: tuple[Mapping[str, Any], ...] = ()
    origins: tuple[Origin, ...] = ()

    @property
    def key(self) -> str:
        return key_of([drawing.key for drawing in self.drawings])

    def prompting_of(self, index: int) -> Mapping[str, Any]:
        """How the prompts of drawing `index` came about; empty where they were as asked."""
        return self.prompting[index] if self.prompting else {}

    def origin_of(self, index: int) -> Origin | None:
        """The kept picture that drawing `index` comes from, if there is one."""
        return self.origins[index] if self.origins else None

    def parents_of(self, index: int) -> tuple[str, ...]:
        """The keys of the kept pictures that drawing `index` comes from."""
        origin = self.origin_of(index)
        return () if origin is None else (origin.key,)

    def batch_of(self, index: int) -> tuple[int, ...]:
        """The batch in which drawing `index` is drawn."""
        return next(batch for batch in self.batches if index in batch)

    def as_json(self) -> dict[str, Any]:
        return {
            "drawings": [drawing.as_json() for drawing in self.drawings],
            "batches": [list(batch) for batch in self.batches],
            "execution": self.execution.as_json(),
            **({"prompting": [dict(one) for one in self.prompting]} if self.prompting else {}),
            **({"origins": [asdict(one) for one in self.origins]} if self.origins else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: KeyError, TypeError or ValueError when the data is not a plan."""
        return cls(
            drawings=tuple(Drawing(**drawing) for drawing in data["drawings"]),
            batches=tuple(tuple(batch) for batch in data["batches"]),
            execution=Execution(**data["execution"]),
            prompting=tuple(dict(one) for one in data.get("prompting", ())),
            origins=tuple(Origin(**one) for one in data.get("origins", ())),
        )
