"""Ask third parties over HTTP: within limits, in the background, with retries and a cache."""
