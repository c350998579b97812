"""One folder per domain, each with the same anatomy: a package that defines ``SPEC``."""
