"""`faust worker` opens its web server on every interface although web_enabled is False."""

import os
import signal
import socket
import sys
import uuid

import faust

broker, name = sys.argv[1], f"web-{uuid.uuid4()}"
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]

app = faust.App(
    name,
    broker=f"kafka://{broker}",
    broker_session_timeout=6,
    broker_rebalance_timeout=6,
    topic_disable_leader=True,
    web_enabled=False,
    web_port=port,
)


@app.agent(app.topic(name))
async def work(stream: faust.StreamT) -> None:
    async for _ in stream:
        pass


@app.task
async def look() -> None:
    # 127.0.0.2 is answered by a server that listens on every interface, not by one on 127.0.0.1.
    with socket.socket() as client:
        answered = client.connect_ex(("127.0.0.2", port)) == 0
    fault = "fault: web_enabled=False, and the web server answers on every interface"
    print(fault if answered else "mended: no web server answers", file=sys.__stdout__, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)


sys.argv = [sys.argv[0], "worker"]
app.main()
