"""Recommends to many users over processes: ``python -m streamsim.consumers.scale``."""

from streamsim.consumers.scale.recommend_users import main

if __name__ == "__main__":  # a spawned process imports this module again
    main()
