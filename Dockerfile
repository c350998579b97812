# One image for all parts of the stack but the broker: the locked dependencies and the package, as
# `make setup` installs them, and a trained model for every domain.

FROM python:3.13.14-slim-trixie AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/venv
# The dependencies come first, so that a changed source does not reinstall them. Faust has no wheel
# for Linux on arm64: there, pip builds it from source, without its optional C extensions.
COPY requirements.lock ./
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --require-hashes -r requirements.lock
COPY LICENSE README.md pyproject.toml ./
COPY streamsim streamsim
COPY streams streams
COPY producers producers
COPY consumers consumers
COPY models models
COPY simulator simulator
COPY benchmarks benchmarks
RUN pip --python /opt/venv/bin/python install --no-deps --no-build-isolation --no-index .

FROM python:3.13.14-slim-trixie
RUN useradd --create-home --uid 10001 streamsim
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STREAMSIM_HOME=/home/streamsim/state
USER streamsim
WORKDIR /home/streamsim
# Models are trained into the image and not into a volume, because a model belongs to the code of its
# features: a changed domain gets a new image with a new model, while a volume could still hold the
# old one. The service is ready within seconds, as it need not wait for a training.
RUN streamsim train --missing
# The broker is built here: a container needs no network for it.
RUN python -m streamsim.simulator.brokers.embedded.building
# By default, the image runs the whole stack on the embedded broker.
CMD ["streamsim", "up", "--headless"]
