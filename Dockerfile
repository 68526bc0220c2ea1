# The page and the commands, for the CPU, as a user without rights: docs/server.md says how to run it.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# Librosa's compiled functions: the one place beside the volume that is written to.
ENV NUMBA_CACHE_DIR=/tmp/numba

WORKDIR /src
COPY requirements.lock ./
# The index of PyTorch's wheels for the CPU, beside the usual one.
ARG PIP_EXTRA_INDEX_URL
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml setup.py requirements.txt README.md LICENSE ./
COPY configs ./configs
COPY mug ./mug
RUN pip install --no-index --no-deps --no-build-isolation . && rm -r /src/*

RUN useradd --uid 10001 --create-home mug && mkdir /work && chown mug:mug /work
USER 10001:10001
WORKDIR /work
VOLUME /work
EXPOSE 7860
ENTRYPOINT ["mug"]
CMD ["webui", "--listen", "--port", "7860", "--out", "/work/webui"]
