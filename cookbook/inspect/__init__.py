"""Looking into networks, ONNX graphs and engines: tables and drawings."""

from ..building.network import network_table, weights_array
from .drawing import draw_engine, draw_onnx
from .engine import io_names, layer_table, layers, read_layers
from .engine_map import draw_engine_map
from .layer import Layer, LayerTensor

__all__ = [
    "Layer",
    "LayerTensor",
    "draw_engine",
    "draw_engine_map",
    "draw_onnx",
    "io_names",
    "layer_table",
    "layers",
    "network_table",
    "read_layers",
    "weights_array",
]
