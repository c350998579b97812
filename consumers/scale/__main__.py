"""Command ``python -m streamsim.consumers.scale``: recommend to many users over processes."""

from streamsim.consumers.scale.recommend_users import main

if __name__ == "__main__":  # a spawned process imports this module again
    main()
