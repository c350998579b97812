"""kafka-python leaves a socket unclosed for every connection that is refused."""

import contextlib
import gc
import socket
import warnings

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    closed = f"127.0.0.1:{probe.getsockname()[1]}"

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", ResourceWarning)
    with contextlib.suppress(KafkaError):
        KafkaAdminClient(bootstrap_servers=closed, bootstrap_timeout_ms=500)
    gc.collect()
    left = sum("unclosed <socket" in str(warning.message) for warning in caught)

if left:
    print(f"fault: {left} sockets were left unclosed by connections that were refused")
else:
    print("mended: no socket is left unclosed")
