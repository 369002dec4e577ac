"""What goes with models and has a name here: adapters, autoencoders, networks that look at pictures or mend them.

Plain rows, like the catalog of models. They are brought and kept by the same cache; who uses them is not known here.
"""

from dataclasses import dataclass
from typing import Literal

from colabsd.models.cards import Family, FewSteps, HubFile
from colabsd.models.download import Wanted
from colabsd.models.families import Defaults

Kind = Literal["adapter", "embedding", "autoencoder", "preview", "enlarger", "faces", "depth", "captions", "checker"]
PRESETS = "github.com/leehack/llamadart image generation presets"
REFINERS = "github.com/finegrain-ai/refiners src/refiners/conversion/models"
STUDIO_STORE = "github.com/Junostr05/CLIPasso-Studio clipasso_studio/engine/model_store.py"
LCM_GUIDE = "github.com/huggingface/diffusers docs/source/en/using-diffusers/inference_with_lcm.md"
INVOKE = "github.com/invoke-ai/InvokeAI invokeai/backend/model_manager/starter_models.py"
MANAGER = "github.com/ltdrdata/ComfyUI-Manager model-list.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
CONFIG = HubFile("config.json")
CHECKER = "safety-checker"  # of Stable Diffusion 1, for models that come without one
# Luo et al. 2023, arXiv:2311.05556; Ren et al. 2024, arXiv:2404.13686; Lin et al. 2024, arXiv:2402.13929. The last two
# were distilled without guidance and on timesteps counted from the end, where DDIM and Euler are one formula.
LCM_LORA = Defaults("LCM", "Automatic", 4, 1.0, FewSteps((2, 8), (1.0, 2.0), ("LCM",)))
HYPER_8 = Defaults("DDIM", "SGM Uniform", 8, 1.0, FewSteps((8, 8), (1.0, 1.0), ("DDIM", "Euler")))
LIGHTNING_4 = Defaults("Euler", "SGM Uniform", 4, 1.0, FewSteps((4, 4), (1.0, 1.0), ("Euler", "DDIM")))


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """Something that goes with models of `families` (() is all of them).

    `source` is a hub id or the releases of a repository on GitHub (`github.com/owner/name`, `revision` is the tag).
    `files` are exactly what is brought. `license` "" was not seen. `aliases` call it too. `draws_with` is how a LoRA
    that was made for few steps wants its model to be drawn with.
    """

    name: str
    kind: Kind
    source: str
    files: tuple[HubFile, ...]
    license: str
    facts_from: tuple[str, ...]
    revision: str = ""
    families: tuple[Family, ...] = ()
    aliases: tuple[str, ...] = ()
    draws_with: Defaults | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """What calls it, in prompts too."""
        return self.name, *self.aliases

    @property
    def wanted(self) -> Wanted:
        """What the cache is asked for, to have it."""
        return Wanted(
            name=self.name,
            source=self.source,
            revision=self.revision,
            known=self.files,
            only_known=True,
            kept_as=self.name,
        )

    @property
    def bytes(self) -> int:
        """What downloading it takes, as far as it is known; 0 is not known."""
        return sum(file.bytes for file in self.files)


