"""One layer of an engine, from the words of every version's inspector."""

import pytest

from cookbook.inspect.layer import Layer, LayerTensor, layer_of

# A convolution in the words of 8.6, and of 10 where they are the same.
CONVOLUTION = {
    "Name": "/stem/Conv + /Relu",
    "LayerType": "CaskConvolution",
    "Inputs": [
        {
            "Name": "x",
            "Location": "Device",
            "Dimensions": [32, 3, 8, 8],
            "Format/Datatype": "Channel major FP16 format where channel % 4 == 0",
        }
    ],
    "Outputs": [
        {
            "Name": "y",
            "Location": "Device",
            "Dimensions": [32, 64, 8, 8],
            "Format/Datatype": "Row major linear FP32",
        }
    ],
    "ParameterType": "Convolution",
    "TacticName": "sm80_xmma_fprop_implicit_gemm_f16f16_f16f16_f16_nhwckrsc_nhwc",
    "TacticValue": "0x2db40428031fa3c5",
    "StreamId": 0,
    "Metadata": "[ONNX Layer: /stem/Conv]\x1e[ONNX Layer: /Relu]",
}
# One of Myelin's kernels, from 9 on.
KERNEL = {
    "Name": "__myl_AddMul_myl0_3",
    "LayerType": "kgen",
    "Inputs": [{"Name": "a", "Dimensions": [4, 8], "Format/Datatype": "Half"}],
    "Outputs": [{"Name": "b", "Dimensions": [4, 8], "Format/Datatype": "Float"}],
    "TacticName": "__myl_AddMul_0x80125aec9f1e9979",
    "StreamId": 0,
    "Metadata": "[ONNX Layer: /Add]\x1f[ONNX Layer: /Mul]",
}
# From 11 on type and order in memory are said apart.
ELEVEN = {
    "Name": "/fc/MatMul_myl0_1",
    "LayerType": "gemm",
    "Inputs": [
        {
            "Name": "x",
            "Dimensions": [-1, 16],
            "Format": "(Linear) Row major linear format",
            "Datatype": "BFloat16",
        }
    ],
    "Outputs": [
        {
            "Name": "y",
            "Dimensions": [-1, 16],
            "Format": "Channel major format where channel % 8 == 0",
            "DataType": "Int8",
        }
    ],
    "TacticName": "sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n",
}


def tensor(phrase, shape=(2, 3), **other):
    """The first input of a layer with an input in these words."""
    entry = {"Name": "t", "Dimensions": list(shape), "Format/Datatype": phrase, **other}
    return layer_of({"Name": "layer", "Inputs": [entry]}).inputs[0]


def named(name, layer_type="CaskConvolution", **other):
    return layer_of({"Name": name, "LayerType": layer_type, **other})


class TestRecords:
    def test_8_6(self):
        layer = layer_of(CONVOLUTION)
        assert layer == Layer(
            name="/stem/Conv + /Relu",
            type="CaskConvolution",
            kind="convolution",
            kernel="sm80_xmma_fprop_implicit_gemm_f16f16_f16f16_f16_nhwckrsc_nhwc",
            tactic="0x2db40428031fa3c5",
            inputs=(
                LayerTensor(
                    "x",
                    (32, 3, 8, 8),
                    "FP16",
                    "NHWC4",
                    "Channel major FP16 format where channel % 4 == 0",
                ),
            ),
            outputs=(LayerTensor("y", (32, 64, 8, 8), "FP32", "linear", "Row major linear FP32"),),
            onnx_nodes=("/stem/Conv", "/Relu"),
            stream=0,
            raw={},
        )
        assert layer.raw is CONVOLUTION
        assert layer.label == "stem Conv+Relu"
        assert layer.precision == "FP16"

    def test_10(self):
        layer = layer_of(KERNEL)
        assert (layer.kind, layer.tactic, layer.precision) == ("Myelin", "", "")
        assert layer.inputs == (LayerTensor("a", (4, 8), "FP16", "", "Half"),)
        assert layer.outputs == (LayerTensor("b", (4, 8), "FP32", "", "Float"),)
        assert layer.onnx_nodes == ("/Add", "/Mul")
        assert layer.label == "Add+Mul"

    def test_11_and_rtx(self):
        layer = layer_of(ELEVEN)
        words = "(Linear) Row major linear format BFloat16"
        assert layer.inputs == (LayerTensor("x", (-1, 16), "BF16", "linear", words),)
        words = "Channel major format where channel % 8 == 0 Int8"
        assert layer.outputs == (LayerTensor("y", (-1, 16), "INT8", "NHWC8", words),)
        assert (layer.kind, layer.stream, layer.precision) == ("Myelin", None, "BF16")

    def test_a_name_alone(self):
        layer = layer_of("fc")
        assert layer == Layer("fc", "", "other", "", "", (), (), (), None, {})
        assert layer.label == "fc"

    def test_a_record_with_nothing_but_a_name(self):
        layer = layer_of({"Name": "fc"})
        assert layer == Layer("fc", "", "other", "", "", (), (), ("fc",), None, {})


