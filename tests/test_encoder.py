"""The encoder block that several notebooks look into."""

import pytest
import torch
from torch import nn

from cookbook.models import Encoder


@pytest.mark.parametrize(("width", "heads"), [(64, 4), (24, 3), (16, 1)])
def test_it_is_the_block_that_pytorch_has(width, heads):
    torch.manual_seed(0)
    ours = Encoder(width, heads).eval()
    theirs = nn.TransformerEncoderLayer(
        width, heads, 4 * width, activation="gelu", batch_first=True, norm_first=True
    ).eval()
    pairs = {
        theirs.norm1: ours.norm1,
        theirs.norm2: ours.norm2,
        theirs.self_attn.out_proj: ours.out,
        theirs.linear1: ours.up,
        theirs.linear2: ours.down,
    }
    with torch.no_grad():
        for copy, original in pairs.items():
            copy.load_state_dict(original.state_dict())
        theirs.self_attn.in_proj_weight.copy_(ours.qkv.weight)
        theirs.self_attn.in_proj_bias.copy_(ours.qkv.bias)
        x = torch.randn(2, 7, width)
        found = ours(x)
        expected = theirs(x)
    assert found.shape == (2, 7, width)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_defaults():
    block = Encoder()
    assert block.heads == 4
    assert block(torch.zeros(1, 3, 64)).shape == (1, 3, 64)
