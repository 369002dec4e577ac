"""What people ask of a training on their own photos. None means "choose for me": planning fills it in and says why."""

from dataclasses import dataclass

from colabsd.settings.fields import setting
from colabsd.settings.images import MAX_SEED, NEW_SEED

METHODS = ("lora", "full", "inversion", "pivotal")
KINDS = ("object", "person", "style")
TARGETS = ("attention", "attention+feedforward", "all")
OPTIMIZERS = ("adamw", "adamw8bit", "adafactor", "prodigy")
LEARNING_SCHEDULES = ("constant", "cosine", "linear")
ON_OFF = ("on", "off")
LONGEST = 1_000_000


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """A request for a training (Ruiz et al. 2022, arXiv:2208.12242).

    `photos` is a folder of photos, `subject` the rare word that is to stand for what they show, and `class_word` what
    kind of thing that is ("dog"); `photo_prompt` is what a photo without a caption shows, where `{subject}` and
    `{class}` stand for the two words, and `class_prompt` the same for class pictures. `more_subjects` are further
    subjects, `folder:word:class word` each. `kind` (object, person, style) decides defaults.

    `method` is what changes: small matrices beside the network's (LoRA, Hu et al. 2021, arXiv:2106.09685; of `rank`,
    scaled by `alpha` / rank, beside the layers that `targets` names), the network itself, the vectors of new words
    (textual inversion, Gal et al. 2022, arXiv:2208.01618; `vectors` of them, learnt at `embedding_rate`, beginning as
    `initial_word`), or new words for `embedding_stop` steps and LoRA as well. `steps` are changes of the weights;
    each looks at `batch` times `accumulation` photos of `resolution` pixels. With `text_encoder` "on" the text encoder
    learns too, at its own rate and until its own step.

    With `prior` "on" the loss on class pictures, times `prior_weight`, keeps the class what it was; `class_pictures`
    are drawn by the model, or taken from `class_folder`. `snr_gamma` weighs noise levels (Hang et al. 2023,
    arXiv:2303.09556; 0 is off), `noise_offset` shifts noise as a whole (Guttenberg 2023), with `masked` "on" only what
    a photo's mask shows counts, and `gradient_clip` bounds the gradient's norm (0 is off). `ema` averages the weights
    of a full training. With `reference` everything random is drawn in the order of diffusers' `train_dreambooth.py`.

    Every `sample_every` steps pictures of `sample_prompts` are drawn, every `checkpoint_every` steps a state is kept
    from which the training goes on exactly; `keep` of them stay.
    """

    name: str | None = setting(kind="text", group="subject", named="training_name")
    photos: str = setting("", kind="text", group="subject")
    subject: str | None = setting(kind="text", group="subject")
    class_word: str | None = setting(kind="text", group="subject")
    kind: str | None = setting(kind="choice", group="subject", choices=KINDS)
    photo_prompt: str | None = setting(kind="text", group="subject", advanced=True)
    class_prompt: str | None = setting(kind="text", group="subject", advanced=True)
    more_subjects: tuple[str, ...] | None = setting(kind="names", group="subject", advanced=True)
    masked: str | None = setting(kind="choice", group="subject", choices=ON_OFF, advanced=True)
    model: str | None = setting(kind="text", group="training", short="m", named="training_model")
    method: str | None = setting(kind="choice", group="training", choices=METHODS)
    steps: int | None = setting(kind="integer", group="training", minimum=1, maximum=LONGEST, named="training_steps")
    resolution: int | None = setting(kind="integer", group="training", minimum=32, maximum=2048)
    batch: int | None = setting(kind="integer", group="training", minimum=1, maximum=64, named="training_batch")
    accumulation: int | None = setting(kind="integer", group="training", minimum=1, maximum=64, advanced=True)
    prior: str | None = setting(kind="choice", group="training", choices=ON_OFF)
    prior_weight: float | None = setting(kind="number", group="training", minimum=0, maximum=100, advanced=True)
    class_pictures: int | None = setting(kind="integer", group="training", minimum=1, maximum=10_000)
    class_folder: str | None = setting(kind="text", group="training", advanced=True)
    text_encoder: str | None = setting(kind="choice", group="training", choices=ON_OFF)
    seed: int | None = setting(
        kind="integer", group="training", minimum=NEW_SEED, maximum=MAX_SEED, short="s", named="training_seed"
    )
    reference: bool = setting(False, kind="switch", group="training", advanced=True)
    learning_rate: float | None = setting(kind="number", group="learning", minimum=0, maximum=10)
    text_encoder_rate: float | None = setting(kind="number", group="learning", minimum=0, maximum=10, advanced=True)
    text_encoder_stop: int | None = setting(kind="integer", group="learning", minimum=0, maximum=LONGEST, advanced=True)
    rank: int | None = setting(kind="integer", group="learning", minimum=1, maximum=1024)
    alpha: float | None = setting(kind="number", group="learning", minimum=0, maximum=1024, advanced=True)
    targets: str | None = setting(kind="choice", group="learning", choices=TARGETS, advanced=True)
    vectors: int | None = setting(kind="integer", group="learning", minimum=1, maximum=32, advanced=True)
    initial_word: str | None = setting(kind="text", group="learning", advanced=True)
    embedding_rate: float | None = setting(kind="number", group="learning", minimum=0, maximum=10, advanced=True)
    embedding_stop: int | None = setting(kind="integer", group="learning", minimum=0, maximum=LONGEST, advanced=True)
    optimizer: str | None = setting(kind="choice", group="learning", choices=OPTIMIZERS)
    weight_decay: float | None = setting(kind="number", group="learning", minimum=0, maximum=1, advanced=True)
    learning_schedule: str | None = setting(kind="choice", group="learning", choices=LEARNING_SCHEDULES, advanced=True)
    warmup: int | None = setting(kind="integer", group="learning", minimum=0, maximum=LONGEST, advanced=True)
    snr_gamma: float | None = setting(kind="number", group="learning", minimum=0, maximum=100, advanced=True)
    noise_offset: float | None = setting(kind="number", group="learning", minimum=0, maximum=1, advanced=True)
    gradient_clip: float | None = setting(kind="number", group="learning", minimum=0, maximum=1000, advanced=True)
    ema: str | None = setting(kind="choice", group="learning", choices=ON_OFF, advanced=True)
    sample_every: int | None = setting(kind="integer", group="watching", minimum=0, maximum=LONGEST)
    sample_prompts: tuple[str, ...] | None = setting(kind="names", group="watching")
    checkpoint_every: int | None = setting(kind="integer", group="watching", minimum=0, maximum=LONGEST)
    keep: int | None = setting(kind="integer", group="watching", minimum=1, maximum=1000, advanced=True)
    gradient_checkpointing: str | None = setting(kind="choice", group="machine", choices=ON_OFF, advanced=True)
    device: str | None = setting(
        kind="choice", group="machine", choices=("cpu", "cuda"), advanced=True, named="training_device"
    )
    precision: str | None = setting(kind="choice", group="machine", choices=("fp32", "fp16", "bf16"), advanced=True)
