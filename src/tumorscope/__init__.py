"""tumorscope: brain-tumour MRI from scan to measured map.

Four lines do the main job:

    import tumorscope as ts
    case = ts.read("patient7")
    result = ts.segment(case)
    result.save("out")

Nothing heavy is imported before a name below is used.
"""

from importlib import import_module
from typing import Any

#: Public name → where it lives. Read by ``__getattr__``; types for editors are in ``__init__.pyi``.
_PUBLIC = {
    "read": "tumorscope.workflows.predict:read_case",
    "segment": "tumorscope.workflows.predict:segment",
    "compare": "tumorscope.workflows.compare:compare",
    "evaluate": "tumorscope.workflows.evaluate:evaluate",
    "Case": "tumorscope.core.case:Case",
    "Image": "tumorscope.core.image:Image",
    "Segmentation": "tumorscope.core.segmentation:Segmentation",
    "Sequence": "tumorscope.core.sequence:Sequence",
    "TumorscopeError": "tumorscope.core.errors:TumorscopeError",
}

__all__ = [
    "Case",
    "Image",
    "Segmentation",
    "Sequence",
    "TumorscopeError",
    "__version__",
    "compare",
    "evaluate",
    "read",
    "segment",
]


def __getattr__(name: str) -> Any:
    """Import the public name on first use (PEP 562)."""
    if name == "__version__":
        return _version()
    if name not in _PUBLIC:
        raise AttributeError(f"module 'tumorscope' has no attribute '{name}'")
    module, _, attribute = _PUBLIC[name].partition(":")
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("tumorscope")
    except PackageNotFoundError:
        return "0+unknown"
