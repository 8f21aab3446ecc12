"""Every route of the console. The demo adds its own above this (kbconsole/demo/urls.py)."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from kbconsole.common.search import search
from placements.views import home

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("search/", search, name="search"),
    path("sign-in/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("language/", login_not_required(set_language), name="set_language"),
    path("", include("placements.urls")),
    path("", include("kbconsole.jobs.urls")),
    path("fleet/", include("kbconsole.fleet.urls")),
    path("networks/", include("networking.urls")),
    path("audit/", include("kbconsole.audit.urls")),
    path("people/", include("kbconsole.people.urls")),
    path("api/v1/", include("placements.api.urls")),
]
