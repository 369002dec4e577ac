"""How what a training made is asked for: its words, the scene, its tag, its model. No widgets."""

from colabsd.library.adapters import KeptAdapter
from colabsd.settings.images import ImageSettings

STRENGTH = 0.8


def prompt_of(adapter: KeptAdapter, scene: str) -> str:
    """A prompt that shows it: what calls it, the scene, and for a LoRA its tag."""
    tag = f" <lora:{adapter.name}:{STRENGTH:g}>" if adapter.card.method in ("lora", "pivotal") else ""
    return f"a {adapter.card.phrase}{', ' if scene else ''}{scene}{tag}"


def model_of(adapter: KeptAdapter) -> str:
    """The model to draw it with: its own, or the one that it was trained on."""
    return adapter.name if adapter.card.method == "full" else adapter.card.base


def settings_of(adapter: KeptAdapter, scene: str, *, count: int = 1, seed: int | None = None) -> ImageSettings:
    """What to draw."""
    return ImageSettings(prompt=prompt_of(adapter, scene), model=model_of(adapter), count=count, seed=seed)
