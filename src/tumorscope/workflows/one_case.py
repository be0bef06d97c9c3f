"""One case through the models that fit it; models stay open for the next case."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from tumorscope.bundles import bundle as library
from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, TumorscopeError
from tumorscope.core.watch import Watch, part_of, unwatched
from tumorscope.inference.predictor import Predictor
from tumorscope.workflows.choose import choose_bundle, choose_classifier, needed_sequences
from tumorscope.workflows.classify import (
    NO_SKULL_ASKED,
    NO_SKULL_NOT_ASKED,
    ONLY_TYPE,
    Classifier,
    TypeResult,
    typed_images,
    without_skull,
)
from tumorscope.workflows.inputs import Spacing
from tumorscope.workflows.segment import STATED, CaseResult, segment_with


@dataclass
class Models:
    """Open models; one case runs at a time, whichever thread asks.

    Attributes:
        runtime: ``auto``, ``torch`` or ``openvino``.
        device: ``auto``, ``cpu`` or ``cuda``.
        tta: Also average the mirrored prediction.
        spread: Also give the spread over mirrored passes.
        fast: Prefer shipped bundles for slices to those for volumes.
        postprocess: Apply the bundles' own rules.
    """

    runtime: str = "auto"
    device: str = "auto"
    tta: bool = False
    spread: bool = False
    fast: bool = False
    postprocess: bool = True
    _predictors: dict[Path, Predictor] = field(default_factory=dict)
    _classifiers: dict[Path, Classifier] = field(default_factory=dict)
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def run(
        self,
        case: Case,
        bundle: Bundle | None = None,
        classifier: Bundle | None = None,
        *,
        types: bool | None = None,
        spacing: Spacing | None = None,
        preprocess: bool = True,
        bias: bool = False,
        watch: Watch = unwatched,
    ) -> CaseResult | TypeResult:
        """Segment a case, ask the classifier that fits it, or both; warnings become notes of the result.

        Args:
            case: As found.
            bundle: Model that segments; default the shipped one that fits best.
            classifier: Model that tells the type; default the shipped one that fits.
            types: Ask a classifier at all; None: not of volumes without skull.
            spacing: Voxel size in mm along x, y, z, where the files carry none.
            preprocess: Co-register, resample and skull-strip raw studies.
            bias: Also correct the bias field (N4).
            watch: Told how far the work is; may stop it.

        Raises:
            TumorscopeError: as :func:`~tumorscope.workflows.segment.segment`.
            StoppedError: if ``watch`` stops it.
        """
        while not self._busy.acquire(timeout=0.2):
            watch("waiting for another case to finish", 0.0)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", UserWarning)
                model = classifier or (None if types is False else choose_classifier(case))
                always = bool(types) or classifier is not None
                result = self._run(case, bundle, model, always, spacing, preprocess, bias, watch)
            result.notes += [str(w.message) for w in caught if w.category is UserWarning]
            return result
        finally:
            self._busy.release()

    def _run(
        self,
        case: Case,
        bundle: Bundle | None,
        model: Bundle | None,
        always: bool,
        spacing: Spacing | None,
        preprocess: bool,
        bias: bool,
        watch: Watch,
    ) -> CaseResult | TypeResult:
        reason = STATED
        if bundle is None:
            try:
                bundle, reason = choose_bundle(case, fast=self.fast)
            except InputError:
                if model is None or needed_sequences(model) - set(case.sequences):
                    raise
                return self._classifier(model).case(case, ONLY_TYPE, spacing)
        watch("opening the model", 0.0)
        part = part_of(watch, 0.05, 0.9)
        result = segment_with(
            self._predictor(bundle), case, reason, spacing, preprocess=preprocess, bias=bias, watch=part
        )
        if model is not None and needed_sequences(model) <= set(case.sequences):
            self._ask(result, case, model, always, watch)
        return result

    def _ask(self, result: CaseResult, case: Case, model: Bundle, always: bool, watch: Watch) -> None:
        """Put the type of a segmented case into its result, or a note that says why there is none."""
        if without_skull(result.case):
            if model.folder.parent == library.SHIPPED:
                result.notes.append((NO_SKULL_ASKED if always else NO_SKULL_NOT_ASKED).format(model=model.name))
            if not always:
                return
        watch("asking for the tumour type", 0.9)
        try:
            images = typed_images(result.case, case, self._classifier(model).predictor.sequence)
            result.finding = self._classifier(model).run(images, result.segmentation)
            result.seconds["type"] = result.finding.seconds
        except TumorscopeError as error:  # the segmentation is worth having all the same
            result.notes.append(f"The tumour type was not told: {error}")

    def _classifier(self, bundle: Bundle) -> Classifier:
        if bundle.folder not in self._classifiers:
            self._classifiers[bundle.folder] = Classifier(bundle, self.runtime, self.device, self.tta)
        return self._classifiers[bundle.folder]

    def _predictor(self, bundle: Bundle) -> Predictor:
        if bundle.folder not in self._predictors:
            made = Predictor(
                bundle,
                self.runtime,
                self.device,
                tta=self.tta,
                spread=self.spread,
                postprocess=self.postprocess,
            )
            self._predictors[bundle.folder] = made
        return self._predictors[bundle.folder]
