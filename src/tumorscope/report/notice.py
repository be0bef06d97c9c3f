"""What every result and every face of the program must say about its use."""

from __future__ import annotations

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."

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
        "cases of your own before you trust a figure of it.",
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
        "The phantom and whatever a network generates is synthetic. It must never be passed off as a patient's scan.",
    ),
)


#: Those that hold for a page that is kept or passed on, as one paragraph.
ESSENTIALS = " ".join(f"{heading}: {text}" for heading, text in ETHICS if heading != "Patients stay private")
