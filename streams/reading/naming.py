"""Names of columns in one form; the order of a source's fields makes no difference."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence


def snake(name: str) -> str:
    """Return a name in snake case.

    >>> [snake(n) for n in ("accountId", "Client Account", "SKU", "HTTPCode", "@no")]
    ['account_id', 'client_account', 'sku', 'http_code', 'no']
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"\W+", "_", parted).strip("_").lower()


def named(columns: Sequence[str]) -> dict[str, str]:
    """Return our name of each column to the source's.

    A path is called by its last part, if no other column is: of ``id`` and ``sender.id`` the
    first is ``id``, the second ``sender_id``, also in the other order.

    >>> named(["sender.id", "id", "sender.name", "Net Sales"])
    {'sender_id': 'sender.id', 'id': 'id', 'name': 'sender.name', 'net_sales': 'Net Sales'}
    """
    short = {column: snake(column.rpartition(".")[2]) for column in columns}
    tops = {snake(column) for column in columns if "." not in column}
    how_often = Counter(short[column] for column in columns if "." in column)
    chosen: dict[str, str] = {}
    # In an order of their own, so that two that would be called alike are numbered alike. One that
    # has the name already keeps it.
    for column in sorted(columns, key=lambda own: (own.count("."), snake(own) != own, own)):
        own = short[column]
        if "." in column and (own in tops or how_often[own] > 1 or not own):
            own = snake(column)
        own = own or "column"
        name, number = own, 2
        while name in chosen:
            name, number = f"{own}_{number}", number + 1
        chosen[name] = column
    ours = {column: name for name, column in chosen.items()}
    return {ours[column]: column for column in columns}
