"""The model that learns: diffusers' UNet and autoencoder, transformers' text encoders, with gradients. Loads them."""

import gc
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from colabsd.engine.components import DTYPES
from colabsd.engine.lean import scheduler_class
from colabsd.engine.model_parts import ModelParts, open_parts
from colabsd.engine.networks import DiffusersAutoencoder, DiffusersUNet, class_of
from colabsd.engine.prediction import with_prediction_type
from colabsd.engine.tokenizer import ClipTokenizer
from colabsd.engine.weights import fill
from colabsd.errors import DamagedWeightsError, UsageError
from colabsd.keys import key_of
from colabsd.models.cards import Family, ModelCard
from colabsd.planning.training import TrainingPlan
from colabsd.progress import Progress

ENCODERS: Mapping[Family, tuple[str, ...]] = {
    "sd1": ("text_encoder",),
    "sd2": ("text_encoder",),
    "sdxl": ("text_encoder", "text_encoder_2"),
}
PROJECTION = "text_projection"


@dataclass(frozen=True)
class Sentences:
    """What the UNet attends to, (n, 77, width), and SDXL's whole sentences (n, p)."""

    embeddings: Tensor
    pooled: Tensor | None = None

    def rows(self, indexes: Sequence[int]) -> "Sentences":
        """Those rows, in that order; a row may come twice."""
        chosen = list(indexes)
        return Sentences(self.embeddings[chosen], None if self.pooled is None else self.pooled[chosen])


@dataclass
class Encoder:
    """A text encoder: `model` is transformers' class, `plain` the same modules by the names that our networks have."""

    part: str
    model: Any
    plain: nn.Module
    tokenizer: ClipTokenizer
    config: Mapping[str, Any]

    def read(self, ids: Tensor, penultimate: bool) -> tuple[Tensor, Tensor | None]:
        """(n, 77) ids -> hidden states (n, 77, width), and the pooled ones (n, p) of an encoder with a projection.

        `penultimate`: those of the last layer but one, not normalised (SDXL), else the last, normalised.
        """
        if not penultimate:
            hidden: Tensor = self.model(ids, attention_mask=None, return_dict=False)[0]
            return hidden, None
        found = self.model(ids, attention_mask=None, output_hidden_states=True)
        return found.hidden_states[-2], found.text_embeds if hasattr(self.model, PROJECTION) else None


