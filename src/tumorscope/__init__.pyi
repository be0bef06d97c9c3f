from tumorscope.core.case import Case as Case
from tumorscope.core.errors import TumorscopeError as TumorscopeError
from tumorscope.core.image import Image as Image
from tumorscope.core.segmentation import Segmentation as Segmentation
from tumorscope.core.sequence import Sequence as Sequence
from tumorscope.workflows.compare import compare as compare
from tumorscope.workflows.evaluate import evaluate as evaluate
from tumorscope.workflows.predict import read_case as read
from tumorscope.workflows.predict import segment as segment

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

__version__: str
