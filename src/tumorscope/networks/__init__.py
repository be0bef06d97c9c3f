"""Network architectures, one file each, in a plain registry."""

from tumorscope.core.registry import Registry

#: Name → class taking ``in_channels``, ``out_channels`` and its own keyword arguments.
NETWORKS = Registry(
    "network",
    {
        "fpn": "tumorscope.networks.fpn:FPN",
        "unet": "tumorscope.networks.unet:UNet",
        "unet-efficientnet": "tumorscope.networks.unet_efficientnet:UNetEfficientNet",
    },
)
