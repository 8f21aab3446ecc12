"""Plans are valid for a time, and a decision says whether it was made alone."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import migrations, models
from django.db.models import F


def give_an_end(apps: Any, _schema_editor: Any) -> None:
    """Plans that wait already end as if they had been made with this version."""
    hours = timedelta(hours=settings.KBCONSOLE_PLAN_HOURS)
    waiting = apps.get_model("jobs", "Plan").objects.filter(status="ready", made_at__isnull=False)
    waiting.update(valid_until=F("made_at") + hours)


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="valid_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="decision",
            name="alone",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="plan",
            name="status",
            field=models.CharField(
                choices=[
                    ("making", "Being made"),
                    ("ready", "Waiting for a decision"),
                    ("approved", "Approved"),
                    ("rejected", "Rejected"),
                    ("withdrawn", "Withdrawn"),
                    ("stale", "Out of date"),
                    ("failed", "Could not be made"),
                    ("superseded", "Replaced by a newer plan"),
                    ("expired", "Expired"),
                ],
                default="making",
                max_length=20,
            ),
        ),
        migrations.RunPython(give_an_end, migrations.RunPython.noop),
    ]
