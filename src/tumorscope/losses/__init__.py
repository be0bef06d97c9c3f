"""Training losses, one file each, in a plain registry.

Every loss takes logits (B, K, …) and targets (B, K, …): one 0/1 map per output channel, one-hot for exclusive classes;
and, where labels are sparse, ``known`` (B, 1, …): 0 for pixels that count neither in the loss nor in its gradient.
"""

from tumorscope.core.registry import Registry

#: Name → class taking ``exclusive`` (softmax over channels instead of one sigmoid each) and its own keyword arguments.
LOSSES = Registry(
    "loss",
    {
        "cross_entropy": "tumorscope.losses.cross_entropy:CrossEntropyLoss",
        "bce": "tumorscope.losses.bce:BCELoss",
        "dice": "tumorscope.losses.dice:DiceLoss",
        "focal": "tumorscope.losses.focal:FocalLoss",
    },
)
