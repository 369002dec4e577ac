"""The exact plan of a training: what is learnt, from what and how (in the key), and how it is run (recorded only)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from colabsd.keys import key_of
from colabsd.models.cards import Family
from colabsd.planning.photos import PhotoKind
from colabsd.planning.plans import Execution, Note

Method = Literal["lora", "full", "inversion", "pivotal"]
Targets = Literal["attention", "attention+feedforward", "all"]
OptimizerName = Literal["adamw", "adamw8bit", "adafactor", "prodigy"]
LearningSchedule = Literal["constant", "cosine", "linear"]

# For people, or how it is run: another value of these makes no other weights.
RUN = ("name", "model", "execution", "gradient_checkpointing", "sample_every", "sample_prompts", "checkpoint_every")
RUN_TOO = ("keep", "notes")
PLAINLY = Execution()


@dataclass(frozen=True, kw_only=True)
class SubjectPlan:
    """One subject that is learnt: its photos, its words and the sentences that it is learnt with.

    `photos` is the folder, for people; `photos_sha256` is what counts. `photo_prompt` is for photos without a caption.
    `class_folder` is where class pictures are that somebody has already, or "".
    """

    photos: str
    photos_sha256: str
    count: int
    word: str
    class_word: str
    photo_prompt: str
    class_prompt: str
    class_folder: str = ""
    kind: PhotoKind = "object"

    def what(self) -> dict[str, Any]:
        """What decides the weights."""
        return {name: value for name, value in asdict(self).items() if name not in ("photos", "class_folder", "kind")}


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What one training is: every fact that decides its weights, and how it is run.

    Fields are as in TrainingSettings, with no None. Rates are per change of the weights. `text_encoder_rate` matters
    with `text_encoder`, and `text_encoder_stop` 0 is never; `rank`, `alpha` and `targets` matter to methods with LoRA,
    `vectors`, `initial_word`, `embedding_rate` and `embedding_stop` to those with new words. `snr_gamma`,
    `noise_offset` and `gradient_clip` 0 are off. `class_pictures` is their number for each subject, 0 without `prior`.
    With `execution.precision` fp16 what is frozen is in fp16 and what is learnt in fp32, always.
    """

    name: str
    subjects: tuple[SubjectPlan, ...]
    model: str
    model_sha256: str
    family: Family
    method: Method
    steps: int
    resolution: int
    batch: int = 1
    accumulation: int = 1
    learning_rate: float = 1e-4
    text_encoder: bool = False
    text_encoder_rate: float = 0.0
    text_encoder_stop: int = 0
    rank: int = 16
    alpha: float = 16.0
    targets: Targets = "attention"
    vectors: int = 1
    initial_word: str = ""
    embedding_rate: float = 0.0
    embedding_stop: int = 0
    optimizer: OptimizerName = "adamw"
    weight_decay: float = 0.01
    learning_schedule: LearningSchedule = "constant"
    warmup: int = 0
    prior: bool = False
    prior_weight: float = 1.0
    class_pictures: int = 0
    snr_gamma: float = 0.0
    noise_offset: float = 0.0
    masked: bool = False
    gradient_clip: float = 1.0
    ema: bool = False
    seed: int = 0
    reference: bool = False
    execution: Execution = PLAINLY
    gradient_checkpointing: bool = False
    sample_every: int = 0
    sample_prompts: tuple[str, ...] = ()
    checkpoint_every: int = 0
    keep: int = 3
    notes: tuple[Note, ...] = ()

    @property
    def key(self) -> str:
        """The sha256 of what decides the weights; what has its default is not in it, as in `Drawing.key`."""
        defaults = {field.name: field.default for field in fields(self)}
        what = {name: value for name, value in self._values().items() if name not in (*RUN, *RUN_TOO, "subjects")}
        own = {name: value for name, value in what.items() if value != defaults[name]}
        return key_of(own | {"subjects": [subject.what() for subject in self.subjects]})

    @property
    def has_words(self) -> bool:
        """Whether new words are learnt."""
        return self.method in ("inversion", "pivotal")

    @property
    def has_lora(self) -> bool:
        """Whether matrices beside the networks' layers are learnt."""
        return self.method in ("lora", "pivotal")

    @property
    def examples(self) -> int:
        """Photos, and class pictures beside them, that one change of the weights looks at."""
        return self.batch * self.accumulation * (2 if self.prior else 1)

    def _values(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def as_json(self) -> dict[str, Any]:
        plain = {name: value for name, value in self._values().items() if name not in ("notes", "execution")}
        return plain | {
            "subjects": [asdict(subject) for subject in self.subjects],
            "sample_prompts": list(self.sample_prompts),
            "execution": self.execution.as_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: KeyError, TypeError or ValueError when the data is not a plan."""
        values = dict(data)
        values["subjects"] = tuple(SubjectPlan(**subject) for subject in data["subjects"])
        values["sample_prompts"] = tuple(data.get("sample_prompts", ()))
        values["execution"] = Execution(**data.get("execution", {}))
        return cls(**values)
