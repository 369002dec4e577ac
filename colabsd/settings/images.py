"""What people ask of a picture. None means "choose for me": planning fills it in and says why."""

from dataclasses import dataclass

from colabsd.settings.fields import setting

MAX_SEED = 2**64 - 1
MAX_DELTA = 2**32 - 1
NEW_SEED = -1
EMPHASES = ("original", "no-norm", "ignore", "literal")
ATTENTIONS = ("sdpa", "sliced", "xformers")


@dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """A request for one or more pictures from a sentence.

    `prompt` and `negative_prompt` are sentences, in the language of `prompts/` if you like; `style` are names of
    styles that are put into both, `wildcard_seed` decides what dynamic prompts become (None: the picture's seed does)
    and `emphasis` what brackets do (None: "original"). `lora` are LoRAs, `name:0.8` or `name:0.5:1` (text encoder and
    UNet), and `vae` is another autoencoder; a path will do for a name. `width` and `height` are pixels;
    `original_width`, `original_height`, `crop_left` and `crop_top` are what SDXL is told of the size that a picture had
    and of what was cut off it (Podell et al. 2023, arXiv:2307.01952; 0: the size drawn at, nothing); `guidance` is the
    weight of classifier-free guidance (Ho & Salimans 2022; 1 = without); `seed` -1 or None draws a new one, picture
    i of `count` gets seed + i; `clip_skip` counts as A1111 does (1 = last layer, 2 = the one before it);
    `variation_strength` in [0, 1] slerps the noise of `seed` towards that of `variation_seed`; `eta` is the share of
    noise that a stochastic sampler adds anew; `noise` is whose random numbers are drawn ("nv": those of other
    programs' graphics cards), and `noise_seed_delta` is added to the seed for the noise after the first. `safety` "off"
    leaves the checker that some models carry unasked; else pictures that it flags are blurred. Guidance acts from the
    share `guidance_start` of the way to `guidance_stop` (0 and 1); with `feature_reuse` n the UNet's inner levels are
    computed at every n-th model call (1): less work, another picture. `attention` is how
    attention is computed, and with `offload` "on" the parts of a model take turns on the graphics card.
    """

    prompt: str = setting("", kind="text", group="picture")
    negative_prompt: str = setting("", kind="text", group="picture", short="n")
    style: tuple[str, ...] | None = setting(kind="names", group="picture")
    model: str | None = setting(kind="text", group="picture", short="m")
    lora: tuple[str, ...] | None = setting(kind="names", group="picture")
    vae: str | None = setting(kind="text", group="picture", advanced=True)
    width: int | None = setting(kind="integer", group="picture", minimum=1, maximum=100_000, short="W")
    height: int | None = setting(kind="integer", group="picture", minimum=1, maximum=100_000, short="H")
    original_width: int | None = setting(kind="integer", group="picture", minimum=0, maximum=100_000, advanced=True)
    original_height: int | None = setting(kind="integer", group="picture", minimum=0, maximum=100_000, advanced=True)
    crop_left: int | None = setting(kind="integer", group="picture", minimum=0, maximum=100_000, advanced=True)
    crop_top: int | None = setting(kind="integer", group="picture", minimum=0, maximum=100_000, advanced=True)
    count: int = setting(1, kind="integer", group="picture", minimum=1, maximum=10_000, short="c")
    seed: int | None = setting(kind="integer", group="picture", minimum=NEW_SEED, maximum=MAX_SEED, short="s")
    sampler: str | None = setting(kind="text", group="sampling")
    schedule: str | None = setting(kind="text", group="sampling", advanced=True)
    steps: int | None = setting(kind="integer", group="sampling", minimum=1, maximum=1000)
    guidance: float | None = setting(kind="number", group="sampling", minimum=0, maximum=100, short="g")
    guidance_start: float | None = setting(kind="number", group="sampling", minimum=0, maximum=1, advanced=True)
    guidance_stop: float | None = setting(kind="number", group="sampling", minimum=0, maximum=1, advanced=True)
    feature_reuse: int | None = setting(kind="integer", group="sampling", minimum=1, maximum=10, advanced=True)
    clip_skip: int | None = setting(kind="integer", group="sampling", minimum=1, maximum=12, advanced=True)
    emphasis: str | None = setting(kind="choice", group="sampling", choices=EMPHASES, advanced=True)
    eta: float | None = setting(kind="number", group="sampling", minimum=0, maximum=1, advanced=True)
    variation_seed: int | None = setting(
        kind="integer", group="variation", minimum=NEW_SEED, maximum=MAX_SEED, advanced=True
    )
    variation_strength: float = setting(0.0, kind="number", group="variation", minimum=0, maximum=1, advanced=True)
    noise: str | None = setting(kind="choice", group="variation", choices=("cpu", "nv"), advanced=True)
    noise_seed_delta: int | None = setting(
        kind="integer", group="variation", minimum=-MAX_DELTA, maximum=MAX_DELTA, advanced=True
    )
    wildcard_seed: int | None = setting(kind="integer", group="variation", minimum=0, maximum=MAX_SEED, advanced=True)
    safety: str | None = setting(kind="choice", group="picture", choices=("blur", "off"), advanced=True)
    batch: int | None = setting(kind="integer", group="machine", minimum=1, maximum=64, advanced=True)
    device: str | None = setting(kind="choice", group="machine", choices=("cpu", "cuda"), advanced=True)
    precision: str | None = setting(kind="choice", group="machine", choices=("fp32", "fp16", "bf16"), advanced=True)
    attention: str | None = setting(kind="choice", group="machine", choices=ATTENTIONS, advanced=True)
    offload: str | None = setting(kind="choice", group="machine", choices=("on", "off"), advanced=True)
