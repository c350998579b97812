"""Releases of MovieLens, and RecBole's interactions: ratings are views, the rest is named."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from streamsim.consumers.clean.cleaner import decode
from streamsim.consumers.collect.records import collect
from streamsim.producers.file_kinds import find_files
from streamsim.producers.files import FileSource
from streamsim.producers.wire import wire
from streamsim.simulator.in_process import as_records
from streamsim.streams.domain_registry import load_domain
from streamsim.streams.errors import SourceError

SPEC = load_domain("technology")
RATINGS = [("7", "31", "2.5", "1260759144"), ("1", "1193", "5", "978300760"),
           ("1", "260", "4", "978300275")]  # fmt: skip
SEEN = [("u1", 260, 4.0, 978300275000), ("u1", 1193, 5.0, 978300760000),
        ("u7", 31, 2.5, 1260759144000)]  # fmt: skip


def views(path: Path) -> list[tuple[Any, ...]]:
    """Return user, title, rating and time of a path's views, all of which must be valid."""
    found: list[tuple[Any, ...]] = []
    for file, kind in find_files(SPEC.inputs, path):
        source = FileSource(SPEC.inputs, file, kind, SPEC.longest_delay)
        for records in as_records(SPEC, wire(SPEC, source.slices())):
            if records.source != "views":
                continue
            events, _, refused = decode(collect(records), SPEC.trigger)
            assert not len(refused)
            titles, rating = events.integers("title_no").tolist(), events.columns["rating"].tolist()
            found += zip(events.entity, titles, rating, events.event_time.tolist(), strict=True)
    return sorted(found, key=lambda view: view[3])


def written(folder: Path, name: str, delimiter: str, header: str = "") -> Path:
    lines = [delimiter.join(row) for row in RATINGS]
    if name == "u.data":
        lines = [line.replace("2.5", "2") for line in lines]
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join([header] * bool(header) + lines) + "\n")
    return folder


@pytest.mark.parametrize(
    ("name", "delimiter", "header"),
    [
        ("ratings.csv", ",", "userId,movieId,rating,timestamp"),
        ("ratings.dat", "::", ""),
        ("u.data", "\t", ""),
        ("x.inter", "\t", "user_id:token\titem_id:token\trating:float\ttimestamp:float"),
    ],
)
def test_every_release_is_read_in_order_of_time(
    tmp_path: Path, name: str, delimiter: str, header: str
) -> None:
    folder = written(tmp_path / "release", name, delimiter, header)
    seen = [(*own[:2], 2.0 if name == "u.data" and own[2] == 2.5 else own[2], own[3])
            for own in SEEN]  # fmt: skip
    assert views(folder) == views(folder / name) == seen


def test_instants_of_the_set_as_others_publish_it_are_read(tmp_path: Path) -> None:
    (tmp_path / "rating.csv").write_text(
        '"userId","movieId","rating","timestamp"\n1,2,3.5,"2005-04-02 23:53:47"\n'
    )
    assert views(tmp_path) == [("u1", 2, 3.5, 1112486027000)]


def test_interactions_without_a_rating_and_with_fractions_of_seconds_are_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "clicks.inter").write_text(
        "user_id:token\titem_id:token\ttimestamp:float\tbehaviour:token\n"
        "A9\t12\t1396861870.5\tview\nB-7\t3000000\t1396861869.277\tbuy\n"
    )
    found = views(tmp_path)
    assert [own[:2] + own[3:] for own in found] == [
        ("uB-7", 3_000_000, 1396861869277),
        ("uA9", 12, 1396861870500),
    ]


BESIDE = {
    "movies.csv": "movieId,title,genres\n1,Toy Story (1995),Animation|Comedy\n",
    "tags.csv": "userId,movieId,tag,timestamp\n2,60756,funny,1445714994\n",
    "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n",
    "genome-scores.csv": "movieId,tagId,relevance\n1,1,0.029\n",
    "genome-tags.csv": "tagId,tag\n1,007\n",
    "movies.dat": "1::Caf\xe9 (1995)::Animation|Comedy\n",
    "users.dat": "1::F::1::10::48067\n",
    "tags.dat": "15::4973::excellent!::1215184630\n",
}


@pytest.mark.parametrize("name", BESIDE)
def test_what_lies_beside_the_ratings_is_named_and_left_out(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = written(tmp_path / "release", "ratings.dat", "::")
    (folder / name).write_bytes(BESIDE[name].encode("latin-1"))
    (folder / "README.txt").write_text("SUMMARY\n=======\n\nThese files contain ratings.\n")
    with caplog.at_level(logging.WARNING):
        assert views(folder) == SEEN
    said = [line for line in caplog.messages if name in line]
    assert len(said) == 1
    assert "MovieLens" in said[0]
    assert "ratings are read" in said[0]
    with pytest.raises(SourceError, match=r"MovieLens' [a-z]+: it says nothing of views"):
        find_files(SPEC.inputs, folder / name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ratings.dat", "1::1193::5::yesterday\n"),
        ("ratings.dat", "1;1193;5;978300760\n"),
        ("other.dat", "1::1193::5::978300760\n"),
        ("u.data", "1\t1193\t9\t978300760\n"),
        ("u.data", "1\t1193\t5\n"),
        ("users.txt", "user\titem\n1\t2\n"),
    ],
)
def test_no_other_file_without_a_header_is_taken_for_ratings(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match="no kind of file that is known"):
        find_files(SPEC.inputs, tmp_path / name)


def test_interactions_without_a_time_are_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\trating:float\n1\t2\t3\n")
    with pytest.raises(SourceError, match="without timestamp:float: a view needs a time"):
        find_files(SPEC.inputs, tmp_path / "x.inter")


@pytest.mark.parametrize("item", ["B00ABC", "016", "1.0"])
def test_an_item_that_is_no_number_is_dead_with_its_name(tmp_path: Path, item: str) -> None:
    """A token that is written in another way is another token: 016 is not 16."""
    (tmp_path / "x.inter").write_text(
        f"user_id:token\titem_id:token\ttimestamp:float\n1\t{item}\t1396861870\n"
    )
    ((file, kind),) = find_files(SPEC.inputs, tmp_path / "x.inter")
    source = FileSource(SPEC.inputs, file, kind, SPEC.longest_delay)
    notes = [note for piece in source.slices() for e in piece.emissions for note in e.notes or ()]
    assert [note.refused for note in notes if note] == [
        f"title_no: not an integer, in item_id:token: {item!r}"
    ]
