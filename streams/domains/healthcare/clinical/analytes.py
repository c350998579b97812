"""Table of analytes, a row each, with factors of units from the given molar masses.

Possible ranges are wide on purpose: survivors have been reported near their bounds. Reference
ranges are those of textbooks for adults, rounded.
"""

from __future__ import annotations

from collections.abc import Mapping

from .analyte_table import Analyte, Unit


def _molar(mass: float, per: str = "mmol/L") -> dict[str, Unit]:
    """Return the factor from an amount per litre to mg/dL, for a molar mass in g/mol."""
    return {per: Unit(mass / 10 if per == "mmol/L" else mass / 10_000)}


_PER_DL: Mapping[str, Unit] = {"g/L": Unit(0.1)}
_COUNT: Mapping[str, Unit] = {"10*3/uL": Unit(1.0), "/uL": Unit(0.001), "/mm3": Unit(0.001)}
_ION: Mapping[str, Unit] = {"meq/L": Unit(1.0)}
_DIVALENT_CALCIUM: Mapping[str, Unit] = {**_molar(40.078), "meq/L": Unit(40.078 / 20)}
_ENZYME: Mapping[str, Unit] = {"ukat/L": Unit(60.0), "nkat/L": Unit(0.06)}
_KPA: Mapping[str, Unit] = {"kPa": Unit(7.50062)}

ANALYTES: tuple[Analyte, ...] = (
    Analyte("glucose", "mg/dL", (5, 2_000), (70, 140), _molar(180.156), "2345-7",
            ("blood_glucose", "blood_sugar", "glu", "serum_glucose")),
    Analyte("hba1c", "%", (2.5, 25), (4.0, 5.7), {"mmol/mol": Unit(0.09148, 2.152)}, "4548-4",
            ("a1c", "hemoglobin_a1c", "glycated_hemoglobin")),
    Analyte("creatinine", "mg/dL", (0.05, 40), (0.6, 1.3), _molar(113.12, "umol/L"), "2160-0",
            ("serum_creatinine", "creat", "scr")),
    # Urea is reported as the nitrogen in it: two atoms of 14.007.
    Analyte("urea_nitrogen", "mg/dL", (0.5, 350), (7, 20), _molar(28.014), "3094-0",
            ("bun", "blood_urea_nitrogen", "urea")),
    Analyte("sodium", "mmol/L", (80, 220), (135, 145), _ION, "2951-2", ("na", "serum_sodium")),
    Analyte("potassium", "mmol/L", (0.8, 14), (3.5, 5.1), _ION, "2823-3", ("k", "serum_potassium")),
    Analyte("chloride", "mmol/L", (50, 170), (98, 107), _ION, "2075-0", ("cl",)),
    Analyte("bicarbonate", "mmol/L", (1, 70), (22, 29), _ION, "1963-8", ("hco3", "co2")),
    Analyte("calcium", "mg/dL", (2, 25), (8.5, 10.5), _DIVALENT_CALCIUM, "17861-6", ("ca",)),
    Analyte("magnesium", "mg/dL", (0.2, 20), (1.7, 2.4), _molar(24.305), "19123-9", ("mg_serum",)),
    Analyte("phosphate", "mg/dL", (0.2, 30), (2.5, 4.5), _molar(30.974), "2777-1", ("phosphorus",)),
    # Haemoglobin in mmol/L counts its monomer, 16,114.5 g/mol.
    Analyte("hemoglobin", "g/dL", (1, 27), (12, 17.5), {**_PER_DL, "mmol/L": Unit(1.61145)},
            "718-7", ("hgb", "hb", "haemoglobin")),
    Analyte("hematocrit", "%", (3, 80), (36, 52), {"L/L": Unit(100.0)}, "4544-3", ("hct",)),
    Analyte("white_cells", "10*9/L", (0, 1_000), (4, 11), _COUNT, "6690-2",
            ("wbc", "leukocytes", "white_blood_cells")),
    Analyte("platelets", "10*9/L", (0, 5_000), (150, 400), _COUNT, "777-3", ("plt",)),
    Analyte("albumin", "g/dL", (0.3, 8), (3.5, 5.0), _PER_DL, "1751-7", ("alb",)),
    Analyte("bilirubin", "mg/dL", (0, 90), (0.1, 1.2), _molar(584.66, "umol/L"), "1975-2",
            ("total_bilirubin",)),
    Analyte("alt", "U/L", (0, 30_000), (5, 45), _ENZYME, "1742-6", ("sgpt",)),
    Analyte("ast", "U/L", (0, 40_000), (5, 40), _ENZYME, "1920-8", ("sgot",)),
    Analyte("cholesterol", "mg/dL", (10, 2_500), (100, 200), _molar(386.65), "2093-3",
            ("total_cholesterol",)),
    Analyte("ldl", "mg/dL", (1, 2_000), (30, 130), _molar(386.65), "13457-7", ("ldl_cholesterol",)),
    Analyte("hdl", "mg/dL", (1, 250), (40, 90), _molar(386.65), "2085-9", ("hdl_cholesterol",)),
    # Triglycerides are a mixture; laboratories calculate with triolein, 885.4 g/mol.
    Analyte("triglycerides", "mg/dL", (5, 25_000), (30, 150), _molar(885.4), "2571-8", ("tg",)),
    Analyte("lactate", "mmol/L", (0.05, 40), (0.5, 2.0), {"mg/dL": Unit(10 / 90.08)}, "2524-7",
            ("lactic_acid",)),
    Analyte("crp", "mg/L", (0, 1_000), (0, 5), {"mg/dL": Unit(10.0)}, "1988-5",
            ("c_reactive_protein",)),
    Analyte("troponin_t", "ng/L", (0, 200_000), (0, 14),
            {"ng/mL": Unit(1_000.0), "ug/L": Unit(1_000.0), "pg/mL": Unit(1.0)}, "67151-1"),
    Analyte("bnp", "pg/mL", (0, 100_000), (0, 100), {"ng/L": Unit(1.0)}, "30934-4"),
    Analyte("inr", "1", (0.3, 30), (0.8, 1.2), {}, "6301-6"),
    Analyte("temperature", "Cel", (24, 44), (36.1, 37.8), {"[degF]": Unit(5 / 9, -160 / 9),
            "K": Unit(1.0, -273.15)}, "8310-5", ("temp", "body_temperature")),
    Analyte("heart_rate", "/min", (10, 350), (60, 100), {}, "8867-4", ("pulse", "hr")),
    Analyte("respiratory_rate", "/min", (2, 100), (12, 20), {}, "9279-1", ("rr", "resp_rate")),
    Analyte("systolic", "mm[Hg]", (30, 310), (90, 130), _KPA, "8480-6",
            ("sbp", "systolic_blood_pressure")),
    Analyte("diastolic", "mm[Hg]", (10, 220), (60, 85), _KPA, "8462-4",
            ("dbp", "diastolic_blood_pressure")),
    Analyte("oxygen_saturation", "%", (20, 100), (94, 100), {"1": Unit(100.0)}, "59408-5",
            ("spo2", "o2_sat", "sao2")),
    Analyte("weight", "kg", (0.3, 640), (45, 110),
            {"[lb_av]": Unit(0.45359237), "g": Unit(0.001), "[oz_av]": Unit(0.028349523)},
            "29463-7", ("body_weight",)),
    Analyte("height", "cm", (20, 275), (150, 195),
            {"m": Unit(100.0), "[in_i]": Unit(2.54), "[ft_i]": Unit(30.48), "mm": Unit(0.1)},
            "8302-2", ("body_height",)),
)  # fmt: skip

