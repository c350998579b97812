"""Scale: distribute work that is independent for each user over processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamsim.streams.lazy import lazy_names

if TYPE_CHECKING:
    from streamsim.consumers.scale.processes import process_users as process_users

__getattr__ = lazy_names(__name__, {"process_users": "streamsim.consumers.scale.processes"})
