"""The model service's HTTP: connections, bodies, limits of calls, and MLflow's way of asking."""
