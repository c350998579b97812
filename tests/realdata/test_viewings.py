"""MovieLens through the stream: every rating a view, and slates that beat the most popular."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsim.benchmarks.public_data.datasets import MOVIELENS
from streamsim.benchmarks.studies.viewing_hits import streamed
from streamsim.producers.batches import finale
from streamsim.producers.wire import wire
from streamsim.simulator.domain_stream import file_slices
from streamsim.simulator.in_process import InProcess, as_records
from streamsim.streams.domains.technology import SPEC
from streamsim.streams.topics import DEAD, topic
from tests.contract.runs import bodies
from tests.realdata.downloads import downloaded

HEAD = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"


def test_ratings_become_views_in_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "ratings.inter"
    rows = ["7\t31\t4\t880000500", "9\t12\t3\t880000100", "7\tx\t5\t880000300", "\t5\t2\t880000400"]
    path.write_text(HEAD + "\n".join([*rows, "7\t8\t11\t880000600"]) + "\n")
    slices = list(file_slices(SPEC, path))
    sent = bodies(slices, "views")
    known = [(b["user_id"], b["title_no"]) for b in sent if "user_id" in b and "title_no" in b]
    assert known[0] == ("u9", 12)  # the oldest
    assert ("u7", 31) in known
    domain = InProcess(SPEC)
    batches = list(wire(SPEC, slices))
    batches.append(finale(SPEC, max(batch.latest() for batch in batches)))
    out = list(domain.run(as_records(SPEC, batches)))
    dead = [r for r in out if r.topic == topic(SPEC.name, DEAD)]
    # No number for a title, no user, and a rating of eleven stars.
    assert len(dead) == 3


@pytest.mark.slow
def test_slates_of_real_viewings_hit_more_than_the_most_popular() -> None:
    """Learnt from the first half of the time, asked for the second, with what was known by then."""
    found = streamed(downloaded(MOVIELENS) / "ml-100k.inter")
    print(found)
    assert found["events"] > 49_500
    assert found["ours"]["rate"] == pytest.approx(found["popular"]["rate"] + found["gain"]["rate"])
    assert found["gain"]["low"] > 0.05, found
