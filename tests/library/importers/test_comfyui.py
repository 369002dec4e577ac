"""ComfyUI's graphs, followed from the picture back to its sampler; hostile ones too."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sd_parsers import ParserManager

from colabsd.errors import ColabsdError, DamagedMetadataError
from colabsd.library.importers.comfyui_graph import Graph
from colabsd.library.importers.imported import Imported
from colabsd.library.importers.reading import read_picture
from colabsd.settings.fields import check_settings


def node(name: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": name, "inputs": inputs}


BASIC = {
    "3": node(
        "KSampler",
        seed=156680208700286,
        steps=20,
        cfg=8.0,
        sampler_name="dpmpp_2m",
        scheduler="karras",
        denoise=1.0,
        model=["4", 0],
        positive=["6", 0],
        negative=["7", 0],
        latent_image=["5", 0],
    ),
    "4": node("CheckpointLoaderSimple", ckpt_name="sd/v1-5-pruned-emaonly.ckpt"),
    "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
    "6": node("CLIPTextEncode", text="a [red] apple", clip=["4", 1]),
    "7": node("CLIPTextEncode", text="text, watermark", clip=["4", 1]),
    "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
    "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
}
WORKFLOW = {
    "links": [
        [1, 4, 0, 3, 0, "MODEL"],
        [2, 5, 0, 3, 3, "LATENT"],
        [3, 4, 1, 6, 0, "CLIP"],
        [4, 6, 0, 3, 1, "CONDITIONING"],
        [5, 4, 1, 7, 0, "CLIP"],
        [6, 7, 0, 3, 2, "CONDITIONING"],
        [7, 3, 0, 8, 0, "LATENT"],
    ]
}


def reasons(imported: Imported) -> dict[str, str]:
    return {fact.name: fact.reason for fact in imported.facts if fact.reason is not None}


def changed(**nodes: dict[str, Any]) -> dict[str, Any]:
    """The basic graph with nodes replaced (`_3=`) or their inputs changed (`_3={"inputs": …}` merges)."""
    graph = json.loads(json.dumps(BASIC))
    for name, new in nodes.items():
        key = name.removeprefix("_")
        if "class_type" in new:
            graph[key] = new
        else:
            graph[key]["inputs"] |= new
    return graph


def test_the_usual_graph_becomes_settings(png: Callable[..., Path]) -> None:
    path = png({"prompt": BASIC, "workflow": WORKFLOW})
    imported = read_picture(path)
    assert imported.program == "ComfyUI"
    assert imported.settings == {
        "prompt": r"a \[red\] apple",
        "negative_prompt": "text, watermark",
        "width": 512,
        "height": 768,
        "steps": 20,
        "guidance": 8,
        "seed": 156680208700286,
        "sampler": "DPM++ 2M",
        "schedule": "Karras",
        "noise": "cpu",
    }
    assert imported.model == "v1-5-pruned-emaonly"
    assert reasons(imported) == {}


def test_sd_parsers_reads_the_same(png: Callable[..., Path]) -> None:
    path = png({"prompt": BASIC, "workflow": WORKFLOW})
    info, ours = ParserManager().parse(path), read_picture(path)
    assert info is not None
    (theirs,) = info.samplers
    read = (theirs.parameters["seed"], theirs.parameters["steps"], theirs.parameters["cfg_scale"])
    assert read == (ours.settings["seed"], ours.settings["steps"], ours.settings["guidance"])
    assert theirs.model is not None and "v1-5-pruned-emaonly" in str(theirs.model.name)
    assert [prompt.value for prompt in theirs.prompts] == ["a [red] apple"]
    assert [prompt.value for prompt in theirs.negative_prompts] == [ours.settings["negative_prompt"]]


def test_a_webp_says_the_same(png: Callable[..., Path], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110], exif[0x010F] = f"prompt:{json.dumps(BASIC)}", f"workflow:{json.dumps(WORKFLOW)}"
    Image.new("RGB", (64, 48)).save(tmp_path / "picture.webp", exif=exif)
    assert read_picture(tmp_path / "picture.webp") == read_picture(png({"prompt": BASIC}))


def test_values_are_found_behind_links(png: Callable[..., Path]) -> None:
    graph = changed(
        _3={"seed": ["20", 0], "steps": ["21", 0]},
        _6={"text": ["22", 0]},
        _20=node("Seed (rgthree)", seed=77),
        _21=node("PrimitiveInt", value=33),
        _22=node("StringConstant", string="a pear"),
    )
    imported = read_picture(png({"prompt": graph}))
    assert [imported.settings[name] for name in ("seed", "steps", "prompt")] == [77, 33, "a pear"]


def test_the_advanced_sampler_is_told_by_nodes_of_its_own(png: Callable[..., Path]) -> None:
    graph = changed(
        _3=node(
            "SamplerCustomAdvanced",
            noise=["30", 0],
            guider=["31", 0],
            sampler=["32", 0],
            sigmas=["33", 0],
            latent_image=["5", 0],
        ),
        _30=node("RandomNoise", noise_seed=99),
        _31=node("CFGGuider", cfg=5.5, model=["4", 0], positive=["6", 0], negative=["7", 0]),
        _32=node("KSamplerSelect", sampler_name="euler_ancestral"),
        _33=node("BasicScheduler", scheduler="normal", steps=25, denoise=1.0, model=["4", 0]),
    )
    imported = read_picture(png({"prompt": graph}))
    names = ("seed", "guidance", "sampler", "schedule", "steps", "prompt", "width")
    expected = [99, 5.5, "Euler a", "Uniform", 25, r"a \[red\] apple", 512]
    assert [imported.settings[name] for name in names] == expected
    assert imported.model == "v1-5-pruned-emaonly"


def test_of_two_passes_the_first_is_drawn_and_the_second_is_said(png: Callable[..., Path]) -> None:
    second = {**BASIC["3"]["inputs"], "seed": 5, "denoise": 0.5, "latent_image": ["11", 0]}
    graph = changed(
        _8={"samples": ["10", 0]},
        _10=node("KSampler", **second),
        _11=node("LatentUpscale", samples=["3", 0], width=1024, height=1536),
    )
    imported = read_picture(png({"prompt": graph}))
    assert (imported.settings["seed"], imported.settings["width"]) == (156680208700286, 512)
    assert reasons(imported) == {"KSampler": "note.import.hires"}


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        (
            {"_3": {"model": ["12", 0]}, "_12": node("LoraLoader", lora_name="x.safetensors", model=["4", 0])},
            "adapters",
        ),
        (
            {"_3": {"positive": ["12", 0]}, "_12": node("ControlNetApply", conditioning=["6", 0], image=["13", 0])},
            "controlnet",
        ),
        ({"_3": {"positive": ["12", 0]}, "_12": node("ConditioningCombine", a=["6", 0], b=["7", 0])}, "conditioning"),
        ({"_3": {"model": ["12", 0]}, "_12": node("FreeU_V2", model=["4", 0], b1=1.3)}, "model_patch"),
        (
            {"_3": {"latent_image": ["12", 0], "denoise": 0.6}, "_12": node("VAEEncode", pixels=["13", 0])},
            "start_picture",
        ),
        ({"_5": {"batch_size": 4}}, "batch"),
        ({"_3": {"sampler_name": "dpmpp_3m_sde_gpu"}}, "sampler"),
        ({"_3": {"scheduler": "kl_optimal"}}, "schedule"),
        ({"_3": {"steps": 0}}, "value"),
    ],
)
def test_what_cannot_be_equal_is_said(png: Any, nodes: dict[str, Any], reason: str) -> None:
    imported = read_picture(png({"prompt": changed(**nodes)}))
    assert set(reasons(imported).values()) == {f"note.import.{reason}"}


def test_clip_skip_is_found_on_the_way_to_the_text(png: Callable[..., Path]) -> None:
    graph = changed(_6={"clip": ["12", 0]}, _12=node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["4", 1]))
    assert read_picture(png({"prompt": graph})).settings["clip_skip"] == 2


def test_a_workflow_alone_and_a_graph_without_sampler_are_told_apart(png: Callable[..., Path]) -> None:
    with pytest.raises(DamagedMetadataError, match="workflow"):
        read_picture(png({"workflow": WORKFLOW}))
    with pytest.raises(DamagedMetadataError, match="sampler"):
        read_picture(png({"prompt": {"4": BASIC["4"]}}))


def test_circles_and_links_to_nowhere_end(png: Callable[..., Path]) -> None:
    circle = changed(
        _4=node("LoraLoader", model=["12", 0], clip=["12", 0]),
        _12=node("LoraLoader", model=["4", 0], clip=["4", 0]),
        _5=node("LatentFlip", samples=["5", 0]),
        _6=node("ConditioningCombine", a=["6", 0], b=["99", 0]),
    )
    imported = read_picture(png({"prompt": circle}))
    assert imported.model is None
    assert "prompt" not in imported.settings
    assert (imported.settings["width"], imported.settings["height"]) == (64, 48)


def test_large_graphs_are_walked_within_seconds() -> None:
    count = 9_000
    chain = {str(key): node("Reroute", model=[str(key + 1), 0], samples=[str(key + 1), 0]) for key in range(count)}
    chain[str(count)] = node("KSampler", sampler_name="euler", steps=20, model=["0", 0])
    chain["save"] = node("SaveImage", images=["0", 0])
    start = time.perf_counter()
    graph = Graph(chain)
    assert len(graph.chain_of_samplers(("SaveImage",), ("samples",))) == 1
    assert len(list(graph.walk(["0", 0]))) == count + 1
    dense = {str(key): node("Many", **{str(other): [str(other), 0] for other in range(300)}) for key in range(300)}
    assert len(list(Graph(dense).walk(["0", 0]))) == 300
    assert time.perf_counter() - start < 5


inputs = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.lists(st.sampled_from(["1", "2", "3", 0, 4]), max_size=3)
)
names = st.sampled_from(
    [
        "seed",
        "steps",
        "cfg",
        "sampler_name",
        "scheduler",
        "model",
        "positive",
        "negative",
        "latent_image",
        "text",
        "width",
        "height",
        "samples",
        "images",
        "sampler",
        "sigmas",
        "stop_at_clip_layer",
    ]
)
classes = st.sampled_from(
    ["KSampler", "SaveImage", "CLIPTextEncode", "EmptyLatentImage", "LoraLoader", "VAEDecode", "PrimitiveInt"]
)
nodes = st.fixed_dictionaries(
    {"class_type": classes | st.integers(), "inputs": st.dictionaries(names, inputs, max_size=8) | st.none()}
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from("1234"), nodes | st.integers()))
def test_any_graph_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, graph: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "graph.png"
    info = PngInfo()
    info.add_text("prompt", json.dumps(graph))
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    try:
        imported = read_picture(path)
    except ColabsdError:
        return
    check_settings(imported.image_settings(None))
