"""A plan may take a run back, and a step keeps what its earlier attempts made."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_plans_expire")]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="undoes",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="undo_plans", to="jobs.run"
            ),
        ),
        migrations.AddField(
            model_name="runstep",
            name="earlier",
            field=models.JSONField(default=list),
        ),
    ]
