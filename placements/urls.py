"""Addresses of the pages about databases, below /placements/."""

from __future__ import annotations

from django.urls import path

from kbconsole.audit import object_links
from kbconsole.jobs import again
from placements import views
from placements.jobs import PlaceDatabase

app_name = "placements"
urlpatterns = [
    path("placements/", views.placement_list, name="list"),
    path("placements/new/", views.placement_new, name="new"),
    path("placements/preview/", views.preview, name="preview"),
    path("placements/<int:pk>/", views.placement_detail, name="detail"),
    path("placements/<int:pk>/edit/", views.placement_edit, name="edit"),
    path("placements/<int:pk>/plan/", views.newest_plan, name="plan"),
    path("placements/<int:pk>/plan-again/", views.plan_again, name="plan-again"),
    path("placements/<int:pk>/cancel/", views.cancel, name="cancel"),
    path("placements/<int:pk>/check/", views.check, name="check"),
    path("placements/<int:pk>/repair/", views.repair, name="repair"),
    path("placements/<int:pk>/connection.env", views.connection_env, name="connection-env"),
    path("placements/<int:pk>/addresses/", views.give_addresses, name="addresses"),
    path("placements/<int:pk>/addresses/told/", views.note_told, name="addresses-told"),
    path("placements/<int:pk>/addresses/take/", views.take_addresses, name="addresses-take"),
    path("placements/<int:pk>/retire/", views.retire, name="retire"),
    path("placements/<int:pk>/hand-over/", views.hand_over, name="hand-over"),
]
object_links.register("placement", "placements:detail")
again.edited_at(PlaceDatabase.slug, views.edit_address)
