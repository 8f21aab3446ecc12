from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0003_health_and_room"),
    ]

    operations = [
        migrations.AddField(
            model_name="kubeconfigdraft",
            name="plan",
            field=models.PositiveBigIntegerField(null=True),
        ),
    ]
