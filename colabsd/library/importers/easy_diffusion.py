"""Easy Diffusion's pictures: a PNG text per setting, or one JSON object in EXIF's UserComment."""

from collections.abc import Mapping

from colabsd.library.importers.file_texts import COMMENT, FileTexts
from colabsd.library.importers.imported import Imported
from colabsd.library.importers.ledger import Ledger
from colabsd.library.importers.values import file_stem, text, try_object

PROGRAM = "Easy Diffusion"
# The labels of its form, which it writes where text files were asked for as well.
LABELS: Mapping[str, str] = {
    "Prompt": "prompt",
    "Negative Prompt": "negative_prompt",
    "Seed": "seed",
    "Stable Diffusion model": "use_stable_diffusion_model",
    "Clip Skip": "clip_skip",
    "ControlNet model": "use_controlnet_model",
    "ControlNet Filter": "control_filter_to_apply",
    "VAE model": "use_vae_model",
    "Sampler": "sampler_name",
    "Width": "width",
    "Height": "height",
    "Steps": "num_inference_steps",
    "Guidance Scale": "guidance_scale",
    "Prompt Strength": "prompt_strength",
    "LoRA model": "use_lora_model",
    "LoRA Strength": "lora_alpha",
    "Hypernetwork model": "use_hypernetwork_model",
    "Hypernetwork Strength": "hypernetwork_strength",
    "Embedding models": "use_embeddings_model",
    "Seamless Tiling": "tiling",
    "Use Face Correction": "use_face_correction",
    "Use Upscaling": "use_upscale",
    "Upscale By": "upscale_amount",
    "Latent Upscaler Steps": "latent_upscaler_steps",
}
MARKS = frozenset({"num_inference_steps", "use_stable_diffusion_model"})
SETTINGS: Mapping[str, str] = {
    "width": "width",
    "height": "height",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "seed": "seed",
}
REFUSED: Mapping[str, str] = {
    "use_controlnet_model": "note.import.controlnet",
    "control_filter_to_apply": "note.import.controlnet",
    "use_vae_model": "note.import.vae",
    "prompt_strength": "note.import.start_picture",
    "use_lora_model": "note.import.adapters",
    "lora_alpha": "note.import.adapters",
    "use_hypernetwork_model": "note.import.adapters",
    "hypernetwork_strength": "note.import.adapters",
    "use_embeddings_model": "note.import.adapters",
    "tiling": "note.import.tiling",
    "use_face_correction": "note.import.faces",
    "use_upscale": "note.import.hires",
    "upscale_amount": "note.import.hires",
    "latent_upscaler_steps": "note.import.hires",
}
TRUE = (True, "True", "true", "Yes")


def matches(texts: FileTexts) -> bool:
    """Whether the pairs are there, under their names or their labels."""
    return len(MARKS & set(_pairs(texts))) == len(MARKS)


def _pairs(texts: FileTexts) -> dict[str, object]:
    found: Mapping[str, object] = texts.texts if texts.is_png else try_object(texts.get(COMMENT)) or {}
    return {LABELS.get(name, name): value for name, value in found.items()}


def read(texts: FileTexts) -> Imported:
    """What the pairs say."""
    ledger = Ledger(PROGRAM, _pairs(texts))
    ledger.prompt("prompt", "prompt")
    ledger.prompt("negative_prompt", "negative_prompt")
    for name, setting in SETTINGS.items():
        ledger.take(name, setting)
    ledger.size_of_picture(texts.size)
    ledger.take_sampler("sampler_name")
    ledger.take_model("use_stable_diffusion_model", file_stem(ledger.peek("use_stable_diffusion_model")))
    skips = ledger.peek("clip_skip") in TRUE or text(ledger.peek("clip_skip")) == "2"
    ledger.take("clip_skip", "clip_skip", 2 if skips else 1)
    ledger.take_noise(None, "cpu")
    for pair, reason in REFUSED.items():
        ledger.refuse(pair, reason)
    ledger.remark("note.import.program", program=PROGRAM)
    return ledger.finish()