@pytest.mark.parametrize(
    ("phrase", "form", "datatype"),
    [
        ("Row major linear FP32", "linear", "FP32"),
        ("Row major linear FP16 format", "linear", "FP16"),
        ("Row major linear BFloat16 format", "linear", "BF16"),
        ("Row major linear Int64 format", "linear", "INT64"),
        ("Row major linear UInt8 format", "linear", "UINT8"),
        ("Row major linear BOOL", "linear", "BOOL"),
        ("Row major linear FP8 format (kLINEAR)", "linear", "FP8"),
        ("Channel major FP32 format", "NHWC", "FP32"),
        ("Channel major FP16 format where channel % 16 == 0", "NHWC16", "FP16"),
        (
            "Channel major FP16 format where channel % 8 == 0 with 3 spatial dimensions",
            "NDHWC8",
            "FP16",
        ),
        (
            "Channel major INT8 format where channel == 4 and column stride % 32 == 0",
            "NHWC4",
            "INT8",
        ),
        ("Four wide channel vectorized row major Int8 format", "NC/4HW", "INT8"),
        ("Thirty-two wide channel vectorized row major Int8 format", "NC/32HW", "INT8"),
        ("Two wide channel vectorized row major FP16 format", "NC/2HW", "FP16"),
        ("Eight wide channel vectorized format Half", "NC/8HW", "FP16"),
        ("Sixteen wide channel vectorized row major FP16 format", "NC/16HW", "FP16"),
        (
            "Thirty-two wide channel vectorized row major FP16 format with 3 spatial dimensions",
            "NC/32DHW",
            "FP16",
        ),
        ("64 wide channel vectorized format Int8", "NC/64HW", "INT8"),
        ("Float", "", "FP32"),
        ("Half", "", "FP16"),
        ("Double", "", "FP64"),
        ("Int4", "", "INT4"),
        ("FP4E2M1", "", "FP4"),
        ("E8M0", "", "E8M0"),
        ("N/A due to dynamic shapes", "", ""),
        ("Unknown format", "", ""),
        ("", "", ""),
    ],
)
def test_phrases_of_formats(phrase, form, datatype):
    found = tensor(phrase)
    assert (found.format, found.datatype, found.phrase) == (form, datatype, phrase)
    assert str(found) == f"{form} {datatype}".strip()


def test_the_type_that_is_said_apart_counts():
    entry = {"Name": "t", "Format": "Row major linear FP32 format", "Datatype": "Half"}
    layer = layer_of({"Name": "layer", "Outputs": [entry]})
    assert layer.outputs[0].datatype == "FP16"
    assert layer.outputs[0].shape == ()


@pytest.mark.parametrize(
    ("phrase", "shape", "nbytes"),
    [
        ("Row major linear FP32", (2, 3), 24),
        ("Half", (2, 3), 12),
        ("BFloat16", (2, 3), 12),
        ("Int8", (2, 3), 6),
        ("Bool", (4, 3), 12),
        ("E8M0", (4, 3), 12),
        ("Int64", (2, 3), 48),
        ("Int4", (2, 3), 3),
        ("Float", (), 4),
        ("Float", (0, 3), 0),
        ("Float", (-1, 3), None),
        ("N/A due to dynamic shapes", (2, 3), None),
    ],
)
def test_bytes_of_a_tensor(phrase, shape, nbytes):
    assert tensor(phrase, shape).nbytes == nbytes


@pytest.mark.parametrize(
    ("name", "layer_type", "kind"),
    [
        ("Reformatting CopyNode for Input Tensor 0 to a", "Reformat", "reformat"),
        ("Reformatting CopyNode for Input Tensor 0 to a", "NoOp", "no kernel"),
        ("a", "Constant", "no kernel"),
        ("a", "signal", "no kernel"),
        ("a", "wait", "no kernel"),
        ("a", "NoOpera", "other"),
        ("a", "Myelin", "Myelin"),
        ("{ForeignNode[a...b]}", "Something", "Myelin"),
        ("a", "kgen", "Myelin"),
        ("a_myl0_1", "gemm", "Myelin"),
        ("a", "CaskGemmConvolution", "matrix product"),
        ("a", "MatrixMultiply", "matrix product"),
        ("a", "FullyConnected", "matrix product"),
        ("a", "CaskConvolution", "convolution"),
        ("a", "CudaDepthwiseConvolution", "convolution"),
        ("a", "PointWiseV2", "pointwise"),
        ("a", "ElementWise", "pointwise"),
        ("a", "CaskPooling", "reduction"),
        ("a", "Reduce", "reduction"),
        ("a", "Shuffle", "other"),
    ],
)
def test_kinds(name, layer_type, kind):
    assert named(name, layer_type).kind == kind


