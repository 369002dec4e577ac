"""The trained scorer as a folder: fp16 safetensors, the tokenizer, a card for programs and one for people."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from colabsd.engine.dual_encoder import DualEncoder

from .export import checksums

MOST_BYTES = 8 * 1000 * 1000


def export(model: DualEncoder, tokenizer: Path, things: int, folder: Path, version: str) -> int:
    """Write the scorer into `folder`, in place of what was there; its size in bytes.

    Raises: ValueError when it has grown beyond MOST_BYTES.
    """
    scratch = folder.with_name(folder.name + ".scratch")
    if scratch.exists():
        shutil.rmtree(scratch)
    shutil.copytree(tokenizer, scratch / "tokenizer")
    tensors = {name: tensor.to(torch.float16).contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, scratch / "model.safetensors", metadata={"format": "pt"})
    (scratch / "model.safetensors").chmod(0o644)
    (scratch / "README.md").write_text(CARD.format(things=things), encoding="utf-8")
    card = {"version": version, "things": things, "shape": asdict(model.shape), "files": checksums(scratch)}
    (scratch / "card.json").write_text(json.dumps(card, indent=1), encoding="utf-8")
    size = sum(path.stat().st_size for path in scratch.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        raise ValueError(f"the scorer is {size / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:.0f} MB")
    if folder.exists():
        shutil.rmtree(folder)
    scratch.replace(folder)
    return size


CARD = """---
license: other
license_name: drawings-of-three-emoji-sets
pipeline_tag: zero-shot-image-classification
language: [en, es]
---
# The scorer of colabsd's starter

A small dual encoder (pictures of 64 × 64 pixels, sentences in English or Spanish), trained from nothing on the
drawings that the starter is trained on. **It scores the starter's world and nothing else**: {things} things, three
styles, twelve colours, plain backgrounds. It says whether a drawing shows what a sentence says, and whether two
drawings show the same subject. On photos, people or paintings its figures mean little; there CLIP takes its place.

Twelve things were kept from it (`starter/held_out.txt` of the source code), so that likeness can be measured on
subjects that it has never seen. How it was trained, and its figures: the folder `starter` of the source code.

## Where the drawings come from

- 3d style and flat style: Fluent Emoji, © Microsoft Corporation, MIT licence.
- drawing style: Noto Emoji, © Google LLC, Apache License 2.0.
"""
