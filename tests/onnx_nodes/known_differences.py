"""Cases of ONNX's node tests that TensorRT gets wrong, and why.

Each was looked at in the engine itself: bare calls without Session, builder level 3 and a strongly
typed network are wrong in the same way. What is named here as the parser's doing stands in its
public source, onnx/onnx-tensorrt (branch 10.1-GA). A case that comes out well again must leave the
list; the tests see to that.
"""

from tests.onnx_nodes.onnx_verdicts import Known

TRT_8_6 = ("TensorRT 8.6",)
TRT_10_6 = ("TensorRT 10.6",)
BOTH = (*TRT_8_6, *TRT_10_6)

GRID_SAMPLE = (
    "The parser knows the modes by the names of opset 16, bilinear and bicubic; opset 20 calls "
    "them linear and cubic, and what it does not know it takes as nearest."
)
TRILU = "The parser takes upper as 0 where the node does not have it; in ONNX the default is 1."
LAYOUT = "The parser does not read the attribute layout: with 1, batch and sequence are exchanged."
LOG_SUM_EXP = (
    "The parser hands the exponentials on without the input axes, which opset 18 made of the "
    "attribute: the sum goes over all axes."
)
CEIL_MODE = (
    "TensorRT's formula for EXPLICIT_ROUND_UP, as its documentation has it, counts windows that "
    "begin behind the data; ONNX leaves them out."
)
MASKED_ROW = (
    "A row whose mask is -inf everywhere: the model compares the row's maximum with -inf, to "
    "write zeros where they are equal; here the softmax's NaN remains."
)
UNEVEN_SPLIT = (
    "The parser does not read num_outputs, which came with opset 18: it divides the size by the "
    "number of outputs, and what is left over is lost."
)
CRASH = "The process ends with a segmentation fault, inside of TensorRT."
PLUGIN_LIBRARY = (
    "The operator comes from libnvinfer_vc_plugin.so.8, which not every installation brings."
)
BERNOULLI = "Random numbers: TensorRT draws others than NumPy."

KNOWN = [
    Known("test_gridsample", BOTH, "different", GRID_SAMPLE),
    Known("test_gridsample_aligncorners_true", BOTH, "different", GRID_SAMPLE),
    Known("test_gridsample_bilinear", TRT_10_6, "different", GRID_SAMPLE),
    Known("test_gridsample_bilinear_align_corners_*", TRT_10_6, "different", GRID_SAMPLE),
    Known("test_gridsample_bicubic", TRT_10_6, "different", GRID_SAMPLE),
    Known("test_gridsample_bicubic_align_corners_*", TRT_10_6, "different", GRID_SAMPLE),
    Known("test_triu", TRT_10_6, "different", TRILU),
    Known("test_triu_neg", TRT_10_6, "different", TRILU),
    Known("test_triu_one_row", TRT_10_6, "different", TRILU),
    Known("test_triu_out_*", TRT_10_6, "different", TRILU),
    Known("test_triu_pos", TRT_10_6, "different", TRILU),
    Known("test_triu_square*", TRT_10_6, "different", TRILU),
    Known("test_gru_batchwise", BOTH, "different", LAYOUT),
    Known("test_lstm_batchwise", BOTH, "different", LAYOUT),
    Known("test_simple_rnn_batchwise", TRT_10_6, "different", LAYOUT),
    Known("test_reduce_log_sum_exp_do_not_keepdims_example", TRT_10_6, "different", LOG_SUM_EXP),
    Known("test_reduce_log_sum_exp_do_not_keepdims_random", TRT_10_6, "different", LOG_SUM_EXP),
    Known("test_reduce_log_sum_exp_keepdims_example", TRT_10_6, "different", LOG_SUM_EXP),
    Known("test_reduce_log_sum_exp_keepdims_random", TRT_10_6, "different", LOG_SUM_EXP),
    Known("test_reduce_log_sum_exp_empty_set", TRT_10_6, "different", LOG_SUM_EXP),
    Known(
        "test_reduce_log_sum_exp_negative_axes_keepdims_example", TRT_10_6, "different", LOG_SUM_EXP
    ),
    Known(
        "test_reduce_log_sum_exp_negative_axes_keepdims_random", TRT_10_6, "different", LOG_SUM_EXP
    ),
    Known("test_averagepool_2d_ceil_last_window_starts_on_pad", TRT_10_6, "different", CEIL_MODE),
    Known("test_maxpool_2d_ceil_output_size_reduce_by_one", TRT_10_6, "different", CEIL_MODE),
    Known(
        "test_spacetodepth_crd_mode_example",
        TRT_10_6,
        "different",
        "The parser does not read the attribute mode, which ONNX gave this operator later: it "
        "always puts the blocks first (DCR).",
    ),
    Known(
        "test_nonmaxsuppression_two_classes",
        TRT_10_6,
        "different",
        "The same boxes in another order: INMSLayer sorts all classes together by falling score, "
        "as its documentation says; ONNX's data have one class after another.",
    ),
    Known(
        "test_attention_4d_causal_nonpad_negative_offset_structural_empty_expanded",
        TRT_10_6,
        "different",
        MASKED_ROW,
    ),
    Known("test_attention_4d_causal_padded_kv_bf16_expanded", TRT_10_6, "different", MASKED_ROW),
    Known("test_attention_local_window_gqa_rank4_mask_expanded", TRT_10_6, "different", MASKED_ROW),
    Known("test_bernoulli_double_expanded", BOTH, "different", BERNOULLI, random=True),
    Known("test_split_1d_uneven_split_opset18", TRT_8_6, "different", UNEVEN_SPLIT),
    Known("test_attention_23_*_expanded", TRT_8_6, "crashed", CRASH, random=True),
    Known("test_roialign_aligned_*", TRT_8_6, "unnamed", PLUGIN_LIBRARY, random=True),
    Known("test_bernoulli_seed_expanded", TRT_10_6, "different", BERNOULLI, random=True),
]
