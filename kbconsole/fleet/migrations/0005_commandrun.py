import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0004_draft_plan"),
        ("jobs", "0002_plans_expire"),
    ]

    operations = [
        migrations.CreateModel(
            name="CommandRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("attempt", models.PositiveIntegerField()),
                ("command", models.JSONField()),
                (
                    "status",
                    models.CharField(
                        choices=[("starting", "Starting"), ("running", "Running"), ("ended", "Ended")],
                        default="starting",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("beat_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("exit_code", models.IntegerField(null=True)),
                ("why", models.CharField(blank=True, max_length=20)),
                ("answer", models.JSONField(null=True)),
                ("tail", models.JSONField(default=list)),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="commands", to="jobs.runstep"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("step", "attempt"), name="one_command_per_attempt")
                ],
            },
        ),
    ]
