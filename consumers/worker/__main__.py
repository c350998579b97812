"""Runs a Faust worker: ``python -m streamsim.consumers.worker``."""

from streamsim.consumers.worker.app import main

if __name__ == "__main__":
    main()
