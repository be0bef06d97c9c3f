"""Results → matplotlib Figures, one file per family, in a plain registry; nothing touches pyplot's global state."""

from tumorscope.core.registry import Registry

#: Name → :class:`~tumorscope.figures.entry.FigureEntry`. A new figure is one file and one line here; the tests in
#: ``tests/figures`` and ``docs/make_gallery.py`` pick it up. Charts and diagrams first, pictures below.
FIGURES = Registry(
    "figure",
    {
        "curves": "tumorscope.figures.curves:ENTRY",
        "overlap-curves": "tumorscope.figures.curves:OVERLAP",
        "metric-panel": "tumorscope.figures.metric_panel:ENTRY",
        "validation-test": "tumorscope.figures.validation_test:ENTRY",
        "distributions": "tumorscope.figures.distributions:ENTRY",
        "confusion": "tumorscope.figures.confusion:ENTRY",
        "reliability": "tumorscope.figures.reliability:ENTRY",
        "split": "tumorscope.figures.splits:ENTRY",
        "class-balance": "tumorscope.figures.class_balance:ENTRY",
        "histograms": "tumorscope.figures.histograms:ENTRY",
        "search-importance": "tumorscope.figures.importance:IMPORTANCE",
        "search-history": "tumorscope.figures.importance:HISTORY",
        "wins-and-losses": "tumorscope.figures.compare:ENTRY",
        "case-values": "tumorscope.figures.compare_cases:ENTRY",
        "pipeline": "tumorscope.figures.diagram_pipeline:ENTRY",
        "dice-iou": "tumorscope.figures.diagram_overlap:ENTRY",
        "network": "tumorscope.figures.diagram_network:ENTRY",
        # pictures
        "samples": "tumorscope.figures.sample_grid:ENTRY",
        "training-batch": "tumorscope.figures.batch:ENTRY",
        "sequences": "tumorscope.figures.sequences:ENTRY",
        "planes": "tumorscope.figures.three_planes:ENTRY",
        "slice": "tumorscope.figures.single_slice:ENTRY",
        "montage": "tumorscope.figures.montage:MONTAGE",
        "segmentation-montage": "tumorscope.figures.montage:SEGMENTATION_MONTAGE",
        "classes": "tumorscope.figures.classes:CLASSES",
        "one-hot": "tumorscope.figures.classes:ONE_HOT",
        "regions": "tumorscope.figures.regions:ENTRY",
        "overlay": "tumorscope.figures.overlay:ENTRY",
        "before-decision": "tumorscope.figures.probability:BEFORE",
        "after-decision": "tumorscope.figures.decision:ENTRY",
        "probability-map": "tumorscope.figures.probability:MAP",
        "uncertainty": "tumorscope.figures.uncertainty:ENTRY",
        "single-class": "tumorscope.figures.single_class:ENTRY",
        "grad-cam": "tumorscope.figures.grad_cam:ENTRY",
        "triplet": "tumorscope.figures.triplet:ENTRY",
        "nilearn-anat": "tumorscope.figures.neuro:ANAT",
        "nilearn-epi": "tumorscope.figures.neuro:EPI",
        "nilearn-img": "tumorscope.figures.neuro:IMG",
        "nilearn-roi": "tumorscope.figures.neuro:ROI",
    },
)
