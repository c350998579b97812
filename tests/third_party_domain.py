"""A domain with a third party, from the texts of docs/own-domain.md and docs/third-party.md."""

from __future__ import annotations

import re
from pathlib import Path

from tests import own_domain
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "third-party.md").read_text()
REGISTER, JOINS, TELLS, SLICE, TEST = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
INPUTS, FEATURES = JOINS.splitlines(keepends=True)

PLUMBERS = '''"""Water: plumbers' visits, asked of another third party, which has other manners."""

from streamsim.streams.errors import AnswerError
from streamsim.streams.spec import DAY, HOUR, Field, Kind, Role, SourceSpec
from streamsim.streams.spec.third_parties import (
    HttpApi, Reply, Request, StandInSpec, ThirdPartySpec,
)
from .schema import METER

VISITS = SourceSpec(
    name="visits", role=Role.CONTEXT, key="meter_id", help="what the plumbers answered",
    fields=(METER, Field("asked_at", Kind.TIME, "when"), Field("visits", Kind.INTEGER, "all")),
    allowed_lateness=2 * HOUR,
)


def ask(meter):
    """Add up pages; the next one is named by a header."""
    page, total = "1", 0
    while page is not None:
        reply = yield Request(("search",), {"meter": meter, "page": page}, {"X-Trace": meter})
        if reply.status == 204:
            return None
        total += reply.read()["visits"]
        page = reply.header("x-next-page")
    return total


class Plumbers:
    """Stands in for them: each visit is on a page of its own."""

    def __init__(self):
        self.visits = {}

    def __len__(self):
        return len(self.visits)

    def learn(self, facts):
        if not isinstance(facts, list):
            raise AnswerError("send a list")
        self.visits |= {fact["meter_id"]: fact["people"] for fact in facts}
        return len(facts)

    def answer(self, request):
        meter, page = request.query.get("meter"), int(request.query.get("page", "1"))
        assert request.headers["X-Trace"] == meter
        if meter not in self.visits:
            return Reply(204)
        last = page == self.visits[meter]
        return Reply.of({"visits": 1}, 200, {} if last else {"X-Next-Page": str(page + 1)})


PLUMBERS = ThirdPartySpec(
    name="plumbers", noun="guild of plumbers", source="visits", facts="calls", ttl=DAY,
    event=lambda meter, said, asked_at: {"meter_id": meter, "visits": said or 0},
    api=HttpApi(
        ask, lambda key: {"Authorization": f"Bearer {key}"}, frozenset({200, 204}),
        frozenset({202, 503}),
    ),
    standin=StandInSpec(Plumbers, "calls", ("up",), "plumbers.json"),
    wait_s=30.0,
)
'''


def write(folder: Path, name: str, *, both: bool = False) -> Path:
    """Write the domain of the two pages to a folder of domains, under a name; return that folder.

    Parameters
    ----------
    both
        With a second third party, whose facts are the register's.
    """
    line = "from .register import CONNECTIONS, PARTY, PEOPLE\n"
    inputs, tells = INPUTS, SLICE
    if both:
        line = f"from .plumbers import PLUMBERS, VISITS\n{line}"
        inputs = inputs.replace("CONNECTIONS", "CONNECTIONS, VISITS")
        inputs = inputs.replace("PARTY", "PARTY, PLUMBERS")
        tells += f'replace({SLICE.strip().rstrip(",")}, source="calls"),\n'
    own_domain.write(
        folder,
        name,
        {
            "from .schema import LABEL": f"{line}from .schema import LABEL",
            "    inputs=spec.Inputs(sources=(READINGS, REPAIRS)),\n": inputs,
            "    features=spec.Features(vector=FEATURES, windows=(USE,)),\n": FEATURES,
            "def world(seed": f"{TELLS}\n\ndef world(seed",
            'emit("readings", at,': f'{tells.strip()}\nemit("readings", at,',
            "import dataclass\n": "import dataclass, replace\n",
        },
    )
    for file, text in {"register.py": REGISTER, "plumbers.py": PLUMBERS}.items():
        (folder / name / file).write_text(text)
    return folder
