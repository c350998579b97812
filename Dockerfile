# One image for all parts of the stack but the broker: the locked dependencies and the package, as
# `make setup` installs them, and a trained model for every domain.

FROM python:3.13.14-slim-trixie AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/venv
# The dependencies come first, so that a changed source does not install them anew. Faust has no
# wheel for Linux on arm64: there, pip builds it from source, without its optional C extensions.
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
# Models are trained here and not into a volume: they belong to the code that made their features.
# A changed domain is a new image with a new model, a volume could still hold the old one; and the
# service is ready within seconds of its start, without waiting for a training.
RUN streamsim train --missing
# By itself, the image runs the whole stack on the embedded broker.
CMD ["streamsim", "up", "--headless"]
