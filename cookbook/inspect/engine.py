"""What is in an engine: its layers, from the engine inspector of every TensorRT version.

Up to 10.x the inspector lists the names of inputs and outputs under ``Bindings``, from 11 on as
records under ``I/O Tensors``; ``cookbook.inspect.layer`` knows what else differs.
Source: IEngineInspector in NVIDIA's API reference.
"""

import json
from pathlib import Path
from typing import Any

from ..backend import trt
from ..errors import CookbookError
from .layer import Layer, LayerTensor, layer_of

NAMES_ONLY = (
    "holds layer names only: build it with ProfilingVerbosity.DETAILED, as cookbook.build does "
    "(trtexec: --profilingVerbosity=detailed)"
)


def read_layers(source: Any, context: Any = None, strict: bool = True) -> list[Layer]:
    """The layers of an engine, in order of execution.

    Args:
        source: an ``ICudaEngine``; the inspector's JSON text; the path of a file with it, such as
            trtexec writes with ``--exportLayerInfo``; or what this function or ``layers`` returned.
        context: an execution context of that engine, for whose shapes the inspector then answers.
        strict: False takes layers of which only the name is known.
    Raises: CookbookError for a plan without detailed profiling verbosity, and for a file that is
        missing or is something else.
    """
    records = _records(source, context)["Layers"]
    if strict and any(isinstance(record, str) for record in records):
        raise CookbookError(f"{_title(source)} {NAMES_ONLY}")
    return [layer_of(record) for record in records]


def layers(engine: Any) -> list[dict[str, Any]]:
    """What the inspector says of each layer, as it says it: dicts with Name, LayerType, Inputs, ….

    Args: ``engine`` – as ``source`` of ``read_layers``, which is the same for every version.
    Raises: CookbookError as there.
    """
    return [layer.raw for layer in read_layers(engine)]


def io_names(source: Any) -> list[str]:
    """Names of the engine's inputs and outputs, as the inspector lists them.

    Args: ``source`` – as for ``read_layers``. Raises: CookbookError as there.
    """
    found = _records(source)
    if "I/O Tensors" in found:
        return [record["Name"] for record in found["I/O Tensors"]]
    return list(found.get("Bindings", []))


def layer_table(source: Any) -> Any:
    """The layers as a DataFrame with the columns layer, type, kernel, in, out.

    ``in`` and ``out`` are shapes and formats in the inspector's words.
    Args: ``source`` – as for ``read_layers``. Raises: CookbookError as there.
    """
    import pandas as pd

    rows = []
    for layer in read_layers(source):
        rows.append(
            {
                "layer": layer.name,
                "type": layer.type,
                "kernel": layer.kernel,
                "in": "; ".join(_shape_and_phrase(tensor) for tensor in layer.inputs),
                "out": "; ".join(_shape_and_phrase(tensor) for tensor in layer.outputs),
            }
        )
    return pd.DataFrame(rows, columns=["layer", "type", "kernel", "in", "out"])


def _shape_and_phrase(tensor: LayerTensor) -> str:
    return f"{tensor.shape} {tensor.phrase}".strip()


def _title(source: Any) -> str:
    """What to call a source in an error."""
    if isinstance(source, Path) or (isinstance(source, str) and not _is_json(source)):
        return str(source)
    return "the engine"


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def _records(source: Any, context: Any = None) -> dict[str, Any]:
    """The inspector's answer as a dict with at least ``Layers``."""
    if isinstance(source, list):
        return {"Layers": source}
    title = _title(source)
    if hasattr(source, "create_engine_inspector"):
        inspector = source.create_engine_inspector()
        if context is not None:
            inspector.execution_context = context
        text = inspector.get_engine_information(trt.LayerInformationFormat.JSON)
    elif isinstance(source, str) and _is_json(source):
        text = source
    else:
        text = _read_file(Path(source))
    try:
        # Names may hold control characters, which strict JSON excludes.
        found = json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        raise CookbookError(
            f"{title} has no information on its layers in JSON ({error}): build it with "
            "ProfilingVerbosity.DETAILED, or check the file"
        ) from error
    if isinstance(found, list):
        return {"Layers": found}
    if "Layers" not in found:
        raise CookbookError(f"{title} has no list of layers: is it from --exportLayerInfo?")
    return found


def _read_file(path: Path) -> str:
    if not path.is_file():
        raise CookbookError(
            f"{path} does not exist: trtexec writes such a file with --exportLayerInfo={path.name}"
        )
    return path.read_text(encoding="utf-8", errors="replace")
