"""Commands that a step has started: rows are how they and those who wait for them talk to each other."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

SILENT = timedelta(seconds=30)
"""How long the process that looks after a command may say nothing before it is taken for dead."""


class CommandStatus(models.TextChoices):
    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


class CommandRun(models.Model):
    """One execution of a command, by a process of its own that outlives the worker which started it.

    One per step and attempt of its run: a worker that takes a step up again finds the command that is under way.
    """

    step = models.ForeignKey("jobs.RunStep", on_delete=models.CASCADE, related_name="commands")
    attempt = models.PositiveIntegerField()
    """That of the run."""
    command = models.JSONField()
    """The canonical form of the `RunCommand`."""
    status = models.CharField(max_length=10, choices=CommandStatus.choices, default=CommandStatus.STARTING)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    """When the process last said that it is alive."""
    ended_at = models.DateTimeField(null=True)
    exit_code = models.IntegerField(null=True)
    why = models.CharField(max_length=20, blank=True)
    """Why it was ended before its time; "" where it ended by itself."""
    answer = models.JSONField(null=True)
    """Its standard output as JSON, redacted, where it was asked for JSON."""
    tail = models.JSONField(default=list)
    """The last lines that it printed, redacted."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["step", "attempt"], name="one_command_per_attempt"),
        ]

    @property
    def open(self) -> bool:
        return self.status != CommandStatus.ENDED

    @property
    def silent_for(self) -> timedelta:
        return timezone.now() - (self.beat_at or self.created_at)

    @property
    def dead(self) -> bool:
        """Whether nobody looks after it any more: its machine, or the process on it, is gone."""
        return self.open and self.silent_for > patience()

    @property
    def since(self) -> datetime:
        return self.started_at or self.created_at


def patience() -> timedelta:
    """Return how long silence is borne: as long as that of a worker, where a deployment lets that be longer."""
    return max(SILENT, timedelta(seconds=settings.KBCONSOLE_LEASE_SECONDS))
