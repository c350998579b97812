"""Five tasks of a streaming pipeline, each a function call: run the cells, or the whole file."""

# %% What is needed
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd

from streamsim import (
    Feed,
    Instants,
    Money,
    Shares,
    extract_features,
    merge_sources,
    process_users,
    track_accuracy,
)

HERE = Path(__file__).parent


# %% 1. Merge a CSV and a JSON file
def merge() -> pd.DataFrame:
    """Match receipts with households: ids, times and money are brought to one form first."""
    tills = Feed(
        "tills",
        {"household_id": "Card Household", "sold_at": "Till Time", "paid_cents": "Net Sales"},
        instants={"sold_at": Instants("%m/%d/%Y %I:%M:%S %p", zone="America/New_York")},
        money={"paid_cents": Money("$", thousands=",")},
        delimiter=";",
    )
    return merge_sources(
        HERE / "tills.csv",
        HERE / "households.json",
        on="household_id",
        how="left",
        feeds=(tills, None),
    )


# %% 2. Make features of numbers and notes
def features() -> pd.DataFrame:
    """Measurements come in any unit; words of notes are told from what is denied."""
    stays = pd.DataFrame(
        {"creatinine": [1.0, 106.1, 1.9], "creatinine_unit": ["mg/dL", "umol/L", "mg/dL"]}
    )
    notes = pd.Series(["Denies cough.", "No cough, on Lasix.", "Cough. Takes Lasix."])
    made = extract_features(stays, notes, min_df=2)
    return pd.DataFrame(made.matrix, columns=made.names)


# %% 3. Serve a model, and ask it
def serve_and_ask(port: int = 8571) -> dict[str, object]:
    """Start the model service on the champion of finance, and have its example scored."""
    command = [sys.executable, "-m", "streamsim.models.serve", "--model", "finance-fraud"]
    with subprocess.Popen([*command, "--port", str(port)]) as service:
        try:
            url = f"http://127.0.0.1:{port}/predict"
            example = example_of(service, url)
            request = Request(url, example, {"Content-Type": "application/json"})
            answer: dict[str, object] = json.load(urlopen(request))
            return answer
        finally:
            service.terminate()


def example_of(service: subprocess.Popen[bytes], url: str) -> bytes:
    """Fetch an example of usual values, once the service listens."""
    while service.poll() is None:
        try:
            example: bytes = urlopen(url).read()
            return example
        except URLError:
            time.sleep(0.2)
    raise SystemExit("there is no model yet; train one: streamsim train finance")


# %% 4. Follow accuracy while labels come a week late
def follow_accuracy() -> list[str]:
    """Say when accuracy over 14 days falls below 0.7, and when it has recovered."""
    days = pd.date_range("2025-01-01", periods=60, tz="UTC")
    ids = [f"e{i}" for i in range(60)]
    said = pd.DataFrame({"event_id": ids, "event_time": days, "prediction": 1})
    true = pd.DataFrame(
        {
            "event_id": ids,
            "known_at": days + pd.Timedelta("7D"),
            "label": [0 if 20 <= i < 35 else 1 for i in range(60)],
        }
    )
    states = track_accuracy(said, true, "14D", threshold=0.7, margin=0.1, min_samples=10)
    return [
        f"{pd.Timestamp(state.at, unit='ms').date()} {state.change} at {state.value:.2f}"
        for state in states
        if state.change
    ]


# %% 5. Spread users over processes
def recommend(users: Sequence[int]) -> list[list[int]]:
    """Return the three titles that are nearest to each user's taste; runs in the processes."""
    titles = np.random.default_rng(0).normal(size=(2_000, 16))
    tastes = np.stack([np.random.default_rng(user).normal(size=16) for user in users])
    best: list[list[int]] = np.argsort(-tastes @ titles.T, axis=1)[:, :3].tolist()
    return best


# %% All of them
if __name__ == "__main__":  # the processes of the fifth task import this file again
    print(merge(), end="\n\n")
    print(features().round(2), end="\n\n")
    print(serve_and_ask(), end="\n\n")
    print(*follow_accuracy(), sep="\n", end="\n\n")
    shares = Shares()
    answers = list(process_users(range(2_000), recommend, processes=2, shares=shares))
    print(f"{len(answers):,} users, the first is shown {answers[0]}", shares.as_text(), sep="\n")