SPELLINGS: Mapping[str, str] = {
    "f": "[degF]",
    "degf": "[degF]",
    "fahrenheit": "[degF]",
    "c": "Cel",
    "degc": "Cel",
    "celsius": "Cel",
    "lb": "[lb_av]",
    "lbs": "[lb_av]",
    "pound": "[lb_av]",
    "pounds": "[lb_av]",
    "kgs": "kg",
    "kilograms": "kg",
    "oz": "[oz_av]",
    "in": "[in_i]",
    "inch": "[in_i]",
    "inches": "[in_i]",
    "ft": "[ft_i]",
    "feet": "[ft_i]",
    "mmhg": "mm[Hg]",
    "bpm": "/min",
    "beats/min": "/min",
    "breaths/min": "/min",
    "per_min": "/min",
    "mg%": "mg/dL",
    "mg/100ml": "mg/dL",
    "gm/dl": "g/dL",
    "g%": "g/dL",
    "mm": "mm",
    "mm/l": "mmol/L",
    "mcmol/l": "umol/L",
    "mcg/l": "ug/L",
    "iu/l": "U/L",
    "units/l": "U/L",
    "k/ul": "10*3/uL",
    "x10*3/ul": "10*3/uL",
    "k/mm3": "10*3/uL",
    "x10*9/l": "10*9/L",
    "10e9/l": "10*9/L",
    "10*3/mm3": "10*3/uL",
    "cells/ul": "/uL",
    "fraction": "1",
    "{inr}": "1",
    "ratio": "1",
    "percent": "%",
}
"""Spellings of a unit, in lower case without blanks, and its UCUM code."""
