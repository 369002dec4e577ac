"""From what was asked to the exact plan of a training: every None filled in, every choice with its reason. No torch."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from colabsd.environment.machine import Machine
from colabsd.errors import InvalidSettingError, MissingPackageError, UsageError
from colabsd.geometry import snap
from colabsd.models.cards import ModelCard
from colabsd.models.starter import NAME as STARTER
from colabsd.planning.memory import choose_execution
from colabsd.planning.photos import PhotoFacts
from colabsd.planning.plans import Execution, Note
from colabsd.planning.training import LearningSchedule, Method, OptimizerName, SubjectPlan, Targets, TrainingPlan
from colabsd.planning.training_defaults import (
    CLASS_EACH,
    CLASS_LEAST,
    CLASS_MOST,
    CLASS_PROMPTS,
    FULL_RATE,
    FULL_RATE_WITH_TEXT,
    LEAST_SAMPLE_STEPS,
    LEAST_STATE_STEPS,
    LORA_RATE,
    PHOTO_PROMPTS,
    PRODIGY_RATE,
    PROMPTS,
    RANKS,
    SAMPLES,
    SDXL_SIDE_ON_A_T4,
    SMALL_BATCH,
    SMALL_CHANNELS,
    SMALL_FACTOR,
    SMALL_RANK,
    SNR_GAMMA,
    STARTER_PROMPTS,
    STATES,
    STEPS,
    TARGETS,
    TEXT_LEARNS,
    TEXT_SHARE,
    TEXT_STOP_SHARE,
    WORD_RATE,
)
from colabsd.planning.training_memory import fit_training
from colabsd.settings.fields import check_settings
from colabsd.settings.images import NEW_SEED
from colabsd.settings.training import TrainingSettings

FEW_PHOTOS, MANY_PHOTOS = 3, 100
PACKAGES: dict[OptimizerName, str] = {"adamw8bit": "bitsandbytes", "prodigy": "prodigyopt"}


@dataclass
class Choosing:
    """What choices are made from, and the notes of those that were made."""

    settings: TrainingSettings
    photos: Sequence[PhotoFacts]
    card: ModelCard
    machine: Machine
    installed: Collection[str]
    method: Method
    execution: Execution
    notes: list[Note] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Photos of all subjects together."""
        return sum(facts.count for facts in self.photos)

    @property
    def text_encoder(self) -> bool:
        """Whether the text encoder learns: with LoRA on Stable Diffusion 1 and 2 unless somebody says no."""
        if self.method == "inversion":
            return False
        asked = self.settings.text_encoder
        if asked is not None:
            return asked == "on"
        learns = TEXT_LEARNS[self.card.family] and not self.is_small
        return self.method == "lora" and not self.settings.reference and learns

    @property
    def prior(self) -> bool:
        """Whether class pictures are learnt too: where the whole model learns one thing or person, or a small one."""
        if self.settings.prior is not None:
            return self.settings.prior == "on"
        needed = self.method == "full" or self.is_small
        return needed and self.photos[0].kind != "style" and not self.settings.reference

    @property
    def is_small(self) -> bool:
        """Whether the model is much smaller than Stable Diffusion: it learns faster, and forgets its words faster."""
        return self.card.unet_channels <= SMALL_CHANNELS


def plan_training(
    settings: TrainingSettings,
    photos: PhotoFacts,
    *,
    card: ModelCard,
    machine: Machine,
    new_seed: Callable[[], int],
    more: Sequence[PhotoFacts] = (),
    installed: Collection[str] = frozenset(),
    free_disk_bytes: int = 0,
) -> TrainingPlan:
    """The exact plan of a training; `more` are the photos of `more_subjects`, in order.

    `installed` names optional packages that are there; `free_disk_bytes` 0 is not known. Raises: InvalidSettingError,
    UsageError, MissingPackageError, NotEnoughMemoryError, StorageError.
    """
    check_settings(settings)
    choosing = _look(settings, (photos, *more), card, machine, installed)
    subjects = _subjects(choosing)
    seed = new_seed() if settings.seed in (None, NEW_SEED) else settings.seed
    assert seed is not None
    steps = settings.steps or _steps(choosing)
    plan = TrainingPlan(
        name=settings.name or subjects[0].word,
        subjects=subjects,
        model=card.name,
        model_sha256=card.sha256,
        family=card.family,
        method=choosing.method,
        steps=steps,
        resolution=_resolution(choosing),
        batch=settings.batch or (SMALL_BATCH if choosing.is_small and not settings.reference else 1),
        accumulation=settings.accumulation or 1,
        seed=seed,
        reference=settings.reference,
        masked=settings.masked == "on",
        execution=choosing.execution,
    )
    plan = _with_samples(_with_loss(_with_layers(_with_rates(plan, choosing), choosing), choosing), choosing)
    fitted = fit_training(plan, settings, card, machine, choosing.installed, free_disk_bytes)
    return replace(fitted, notes=(*choosing.execution.reasons, *choosing.notes, *fitted.notes))


