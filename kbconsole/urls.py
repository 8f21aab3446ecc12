"""Every route of the console. The demo adds its own above this (kbconsole/demo/urls.py)."""

from __future__ import annotations

import importlib.util

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, include, path

from placements.views import home

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("sign-in/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("language/", include("django.conf.urls.i18n")),
]
for prefix, module in (
    ("", "placements.urls"),
    ("", "kbconsole.jobs.urls"),
    ("fleet/", "kbconsole.fleet.urls"),
    ("networks/", "networking.urls"),
    ("audit/", "kbconsole.audit.urls"),
    ("api/v1/", "placements.api.urls"),
):
    if importlib.util.find_spec(module):
        urlpatterns.append(path(prefix, include(module)))
