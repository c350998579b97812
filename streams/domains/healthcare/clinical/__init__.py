"""What is clinical and pure: units of measurements, doctors' notes, and the words in them."""
