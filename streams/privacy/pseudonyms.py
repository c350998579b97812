"""Pseudonyms for identifiers of persons, and masks for texts about them.

Records of one person can be joined by a pseudonym, and without the key it does not identify the
person. Masking finds most of what identifies a person in a text, but not all: it is for dead
letters and logs. Masked texts must not be published.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from functools import cache
from itertools import pairwise

from streamsim.streams.errors import UsageError
from streamsim.streams.privacy.plain import plain_words

SHORTEST_KEY = 32
"""Shortest key (bytes): as long as the hash (RFC 2104, section 3)."""
LONGEST_TEXT = 50_000
"""Longest text that is masked (characters); a longer one is withheld whole."""
_LONGEST_ID = 4_096


def pseudonym(identifier: str, key: bytes, field: str) -> str:
    """Return the pseudonym of an identifier: 128 bits of its HMAC-SHA256, in hex.

    The same identifier has a different pseudonym in each field, so that tables with different
    fields cannot be joined by it. Identifiers are not normalised here: bring them to one form first
    (:func:`streamsim.streams.reading.identifiers.identifier`).

    Raises
    ------
    UsageError
        If the key is too short or obviously not random, or the identifier is empty or too long.

    References
    ----------
    Krawczyk, Bellare and Canetti (1997), *HMAC: Keyed-Hashing for Message Authentication*, RFC
    2104. A hash without a key does not protect: ids are few, and all of them can be tried.

    Examples
    --------
    >>> key = bytes(range(32))
    >>> pseudonym("4711", key, "person")
    '6b3bb69d0c2cd689f0cc38c84d110056'
    >>> pseudonym("4711", key, "person") == pseudonym("4711", key, "case")
    False
    """
    if not identifier or len(identifier) > _LONGEST_ID:
        raise UsageError(f"an identifier has 1 to {_LONGEST_ID} characters")
    return _keyed(f"id:{field}", identifier, key)


def redact(text: str, key: bytes | None = None, vocabulary: frozenset[str] = frozenset()) -> str:
    """Mask names, dates, telephone numbers, ids, addresses of post, web and e-mail.

    The whole text is withheld if names cannot be recognised in it (one case throughout, another
    script, no text at all), or if something is left that may be an id. Then its length is
    returned, and with a key its keyed hash, by which equal texts are recognised.

    Parameters
    ----------
    vocabulary
        Words that are not names of persons, beside those of everyday English; in lower case.

    Examples
    --------
    >>> redact("Mrs. Jane Roe, MRN 48213, seen by Dr. Kumar on 3/12/2021, phone 555-010-9999.")
    'Mrs. [name], MRN [id], seen by Dr. [name] on [date], phone [phone].'
    >>> redact("pt john roe has chest pain")
    '[withheld: 26 characters]'
    """
    if _WITHHELD.fullmatch(text):
        return text
    plain = _plain(vocabulary)
    if len(text) > LONGEST_TEXT or _is_doubtful(text, plain):
        return _withheld(text, key)
    masked = text
    for pattern, mask in _MASKS:
        masked = pattern.sub(mask, masked)
    masked = _without_names(masked, plain)
    return _withheld(text, key) if _REMAINS.search(masked) else masked


def keyed_hash(content: bytes, key: bytes) -> str:
    """Return a keyed hash of 128 bits, in hex, by which equal bytes are recognised."""
    return _keyed("bytes", content, key)


def withheld(content: bytes, key: bytes) -> str:
    """Return a placeholder for bytes that must not be shown: their number and keyed hash.

    >>> withheld(b"{broken", bytes(range(32)))
    '[withheld: 7 bytes, 84834446b2165bb212ff135b525f8b2f]'
    """
    return f"[withheld: {len(content)} bytes, {keyed_hash(content, key)}]"


def _keyed(purpose: str, content: str | bytes, key: bytes) -> str:
    if len(key) < SHORTEST_KEY or len(set(key)) < SHORTEST_KEY // 4:
        raise UsageError(f"a key has at least {SHORTEST_KEY} random bytes (secrets.token_bytes)")
    label = purpose.encode("utf-8", "surrogatepass")
    # The label's length goes first, so that no two pairs of label and content hash the same bytes.
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    message = len(label).to_bytes(4, "big") + label + content
    return hmac.digest(key, message, hashlib.sha256)[:16].hex()


def _withheld(text: str, key: bytes | None) -> str:
    hashed = f", {_keyed('text', text, key)}" if key is not None else ""
    return f"[withheld: {len(text)} characters{hashed}]"


_WITHHELD = re.compile(r"\[withheld: \d{1,12} characters(?:, [0-9a-f]{32})?\]")


@cache
def _plain(vocabulary: frozenset[str]) -> frozenset[str]:
    return plain_words() | vocabulary


def _is_doubtful(text: str, plain: frozenset[str]) -> bool:
    """Return whether names cannot be recognised by their capitals, or it is no plain Latin text."""
    if not text.isascii():
        letters = [c for c in text if c.isalpha()]
        if any(ord(c) > 0x24F for c in letters) or any(
            not c.isprintable() for c in text if ord(c) > 126
        ):
            return True
    if any(ord(c) < 32 and c not in "\t\r\n" for c in text):
        return True
    words = re.findall(r"[^\W\d_]{2,}", text)
    unknown = [w for w in words if w.lower() not in plain]
    return bool(unknown) and len(words) > 1 and (text.islower() or text.isupper())


_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_WAY = (
    r"(?:street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|way|place|pl"
    r"|square|sq|terrace|highway|hwy|parkway|close|crescent)"
)


def _mask(pattern: str, mask: str, flags: int = re.IGNORECASE) -> tuple[re.Pattern[str], str]:
    return re.compile(pattern, flags), mask


_MASKS = (
    _mask(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}", "[email]"),
    _mask(r"\b(?:https?://|www\.)[^\s<>\"]{1,2000}", "[address]"),
    _mask(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", "[address]"),
    _mask(r"\b(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}(?:T[\d:.]{1,18}(?:Z|[+-]\d\d:?\d\d)?)?\b",
          "[date]"),
    _mask(r"\b\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d\d)\b", "[date]"),
    _mask(r"(?<![\d/])(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])(?![\d/])", "[date]"),
    _mask(rf"\b{_MONTH}\.? {{0,2}}\d{{1,2}}(?:st|nd|rd|th)?(?:,? {{1,2}}\d{{4}})?\b", "[date]"),
    _mask(rf"\b\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH}\b\.?(?:,? {{1,2}}\d{{4}})?", "[date]"),
    _mask(rf"\b{_MONTH},? {{1,2}}\d{{4}}\b", "[date]"),
    _mask(r"\b(?:9\d|1[0-4]\d)(?=[- ]?(?:years?|yrs?)\b|[- ]?(?:y/?o)\b)", "[age]"),
    _mask(rf"\b\d{{1,6}}[a-z]? (?:[A-Za-z'.-]{{1,30}} ){{1,4}}{_WAY}\b\.?", "[address]"),
    _mask(r"\bP\.? ?O\.? ?Box \d{1,8}\b", "[address]"),
    _mask(r"\b[A-Z]{2} \d{5}(?:-\d{4})?\b", "[address]", 0),
    _mask(r"\b\d{3}-\d{2}-\d{4}\b", "[id]"),
    _mask(r"(?<![\w-])\+?\(?\d{1,4}\)?(?:[ ./-]\(?\d{2,4}\)?){2,5}(?![\w-])", "[phone]"),
    _mask(r"\b((?:MRN|SSN|DOB|account|acct|chart|record|case|policy|member|patient|encounter)"
          r"[ _]{0,2}(?:no|number|num|nbr|id)?[ \".:=#]{0,5})(?=[A-Z-]{0,12}\d)[\w-]{2,40}",
          r"\1[id]"),
    _mask(r"#\w{2,40}", "[id]"),
    _mask(r"\b(?!\d{1,3}-(?:year|month|week|day|hour)s?(?:-old)?\b)"
          r"(?=[A-Za-z-]{0,20}\d)(?=[\w-]{0,40}[A-Za-z])[A-Za-z0-9-]{7,64}\b", "[id]"),
    _mask(r"\b\d{5,}\b", "[id]"),
)  # fmt: skip
_REMAINS = re.compile(r"\d{5,}|@")
"""Pattern of remains that should have been masked."""

_WORD = re.compile(r"(?<![\w\[])[^\W\d_](?:[\w'-]{0,40}[^\W_])?(?!\w)")
_TITLES = frozenset(("mr", "mrs", "ms", "miss", "dr", "prof", "doctor", "nurse", "professor"))
_GAP = re.compile(r",? {1,2}")
_GAP_AFTER_SHORT = re.compile(r"[.,]? {1,2}")


def _without_names(text: str, plain: frozenset[str]) -> str:
    """Mask given names, unknown capitalised words, and the words that belong to them.

    After a title or a name the next capitalised word is a name, too: White is a colour, John White
    is a person.
    """
    words = list(_WORD.finditer(text))
    names = [_is_name(word[0], plain) for word in words]
    near = [_is_near(text, a, b) for a, b in pairwise(words)]
    for i in range(1, len(words)):
        before, here = words[i - 1][0], words[i][0]
        led = (names[i - 1] and text[words[i - 1].end()] != ",") or before.lower() in _TITLES
        names[i] |= near[i - 1] and led and here[0].isupper() and here.lower() not in _TITLES
    for i in range(len(words) - 1, 0, -1):
        before = words[i - 1][0]
        joined = text[words[i - 1].end()] == "," or len(before) == 1
        names[i - 1] |= near[i - 1] and names[i] and joined and before[0].isupper()
    parts, end = [], 0
    for i, word in enumerate(words):
        if names[i]:
            goes_on = i > 0 and names[i - 1] and near[i - 1]
            parts += [] if goes_on else [text[end : word.start()], "[name]"]
            end = word.end()
    return "".join([*parts, text[end:]])


def _is_near(text: str, left: re.Match[str], right: re.Match[str]) -> bool:
    """Return whether two words may be parts of one name, by the text between them."""
    is_short = len(left[0]) == 1 or left[0].lower() in _TITLES
    pattern = _GAP_AFTER_SHORT if is_short else _GAP
    return pattern.fullmatch(text, left.end(), right.start()) is not None


def _is_name(word: str, plain: frozenset[str]) -> bool:
    bare = word.lower().removesuffix("'s")
    if bare in _GIVEN:
        return True
    if not word[0].isupper() or len(word) < 3 or bare in _TITLES:
        return False
    return bare not in plain and not all(part in plain for part in bare.split("-"))


_GIVEN_NAMES = """
aaron adam ahmed aisha alan albert alex alice ali amanda amy ana andrea andrew angela anna anne
anthony antonio arthur ashley barbara ben benjamin betty brian bruce carl carlos carol caroline
catherine charles charlotte chen cheryl chris christine christopher claire cynthia daniel david
deborah dennis diana diane donald donna dorothy douglas edward elena elizabeth ella emily emma
eric erin ethan eva evelyn fatima frances francis frank gary george gerald gloria grace gregory
hannah harold harry heather helen henry hugh ian ibrahim irene isabel jack jacob jacqueline james
jane janet janice jason jean jeffrey jennifer jeremy jerry jessica jim joan joe john jonathan
jordan jorge jose joseph joshua joyce juan judith judy julia julie justin karen katherine kathleen
kathryn keith kelly kenneth kevin kimberly kumar kyle larry laura lauren lawrence lee li linda
lisa logan louis lucy luis luke maria marie marilyn mark martha martin mary matthew megan mei
melissa michael michelle miguel mohammed muhammad nancy natalie nathan nicholas nicole noah nora
olga oliver olivia omar pamela patricia patrick paul pedro peter philip priya rachel ralph raymond
rebecca richard robert roger ronald rosa roy russell ruth ryan samantha samuel sandra sara sarah
scott sean sharon shirley simon sofia sophia stephanie stephen steven susan teresa terry theresa
thomas timothy tom tyler victor victoria vincent virginia walter wayne wei william willie yusuf
zachary
"""
_GIVEN = frozenset(_GIVEN_NAMES.split())
