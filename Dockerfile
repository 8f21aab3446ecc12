# One image for web, worker and beat (compose.yaml). Not run by us: there was no Docker engine where this was written.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/kbconsole/.venv/bin:$PATH
WORKDIR /opt/kbconsole

COPY requirements.lock ./
RUN python -m venv .venv && python -m pip install --no-cache-dir --require-hashes --requirement requirements.lock

COPY manage.py ./
COPY kbconsole ./kbconsole
COPY networking ./networking
COPY placements ./placements
COPY templates ./templates
COPY static ./static
RUN python -m compileall -q kbconsole networking placements \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin kbconsole \
    && install --directory --mode 0700 --owner kbconsole /var/lib/kbconsole /var/lib/kbconsole-heads

USER kbconsole
ENV KBCONSOLE_DATA_DIR=/var/lib/kbconsole
EXPOSE 8000
CMD ["gunicorn", "kbconsole.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--no-control-socket"]
