"""The pages of the app, one per file."""

from collections.abc import Callable

from tumorscope.app.pages.about import about_page
from tumorscope.app.pages.audit import audit_page
from tumorscope.app.pages.case import case_page
from tumorscope.app.pages.runs import runs_page

#: Address, title, function that draws it; in the order of the menu.
PAGES: tuple[tuple[str, str, Callable[[], None]], ...] = (
    ("", "Segment", case_page),
    ("runs", "Runs", runs_page),
    ("audit", "Audit", audit_page),
    ("about", "Responsible use", about_page),
)
