"""Models of the course: seeded, trained in seconds on a CPU, exported to ONNX by one function."""
import contextlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .data import digits
from .errors import CookbookError


def digits_cnn() -> torch.nn.Sequential:
    """An untrained CNN for the digits: (n, 1, 8, 8) float32 → (n, 10) logits; two convolutions, two linear layers."""
    return nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10))


def train(model: torch.nn.Module, epochs: int = 12, seed: int = 0) -> torch.nn.Module:
    """Train on the digits, on the CPU, the same way every time. Returns the model in evaluation mode."""
    (train_x, train_y), generator = (torch.from_numpy(part.copy()) for part in digits()[:2]), torch.Generator().manual_seed(seed)
    optimizer, threads = torch.optim.Adam(model.parameters(), lr=2e-3), torch.get_num_threads()
    torch.set_num_threads(1)  # threads would cost more than so small a model takes, and on a busy machine many times that
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(train_x), generator=generator).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(train_x[batch]), train_y[batch]).backward()
            optimizer.step()
    torch.set_num_threads(threads)
    return model.eval()


def trained_digits_cnn() -> torch.nn.Sequential:
    """The digits CNN after ``train``, seeded: the model that most notebooks start from."""
    torch.manual_seed(0)
    return train(digits_cnn())


def accuracy(logits, labels) -> float:
    """Share of rows whose largest logit is the label, 0 to 1. logits (n, classes), labels (n,); NumPy or torch."""
    return float((np.asarray(logits).argmax(axis=1) == np.asarray(labels)).mean())


def export_onnx(model: torch.nn.Module, example, path, *, inputs=("x",), outputs=("logits",), dynamic: dict | None = None,
                opset: int = 17, dynamo: bool = False) -> Path:
    """Export to ONNX without the exporters' chatter, to the file ``path``.

    Args: ``example`` – a tensor or tuple of tensors; ``dynamic`` – {tensor name: {axis: dimension name}}, inputs and outputs
        alike; ``dynamo`` – the torch.export based exporter (torch 2.6 or later) instead of the TorchScript one.
    Raises: CookbookError if the export failed, with the exporter's reason and output."""
    path, example, dynamic = Path(path), example if isinstance(example, tuple) else (example,), dynamic or {}
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"opset_version": opset, "input_names": list(inputs), "output_names": list(outputs)}
    if dynamo:
        shapes = tuple({axis: torch.export.Dim(dim) for axis, dim in dynamic.get(name, {}).items()} for name in inputs)
        options.update(opset_version=max(opset, 18), dynamo=True, dynamic_shapes=shapes, external_data=False, verbose=False)
    else:
        options.update(dynamic_axes=dynamic, **({"dynamo": False} if torch.__version__ >= "2.5" else {}))
    chatter = io.StringIO()
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(chatter), contextlib.redirect_stderr(chatter):
            warnings.simplefilter("ignore")
            torch.onnx.export(model.eval(), example, str(path), **options)
    except Exception as error:
        raise CookbookError(f"torch cannot export {type(model).__name__} to {path}: {error}\n{chatter.getvalue()[-800:]}") from error
    finally:
        logging.disable(logging.NOTSET)
    return path
