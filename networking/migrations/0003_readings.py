import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('fleet', '0001_initial'),
        ('jobs', '0001_initial'),
        ('networking', '0002_profile_versions'),
    ]

    operations = [
        migrations.CreateModel(
            name='PlaneHold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('plane', models.CharField(max_length=128, unique=True)),
                ('since', models.DateTimeField(auto_now_add=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='jobs.run')),
            ],
            options={
                'ordering': ['plane'],
            },
        ),
        migrations.CreateModel(
            name='PlaneReading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(max_length=40)),
                ('facts', models.JSONField(null=True)),
                ('read_at', models.DateTimeField(null=True)),
                ('trouble', models.JSONField(null=True)),
                ('tried_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('plane', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='readings', to='fleet.plane')),
            ],
            options={
                'ordering': ['plane', 'what'],
                'constraints': [models.UniqueConstraint(fields=('plane', 'what'), name='one_reading_per_plane')],
            },
        ),
    ]
