"""Plain words of notes: what has a capital and is still no name."""

from __future__ import annotations

from functools import cache

_PLAIN = """
a about above acute admitted admission after afternoon again all allergies also am an and any april
are as assessment at august been before bilateral both brother but by can caucasian child children
chief chronic clinic complains complaint complaints condition consult continue course culture
current daily date daughter day days december denied denies diagnosis disease disposition
department did discharge discharged doctor does doses due emergency english evening every exam
examination family father february female fluid follow for friday from general had has have he
heart help her here high hispanic history his home hospital hours however i if imaging impression
in is issues it january july june kidney labs last left lives low male march married may mcg medical
medication medications mg medicine mental milligrams mother monday months morning mr mrs ms my
negative new night no none normal not november nurse now october of old on one once or oral
other our out past patient patient's patients physical physician plan please positive post present
presents previous prior procedure procedures recommend regular result results review right rule
saturday see seen september she signs since sister six social some son spouse status stable
sunday surgery surgical systems take taken test that the their then there these they this three
thursday time to today tuesday twice two unit until up us use used was we wednesday week weeks well
were when where which while white who wife will with without work x-ray x-rays year years yes
yesterday you african american americans asian arm arms leg legs foot feet hand hands eye eyes ear
ears nose throat neck chest back abdomen skin lungs liver blood pressure temperature pulse weight
height glucose sodium creatinine hemoglobin level levels units dose tablet tablets capsule
inhaler prn bid tid po iv er icu ed cbc bun ekg ecg mri ct hr bp rr hpi ros pmh gcs ent gi gu
mrn ssn dob name address phone reason content note notes section plan follow-up saw she's he's i'm
"""


@cache
def plain_words() -> frozenset[str]:
    """Return words that name no person: the lexicon's, and what notes are otherwise made of."""
    from streamsim.streams.domains.healthcare.clinical.lexicon import words

    return words() | frozenset(_PLAIN.split())
