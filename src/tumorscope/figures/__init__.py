"""Results → matplotlib Figures, one file per family, in a plain registry; nothing touches pyplot's global state."""

from tumorscope.core.registry import Registry

#: Name → :class:`~tumorscope.figures.entry.FigureEntry`. A new figure is one file and one line here; the tests in
#: ``tests/figures`` and ``docs/make_gallery.py`` pick it up. Charts and diagrams first, pictures below.
FIGURES = Registry(
    "figure",
    {
        "curves": "tumorscope.figures.curves:ENTRY",
        # pictures
    },
)
