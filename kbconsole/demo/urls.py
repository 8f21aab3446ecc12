"""The console's routes, and the demo's sign-in links."""

from __future__ import annotations

from django.urls import path

from kbconsole import urls
from kbconsole.demo.views import sign_in

urlpatterns = [path("demo/sign-in/<str:token>/", sign_in, name="demo-sign-in"), *urls.urlpatterns]
