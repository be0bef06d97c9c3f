"""What every result and every face of the program must say about its use."""

from __future__ import annotations

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."

#: What must be said beside an image that was repaired (docs/ethics.md).
REPAIRED = (
    "A processed image is not the scan. A network can remove a small lesion or draw one that is not there: read the "
    "original first, keep it, and show both when you show one. The files say in name and header what was done."
)
#: What must be said beside images that were made (docs/ethics.md).
MADE = (
    "These images show no patient and support no clinical claim. Never mix them unmarked with real scans, never put "
    "them into validation or test parts, caption them as synthetic wherever you show them, and give them no freer "
    "licence than the data the model learned from. Test for copies of training patients before you pass them on."
)

#: The same of cases painted from a patient's label map.
PAINTED = (
    "The texture is made up; the label map and the outline of the brain are the patient's: treat the images as you "
    "treat the scan. They support no clinical claim. Never mix them unmarked with real scans, never put them into "
    "validation or test parts, caption them as synthetic wherever you show them, and give them no freer licence than "
    "the data the model learned from."
)

#: The essentials of responsible use, each a heading and a sentence or two.
ETHICS: tuple[tuple[str, str], ...] = (
    (
        "A person decides",
        "A map is a proposal. Somebody trained to read brain MRI looks at every slice before a number is used, and "
        "the original scan is what counts.",
    ),
    (
        "Models know only their training data",
        "Other scanners, ages, treatments and tumours may be measured wrongly without a warning. Check the model on "
        "cases of your own before you trust a figure of it. Whether it is fair across sex, age and ethnicity "
        "is unknown.",
    ),
    (
        "Patients stay private",
        "Everything is computed on this machine and nothing is sent anywhere. DICOM cases get pseudonyms. Files you "
        "hand in, and results, are deleted when your session ends.",
    ),
    (
        "Say where numbers come from",
        "Give the model, its version, what it was trained on and the interval with every figure; each report holds "
        "them. Some weights must not be used commercially: their card says so.",
    ),
    (
        "Made images are marked",
        "The phantom and whatever a network generates is synthetic. It must never be passed off as a patient's scan. "
        "Generators are tested for copies of training patients; the test finds copies, it does not rule them out.",
    ),
    (
        "Somebody reviews",
        "An ethics board before training on patients' data that are not public; a second person before weights or made "
        "images are given out; a radiologist before readers see restored ones. docs/ethics.md has the whole of it.",
    ),
)


#: Those that hold for a page that is kept or passed on, as one paragraph.
ESSENTIALS = " ".join(f"{heading}: {text}" for heading, text in ETHICS if heading != "Patients stay private")
