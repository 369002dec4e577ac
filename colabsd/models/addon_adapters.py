"""Adapters and textual inversions that have a name here: plain rows."""

from colabsd.models.addon import AddOn
from colabsd.models.cards import FewSteps, HubFile
from colabsd.models.families import Defaults

REFINERS = "github.com/finegrain-ai/refiners src/refiners/conversion/models"
LCM_GUIDE = "github.com/huggingface/diffusers docs/source/en/using-diffusers/inference_with_lcm.md"
INVOKE = "github.com/invoke-ai/InvokeAI invokeai/backend/model_manager/starter_models.py"
# Luo et al. 2023, arXiv:2311.05556; Ren et al. 2024, arXiv:2404.13686; Lin et al. 2024, arXiv:2402.13929. The last two
# were distilled without guidance and on timesteps counted from the end, where DDIM and Euler are one formula.
LCM_LORA = Defaults("LCM", "Automatic", 4, 1.0, FewSteps((2, 8), (1.0, 2.0), ("LCM",)))
HYPER_8 = Defaults("DDIM", "SGM Uniform", 8, 1.0, FewSteps((8, 8), (1.0, 1.0), ("DDIM", "Euler")))
LIGHTNING_4 = Defaults("Euler", "SGM Uniform", 4, 1.0, FewSteps((4, 4), (1.0, 1.0), ("Euler", "DDIM")))

ADAPTERS: tuple[AddOn, ...] = (
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
)
