"""Laboratory items of MIMIC-IV: their numbers, and the analytes that they measure.

References
----------
MIMIC-IV's table ``d_labitems`` (physionet.org, ``mimiciv/hosp``); chemistry and blood gases also in
``mimic-iv/concepts/measurement/chemistry.sql`` and ``bg.sql`` of MIT-LCP/mimic-code (MIT).
"""

from __future__ import annotations

from collections.abc import Mapping

ITEMS: Mapping[str, str] = {
    # chemistry of blood
    "50861": "alt", "50862": "albumin", "50878": "ast", "50882": "bicarbonate",
    "50885": "bilirubin", "50889": "crp", "50893": "calcium", "50902": "chloride",
    "50904": "hdl", "50905": "ldl", "50907": "cholesterol", "50912": "creatinine",
    "50931": "glucose", "50852": "hba1c", "50960": "magnesium", "50970": "phosphate",
    "50971": "potassium", "50983": "sodium", "51000": "triglycerides", "51003": "troponin_t",
    "51006": "urea_nitrogen",
    # blood gases, whole blood
    "50806": "chloride", "50809": "glucose", "50810": "hematocrit", "50811": "hemoglobin",
    "50813": "lactate", "50822": "potassium", "50824": "sodium",
    # haematology
    "51221": "hematocrit", "51222": "hemoglobin", "51237": "inr", "51265": "platelets",
    "51300": "white_cells", "51301": "white_cells",
}  # fmt: skip
"""Items that are not listed are not mapped: 50963 is NT-proBNP, whose level is ten times that of
BNP, and 50804 is calculated, not measured, carbon dioxide."""

UNITLESS: Mapping[str, str] = {"51237": "1"}
"""Items that come without a unit because they have none."""
