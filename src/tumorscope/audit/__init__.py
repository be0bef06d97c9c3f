"""Looks at cases before anyone trains: leaks, defects, and what a reader of the scores must know."""

from tumorscope.core.registry import Registry

#: Check → ``(Audited) -> list[Finding]``, in the order of the report. A new check is one file and one line.
CHECKS = Registry(
    "audit check",
    {
        "files": "tumorscope.audit.checks.files:check",
        "patients": "tumorscope.audit.checks.patients:check",
        "neighbours": "tumorscope.audit.checks.neighbours:check",
        "exact-duplicates": "tumorscope.audit.checks.exact_duplicates:check",
        "near-duplicates": "tumorscope.audit.checks.near_duplicates:check",
        "other-data": "tumorscope.audit.checks.other_data:check",
        "augmented-evaluation": "tumorscope.audit.checks.augmented:check",
        "label-values": "tumorscope.audit.checks.label_values:check",
        "geometry": "tumorscope.audit.checks.geometry:check",
        "sequences": "tumorscope.audit.checks.sequences:check",
        "made-images": "tumorscope.audit.checks.made_images:check",
        "rectangles": "tumorscope.audit.checks.rectangles:check",
        "empty-masks": "tumorscope.audit.checks.empty_masks:check",
        "classes": "tumorscope.audit.checks.classes:check",
        "baselines": "tumorscope.audit.checks.baselines:check",
    },
)
