# ftbot on Discord: the runtime lock and the bot itself. The sandbox is for people's own machines.
ARG PYTHON=3.14

FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY requirements-build.lock requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-build.lock \
    && python -m venv --without-pip /opt/ftbot \
    && pip --python /opt/ftbot/bin/python install --no-cache-dir --no-compile \
        --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY cogs cogs
COPY data data
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel . \
    && pip --python /opt/ftbot/bin/python install --no-cache-dir --no-compile --no-deps /wheel/*.whl \
    && /opt/ftbot/bin/python -m compileall -q /opt/ftbot/lib

FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin ftbot \
    && install --directory --owner ftbot --group ftbot /data
COPY --from=build /opt/ftbot /opt/ftbot
ENV PATH=/opt/ftbot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FTBOT_DATA_DIR=/data \
    FTBOT_HTTP=0.0.0.0:8421
USER ftbot
WORKDIR /data
VOLUME /data
EXPOSE 8421
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", \
    "import urllib.request as r; r.urlopen('http://127.0.0.1:8421/healthz', timeout=4)"]
ENTRYPOINT ["ftbot"]
CMD ["run"]
