"""Makes src/formats/releases.json from the installed SAELens (MIT licence): releases.py

A release of a loader that `import` has no format for keeps no list of SAEs. Paths that are PREFIX + id are left out.
"""
import datetime
import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import yaml

ours = {"sae_lens", "gemma_2", "gemma_2_transcoder", "gemma_3", "dictionary_learning_1", "qwen_scope", "llama_scope", "llama_scope_r1_distill"}
all_releases = yaml.safe_load((files("sae_lens") / "pretrained_saes.yaml").read_text())


def sae(one, prefix):
    kept = {"path": one["path"], "neuronpedia": one.get("neuronpedia"), "factor": one.get("norm_scaling_factor")}
    if one["path"] == prefix + one["id"]:
        kept.pop("path")
    return {name: value for name, value in kept.items() if value is not None}


def release(about):
    loader = about.get("conversion_func") or "sae_lens"
    own = {"repo": about["repo_id"], "model": about["model"], "loader": loader}
    if loader not in ours:
        return own
    # What the list puts in place of a file's own word; how the model was loaded is no part of an SAE.
    instead = {name: value for name, value in about.get("config_overrides", {}).items() if name != "model_from_pretrained_kwargs"}
    own |= {"instead": instead} if instead else {}
    first = about["saes"][0]
    prefix = first["path"][: -len(first["id"])] if first["path"].endswith(first["id"]) else ""
    return own | {"prefix": prefix, "saes": {one["id"]: sae(one, prefix) for one in about["saes"]}}


releases = {name: release(about) for name, about in sorted(all_releases.items())}
about = {"source": f"SAELens {version('sae-lens')}, pretrained_saes.yaml", "licence": "MIT, Copyright (c) 2023 Joseph Bloom",
         "date": datetime.date.today().isoformat(), "releases": releases}
lines = json.dumps(about, separators=(",", ":")).replace('"releases":{', '"releases":{\n').replace("}},", "}},\n")
(Path(__file__).parents[2] / "src/formats/releases.json").write_text(lines + "\n")
