"""Everything that decides what a training run makes: one frozen recipe per version of the starter."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

STYLES = ("3d", "flat", "drawing")
TOKENS = 77  # the length of a sentence in Stable Diffusion, padding included


@dataclass(frozen=True, kw_only=True)
class SceneRecipe:
    """What the pictures show, as shares in [0, 1] and sizes as fractions of the picture's side."""

    smallest: float = 0.76
    largest: float = 0.88
    wander: float = 0.5  # 0: in the middle, 1: anywhere as long as the drawing stays inside
    two_things: float = 0.0
    several: float = 0.0
    tinted: float = 0.0
    gradients: float = 0.0
    places: float = 0.0

    @property
    def alone(self) -> SceneRecipe:
        """The same with one thing, once, in its own colours, on one colour."""
        return replace(self, two_things=0.0, several=0.0, tinted=0.0, gradients=0.0, places=0.0)


@dataclass(frozen=True, kw_only=True)
class AutoencoderRecipe:
    """A KL autoencoder without attention; each channel count after the first halves the side.

    `like` names a recipe of a smaller picture size with latents of the same size: its latents for the picture made
    small are what this one's encoder should give too, so that the other's denoiser has a start with this one.
    """

    channels: tuple[int, ...] = (32, 64, 96)
    crop: int = 64
    batch: int = 32
    scenes: int = 6000
    steps: int = 700
    decoder_steps: int = 1000  # more, with the encoder as it is
    learning_rate: float = 1.5e-3
    warmup_steps: int = 100
    kl_weight: float = 3e-4
    like: str | None = None
    likeness_weight: float = 0.5


EVERYTHING = SceneRecipe(
    smallest=0.5, largest=0.9, wander=0.9, two_things=0.2, several=0.1, tinted=0.1, gradients=0.15, places=0.1
)


SMALL_AND_LARGE = replace(EVERYTHING, smallest=0.45, largest=0.95)


@dataclass(frozen=True, kw_only=True)
class WordsRecipe:
    """What the text encoder learns of sentences by itself: of all scenes that any recipe paints."""

    scenes: SceneRecipe = EVERYTHING
    components: int = 96
    batch: int = 128
    steps: int = 3000
    learning_rate: float = 1e-3
    warmup_steps: int = 100


@dataclass(frozen=True, kw_only=True)
class DenoiserRecipe:
    """A UNet with a thin outer level and attention inside, steered by the text encoder as `words` has left it."""

    channels: tuple[int, ...] = (32, 64, 128, 256)
    attention_levels: int = 2
    heads: int = 4
    norm_groups: int = 16
    text_width: int = 256
    text_layers: int = 2
    batch: int = 64
    samples: int = 200_000
    views: int = 4  # latents kept for each drawing on each background colour
    tokens: int = 24  # most batches are padded to this length, every `long_every`-th one to TOKENS
    long_every: int = 8
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    decay_share: float = 0.6
    ema: float = 0.9985
    empty_captions: float = 0.1
    plain_share: float = 0.3  # of the run: short captions first, then as people write


@dataclass(frozen=True, kw_only=True)
class ScorerRecipe:
    """A dual encoder, of all things that any recipe learns. A batch holds four pictures of each of its `things`."""

    scenes: SceneRecipe = SMALL_AND_LARGE
    side: int = 64
    stem: int = 32
    channels: tuple[int, ...] = (64, 128, 192)
    groups: int = 8
    tokens: int = 32
    width: int = 128
    layers: int = 2
    heads: int = 4
    dimensions: int = 128
    things: int = 64
    steps: int = 900
    learning_rate: float = 2e-3
    warmup_steps: int = 40
    decay_share: float = 0.6


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One version of the starter: `size` in pixels, `tiers` the rows of concepts.csv that it learns.

    `words_of` names the recipe whose tokenizer and text encoder it shares, if not its own, `pictures_of` the one whose
    autoencoder.
    """

    name: str
    size: int
    tiers: tuple[str, ...]
    words_of: str | None = None
    pictures_of: str | None = None
    vocabulary: int = 4000
    guidance: float = 2.0
    steps: int = 20
    scenes: SceneRecipe = field(default_factory=SceneRecipe)
    autoencoder: AutoencoderRecipe = field(default_factory=AutoencoderRecipe)
    words: WordsRecipe = field(default_factory=WordsRecipe)
    denoiser: DenoiserRecipe = field(default_factory=DenoiserRecipe)
    scorer: ScorerRecipe = field(default_factory=ScorerRecipe)

    @property
    def latent_size(self) -> int:
        """The side of the latents: each level of the autoencoder after the first halves the picture."""
        return self.size >> (len(self.autoencoder.channels) - 1)


FIRST = Recipe(name="first", size=128, tiers=("first",))
FULL = Recipe(
    name="full",
    size=256,
    tiers=("first", "full"),
    words_of="first",
    scenes=SceneRecipe(
        smallest=0.55, largest=0.9, wander=0.8, two_things=0.15, several=0.12, tinted=0.06, gradients=0.08, places=0.08
    ),
    autoencoder=AutoencoderRecipe(
        channels=(16, 32, 64, 128), crop=128, batch=16, steps=1000, decoder_steps=3000, like="first"
    ),
    denoiser=DenoiserRecipe(samples=400_000, views=2),
)
# All things of `full`, but each alone and in the middle, as `first` shows them: learnt before the rest.
MIDDLE = replace(
    FULL, name="middle", pictures_of="full", scenes=SceneRecipe(), denoiser=DenoiserRecipe(samples=400_000, views=1)
)


def smoke(recipe: Recipe) -> Recipe:
    """The same recipe, small enough to train inside a test."""
    return replace(
        recipe,
        name=f"{recipe.name}-smoke",
        size=32,
        words_of=None,
        pictures_of=None,
        vocabulary=700,
        steps=4,
        autoencoder=replace(
            recipe.autoencoder,
            channels=(32, 32, 32),
            crop=16,
            batch=8,
            scenes=48,
            steps=40,
            decoder_steps=10,
            warmup_steps=5,
            like=None,
        ),
        words=replace(recipe.words, components=8, batch=32, steps=200, learning_rate=3e-3, warmup_steps=5),
        denoiser=replace(
            recipe.denoiser,
            channels=(32, 32),
            norm_groups=8,
            attention_levels=1,
            heads=2,
            text_width=32,
            text_layers=1,
            batch=8,
            samples=320,
            views=1,
            warmup_steps=5,
        ),
        scorer=replace(
            recipe.scorer,
            side=32,
            stem=16,
            channels=(32, 32, 32),
            width=32,
            layers=1,
            heads=2,
            dimensions=32,
            things=6,
            steps=60,
            warmup_steps=5,
        ),
    )


RECIPES = {recipe.name: recipe for recipe in (FIRST, MIDDLE, FULL)}
