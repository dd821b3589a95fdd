"""Models of the course: seeded, trained in seconds on a CPU, exported to ONNX by one function."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .data import digits
from .errors import CookbookError


def digits_cnn() -> nn.Sequential:
    """An untrained CNN for the digits: (n, 1, 8, 8) float32 → (n, 10) logits."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """For small models: threads cost more than the work, and many times that on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train(model: nn.Module, epochs: int = 12, seed: int = 0) -> nn.Module:
    """Train on the digits, on the CPU, always the same way. Returns it in evaluation mode."""
    data = digits()
    images = torch.from_numpy(data.train_x.copy())
    labels = torch.from_numpy(data.train_y.copy())
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    model.train()
    with _one_thread():
        for _ in range(epochs):
            order = torch.randperm(len(images), generator=generator)
            for batch in order.split(64):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
                loss.backward()
                optimizer.step()
    return model.eval()


def trained_digits_cnn() -> nn.Sequential:
    """The digits CNN after ``train``, seeded: the model that most notebooks start from."""
    torch.manual_seed(0)
    model = digits_cnn()
    train(model)
    return model


class Encoder(nn.Module):
    """A block of a transformer's encoder, the norm before each branch: (n, t, width) → the same.

    Attention is spelled out, because PyTorch's fused modules export differently from version to
    version.

    Args: width – of a token; heads – of the attention, which divide it.
    """

    def __init__(self, width: int = 64, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attention, then a hidden layer; each is added to what it reads."""
        x = x + self.out(self.attention(self.norm1(x)))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))

    def attention(self, x: torch.Tensor) -> torch.Tensor:
        """What the heads mix, side by side: (n, t, width)."""
        n, t, width = x.shape
        size = width // self.heads
        parts = self.qkv(x).chunk(3, -1)
        q, k, v = (part.view(n, t, self.heads, size).transpose(1, 2) for part in parts)
        scores = torch.softmax(q @ k.transpose(-1, -2) * size**-0.5, -1)
        return (scores @ v).transpose(1, 2).reshape(n, t, width)


def accuracy(logits: Any, labels: Any) -> float:
    """Share of rows whose largest logit is the label, from 0 to 1.

    Args: ``logits`` – (n, classes), ``labels`` – (n,); NumPy or torch.
    """
    predicted = np.asarray(logits).argmax(axis=1)
    return float((predicted == np.asarray(labels)).mean())


@contextlib.contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode, and each of its modules as it was afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextlib.contextmanager
def _quiet(chatter: io.StringIO) -> Iterator[None]:
    """Collect what the exporters print, and silence what they warn and log."""
    level = logging.root.manager.disable
    logging.disable(max(level, logging.WARNING))
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(chatter),
            contextlib.redirect_stderr(chatter),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def export_onnx(
    model: nn.Module,
    example: Any,
    path: str | Path,
    *,
    inputs: Sequence[str] = ("x",),
    outputs: Sequence[str] = ("logits",),
    dynamic: Mapping[str, Mapping[int, str]] | None = None,
    opset: int = 17,
    dynamo: bool = False,
) -> Path:
    """Export to ONNX without the exporters' chatter, to the file ``path``.

    Args:
        example: a tensor or tuple of tensors.
        dynamic: {tensor name: {axis: dimension name}}, inputs and outputs alike.
        dynamo: the torch.export based exporter (torch 2.6 or later, opset 18 or later) instead
            of the TorchScript one.
    Raises: CookbookError if the export failed, with the exporter's reason and output; if
        ``dynamic`` names a tensor that is not there, or an axis that the model fixes.
    Source: torch.onnx.export in PyTorch's documentation.
    """
    path = Path(path)
    arguments = example if isinstance(example, tuple) else (example,)
    dynamic = dynamic or {}
    _check_names(dynamic, inputs, outputs)
    options: dict[str, Any] = {"input_names": list(inputs), "output_names": list(outputs)}
    if dynamo:
        options.update(_dynamo_options(inputs, dynamic, opset))
    else:
        options.update(opset_version=opset, dynamic_axes=dynamic)
        if "dynamo" in torch.onnx.export.__annotations__:
            options["dynamo"] = False
    path.parent.mkdir(parents=True, exist_ok=True)
    chatter = io.StringIO()
    try:
        with evaluation_mode(model), _quiet(chatter):
            torch.onnx.export(model, arguments, str(path), **options)
    except Exception as error:
        raise CookbookError(
            f"torch cannot export {type(model).__name__} to {path}: {error}\n"
            f"{chatter.getvalue()[-800:]}"
        ) from error
    _check_axes(path, inputs, dynamic)
    return path


def _dynamo_options(inputs: Sequence[str], dynamic: Mapping, opset: int) -> dict[str, Any]:
    """What the torch.export based exporter takes in place of ``dynamic_axes``."""
    shapes = []
    for name in inputs:
        axes = dynamic.get(name, {})
        shapes.append({axis: torch.export.Dim(dimension) for axis, dimension in axes.items()})
    return {
        "opset_version": max(opset, 18),
        "dynamo": True,
        "dynamic_shapes": tuple(shapes),
        "external_data": False,
        "verbose": False,
    }


def _check_names(dynamic: Mapping, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Refuse a dynamic axis of a tensor that the model does not have."""
    unknown = sorted(set(dynamic) - {*inputs, *outputs})
    if unknown:
        raise CookbookError(
            f"dynamic names {unknown}, but the inputs are {list(inputs)} "
            f"and the outputs {list(outputs)}"
        )


def _check_axes(path: Path, inputs: Sequence[str], dynamic: Mapping) -> None:
    """Refuse a file whose inputs have a fixed size where a dynamic one was asked for."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.input:
        if tensor.name not in inputs:
            continue
        dimensions = tensor.type.tensor_type.shape.dim
        for axis, name in dynamic.get(tensor.name, {}).items():
            if dimensions[axis].HasField("dim_value"):
                raise CookbookError(
                    f"{path.name}: axis {axis} of input {tensor.name!r} was to be dynamic "
                    f"({name!r}), but the exported model fixes it to "
                    f"{dimensions[axis].dim_value}: the model's code depends on this size (Python "
                    "integers of a shape, say). Change the code, or leave the axis out of dynamic"
                )
