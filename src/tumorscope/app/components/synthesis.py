"""Synthetic images: what to make, the button, and what was made, marked as what it is."""

from __future__ import annotations

import shutil

import streamlit as st

from tumorscope.app.components.kept_choice import kept_choice
from tumorscope.app.components.picture import picture
from tumorscope.app.components.progress import progress
from tumorscope.app.components.trouble import show_error, show_sentence
from tumorscope.app.components.viewer import viewer
from tumorscope.app.jobs import Job
from tumorscope.app.session import Session
from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.watch import Watch
from tumorscope.report.notice import MADE, PAINTED
from tumorscope.workflows.choose import image_bundles
from tumorscope.workflows.synth_view import Made, synthesise_view

_NAME = "synthesise"
_PHANTOMS = "new phantoms"


def makers() -> list[Bundle]:
    """Return the models that make images, those that paint label maps last."""
    found = image_bundles()
    return [bundle for task in ("gan", "vae", "synthesis") for bundle in found.get(task, [])]


def synthesis_form(mine: Session) -> None:
    """Draw the options and the button or, while it works, progress and Cancel; take what was made."""
    mine.settle(_NAME)
    models = {bundle.name: bundle for bundle in makers()}
    bundle = models[kept_choice(mine, "Model", [*models], "maker")]
    st.caption(bundle.manifest.title)
    model = bundle.manifest.image
    paints = model is not None and model.task == "synthesis"
    masks = _masks(mine) if paints else []
    number = int(st.number_input("Cases" if paints else "Slices", 1, 64, 2 if paints else 8))
    seed = int(st.number_input("Seed", 0, 2**31 - 1, 0, help="The same seed gives the same images."))
    if _NAME in mine.jobs:
        progress(mine, _NAME)
    elif st.button("Synthesise", type="primary", width="stretch"):
        phantoms = number if paints and not masks else 0
        _start(mine, bundle, masks, phantoms, None if phantoms else number, seed)
        st.rerun()


def _masks(mine: Session) -> list[Case]:
    """Draw the choice of what is painted: nothing stands for new phantoms."""
    case = None if mine.view is None else mine.view.case
    own = [] if case is None or case.label is None else [f"the label map of {case.id}"]
    chosen = kept_choice(mine, "Paint", [_PHANTOMS, *own], "masks")
    return [] if case is None or chosen == _PHANTOMS else [case]


def _start(mine: Session, bundle: Bundle, masks: list[Case], phantoms: int, count: int | None, seed: int) -> None:
    before = mine.kept.pop(_NAME, None)
    if isinstance(before, Made):
        shutil.rmtree(before.archive.parent, ignore_errors=True)
    folder = mine.new_folder(_NAME)

    def work(watch: Watch) -> Made:
        try:
            return synthesise_view(bundle, folder, masks=masks, phantoms=phantoms, count=count, seed=seed, watch=watch)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    mine.jobs[_NAME] = Job(work)


def made(mine: Session) -> None:
    """Draw what was made last, and what must be said about it."""
    found = mine.kept.get(_NAME)
    outlined = isinstance(found, Made) and found.outlined
    st.warning(f"**Synthetic images.** {PAINTED if outlined else MADE}")
    if isinstance(found, Exception):
        show_error(found)
    elif isinstance(found, Made):
        _draw(mine, found)
    else:
        st.info("Choose a model on the left and press Synthesise.")


def _draw(mine: Session, found: Made) -> None:
    for name, why in found.summary.failed.items():
        show_sentence(f"{name}: {why}")
    training = found.bundle.manifest.training
    use = "" if training.commercial else "; no commercial use"
    if found.sheet is not None:
        picture(found.sheet, "Synthetic slices")
    elif found.cases:
        name = kept_choice(mine, "Case", [*found.cases], "made")
        viewer(found.cases[name], f"{found.archive.parent.name}-{name}")
    st.download_button(
        f"All {len(found.summary.made)} as zip",
        found.archive.read_bytes,
        file_name=found.archive.name,
        on_click="ignore",
        disabled=not found.summary.made,
    )
    st.caption(
        f"Model {found.bundle.name} {found.bundle.manifest.version}, trained on {training.dataset} (licence: "
        f"{training.licence}{use}). Files say in name and header that they are synthetic."
    )
    for limit in found.bundle.manifest.limits:
        st.markdown(f"- {limit}")
