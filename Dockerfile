# Two targets: `docker build --target curate -t curate .` (CPU, also every node of a Ray cluster) and `docker build --target train -t train .` (PyTorch, CUDA).
# All versions are pinned by .ci/*.lock (`.ci/lock` writes them anew), so that two builds install the same.
FROM python:3.12-slim AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1 CURATE_CACHE=/var/cache/curate
RUN useradd --create-home --uid 10001 steward && install -d -o steward /data /var/cache/curate
WORKDIR /app

FROM base AS curate
COPY .ci/curate.lock ./
RUN pip install --require-hashes -r curate.lock
COPY pyproject.toml README.md LICENSE ./
COPY curate curate
COPY train train
COPY pipelines pipelines
RUN pip install --no-deps .
USER steward
# kernels are compiled into the image, not on every node
RUN curate run pipelines/web.yaml --output /tmp/warm --workers 2 && rm -r /tmp/warm
WORKDIR /data
ENTRYPOINT ["curate"]
CMD ["--help"]

FROM base AS train
COPY .ci/train.lock ./
RUN pip install -r train.lock
COPY pyproject.toml README.md LICENSE ./
COPY curate curate
COPY train train
RUN pip install --no-deps .
USER steward
WORKDIR /data
ENTRYPOINT ["train"]
CMD ["--help"]