def read_subject(text: str) -> tuple[str, str, str]:
    """`folder:word:class word` of `more_subjects`. Raises: InvalidSettingError."""
    folder, first, rest = text.rpartition(":")[0].rpartition(":")[0], *text.rsplit(":", 2)[-2:]
    if text.count(":") < 2 or not all(part.strip() for part in (folder, first, rest)):
        raise InvalidSettingError("error.training.more_subjects", value=text)
    return folder.strip(), first.strip(), rest.strip()


def _look(
    settings: TrainingSettings,
    photos: Sequence[PhotoFacts],
    card: ModelCard,
    machine: Machine,
    installed: Collection[str],
) -> Choosing:
    """Raises: UsageError or InvalidSettingError for what cannot be trained, before anything is chosen."""
    if len(photos) != 1 + len(settings.more_subjects or ()):
        raise InvalidSettingError("error.training.more_subjects", value=", ".join(settings.more_subjects or ()))
    if any(facts.count == 0 for facts in photos):
        raise UsageError("error.training.no_photos")
    if card.variant != "text":
        raise UsageError("error.training.variant", model=card.name)
    method: Method = next(one for one in get_args(Method) if one == (settings.method or "lora"))
    if card.family == "sdxl" and method == "full":
        raise UsageError("error.training.full_sdxl", model=card.name)
    precision = settings.precision or ("fp32" if machine.gpu is None or settings.device == "cpu" else None)
    execution = choose_execution(card, machine, settings.device, precision)
    choosing = Choosing(settings, photos, card, machine, installed, method, execution)
    if photos[0].count < FEW_PHOTOS:
        choosing.notes.append(Note("note.training.few_photos", {"count": photos[0].count}))
    if choosing.count > MANY_PHOTOS:
        choosing.notes.append(Note("note.training.many_photos", {"count": choosing.count}))
    return choosing


def _subjects(choosing: Choosing) -> tuple[SubjectPlan, ...]:
    """Every subject with its words and sentences. Raises: InvalidSettingError where a word is missing."""
    settings = choosing.settings
    words = [(settings.photos, settings.subject or "", settings.class_word or "")]
    words += [read_subject(text) for text in settings.more_subjects or ()]
    subjects = []
    for (folder, word, class_word), facts in zip(words, choosing.photos, strict=True):
        if not word.strip():
            raise InvalidSettingError("error.training.no_subject")
        if not class_word.strip():
            raise InvalidSettingError("error.training.no_class_word", subject=word.strip())
        kind = facts.kind
        asked_photo, asked_class = settings.photo_prompt, settings.class_prompt
        subjects.append(
            SubjectPlan(
                photos=folder,
                photos_sha256=facts.sha256,
                count=facts.count,
                word=word.strip(),
                class_word=class_word.strip(),
                photo_prompt=_filled(asked_photo or PHOTO_PROMPTS[kind], word.strip(), class_word.strip()),
                class_prompt=_filled(asked_class or CLASS_PROMPTS[kind], word.strip(), class_word.strip()),
                class_folder=settings.class_folder or "",
                kind=kind,
            )
        )
    taken = [subject.word for subject in subjects]
    if len(set(taken)) < len(taken):
        raise InvalidSettingError("error.training.same_word", subject=taken[0])
    return tuple(subjects)


def _filled(template: str, word: str, class_word: str) -> str:
    return template.replace("{subject}", word).replace("{class}", class_word)


def _steps(choosing: Choosing) -> int:
    steps = STEPS[choosing.method, choosing.photos[0].kind].steps(choosing.count)
    choosing.notes.append(Note("note.training.steps", {"steps": steps, "count": choosing.count}))
    return steps


def _resolution(choosing: Choosing) -> int:
    card, machine, asked = choosing.card, choosing.machine, choosing.settings.resolution
    side = asked or min(card.size.width, card.size.height)
    small = machine.gpu is not None and machine.gpu.vram_bytes < 20 * 2**30
    if asked is None and card.family == "sdxl" and small:
        side = min(side, SDXL_SIDE_ON_A_T4)
    snapped = snap(side, card.multiple)
    if asked is not None and snapped != asked:
        facts = {"asked": asked, "side": snapped, "multiple": card.multiple}
        choosing.notes.append(Note("note.training.resolution", facts))
    smallest = min(facts.smallest_side for facts in choosing.photos)
    if 0 < smallest < snapped:
        choosing.notes.append(Note("note.training.small_photos", {"smallest": smallest, "side": snapped}))
    return snapped


