"""One change of the weights: forward, backward, clipping, optimizer. Knows nothing of files and of who looks on."""

import math
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from colabsd.engine.shortage import forget_failure, shortage_told
from colabsd.environment.interrupts import stop_waits
from colabsd.errors import DivergedError, OutOfMemoryError
from colabsd.planning.training import TrainingPlan
from colabsd.progress import Note
from colabsd.training.adapters import use_gradient_checkpointing
from colabsd.training.base import Base, Sentences
from colabsd.training.data import Prepared, added_conditions
from colabsd.training.loss import BatchLoss, batch_loss, min_snr_weights, noised, target_of, with_offset
from colabsd.training.optimizers import build_optimizer, rate_factor, use_rates
from colabsd.training.order import Look, Order
from colabsd.training.reports import TrainingReport
from colabsd.training.trainables import Trainable

MOST_SKIPPED = 25  # changes in a row whose gradient overflowed: by then the scale is 2^25 times smaller
FIRST_SCALE = 2.0**16


@dataclass
class Sums:
    """The losses of a step's batches, weighted so that they add up to their means."""

    total: float = 0.0
    photos: float = 0.0
    classes: float | None = None

    def add(self, loss: BatchLoss, share: float) -> None:
        self.total += share * float(loss.total.detach())
        self.photos += share * float(loss.photos.detach())
        if loss.classes is not None:
            self.classes = (self.classes or 0.0) + share * float(loss.classes.detach())