@dataclass
class Base:
    """A model in memory to be trained. `noise` is diffusers' DDPMScheduler, which knows the levels of noise.

    `dtype` is what is frozen in. `vae` and `encoders` may be let go of when nobody needs them any more.
    """

    card: ModelCard
    parts: ModelParts
    unet: Any
    encoders: list[Encoder]
    vae: Any
    noise: Any
    device: str
    dtype: torch.dtype
    autocast: bool = False
    tokenizers: tuple[ClipTokenizer, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.tokenizers = tuple(encoder.tokenizer for encoder in self.encoders)

    @property
    def family(self) -> Family:
        return self.card.family

    @property
    def prediction_type(self) -> str:
        found: str = self.noise.config.prediction_type
        return found

    @property
    def vae_key(self) -> str:
        """The digest of the autoencoder's files; where these are not told apart, of the model's."""
        files = {name: digest for name, digest in self.card.files.items() if name.startswith("vae/")}
        return key_of(files) if files else self.card.sha256 or key_of(self.card.source)

    def token_ids(self, sentences: Sequence[str]) -> tuple[Tensor, ...]:
        """Sentences as (n, 77) ids, for each text encoder; what is too long is cut off."""
        rows = ([tokenizer.padded(tokenizer.ids(text)) for text in sentences] for tokenizer in self.tokenizers)
        return tuple(torch.tensor(ids, dtype=torch.long, device=self.device) for ids in rows)

    def read(self, ids: Sequence[Tensor]) -> Sentences:
        """What the text encoders make of ids, with gradients where something of them learns."""
        penultimate = self.family == "sdxl"
        found = [encoder.read(part, penultimate) for encoder, part in zip(self.encoders, ids, strict=True)]
        pooled = [one for _, one in found if one is not None]
        return Sentences(torch.cat([hidden for hidden, _ in found], dim=-1), pooled[0] if pooled else None)

    def modules(self) -> dict[str, nn.Module]:
        """The networks that can learn, by part; text encoders by their plain names."""
        return {"unet": self.unet, **{encoder.part: encoder.plain for encoder in self.encoders}}

    def free_autoencoder(self) -> None:
        """Let go of the autoencoder: all latents are known."""
        self.vae = None
        _forget()

    def free_encoders(self) -> None:
        """Let go of the text encoders: all sentences were read."""
        self.encoders = []
        _forget()


def load_base(card: ModelCard, plan: TrainingPlan) -> Generator[Progress, None, Base]:
    """Load the model that a plan trains; what is trained whole comes in fp32, the rest in the plan's precision.

    Raises: MissingWeightsError, DamagedWeightsError, UnsafePickleError, UnsupportedModelError, UsageError.
    """
    if card.variant != "text":
        raise UsageError("error.training.variant", model=card.name)
    parts, device = open_parts(card), plan.execution.device
    frozen, whole = DTYPES[plan.execution.precision], torch.float32
    full, names = plan.method == "full", ENCODERS[card.family]
    encoders: list[Encoder] = []
    for index, part in enumerate(names):
        yield Progress(stage="load", done=index, total=len(names) + 2)
        encoders.append(_load_encoder(parts, part, whole if full and plan.text_encoder else frozen, device))
    yield Progress(stage="load", done=len(names), total=len(names) + 2)
    unet = _load(parts, "unet", DiffusersUNet, whole if full else frozen, device)
    yield Progress(stage="load", done=len(names) + 1, total=len(names) + 2)
    vae = _load(parts, "vae", DiffusersAutoencoder, torch.float32, device).model
    config = with_prediction_type(parts.scheduler_config, unet, parts.config("unet"), device, whole if full else frozen)
    yield Progress(stage="load", done=len(names) + 2, total=len(names) + 2)
    return Base(
        card=card,
        parts=parts,
        unet=unet.model,
        encoders=encoders,
        vae=vae,
        noise=noise_levels(config),
        device=device,
        dtype=frozen,
        autocast=full and frozen != whole,
    )


def noise_levels(config: Mapping[str, Any]) -> Any:
    """diffusers' DDPMScheduler (Ho et al. 2020) of a model's schedule of noise."""
    plain = {name: value for name, value in config.items() if not name.startswith("_")}
    return scheduler_class("DDPMScheduler").from_config(plain)


def _load(
    parts: ModelParts, part: str, build: Callable[[Mapping[str, Any]], nn.Module], dtype: torch.dtype, device: str
) -> Any:
    config, tensors = parts.config(part), parts.tensors(part)
    try:
        return fill(lambda: build(config), tensors, dtype=dtype, device=device)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DamagedWeightsError(path=tensors.path, reason=f"{part}/config.json: {error!r}") from error


def _load_encoder(parts: ModelParts, part: str, dtype: torch.dtype, device: str) -> Encoder:
    loaded = _load(parts, part, _Clip, dtype, device)
    return Encoder(part, loaded.clip.eval(), loaded.model, parts.tokenizer(part), parts.config(part))


class _Clip(nn.Module):
    """transformers' class, and as `model` its modules by plain names, with or without `text_model.` inside."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        projected = "CLIPTextModelWithProjection" in (config.get("architectures") or ())
        made = class_of("transformers", "CLIPTextModelWithProjection" if projected else "CLIPTextModel")
        configured = class_of("transformers", "CLIPTextConfig")
        self.unused = () if projected else (PROJECTION,)
        self.clip = made(configured(**{name: value for name, value in config.items() if name != "model_type"}))
        self.model = nn.Module()
        for name, child in getattr(self.clip, "text_model", self.clip).named_children():
            self.model.add_module(name, child)
        if projected:
            self.model.add_module(PROJECTION, self.clip.text_projection)
        positions = self.clip.config.max_position_embeddings
        embeddings: Any = self.model.get_submodule("embeddings")
        with torch.device("cpu"):  # no weight of the file, but a row of numbers
            embeddings.position_ids = torch.arange(positions).expand((1, -1))


def _forget() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
