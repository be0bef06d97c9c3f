import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tiny_bundles import image, manifest
from tumorscope.bundles.bundle import Bundle
from tumorscope.bundles.manifest import SubsetScore
from tumorscope.core.labels import BRATS
from tumorscope.core.segmentation import Segmentation
from tumorscope.inference.measure import measure
from tumorscope.report.case_html import case_html
from tumorscope.report.case_pictures import Picture
from tumorscope.report.flags import type_flags
from tumorscope.report.record import case_record, record_json
from tumorscope.report.summary import CaseRow, summary_csv


def _record(tmp_path, known=True, case_id="case 7", picture=False):
    labels = np.zeros((10, 12, 4), dtype=np.uint8)
    labels[2:7, 2:7, 1:3] = 2
    labels[3:5, 3:5, 1] = 4
    segmentation = Segmentation(image(labels, (1, 1, 2), spacing_known=known), BRATS)
    path = tmp_path / "secret_folder" / "scan_flair.nii.gz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"abc")
    return case_record(
        case_id=case_id,
        picture=picture,
        measurements=measure(segmentation),
        scheme=BRATS,
        convention="input",
        bundle=Bundle(tmp_path, manifest()),
        reason="tiny was chosen.",
        runtime="torch, cpu",
        files={"FLAIR": (path,)},
        notes=["T1 is missing.", "a < b & c"],
        seconds={"read": 0.5},
    )


def test_the_record_is_json_with_lists_on_one_line(tmp_path):
    record = _record(tmp_path)
    text = record_json(record)
    assert json.loads(text) == record
    assert '"areas": [0.0, 25.0, 25.0, 0.0],' in text
    assert record["regions"]["WT"]["ml"] == pytest.approx(0.1)
    assert record["labels"]["values"] == {"NCR/NET": 1, "ED": 2, "ET": 4}
    assert record["labels"]["convention"] == "input"
    assert "Research use only" in record["notice"]
    assert record["inputs"] == [
        {
            "sequence": "FLAIR",
            "file": "scan_flair.nii.gz",
            "files": 1,
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        }
    ]
    assert "secret_folder" not in text, "folders can hold names"


