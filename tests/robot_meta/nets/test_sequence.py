import torch

from robot_meta.nets import sequence


def test_fresh_attention_reads_most_of_what_is_alike():
    """Of orthogonal examples of which one came before, the last step reads that one."""
    rng = torch.Generator().manual_seed(0)
    x = 8.0 * torch.eye(32)[[3, 1, 2, 0, 3]]
    params = sequence.init_attention("one", 32, 64, 32, rng)
    params["one.value.w"] = torch.eye(32)
    read = sequence.attention(params, "one", x)[-1, 32:]
    alike, others = read[3], read[[0, 1, 2]]
    assert alike > 2.0 * others.max()
    own = sequence.attention(params, "one", x)[0, 32:]
    assert torch.allclose(own, x[0], atol=1e-5)  # nobody sees what comes after