@pytest.mark.parametrize(
    ("kernel", "precision"),
    [
        ("sm80_xmma_gemm_f32f32_tf32f32_f32_tn_n", "TF32"),
        ("sm80_xmma_fprop_wngd_f32f32_f32_f32_nchw", "FP32"),
        ("sm90_xmma_fprop_implicit_gemm_i8i8_i8i32_f32", "INT8"),
        ("ampere_fp32_icudnn_int8x4_128x64_relu", "INT8"),
        ("sm50_xmma_pooling_tiled_FP32NCHW", "FP32"),
        ("sm90_xmma_gemm_bf16bf16_bf16f32_f32", "BF16"),
        ("sm80_xmma_gemm_f16f16_f16f32_f32", "FP16"),
        ("turing_h1688cudnn_256x64", "FP16"),
        ("sm89_xmma_gemm_e4m3bf16_e4m3f32", "FP8"),
        ("__myl_Add_0x1234", ""),
        ("", ""),
    ],
)
def test_precision_as_the_kernels_name_tells(kernel, precision):
    assert named("a", TacticName=kernel).precision == precision


@pytest.mark.parametrize(
    ("name", "nodes"),
    [
        ("/Conv + /Relu", ("/Conv", "/Relu")),
        ("PWN(PWN(/Sigmoid), /Mul)", ("/Sigmoid", "/Mul")),
        ("{ForeignNode[/q/MatMul.../Add_1]}", ("/q/MatMul", "/Add_1")),
        ("a\x1eb\x1fc", ("a", "b", "c")),
        ("/Conv + /Conv", ("/Conv",)),
        ("/6/Flatten + reshape_before_/7/Gemm", ("/6/Flatten",)),
        ("reshape_after_/7/Gemm", ()),
        ("squeeze_after_/7/Gemm", ()),
        ("w + Gemm + unsqueeze_node_after_b + (Unnamed Layer* 306) [Shuffle]", ("w", "Gemm")),
        ("copied_squeeze_after_(Unnamed Layer* 307) [ElementWise]", ()),
        ("Reformatting CopyNode for Input Tensor 0 to /Conv", ()),
    ],
)
def test_nodes_from_the_name(name, nodes):
    assert named(name).onnx_nodes == nodes


def test_nodes_from_metadata_count_more_than_the_name():
    layer = named(
        "/Conv + /Relu", Metadata="[ONNX Layer: /a (b)]\x1e[ONNX Layer: /c][ONNX Layer: /c]"
    )
    assert layer.onnx_nodes == ("/a (b)", "/c")


def test_a_reformat_holds_no_node_unless_it_is_one():
    assert named("/Conv", "Reformat", Origin="REFORMAT").onnx_nodes == ()
    assert named("/Conv", "Reformat").onnx_nodes == ()
    assert named("Quantize_2", "Reformat", Origin="QDQ").onnx_nodes == ("Quantize_2",)
    copy = "Reformatting CopyNode for Input Tensor 0 to /Conv"
    assert named(copy, "Reformat", Metadata="[ONNX Layer: /Conv]").onnx_nodes == ()


@pytest.mark.parametrize(
    ("nodes", "layer_type", "label"),
    [
        (["/stem/Conv"], "CaskConvolution", "stem Conv"),
        (["/s2/s2.0/skip/Conv"], "CaskConvolution", "s2.0 skip Conv"),
        (["/s1/s1.0/a/Conv", "/s1/s1.0/Relu"], "CaskConvolution", "s1.0 Conv+Relu"),
        (["/s1/Conv_12", "/s1/Add", "/s1/Relu_1"], "CaskConvolution", "s1 Conv+Add+Relu"),
        (["/a/Conv", "/b/Relu"], "CaskConvolution", "a Conv+Relu"),
        (["/Conv", "/Relu"], "CaskConvolution", "Conv+Relu"),
        (["/m/a", "/m/b", "/m/c", "/m/d"], "CaskConvolution", "m 4 nodes"),
        (["/m/a", "/m/b", "/m/c", "/m/d"], "kgen", "Myelin: 4 nodes"),
        (["/m/a", "/m/b", "/m/c"], "kgen", "m a+b+c"),
    ],
)
def test_labels(nodes, layer_type, label):
    metadata = "".join(f"[ONNX Layer: {node}]" for node in nodes)
    assert named("x", layer_type, Metadata=metadata).label == label


def test_the_label_of_a_reformat_is_what_it_changes():
    record = {**CONVOLUTION, "Name": "Reformatting CopyNode", "LayerType": "Reformat"}
    assert layer_of(record).label == "NHWC4 FP16 → linear FP32"
    assert layer_of({**record, "Inputs": []}).label == "Reformatting CopyNode"


def test_profiles_from_the_second_on_are_in_the_name():
    assert named("/Conv").profile == 0
    assert named("/Conv [profile 1]").profile == 1
    assert named("/Conv [profile 12]").profile == 12
