"""Addresses of plans, approvals and runs, below /."""

from __future__ import annotations

from django.urls import path

from kbconsole.audit import object_links
from kbconsole.jobs import views

app_name = "jobs"
urlpatterns = [
    path("approvals/", views.approvals, name="approvals"),
    path("approvals/news/", views.approvals_news, name="approvals-news"),
    path("approvals/policy/", views.policy, name="policy"),
    path("plans/<int:pk>/", views.plan_detail, name="plan-detail"),
    path("plans/<int:pk>/news/", views.plan_news, name="plan-news"),
    path("plans/<int:pk>/approve/", views.plan_approve, name="plan-approve"),
    path("plans/<int:pk>/reject/", views.plan_reject, name="plan-reject"),
    path("plans/<int:pk>/withdraw/", views.plan_withdraw, name="plan-withdraw"),
    path("plans/<int:pk>/go-ahead/", views.plan_go_ahead, name="plan-go-ahead"),
    path("plans/<int:pk>/again/", views.plan_again, name="plan-again"),
    path("runs/<int:pk>/", views.run_detail, name="run-detail"),
    path("runs/<int:pk>/grid/", views.run_grid, name="run-grid"),
    path("runs/<int:pk>/events/", views.run_events, name="run-events"),
    path("runs/<int:pk>/cancel/", views.run_cancel, name="run-cancel"),
    path("runs/<int:pk>/retry/", views.run_retry, name="run-retry"),
    path("runs/<int:pk>/undo/", views.run_undo, name="run-undo"),
    path("runs/<int:pk>/steps/<int:position>/check-again/", views.run_check_again, name="run-check-again"),
]
object_links.register("plan", "jobs:plan-detail")
object_links.register("run", "jobs:run-detail")
