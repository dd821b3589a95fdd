"""Looking into networks, ONNX graphs and engines: tables and drawings."""
import json

from .backend import trt
from .errors import CookbookError
from .plot import BLUE, GREEN, GREY, ORANGE


def network_table(network):
    """A TensorRT network as a DataFrame: index, layer name, type, inputs, outputs with shapes (-1: dynamic)."""
    import pandas as pd
    return pd.DataFrame([{"layer": layer.name, "type": layer.type.name,
                          "inputs": ", ".join(t.name for t in map(layer.get_input, range(layer.num_inputs)) if t is not None),
                          "outputs": ", ".join(f"{t.name} {tuple(t.shape)}" for t in map(layer.get_output, range(layer.num_outputs)))}
                         for layer in map(network.get_layer, range(network.num_layers))])


def layers(engine) -> list[dict]:
    """What the engine inspector knows of each layer, as dicts (Name, LayerType, Inputs, Outputs, TacticName, …).

    Raises: CookbookError for a plan that was built without detailed profiling verbosity."""
    found = json.loads(engine.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON))["Layers"]
    if found and not isinstance(found[0], dict):
        raise CookbookError("the engine holds layer names only: build it with ProfilingVerbosity.DETAILED (cookbook.build does)")
    return found


def layer_table(engine):
    """The engine's layers as a DataFrame: name, type, kernel (tactic), formats of inputs and outputs."""
    import pandas as pd
    rows = [{"layer": layer["Name"], "type": layer["LayerType"], "kernel": layer.get("TacticName", ""),
             **{side: "; ".join(f"{tuple(t.get('Dimensions', ()))} {t.get('Format/Datatype', t.get('Format', ''))}".strip()
                                for t in layer.get(key, [])) for side, key in (("in", "Inputs"), ("out", "Outputs"))}}
            for layer in layers(engine)]
    return pd.DataFrame(rows)


def _draw(ax, nodes: list[tuple[str, str, list, list]], inputs: list[str], title: str) -> None:
    """Draw (label, color, inputs, outputs) nodes top-down: one row a step from the inputs."""
    import networkx as nx
    graph, producer = nx.DiGraph(), {}
    for name in inputs:
        graph.add_node(name, label=name, color=GREY)
        producer[name] = name
    for i, (label, color, _, outs) in enumerate(nodes):
        graph.add_node(i, label=label, color=color)
        producer.update({name: i for name in outs})
    for i, (_, _, ins, _) in enumerate(nodes):
        graph.add_edges_from((producer[name], i) for name in ins if name in producer and producer[name] != i)
    rows = {node: row for row, members in enumerate(nx.topological_generations(graph)) for node in members}
    nx.set_node_attributes(graph, rows, "row")
    place = nx.multipartite_layout(graph, subset_key="row", align="horizontal")
    place = {node: (x, -rows[node]) for node, (x, _) in place.items()}
    ax.scatter(*zip(*place.values()), s=0)  # sets the limits, which texts and arrows do not
    for start, end in graph.edges:
        ax.annotate("", place[end], place[start], arrowprops={"arrowstyle": "->", "color": GREY, "shrinkA": 8, "shrinkB": 8})
    for node, (x, y) in place.items():
        ax.text(x, y, graph.nodes[node]["label"], ha="center", va="center", fontsize=7.5, color="white",
                bbox={"boxstyle": "round,pad=0.35", "fc": graph.nodes[node]["color"], "ec": "none"})
    ax.set_title(title, fontsize=9)
    ax.margins(x=0.35, y=0.08)
    ax.set_axis_off()


def draw_onnx(model, ax, title: str = "ONNX graph") -> None:
    """Draw the nodes of an ``onnx.ModelProto`` on matplotlib axes; constants and weights are left out."""
    weights = {t.name for t in model.graph.initializer}
    nodes = [(n.op_type, BLUE, list(n.input), list(n.output)) for n in model.graph.node if n.op_type != "Constant"]
    _draw(ax, nodes, [i.name for i in model.graph.input if i.name not in weights], title)


def draw_engine(engine_layers: list[dict], ax, title: str = "engine layers") -> None:
    """Draw what ``layers`` returned: fused layers green, reformat layers orange; long names are cut."""
    nodes, made = [], {t["Name"] for layer in engine_layers for t in layer.get("Outputs", [])}
    for layer in engine_layers:
        name, color = layer["Name"], ORANGE if layer["LayerType"] == "Reformat" else GREEN
        ins, outs = ([t["Name"] for t in layer.get(side, [])] for side in ("Inputs", "Outputs"))
        nodes.append((name if len(name) <= 44 else name[:42] + "…", color, ins, outs))
    inputs = dict.fromkeys(t["Name"] for layer in engine_layers for t in layer.get("Inputs", []) if t["Name"] not in made)
    _draw(ax, nodes, list(inputs), title)
