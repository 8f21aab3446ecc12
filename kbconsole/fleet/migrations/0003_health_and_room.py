"""Where and since when a plane fails, when it is asked again, and what is free on it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0002_foreign_crds"),
    ]

    operations = [
        migrations.AddField(
            model_name="plane",
            name="rung",
            field=models.CharField(
                blank=True,
                choices=[
                    ("dns", "DNS"),
                    ("address", "Allowed address"),
                    ("tcp", "TCP"),
                    ("tls", "TLS"),
                    ("answer", "Answer"),
                    ("credential", "Credential"),
                    ("identity", "Identity"),
                    ("rights", "Rights"),
                ],
                max_length=12,
                default="",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="plane",
            name="failing_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="plane",
            name="failures",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="plane",
            name="next_ask_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="plane",
            name="room",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="plane",
            name="room_at",
            field=models.DateTimeField(null=True),
        ),
    ]
