"""What beat reads of planes for kinds, and which run is changing the network of a plane."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from kbconsole.fleet.models import Plane
from kbconsole.jobs.models import Run


class PlaneReading(models.Model):
    """The last answer of one plane to one reader of kinds. `facts` stay when a later look fails, with their time."""

    plane = models.ForeignKey(Plane, on_delete=models.CASCADE, related_name="readings")
    what = models.CharField(max_length=40)
    """The slug of the reader, or of what a run keeps."""
    facts = models.JSONField(null=True)
    read_at = models.DateTimeField(null=True)
    trouble = models.JSONField(null=True)
    """The stored sentence of the last look, if it failed."""
    tried_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["plane", "what"]
        constraints = [
            models.UniqueConstraint(fields=["plane", "what"], name="one_reading_per_plane"),
        ]

    def __str__(self) -> str:
        return f"{self.plane_id} {self.what}"


class PlaneHold(models.Model):
    """A plane whose network one run is changing. It has no time limit: the end of the run takes it away."""

    plane = models.CharField(max_length=128, unique=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["plane"]

    def __str__(self) -> str:
        return f"{self.plane}: {self.run_id}"
