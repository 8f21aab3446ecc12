"""Django settings. Every value that differs between places comes from the environment (kbconsole/env.py)."""

from __future__ import annotations

from typing import Any

from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from kbconsole import env

BASE_DIR = env.BASE_DIR
DEBUG = env.DEBUG
SECRET_KEY = env.SECRET_KEY
ALLOWED_HOSTS = env.ALLOWED_HOSTS
CSRF_TRUSTED_ORIGINS = env.CSRF_TRUSTED_ORIGINS

INSTALLED_APPS = [
    "django.forms",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "django_htmx",
    "csp",
    "bootstrap",
    "kbconsole.audit",
    "kbconsole.people",
    "kbconsole.jobs",
    "kbconsole.fleet",
    "networking",
    "placements",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "kbconsole.audit.middleware.AuditContextMiddleware",
    "kbconsole.common.middleware.ConsoleErrorMiddleware",
    "kbconsole.audit.middleware.DenialMiddleware",  # below the other: exceptions pass from the end of the list upwards
]

ROOT_URLCONF = "kbconsole.urls"
WSGI_APPLICATION = "kbconsole.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "placements.context.everywhere",
            ],
            "libraries": {"console": "kbconsole.common.templatetags.console"},
            "builtins": ["kbconsole.common.templatetags.console", "django.templatetags.i18n"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASES: dict[str, Any] = {"default": {**env.DATABASE, "ATOMIC_REQUESTS": False}}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",  # a read-then-write transaction takes its lock first, so it cannot deadlock
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 24 * 3600  # of the link that an administrator makes (kbconsole/people)
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "kbconsole" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.TIME_ZONE

STATIC_URL = "static/"
STATIC_ROOT = env.DATA_DIR / "static"
STATIC_ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)  # whitenoise warns of a missing one
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True  # no collectstatic is needed; a CDN in front may still use it

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.HTTPS
SESSION_COOKIE_AGE = 12 * 3600
SECURE_SSL_REDIRECT = env.HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if env.HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.HTTPS
if env.TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Bootstrap's stylesheet draws its small icons from data: URLs
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "placements.api.authentication.ConsoleTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "kbconsole.common.problems.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "kbconsole",
    "DESCRIPTION": "Databases that span several Kubernetes clusters: ask, approve, run, prove.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "PlacementStatus": "placements.models.Status",
        "PlanStatus": "kbconsole.jobs.models.PlanStatus",
        "RunStatus": "kbconsole.jobs.models.RunStatus",
        "StepStatus": "kbconsole.jobs.models.StepStatus",
    },
}

KBCONSOLE_BROKER_DIR = env.DATA_DIR / "broker"
# Early acknowledgement, one message at a time, no results: rows are the queue and the result (kbconsole/jobs).
CELERY_BROKER_URL = env.REDIS_URL or "kbconsole-files://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {
        "visibility_timeout": 600,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
    }
    if env.REDIS_URL
    else {
        "data_folder_in": str(KBCONSOLE_BROKER_DIR / "queue"),
        "data_folder_out": str(KBCONSOLE_BROKER_DIR / "queue"),
        "control_folder": str(KBCONSOLE_BROKER_DIR / "control"),
        "temporary_folder": str(KBCONSOLE_BROKER_DIR / "tmp"),
        "polling_interval": 0.1,
    }
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SOFT_TIME_LIMIT = 90
CELERY_TASK_TIME_LIMIT = 120
CELERY_BEAT_SCHEDULE_FILENAME = str(env.DATA_DIR / "beat")
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "jobs.tick", "schedule": env.BEAT_SECONDS, "options": {"expires": 10}},
    "check-planes": {
        "task": "fleet.check_planes",
        "schedule": env.CHECK_SECONDS,
        "kwargs": {"everyone": False, "spread": env.CHECK_SECONDS / 15},
        "options": {"expires": env.CHECK_SECONDS},
    },
    "keep-addresses": {
        "task": "placements.keep_addresses",
        "schedule": env.CHECK_SECONDS,
        "options": {"expires": env.CHECK_SECONDS},
    },
    "read-planes": {
        "task": "networking.read_planes",
        "schedule": env.CHECK_SECONDS,
        "options": {"expires": env.CHECK_SECONDS},
    },
    "read-addresses": {
        "task": "networking.read_addresses",
        "schedule": env.CHECK_SECONDS,
        "kwargs": {"everyone": False, "spread": env.CHECK_SECONDS / 15},
        "options": {"expires": env.CHECK_SECONDS},
    },
    "audit-daily": {
        "task": "audit.daily",
        "schedule": crontab(hour=2, minute=0),
        "options": {"expires": 43200},
    },
}
KBCONSOLE_CREDENTIAL_KEYS = env.CREDENTIAL_KEYS
KBCONSOLE_AUDIT_KEYS = env.AUDIT_KEYS
KBCONSOLE_AUDIT_HEADS = env.AUDIT_HEADS
KBCONSOLE_TRUSTED_PROXIES = env.TRUSTED_PROXIES
KBCONSOLE_PLANE_ALLOWED_CIDRS = env.PLANE_ALLOWED_CIDRS
KBCONSOLE_PLANE_DENIED_CIDRS = env.PLANE_DENIED_CIDRS
KBCONSOLE_PLANE_ALLOW_LOOPBACK = env.PLANE_ALLOW_LOOPBACK
KBCONSOLE_LEASE_SECONDS = env.LEASE_SECONDS
KBCONSOLE_BEAT_SECONDS = env.BEAT_SECONDS
KBCONSOLE_CHECK_SECONDS = env.CHECK_SECONDS
KBCONSOLE_POLL_SECONDS = env.POLL_SECONDS
KBCONSOLE_PLANE_SECONDS = env.PLANE_SECONDS
KBCONSOLE_FLEET_APPROVALS = env.FLEET_APPROVALS
KBCONSOLE_PLAN_HOURS = env.PLAN_HOURS
KBCONSOLE_DNS_ZONE = env.DNS_ZONE
KBCONSOLE_DNS_SERVER = env.DNS_SERVER
KBCONSOLE_DNS_KEY_NAME = env.DNS_KEY_NAME
KBCONSOLE_DNS_KEY = env.DNS_KEY
KBCONSOLE_DNS_KEY_ALGORITHM = env.DNS_KEY_ALGORITHM
KBCONSOLE_DNS_TTL = env.DNS_TTL
KBCONSOLE_HELM = env.HELM
KBCONSOLE_CILIUM = env.CILIUM
KBCONSOLE_KUBECTL = env.KUBECTL
KBCONSOLE_CHART_DIR = env.CHART_DIR

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "kbconsole.audit.head": {"level": "INFO"},  # one line a day that is kept, whatever LOG_LEVEL says
        # What a stranger's request breaks (its Host, its size) is a line of django.request; not a traceback each.
        "django.security": {"level": "CRITICAL"},
        "django.security.csrf": {"level": "WARNING"},
        # gunicorn drops the body of an answer to HEAD, as Django leaves to the server, and says so every time.
        "gunicorn.http.wsgi": {"level": "ERROR"},
    },
    "root": {"handlers": ["stderr"], "level": env.LOG_LEVEL},
}
