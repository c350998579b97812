"""How the engine is measured: input, timed rounds, an observer outside, samples of stacks."""
