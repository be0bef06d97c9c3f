"""Public data sets, one file per layout: the folder as downloaded → Cases."""

from tumorscope.core.registry import Registry

#: Data set name → its :class:`~tumorscope.datasets.base.Dataset`.
DATASETS = Registry(
    "data set",
    {
        "lgg": "tumorscope.datasets.lgg:DATASET",
        "brats": "tumorscope.datasets.brats:DATASET",
        "figshare": "tumorscope.datasets.figshare:DATASET",
        "coco": "tumorscope.datasets.coco:DATASET",
        "four_class": "tumorscope.datasets.four_class:DATASET",
        "decathlon": "tumorscope.datasets.decathlon:DATASET",
        "folder": "tumorscope.datasets.folder:DATASET",
        "phantom": "tumorscope.datasets.phantom:DATASET",
    },
)
