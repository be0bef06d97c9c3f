"""The pages of the app, one per file."""

from collections.abc import Callable

from tumorscope.app.screens.about import about_page
from tumorscope.app.screens.audit import audit_page
from tumorscope.app.screens.case import case_page
from tumorscope.app.screens.generative import generative_page
from tumorscope.app.screens.runs import runs_page

#: Address, name in the menu, title, function that draws it; in the order of the menu.
PAGES: tuple[tuple[str, str, str, Callable[[], None]], ...] = (
    ("", "Segment", "Brain Tumor Segmentation", case_page),
    ("generative", "Denoise, synthesise", "Denoise and synthesise", generative_page),
    ("runs", "Runs", "Training runs", runs_page),
    ("audit", "Audit", "Audit of a data set", audit_page),
    ("about", "Responsible use", "Responsible use", about_page),
)
