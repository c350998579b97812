"""Clinical data, pure functions: units of measurements, doctors' notes, and their lexicon."""
