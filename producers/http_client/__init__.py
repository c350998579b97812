"""HTTP client for third parties: rate limit, retries, circuit breaker, background thread, cache."""
