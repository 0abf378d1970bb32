"""Runs a compat encoder on OpenCV's dnn module (Debian: python3-opencv, python3-onnx), and compares with numpy.

Run: /usr/bin/python3 examples/other-runtimes/opencv.py SAE.compat.encoder.onnx
For encoders of architecture topk that select by magnitude: the weights are read from the model itself.
"""
import json
import sys

import cv2
import numpy as np
import onnx
from onnx import numpy_helper

path = sys.argv[1]
model = onnx.load(path)
metadata = {entry.key: entry.value for entry in model.metadata_props}
config = json.loads(metadata["config"])
if config["architecture"] != "topk" or config["select"] != "magnitude":
    sys.exit(f"{path}: this comparison is written for topk by magnitude")
weights = {one.name: numpy_helper.to_array(one).astype(np.float64) for one in model.graph.initializer}
width, k = int(metadata["input_dim"]), int(metadata["k"])
rows = (np.sin(np.arange(8 * width) * 12.9898) * 3).reshape(8, width).astype(np.float32)

pre = rows.astype(np.float64) @ weights["W_enc"].T + weights["b_enc"]
kept = np.argsort(-np.abs(pre), axis=1)[:, :k]
expected = np.zeros_like(pre)
np.put_along_axis(expected, kept, np.take_along_axis(pre, kept, axis=1), axis=1)

net = cv2.dnn.readNetFromONNX(path)
net.setInput(rows)
latents = net.forward()
worst = np.abs(latents - expected).max() / np.abs(expected).max()
print(f"OpenCV {cv2.__version__}: largest difference {worst:.1e} of the largest, {((latents != 0) != (expected != 0)).sum()} selected otherwise")
