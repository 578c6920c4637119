# mien serve, without root, on a read-only file system, and without a network but the one that asks it:
#
#   docker build -t mien .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --memory 2g \
#              -p 127.0.0.1:8000:8000 -e MIEN_TOKEN mien
#
# docs/serve.md says what belongs in front of it.
FROM python:3.13-slim AS build
COPY . /source
RUN python -m venv /opt/mien && /opt/mien/bin/pip install --no-cache-dir '/source[serve,video,parquet]'

FROM python:3.13-slim
COPY --from=build /opt/mien /opt/mien
RUN useradd --system --no-create-home --shell /usr/sbin/nologin mien
USER mien
ENV PATH=/opt/mien/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["mien", "serve", "--host", "0.0.0.0"]
