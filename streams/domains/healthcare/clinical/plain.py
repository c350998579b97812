"""Healthcare: plain words of notes: capitalised words that are not names."""

from __future__ import annotations

from functools import cache

from streamsim.streams.domains.healthcare.clinical.lexicon import words

_PLAIN = """
abdomen acute admission admitted allergies arm arms assessment back bid bilateral blood bp bun
capsule cbc chest chief chronic clinic complains complaint complaints condition consult creatinine
ct denied denies diagnosis discharge discharged disease disposition doctor dose doses ear ears ecg
ed ekg emergency ent er exam examination eye eyes feet fluid foot gcs gi glucose gu hand hands
heart hemoglobin hospital hpi hr icu imaging impression inhaler iv kidney labs leg legs liver
lungs mcg medical medication medications medicine mental mg milligrams mri neck nose nurse oral
patient patient's patients physical physician pmh po pressure prn procedure procedures pulse
recommend ros rr skin sodium surgery surgical systems tablet tablets temperature throat tid x-ray
x-rays
"""


@cache
def note_words() -> frozenset[str]:
    """Return words of notes that are not names: the lexicon's, and everyday clinical words."""
    return words() | frozenset(_PLAIN.split())
