"""The project's own settings, with the values that tests need given by the environment."""

import os

from tests import production
from tests.guard import worker_folder

_data = worker_folder()
os.environ["KBCONSOLE_DATA_DIR"] = str(_data)
os.environ.setdefault("SECRET_KEY", "tests-only-" + "x" * 40)
os.environ.setdefault("KBCONSOLE_CREDENTIAL_KEYS", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=")
os.environ.setdefault("KBCONSOLE_AUDIT_KEYS", "tests-only-" + "a" * 40)
if production.active():
    os.environ["REDIS_URL"] = production.broker_of_this_process()
os.environ.setdefault("DATABASE_URL", f"sqlite:///{_data / 'tests.sqlite3'}")
os.environ.setdefault("KBCONSOLE_HTTPS", "false")
os.environ.setdefault("KBCONSOLE_PLANE_ALLOW_LOOPBACK", "true")
os.environ.setdefault("KBCONSOLE_LEASE_SECONDS", "1")
os.environ.setdefault("KBCONSOLE_POLL_SECONDS", "0.2")
os.environ.setdefault(
    "KBCONSOLE_FLEET_APPROVALS", "0"
)  # one person does for the tests that are of something else
os.environ.setdefault("LOG_LEVEL", "WARNING")

from kbconsole.settings import *  # noqa: E402, F403
from kbconsole.settings import DATABASES, INSTALLED_APPS  # noqa: E402

INSTALLED_APPS = ["tests.audit.flushing", *INSTALLED_APPS]
ALLOWED_HOSTS = ["*"]
WHITENOISE_AUTOREFRESH = True  # a scan of all files for every new client costs more than most tests
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A file, not memory: threads of one test share the database, and SQLite in memory answers them "table is locked".
DATABASES["default"].setdefault("TEST", {})
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"]["NAME"] = str(_data / "test-run.sqlite3")