def _with_rates(plan: TrainingPlan, choosing: Choosing) -> TrainingPlan:
    """Optimizer, learning rates, and when the text encoder and new words stop. Raises: MissingPackageError."""
    settings, text = choosing.settings, choosing.text_encoder
    optimizer: OptimizerName = next(one for one in get_args(OptimizerName) if one == (settings.optimizer or "adamw"))
    if (package := PACKAGES.get(optimizer)) and package not in choosing.installed:
        raise MissingPackageError(name=package, command=f"pip install {package}")
    small = SMALL_FACTOR if choosing.is_small else 1.0
    usual = {"lora": LORA_RATE, "pivotal": LORA_RATE, "full": FULL_RATE_WITH_TEXT if text else FULL_RATE}
    rate = PRODIGY_RATE if optimizer == "prodigy" else usual.get(plan.method, WORD_RATE) * small
    rate = rate if settings.learning_rate is None else float(settings.learning_rate)
    share = TEXT_SHARE if plan.has_lora and optimizer != "prodigy" else 1.0
    stop = round(plan.steps * TEXT_STOP_SHARE) if plan.method == "full" and text and not plan.reference else 0
    half = plan.steps // 2 if plan.method == "pivotal" else 0
    words = PRODIGY_RATE if optimizer == "prodigy" else WORD_RATE * small
    return replace(
        plan,
        optimizer=optimizer,
        learning_rate=rate,
        text_encoder=text,
        text_encoder_rate=_or(settings.text_encoder_rate, rate * share) if text else 0.0,
        text_encoder_stop=(stop if settings.text_encoder_stop is None else settings.text_encoder_stop) if text else 0,
        embedding_rate=_or(settings.embedding_rate, words) if plan.has_words else 0.0,
        embedding_stop=half if settings.embedding_stop is None or not half else settings.embedding_stop,
        weight_decay=_or(settings.weight_decay, TrainingPlan.weight_decay),
        learning_schedule=next(
            one for one in get_args(LearningSchedule) if one == (settings.learning_schedule or "constant")
        ),
        warmup=settings.warmup or 0,
    )


def _with_layers(plan: TrainingPlan, choosing: Choosing) -> TrainingPlan:
    """The size of a LoRA and of new words, where the method has them."""
    settings, kind = choosing.settings, choosing.photos[0].kind
    if plan.has_lora:
        rank = settings.rank or max(RANKS[kind], SMALL_RANK if choosing.is_small else 0)
        targets = next(one for one in get_args(Targets) if one == (settings.targets or TARGETS[kind]))
        plan = replace(plan, rank=rank, alpha=_or(settings.alpha, rank), targets=targets)
    if plan.has_words:
        begins = settings.initial_word or plan.subjects[0].class_word
        plan = replace(plan, vectors=settings.vectors or 2, initial_word=begins)
    return replace(plan, ema=plan.method == "full" and settings.ema == "on")


def _with_loss(plan: TrainingPlan, choosing: Choosing) -> TrainingPlan:
    settings, prior = choosing.settings, choosing.prior
    gamma = 0.0 if plan.reference or plan.method == "full" else SNR_GAMMA
    pictures = min(CLASS_MOST, max(CLASS_LEAST, CLASS_EACH * choosing.count))
    return replace(
        plan,
        prior=prior,
        prior_weight=_or(settings.prior_weight, TrainingPlan.prior_weight),
        class_pictures=(settings.class_pictures or pictures) if prior else 0,
        snr_gamma=_or(settings.snr_gamma, gamma),
        noise_offset=_or(settings.noise_offset, 0.0),
        gradient_clip=_or(settings.gradient_clip, TrainingPlan.gradient_clip),
    )


def _with_samples(plan: TrainingPlan, choosing: Choosing) -> TrainingPlan:
    """When samples are drawn and states are kept, and what samples show."""
    settings, subject = choosing.settings, plan.subjects[0]
    sample = max(LEAST_SAMPLE_STEPS, plan.steps // SAMPLES)
    state = max(LEAST_STATE_STEPS, plan.steps // STATES)
    what = f"{subject.word} {subject.class_word}"
    words = {"photo": subject.photo_prompt, "what": what, "style": f"in {subject.word} style"}
    known = STARTER_PROMPTS if plan.model == STARTER else PROMPTS[subject.kind]
    prompts = tuple(one.format(**words, class_photo=subject.class_prompt) for one in known)
    return replace(
        plan,
        sample_every=sample if settings.sample_every is None else settings.sample_every,
        sample_prompts=settings.sample_prompts or prompts,
        checkpoint_every=state if settings.checkpoint_every is None else settings.checkpoint_every,
        keep=settings.keep or TrainingPlan.keep,
    )


def _or(asked: float | None, chosen: float) -> float:
    return float(chosen if asked is None else asked)
