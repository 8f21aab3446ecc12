"""Addresses of the network pages, below /networks/."""

from __future__ import annotations

from django.urls import path

from kbconsole.audit import object_links
from networking import views

app_name = "networking"
urlpatterns = [
    path("", views.profile_list, name="profile-list"),
    path("new/", views.profile_new, name="profile-new"),
    path("new/<slug:kind>/", views.profile_new, name="profile-new-of"),
    path("<int:pk>/", views.profile_detail, name="profile-detail"),
    path("<int:pk>/edit/", views.profile_edit, name="profile-edit"),
]
object_links.register("profile", "networking:profile-detail")
