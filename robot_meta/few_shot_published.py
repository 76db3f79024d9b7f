"""What was printed of Omniglot, to stand beside our figures: accuracy by method, way and shot."""

from __future__ import annotations

from robot_meta.results import Published

CASES = ((5, 1), (5, 5), (20, 1), (20, 5))
"""(way, shot) of the columns below."""
_ROWS: dict[str, tuple[str, tuple[float | None, ...]]] = {
    "maml": ("Finn et al. 2017", (0.987, 0.999, 0.958, 0.989)),
    "fomaml": ("oscarknagg/few-shot, first order", (0.955, 0.995, 0.922, 0.977)),
    "mamlpp": ("Antoniou et al. 2019", (0.9947, 0.9993, 0.9765, 0.9933)),
    "protonet": ("Snell et al. 2017", (0.988, 0.997, 0.960, 0.989)),
    "matching": ("Vinyals et al. 2016, cosine", (0.981, 0.989, 0.938, 0.985)),
    "snail": ("Mishra et al. 2018", (0.9907, 0.9978, 0.9764, 0.9936)),
    "lstm": ("Santoro et al. 2016, MANN", (0.828, 0.949, None, None)),
    "cactus": ("Hsu et al. 2019, ACAI, MAML", (0.6884, 0.8778, 0.4809, 0.7336)),
    "cactus-unwarped": ("Hsu et al. 2019, ACAI, MAML", (0.6884, 0.8778, 0.4809, 0.7336)),
    "umtra": ("Khodadadeh et al. 2019", (0.8380, 0.9543, 0.7425, 0.9212)),
    "versa": ("Gordon et al. 2019", (0.9970, 0.9975, 0.9766, 0.9877)),
}
_DIFFERS = {
    "cactus": "theirs adapts by MAML and bends no pictures; ours by class means, and does",
    "cactus-unwarped": "theirs adapts by MAML, ours by class means",
    "umtra": "theirs adapts by MAML, ours by class means, and warps are others",
    "lstm": "theirs has an external memory and reads a stream",
    "mamlpp": "the encoder of ours begins as that of our ProtoNet, with 60 meta-steps from there",
    "maml": "the encoder of ours begins as that of our ProtoNet, with half the batch",
    "matching": "ours compares by squared distance and without full context, from our ProtoNet on",
    "versa": "the encoder of ours begins as that of our ProtoNet",
    "snail": "ours has 24 filters for 128, and its encoder begins as that of our ProtoNet",
}


def published(learner: str, way: int, shot: int) -> Published | None:
    """What was printed, if anything."""
    if learner not in _ROWS or (way, shot) not in CASES:
        return None
    source, row = _ROWS[learner]
    value = row[CASES.index((way, shot))]
    differs = _DIFFERS.get(learner, "another random split of the same 1,200 and 423 characters")
    return None if value is None else Published(value=value, source=source, differs=differs)
