"""ComfyUI's pictures: the graph of nodes in a PNG's `prompt`, followed back from the picture to its sampler.

Graphs can be anything; the usual ones are understood, and what else takes part is named as what cannot be had.
"""

import re
from collections.abc import Mapping
from typing import Any

from colabsd.errors import DamagedMetadataError
from colabsd.library.importers.comfyui_graph import Graph
from colabsd.library.importers.file_texts import FileTexts
from colabsd.library.importers.imported import Imported
from colabsd.library.importers.ledger import Ledger
from colabsd.library.importers.names import REASONS
from colabsd.library.importers.values import file_stem, integer, number, read_object, text

PROGRAM = "ComfyUI"
OUTPUTS = ("SaveImage", "PreviewImage", "Image Save", "SaveImageWebsocket", "VAEDecode")
# What a sampler is told by links to nodes of their own.
SAMPLER_LINKS = ("sampler", "sigmas", "noise", "guider")
LATENT_LINKS = ("latent_image", "latent", "samples", "pixels", "image")
MODEL_LINKS = ("model", "unet", "guider")
TEXT_NAMES = ("text", "text_g", "prompt", "string", "value", "text_l")
MODEL_NAMES = ("ckpt_name", "unet_name", "model_name")
NOT_CONDITIONING = ("clip", "model", "vae", "image", "mask", "control_net", "style_model", "clip_vision_output")
SETTINGS: Mapping[str, str] = {"steps": "steps", "cfg": "guidance"}
# Nodes between a sampler and its text or its model that change pixels, by how their class begins.
CLASSES: Mapping[str, str] = {
    "Lora": "note.import.adapters",
    "Control": "note.import.controlnet",
    "ACN_": "note.import.controlnet",
    "IPAdapter": "note.import.controlnet",
    "Conditioning": "note.import.conditioning",
    "unCLIP": "note.import.conditioning",
    "GLIGEN": "note.import.conditioning",
    "Hypernetwork": "note.import.adapters",
    "FreeU": "note.import.model_patch",
    "ModelSampling": "note.import.model_patch",
    "Rescale": "note.import.model_patch",
    "PatchModel": "note.import.model_patch",
    "TomePatch": "note.import.speed",
    "PerturbedAttention": "note.import.model_patch",
    "SelfAttention": "note.import.model_patch",
}
BRACKET = re.compile(r"(?<!\\)[\[\]]")


def matches(texts: FileTexts) -> bool:
    """Whether the file has a graph, whole or not."""
    return (texts.get("prompt") or "").lstrip().startswith("{") or texts.get("workflow") is not None


def read(texts: FileTexts) -> Imported:
    """What the graph says of the sampler that the picture came from. Raises: DamagedMetadataError."""
    if texts.get("prompt") is None:
        raise DamagedMetadataError("error.import.workflow", path=texts.path)
    graph = Graph(read_object(texts.get("prompt") or "", PROGRAM, texts))
    samplers = graph.chain_of_samplers(OUTPUTS, LATENT_LINKS)
    if not samplers:
        raise DamagedMetadataError("error.import.no_sampler", path=texts.path)
    first = samplers[-1]
    told = graph.told(first, SAMPLER_LINKS)
    ledger = Ledger(PROGRAM, _pairs(graph, told))
    ledger.prompt("positive", "prompt", from_comfyui(text(ledger.peek("positive")) or ""))
    ledger.prompt("negative", "negative_prompt", from_comfyui(text(ledger.peek("negative")) or ""))
    _take_latent(graph, told, ledger)
    ledger.size_of_picture(texts.size)
    for name, setting in SETTINGS.items():
        ledger.take(name, setting)
    ledger.take("seed", "seed")
    ledger.take_sampler("sampler_name", "scheduler", REASONS)
    ledger.take_model("model", file_stem(ledger.peek("model")))
    ledger.take_noise(None, "cpu")
    for sampler in samplers[:-1]:
        ledger.add(sampler.name, graph.value(sampler.inputs.get("denoise")) or sampler.id, "note.import.hires")
    _take_rest(graph, told, ledger)
    ledger.remark("note.import.comfyui")
    return ledger.finish()


def from_comfyui(prompt: str) -> str:
    """Its prompts in A1111's language: square brackets are plain text there."""
    return BRACKET.sub(lambda match: "\\" + match[0], prompt)


def _pairs(graph: Graph, told: Mapping[str, Any]) -> dict[str, object]:
    """The sampler's pairs with links followed to what they end in."""
    values = {name: graph.value(told.get(name)) for name in ("steps", "cfg", "sampler_name", "scheduler", "denoise")}
    seed = told.get("seed", told.get("noise_seed"))
    positive = told.get("positive", told.get("conditioning"))
    model = graph.nearest(told.get("model"), MODEL_NAMES, MODEL_LINKS)
    return {
        "positive": graph.text(positive, TEXT_NAMES, NOT_CONDITIONING, "positive"),
        "negative": graph.text(told.get("negative"), TEXT_NAMES, NOT_CONDITIONING, "negative"),
        "seed": graph.value(seed),
        "model": model,
        **values,
    }


def _take_latent(graph: Graph, told: Mapping[str, Any], ledger: Ledger) -> None:
    """Where the first latents come from: an empty picture with its size, or a picture that is not here."""
    for node in graph.walk(told.get("latent_image", told.get("samples")), LATENT_LINKS):
        sides = [integer(graph.value(node.inputs.get(side))) for side in ("width", "height")]
        if "Empty" in node.name and sides[0] and sides[1]:
            ledger.set_size(node.name, f"{sides[0]}x{sides[1]}", (sides[0], sides[1]))
            count = integer(graph.value(node.inputs.get("batch_size"))) or 1
            if count > 1:
                ledger.add("batch_size", count, "note.import.batch")
            return
        if "LoadImage" in node.name or "Encode" in node.name:
            ledger.add(node.name, text(node.inputs.get("image")) or node.id, "note.import.start_picture")
            return


def _take_rest(graph: Graph, told: Mapping[str, Any], ledger: Ledger) -> None:
    """The nodes on the way to the text and to the model, clip skip among them, and what a sampler leaves out."""
    if number(ledger.peek("denoise")) in (None, 1):
        ledger.ignore("denoise")
    ledger.refuse("denoise", "note.import.start_picture")
    conditioned = (told.get("positive", told.get("conditioning")), told.get("negative"))
    for node in {node.id: node for link in (*conditioned, told.get("model")) for node in graph.walk(link)}.values():
        skip = integer(node.inputs.get("stop_at_clip_layer"))
        if skip is not None:
            ledger.set("stop_at_clip_layer", skip, "clip_skip", -skip)
            continue
        reason = next((reason for beginning, reason in CLASSES.items() if node.name.startswith(beginning)), None)
        if reason is not None:
            named = next((value for value in node.inputs.values() if isinstance(value, str)), node.id)
            ledger.add(node.name, named, reason)
    steps = integer(graph.value(told.get("steps"))) or 0
    parts = {"start_at_step": 0, "end_at_step": steps}
    for name, whole in parts.items():
        part = integer(graph.value(told.get(name)))
        if part is not None and (part > 0 if name == "start_at_step" else part < whole):
            ledger.add(name, part, "note.import.hires")
