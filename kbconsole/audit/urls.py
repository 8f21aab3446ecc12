"""Addresses of the audit pages, below /audit/."""

from __future__ import annotations

from django.urls import path

from kbconsole.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.entry_list, name="entry-list"),
    path("export/", views.export, name="export"),
    path("access/", views.access_report, name="access"),
    path("<int:seq>/", views.entry_detail, name="entry-detail"),
]
