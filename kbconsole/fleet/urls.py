"""Addresses of the fleet's pages, below /fleet/. A plane's name may have slashes in it.

No name begins with `add/`: below it a new address meets no plane that was registered before.
"""

from __future__ import annotations

from django.urls import path

from kbconsole.fleet import views

app_name = "fleet"
urlpatterns = [
    path("", views.plane_list, name="plane-list"),
    path("add/", views.plane_add, name="plane-add"),
    path("add/credential/", views.plane_credential, name="plane-credential"),
    path("add/<int:draft>/", views.plane_add_draft, name="plane-add-draft"),
    path("add/<int:draft>/save/", views.plane_save, name="plane-save"),
    path("add/installer/<path:name>/", views.plane_installer, name="plane-installer"),
    path("rbac/", views.rbac_copy, name="rbac-copy"),
    path("<path:name>/check/", views.plane_check, name="plane-check"),
    path("<path:name>/switch/", views.plane_switch, name="plane-switch"),
    path("<path:name>/", views.plane_detail, name="plane-detail"),
]
