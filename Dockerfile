# Two targets from one base: `docker build --target curate .` (CPU) and `docker build --target train .` (PyTorch from the registry, CUDA where it has it).
FROM python:3.12-slim AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --create-home --uid 10001 steward
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY curate curate
COPY train train
COPY pipelines pipelines

FROM base AS curate
RUN pip install '.[s3]' && mkdir /data && chown steward /data
USER steward
WORKDIR /data
ENTRYPOINT ["curate"]
CMD ["--help"]

FROM base AS train
RUN pip install '.[train]' && mkdir /data && chown steward /data
USER steward
WORKDIR /data
ENTRYPOINT ["train"]
CMD ["--help"]
