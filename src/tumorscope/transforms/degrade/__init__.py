"""What spoils an image, one file each, in a plain registry; each also says how the spoilt image is repaired."""

from tumorscope.core.registry import Registry

#: Name → :class:`~tumorscope.transforms.degrade.degradation.Degradation`.
DEGRADATIONS = Registry(
    "degradation",
    {
        "rician": "tumorscope.transforms.degrade.rician:Rician",
        "cartesian": "tumorscope.transforms.degrade.cartesian:Cartesian",
        "thick_slices": "tumorscope.transforms.degrade.thick_slices:ThickSlices",
    },
)