class Stepper:
    """Everything that changes while a training runs, and the step that changes it."""

    def __init__(self, plan: TrainingPlan, base: Base, trainable: Trainable, prepared: Prepared, order: Order) -> None:
        self.plan, self.base, self.trainable = plan, base, trainable
        self.prepared, self.order = prepared, order
        self.groups = tuple(trainable.groups)
        self.parameters = [parameter for group in self.groups for parameter in group.parameters]
        self.optimizer = build_optimizer(plan, self.groups)
        self.restart_scaler()
        self.batch = plan.batch  # photos at once, which may become fewer
        self.checkpointing = plan.gradient_checkpointing
        self.skipped = 0
        self.notes: list[Note] = []
        self._settled: Sentences | None = None
        if self.checkpointing:
            use_gradient_checkpointing(base, self.groups)

    def restart_scaler(self) -> None:
        """The scale that keeps small gradients in half precision from vanishing, as at first; 1 in any other."""
        execution = self.plan.execution
        half = execution.device == "cuda" and execution.precision == "fp16"
        self.scaler = torch.amp.GradScaler(execution.device, init_scale=FIRST_SCALE, enabled=half)

    def step(self, number: int) -> TrainingReport:
        """Change the weights for the `number`-th time, counted from 0. What was said on the way is in `notes`.

        Raises: DivergedError and OutOfMemoryError, after which the weights are as before.
        """
        started = time.perf_counter()
        self.trainable.begin_step(number)
        rates = use_rates(self.optimizer, self.groups, rate_factor(self.plan, number))
        sums = self._accumulate(self.order.looks(number))
        if self.scaler.is_enabled():
            self.scaler.unscale_(self.optimizer)
        norm = float(nn.utils.clip_grad_norm_(self._learning(), self.plan.gradient_clip or math.inf))
        self._check(number, sums, norm)
        with stop_waits():
            skipped = self._change()
        self.skipped = self.skipped + 1 if skipped else 0
        return TrainingReport(
            step=number + 1,
            steps=self.plan.steps,
            epoch=self.order.epoch(number),
            loss=sums.total,
            photo_loss=sums.photos,
            class_loss=sums.classes,
            gradient_norm=norm if math.isfinite(norm) else None,
            rates=rates,
            seconds=time.perf_counter() - started,
            skipped=skipped,
        )

    def _learning(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.parameters if parameter.grad is not None]

    def _check(self, number: int, sums: Sums, norm: float) -> None:
        """Raises: DivergedError where numbers are none, and not only for once in half precision."""
        if math.isfinite(sums.total) and math.isfinite(norm):
            return
        if self.scaler.is_enabled() and self.skipped < MOST_SKIPPED:
            return
        self.optimizer.zero_grad(set_to_none=True)
        raise DivergedError(step=number + 1, rate=f"{self.plan.learning_rate:g}")

    def _change(self) -> bool:
        """Let the optimizer act; whether it was left out because a gradient overflowed."""
        scale = self.scaler.get_scale()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.trainable.end_step()
        return self.scaler.is_enabled() and self.scaler.get_scale() < scale

    def _accumulate(self, looks: Sequence[Look]) -> Sums:
        """The gradients of a step's batches, in smaller pieces where memory runs out."""
        while True:
            self.optimizer.zero_grad(set_to_none=True)
            sums = Sums()
            try:
                with shortage_told():
                    for look in looks:
                        for piece in look.split(self.batch):
                            self._backward(piece, len(piece.photos) / len(look.photos), len(looks), sums)
                return sums
            except OutOfMemoryError:
                if not self._has_smaller_way():
                    raise
            forget_failure()

    def _backward(self, look: Look, share: float, looks: int, sums: Sums) -> None:
        loss = self.loss(look)
        sums.add(loss, share / looks)
        total = loss.total if share == 1 else loss.total * share
        total = total if self.plan.accumulation == 1 else total / self.plan.accumulation
        torch.autograd.backward(self.scaler.scale(total))

    def _has_smaller_way(self) -> bool:
        """Go on with half the photos at once, then by computing activations twice; False when nothing is left."""
        if self.batch > 1 and not self.plan.reference:
            self.batch //= 2
            self.notes.append(Note("note.training.smaller_batch", {"batch": self.batch}))
            return True
        if not self.checkpointing:
            self.checkpointing = True
            use_gradient_checkpointing(self.base, self.groups)
            self.notes.append(Note("note.training.checkpointing", {}))
            return True
        return False

    def loss(self, look: Look) -> BatchLoss:
        """The loss of a batch, with what gradients need."""
        plan, base, levels, device = self.plan, self.base, self.base.noise, self.base.device
        rows = [*look.photos, *(self.prepared.photos + index for index in look.classes)]
        timesteps = look.chance.timesteps.to(device)
        latents = self.prepared.latents(rows, look.chance.posterior.to(device))
        offset = None if look.chance.offset is None else look.chance.offset.to(device)
        noise = with_offset(look.chance.noise.to(device), offset, plan.noise_offset)
        mixed = noised(levels, latents, noise, timesteps)
        with torch.autocast(device, base.dtype) if base.autocast else nullcontext():
            prediction = self._predict(mixed, timesteps, rows)
        masks = self.prepared.masks
        return batch_loss(
            prediction,
            target_of(levels, latents, noise, timesteps),
            photos=len(look.photos),
            prior_weight=plan.prior_weight,
            weights=min_snr_weights(levels, timesteps, plan.snr_gamma) if plan.snr_gamma else None,
            masks=None if masks is None else masks[list(look.photos)],
        )

    def _predict(self, mixed: torch.Tensor, timesteps: torch.Tensor, rows: Sequence[int]) -> torch.Tensor:
        unet: Any = self.base.unet
        told = self._sentences([self.prepared.sentence_rows[row] for row in rows])
        sizes = None if self.prepared.sizes is None else self.prepared.sizes[list(rows)]
        told = Sentences(told.embeddings.to(unet.dtype), None if told.pooled is None else told.pooled.to(unet.dtype))
        added = added_conditions(told, sizes)
        found: torch.Tensor = unet(mixed.to(unet.dtype), timesteps, told.embeddings, return_dict=False, **added)[0]
        return found

    def _sentences(self, rows: Sequence[int]) -> Sentences:
        """What the UNet attends to: read once where nothing of it learns, else anew, each sentence once."""
        if self.plan.reference:  # together as they come: apart their numbers would differ by rounding
            return self.base.read([part[list(rows)] for part in self.prepared.ids])
        known = self.prepared.sentences or self._settled
        if known is None and not self.trainable.reads_sentences:
            with torch.no_grad():
                known = self._settled = self.base.read(self.prepared.ids)
        if known is not None:
            return known.rows(rows)
        own = sorted(set(rows))
        return self.base.read([part[own] for part in self.prepared.ids]).rows([own.index(row) for row in rows])
