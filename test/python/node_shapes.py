"""Writes one-node models and the shapes that the reference Python package finds for their values, for every op of ONNX.

Run: PYTHON node_shapes.py FOLDER. Needs the package onnx. Each of its own test cases becomes FOLDER/N.onnx; FOLDER/shapes.json holds, for each,
the dims of its outputs as declared and of its inner values as inferred: a size, a name, or null.
"""
import json
import os
import sys

import numpy
import onnx
import onnx.shape_inference

# Names that numpy had when the cases of older versions were written.
for name, kind in {"float": float, "int": int, "bool": bool, "object": object}.items():
    if name not in numpy.__dict__:
        setattr(numpy, name, kind)

from onnx.backend.test.case.node import collect_testcases  # noqa: E402

try:
    cases = collect_testcases(None)
except TypeError:
    cases = collect_testcases()

folder = sys.argv[1]
found = {}
for number, case in enumerate(one for one in cases if one.model is not None):
    onnx.save(case.model, os.path.join(folder, f"{number}.onnx"))
    values = {value.name: value for value in case.model.graph.output}
    bare = onnx.ModelProto()
    bare.CopyFrom(case.model)
    del bare.graph.value_info[:]
    try:
        for value in onnx.shape_inference.infer_shapes(bare, data_prop=True).graph.value_info:
            values.setdefault(value.name, value)
    except Exception:  # Some cases are no more than its own inference takes.
        pass
    found[number] = {
        name: [d.dim_value if d.HasField("dim_value") else d.dim_param or None for d in value.type.tensor_type.shape.dim]
        for name, value in values.items()
        if value.type.HasField("tensor_type") and value.type.tensor_type.HasField("shape")
    }
with open(os.path.join(folder, "shapes.json"), "w") as file:
    json.dump(found, file)