ADDONS: tuple[AddOn, ...] = (
    AddOn(
        name="lcm-lora-sd15",
        aliases=("lcm-lora-sdv1-5",),
        kind="adapter",
        draws_with=LCM_LORA,
        source="latent-consistency/lcm-lora-sdv1-5",
        files=(
            HubFile(
                "pytorch_lora_weights.safetensors",
                134_621_556,
                "8f90d840e075ff588a58e22c6586e2ae9a6f7922996ee6649a7f01072333afe4",
            ),
        ),
        license="CreativeML Open RAIL++-M",
        families=("sd1",),
        facts_from=("huggingface.co/latent-consistency/lcm-lora-sdv1-5", LCM_GUIDE),
    ),
    AddOn(
        name="lcm-lora-sdxl",
        kind="adapter",
        draws_with=LCM_LORA,
        source="latent-consistency/lcm-lora-sdxl",
        revision="a18548dd4956b174ec5b0d78d340c8dae0a129cd",
        files=(
            HubFile(
                "pytorch_lora_weights.safetensors",
                0,
                "a764e6859b6e04047cd761c08ff0cee96413a8e004c9f07707530cd776b19141",
            ),
        ),
        license="CreativeML Open RAIL++-M",
        families=("sdxl",),
        facts_from=("huggingface.co/latent-consistency/lcm-lora-sdxl", f"{REFINERS}/loras.py", LCM_GUIDE),
    ),
    AddOn(
        name="hyper-sd15-8steps",
        aliases=("Hyper-SD15-8steps-lora",),
        kind="adapter",
        draws_with=HYPER_8,
        source="ByteDance/Hyper-SD",
        files=(HubFile("Hyper-SD15-8steps-lora.safetensors"),),
        license="",
        families=("sd1",),
        facts_from=("huggingface.co/ByteDance/Hyper-SD",),
    ),
    AddOn(
        name="hyper-sdxl-8steps",
        aliases=("Hyper-SDXL-8steps-lora",),
        kind="adapter",
        draws_with=HYPER_8,
        source="ByteDance/Hyper-SD",
        files=(HubFile("Hyper-SDXL-8steps-lora.safetensors"),),
        license="",
        families=("sdxl",),
        facts_from=("huggingface.co/ByteDance/Hyper-SD",),
    ),
    AddOn(
        name="sdxl-lightning-4steps",
        aliases=("sdxl_lightning_4step_lora",),
        kind="adapter",
        draws_with=LIGHTNING_4,
        source="ByteDance/SDXL-Lightning",
        revision="c9a24f48e1c025556787b0c58dd67a091ece2e44",
        files=(
            HubFile(
                "sdxl_lightning_4step_lora.safetensors",
                0,
                "bf56cf2657efb15e465d81402ed481d1e11c4677e4bcce1bc11fe71ad8506b79",
            ),
        ),
        license="CreativeML Open RAIL++-M",
        families=("sdxl",),
        facts_from=("huggingface.co/ByteDance/SDXL-Lightning", f"{REFINERS}/loras.py", "osai-index.eu"),
    ),
    AddOn(
        name="easynegative",
        kind="embedding",
        source="embed/EasyNegative",
        files=(
            HubFile(
                "EasyNegative.safetensors",
                0,
                "c74b4e810b030f6b75fde959e2db678c268d07115b85356d3c0138ba5eb42340",
            ),
        ),
        license="",
        families=("sd1",),
        facts_from=("huggingface.co/embed/EasyNegative", "civitai.com/models/7808?modelVersionId=9208", INVOKE),
    ),
    AddOn(
        name="vae-ft-mse",
        aliases=("sd-vae-ft-mse",),
        kind="autoencoder",
        source="stabilityai/sd-vae-ft-mse",
        revision="31f26fdeee1355a5c34592e401dd41e45d25a493",
        files=(CONFIG, HubFile(WEIGHTS, 0, "a1d993488569e928462932c8c38a0760b874d166399b14414135bd9c42df5815")),
        license="MIT",
        families=("sd1", "sd2"),
        facts_from=("huggingface.co/stabilityai/sd-vae-ft-mse", f"{REFINERS}/autoencoder_sd15.py"),
    ),
    AddOn(
        name="sdxl-vae-fp16-fix",
        kind="autoencoder",
        source="madebyollin/sdxl-vae-fp16-fix",
        revision="207b116dae70ace3637169f1ddd2434b91b3a8cd",
        files=(CONFIG, HubFile(WEIGHTS, 0, "1b909373b28f2137098b0fd9dbc6f97f8410854f31f84ddc9fa04b077b0ace2c")),
        license="MIT",
        families=("sdxl",),
        facts_from=(
            "huggingface.co/madebyollin/sdxl-vae-fp16-fix",
            f"{REFINERS}/autoencoder_sdxl.py",
            "github.com/vfxli/Lab2Shot extension DiffusionLight-Turbo",
        ),
    ),
    AddOn(
        name="taesd",
        kind="preview",
        source="madebyollin/taesd",
        revision="614f76814bbe30edbe2e627ace1c2234c81a2c0e",
        files=(CONFIG, HubFile(WEIGHTS, 9_793_292, "db169d69145ec4ff064e49d99c95fa05d3eb04ee453de35824a6d0f325513549")),
        license="MIT",
        families=("sd1", "sd2"),
        facts_from=("huggingface.co/madebyollin/taesd", PRESETS),
    ),
    AddOn(
        name="taesdxl",
        kind="preview",
        source="madebyollin/taesdxl",
        revision="b20258aaef75ef61e659c1e0f14f251cf0ad153e",
        files=(CONFIG, HubFile(WEIGHTS, 9_793_292, "ff4824aca94dd6111e0340fa749347fb74101060d9712cb5ef1ca8f1cf17502f")),
        license="MIT",
        families=("sdxl",),
        facts_from=("huggingface.co/madebyollin/taesdxl", PRESETS),
    ),
    AddOn(
        name="realesrgan-x4plus",
        aliases=("RealESRGAN_x4plus", "R-ESRGAN 4x+"),  # its file, and what A1111 calls it
        kind="enlarger",
        source="github.com/xinntao/Real-ESRGAN",
        revision="v0.1.0",
        files=(
            HubFile(
                "RealESRGAN_x4plus.pth",
                67_040_989,
                "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
            ),
        ),
        license="BSD-3-Clause",
        facts_from=("github.com/xinntao/Real-ESRGAN/releases/tag/v0.1.0",),
    ),
    AddOn(
        name="realesrgan-x2plus",
        aliases=("RealESRGAN_x2plus", "R-ESRGAN 2x+"),  # its file, and what A1111 calls it
        kind="enlarger",
        source="github.com/xinntao/Real-ESRGAN",
        revision="v0.2.1",
        files=(
            HubFile("RealESRGAN_x2plus.pth", 0, "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb"),
        ),
        license="BSD-3-Clause",
        facts_from=("github.com/xinntao/Real-ESRGAN/releases/tag/v0.2.1",),
    ),
    AddOn(
        name="realesrgan-anime",
        aliases=("RealESRGAN_x4plus_anime_6B", "R-ESRGAN 4x+ Anime6B"),  # its file, and what A1111 calls it
        kind="enlarger",
        source="github.com/xinntao/Real-ESRGAN",
        revision="v0.2.2.4",
        files=(
            HubFile(
                "RealESRGAN_x4plus_anime_6B.pth",
                0,
                "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da",
            ),
        ),
        license="BSD-3-Clause",
        facts_from=("github.com/xinntao/Real-ESRGAN/releases/tag/v0.2.2.4",),
    ),
    AddOn(
        name="gfpgan-1.4",
        kind="faces",
        source="github.com/TencentARC/GFPGAN",
        revision="v1.3.0",
        files=(HubFile("GFPGANv1.4.pth", 0, "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad"),),
        license="Apache-2.0",
        facts_from=("github.com/TencentARC/GFPGAN/releases/tag/v1.3.0", MANAGER),
    ),
    AddOn(
        name=CHECKER,
        kind="checker",
        source="stable-diffusion-v1-5/stable-diffusion-v1-5",
        revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
        files=(HubFile("safety_checker/config.json"), HubFile("safety_checker/model.fp16.safetensors")),
        license="CreativeML Open RAIL-M",
        families=("sd1",),
        facts_from=("huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",),
    ),
    AddOn(
        name="dpt-hybrid-midas",
        kind="depth",
        source="Intel/dpt-hybrid-midas",
        revision="11eaf7a1cf4bd70740697dbc216f98980c0aeb03",
        files=(
            CONFIG,
            HubFile("preprocessor_config.json"),
            HubFile(
                "pytorch_model.bin",
                489_648_389,
                "b6c4d44f9d96ca3fa76dd3bbb153989a60b4ad5526559f3c598562a368d687ec",
            ),
        ),
        license="Apache-2.0",
        facts_from=(
            "huggingface.co/Intel/dpt-hybrid-midas",
            STUDIO_STORE,
            "github.com/vfxli/Lab2Shot extension DiffusionLight-Turbo",
        ),
    ),
    AddOn(
        name="blip-large",
        kind="captions",
        source="Salesforce/blip-image-captioning-large",
        revision="353689b859fcf0523410b1806dace5fb46ecdf41",
        files=(
            CONFIG,
            HubFile("preprocessor_config.json"),
            HubFile("special_tokens_map.json"),
            HubFile("tokenizer.json"),
            HubFile("tokenizer_config.json"),
            HubFile("vocab.txt"),
            HubFile("model.safetensors", 1_879_014_680),
        ),
        license="",
        facts_from=("huggingface.co/Salesforce/blip-image-captioning-large", STUDIO_STORE),
    ),
)


def find_addon(name: str) -> AddOn | None:
    """The row of that name or alias, or None."""
    wanted = name.strip().casefold()
    return next((row for row in ADDONS if wanted in {word.casefold() for word in row.words}), None)
