"""Plain English words: capitalised words that are not names."""

from __future__ import annotations

from functools import cache

_PLAIN = """
a about above address african after afternoon again all also am american americans an and any
april are as asian at august been before both brother but by can caucasian child children content
continue course culture current daily date daughter day days december department did dob does due
english evening every family father february female follow follow-up for friday from general had
has have he he's height help her here high his hispanic history home hours however i i'm if in is
issues it january july june last left level levels lives low male march married may monday months
morning mother mr mrn mrs ms my name negative new night no none normal not note notes november now
october of old on once one or other our out past phone plan please positive post present presents
previous prior reason regular result results review right rule saturday saw section see seen
september she she's signs since sister six social some son spouse ssn stable status sunday take
taken test that the their then there these they this three thursday time to today tuesday twice
two unit units until up us use used was we wednesday week weeks weight well were when where which
while white who wife will with without work year years yes yesterday you
"""


@cache
def plain_words() -> frozenset[str]:
    """Return words that are not names of persons."""
    return frozenset(_PLAIN.split())
