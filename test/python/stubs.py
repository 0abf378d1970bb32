"""Empty modules in the place of those that dictionary_learning imports, that are not installed, and that none of its classes needs."""
import importlib.util
import sys
from types import ModuleType

import datasets  # noqa: F401  Looks which of them are there.
import transformers  # noqa: F401

for name in ("nnsight", "circuitsvis", "umap", "zstandard"):
    if importlib.util.find_spec(name) is None:
        module = sys.modules[name] = ModuleType(name)
        module.__path__ = []
        module.LanguageModel = module.UMAP = object
