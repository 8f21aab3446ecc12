"""Credentials for installing, which end by themselves."""

from django.db import migrations, models

PURPOSES = [("console", "Console"), ("installer", "Installer")]


class Migration(migrations.Migration):
    dependencies = [("fleet", "0005_commandrun")]

    operations = [
        migrations.AddField("credential", "use_until", models.DateTimeField(null=True)),
        migrations.AddField(
            "kubeconfigdraft", "purpose", models.CharField(choices=PURPOSES, default="console", max_length=20)
        ),
        migrations.AlterField(
            "credential", "purpose", models.CharField(choices=PURPOSES, default="console", max_length=20)
        ),
    ]
