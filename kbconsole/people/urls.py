"""Addresses of the pages about people, below /people/."""

from __future__ import annotations

from django.urls import path

from kbconsole.audit import object_links
from kbconsole.people import team_views, views

app_name = "people"
urlpatterns = [
    path("", views.person_list, name="person-list"),
    path("invite/", views.invite, name="invite"),
    path("<int:pk>/", views.person_detail, name="person-detail"),
    path("<int:pk>/roles/", views.roles, name="person-roles"),
    path("<int:pk>/deactivate/", views.deactivate, name="person-deactivate"),
    path("<int:pk>/activate/", views.activate, name="person-activate"),
    path("<int:pk>/link/", views.renew_link, name="person-link"),
    path("set-password/", views.use_link, name="set-password"),
    path("set-password/new/", views.SetPassword.as_view(), name="set-password-new"),
    path("teams/new/", team_views.create, name="team-new"),
    path("teams/<int:pk>/", team_views.team_detail, name="team-detail"),
    path("teams/<int:pk>/rename/", team_views.rename, name="team-rename"),
    path("teams/<int:pk>/add/", team_views.add_member, name="team-add"),
    path("teams/<int:pk>/remove/<int:person>/", team_views.remove_member, name="team-remove"),
    path("teams/<int:pk>/delete/", team_views.delete, name="team-delete"),
]
object_links.register("user", "people:person-detail")
object_links.register("team", "people:team-detail")
