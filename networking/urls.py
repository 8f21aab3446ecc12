"""Addresses of the network pages, below /networks/."""

from __future__ import annotations

from django.urls import path

from kbconsole.audit import object_links
from networking import act_views, address_views, views

app_name = "networking"
urlpatterns = [
    path("", views.profile_list, name="profile-list"),
    path("new/", views.profile_new, name="profile-new"),
    path("new/<slug:kind>/", views.profile_new, name="profile-new-of"),
    path("<int:pk>/", views.profile_detail, name="profile-detail"),
    path("<int:pk>/versions/<int:version>/", views.profile_version, name="profile-version"),
    path("<int:pk>/edit/", views.profile_edit, name="profile-edit"),
    path("acts/<slug:slug>/", act_views.act, name="act"),
    path("parts/<slug:slug>/", address_views.section, name="section"),
    path("ranges/enter/", address_views.ranges_enter, name="ranges-enter"),
    path("ranges/read/", address_views.ranges_read, name="ranges-read"),
    path("ranges/<int:pk>/remove/", address_views.ranges_remove, name="ranges-remove"),
    path("blocks/", address_views.blocks_propose, name="blocks-propose"),
    path("blocks/release/", address_views.blocks_release, name="blocks-release"),
    path("supernets/", address_views.supernets, name="supernets"),
    path("supernets/<int:pk>/remove/", address_views.supernet_remove, name="supernet-remove"),
]
object_links.register("profile", "networking:profile-detail")