@pytest.mark.parametrize(("shown", "flagged"), [(("FLAIR",), True), (("T1CE", "FLAIR"), False)])
def test_scores_and_flags_are_those_of_the_sequences_that_are_there(tmp_path, shown, flagged):
    def score(sequences, et):
        dice = {"WT": 0.86, "TC": 0.8, "ET": et}
        return SubsetScore(sequences=sequences, dice=dice, ci95=dict.fromkeys(dice, (0.1, 0.9)), n=12, on="test")

    made = manifest().model_copy(update={"subsets": [score(("T1CE", "FLAIR"), 0.62), score(("FLAIR",), 0.23)]})
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(b"abc")
    segmentation = Segmentation(image(np.ones((8, 8, 4), dtype=np.uint8)), BRATS)
    record = case_record(
        case_id="c", picture=False, measurements=measure(segmentation), scheme=BRATS, convention="bundle",
        bundle=Bundle(tmp_path, made), reason="Stated.", runtime="torch", files=dict.fromkeys(shown, (path,)),
        notes=[], seconds={"read": 0.5},
    )  # fmt: skip
    sentence = (
        "Sequences are missing: with FLAIR alone this model's mean Dice on test patients is "
        "ET 0.23 (0.62 with all sequences)."
    )
    assert (sentence in record["flags"]) == flagged
    assert record["steps"][0].startswith(f"{', '.join(shown)} oriented")
    html = case_html(record, BRATS, [Picture("P", "A caption.", b"")])
    told = "12 patients it never saw; mean Dice (95 % interval) with FLAIR: WT 0.86 (0.10 to 0.90), TC 0.80"
    assert (told in html) == flagged


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.links += [v for k, v in attrs if k in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_report_stands_alone_and_is_well_formed(tmp_path):
    html = case_html(
        _record(tmp_path, case_id="<script>x</script> & co"), BRATS, [Picture("A <b>", "As it is.", b"\x89PNG")]
    )
    tags = _Tags()
    tags.feed(html)
    assert tags.open == []
    assert tags.links == ["data:image/png;base64,iVBORw=="]
    assert "http" not in html.replace("http-equiv", "")
    assert "<script>" not in html
    assert "a &lt; b &amp; c" in html
    for expected in (
        "Research use only",
        "0.10",
        "WT (whole tumour)",
        "tiny was chosen.",
        "T1 is missing.",
        "Untrained.",
    ):
        assert expected in html
    assert "patient's right is on the left" in html.replace("&#x27;", "'")
    assert "$" not in re.sub(r"base64,\S+", "", html)


def test_without_spacing_there_are_no_millilitres(tmp_path):
    html = case_html(_record(tmp_path, known=False), BRATS, [Picture("A", "", b"")])
    assert "Volume (ml)" not in html and "(mm)" not in html
    assert "The size of a pixel is unknown" in html
    assert ">50<" in html


def test_summary_has_one_row_per_case_and_every_region():
    sizes = {"voxels": 10, "ml": 0.01, "interval_ml": [0.008, 0.02]}
    rows = [
        CaseRow("a", "ok", "", 1.234, 600.4, "b1", {"WT": sizes}, "out/a", ("note, one",)),
        CaseRow("b", "ok", "", 1.0, 601, "b2", {"tumor": {"voxels": 5, "ml": None}}),
        CaseRow("c", "failed", 'Expected "x"; found y. Do z.', 0.1, 602),
    ]
    read = list(csv.DictReader(io.StringIO(summary_csv(rows))))
    assert [r["case"] for r in read] == ["a", "b", "c"]
    assert read[0] | {"WT_ml": "0.01", "WT_voxels": "10", "tumor_voxels": "", "notes": "note, one"} == read[0]
    assert (read[0]["WT_ml_low"], read[0]["WT_ml_high"], read[1]["tumor_ml_low"]) == ("0.008", "0.02", "")
    assert (read[1]["tumor_voxels"], read[1]["tumor_ml"], read[1]["WT_ml"]) == ("5", "", "")
    assert (read[2]["status"], read[2]["error"]) == ("failed", 'Expected "x"; found y. Do z.')


def test_lines_for_people():
    ok = CaseRow("a", "ok", "", 1.234, 600.4, "b", {"WT": {"voxels": 10, "ml": 0.01}, "ET": {"voxels": 7, "ml": None}})
    assert ok.line(3) == "ok      a       1.2 s    600 MB  WT 0.01 ml, ET 7 px"
    assert CaseRow("a", "failed", "Expected x.").line().endswith("Expected x.")


def test_the_preparation_of_a_study_has_its_own_block(tmp_path):
    record = _record(tmp_path)
    assert "Preparation" not in case_html(record, BRATS, [Picture("A", "", b"")])
    record["preprocessing"] = {
        "said": ["T1CE with skull.", "FLAIR was registered to T1CE: moved 3.1 mm & turned 1.2°."],
        "state": "Seen in the study.",
        "moves": {"FLAIR": {"shift_mm": 3.14, "rotation_deg": 1.23, "information_gained": 0.1234}},
        "seconds": {"brain": 12.34},
    }
    html = case_html(record, BRATS, [Picture("A", "", b"")])
    block = html[html.index("Preparation of the study") :]
    assert "moved 3.1 mm &amp; turned" in block and "<td class=n>3.1</td><td class=n>1.2°</td>" in block
    assert "brain 12.3" in block
    assert html.count("T1CE with skull.") == 1
    record["preprocessing"] = {"said": [], "state": "Seen in the study.", "done": "nothing", "seconds": {}}
    assert "went to the model as it is" in case_html(record, BRATS, [Picture("A", "", b"")])


def test_a_picture_has_pixels_and_no_plane(tmp_path):
    html = case_html(
        _record(tmp_path, known=False, picture=True), BRATS, [Picture("Segmentation", "As it is.", b"\x89PNG")]
    )
    assert {"Size, px", "Diameters, px", "Product, px²"} <= set(re.findall(r"<th[^>]*>([^<]*)</th>", html))
    assert not re.search(r"axial|voxel|More pictures", html, re.IGNORECASE)


def test_a_flag_of_a_region_is_told_beside_its_size(tmp_path):
    record = _record(tmp_path)
    plain = case_html(record, BRATS, [Picture("A", "", b"\x89PNG")])
    record["flags"] = ["ET: the model is unsure of this map."]
    flagged = case_html(record, BRATS, [Picture("A", "", b"\x89PNG")])
    assert "see flags" not in plain and flagged.count("see flags") == 1
    assert re.search(r"ET</span><b>[^<]*</b><small>see flags", flagged)


@pytest.mark.parametrize(("looked", "flagged"), [((0.02, 0.1), True), ((0.3, 0.1), False), (None, False)])
def test_a_classifier_that_looked_past_the_tumour_is_flagged(looked, flagged):
    inside, share = (None, None) if looked is None else looked
    found = type_flags({"type": "glioma", "looked_at_tumour": inside, "share_of_picture": share})
    assert bool(found) == flagged and type_flags(None) == []
    assert type_flags({"type": None, "looked_at_tumour": 0.0, "share_of_picture": 0.1}) == []
    assert type_flags({"type": "no tumor", "looked_at_tumour": 0.0, "share_of_picture": 0.1}) == [], "none to look at"
