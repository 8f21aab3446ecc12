import django.db.models.deletion
import django.utils.timezone
import networking.models.profiles
from django.db import migrations, models


def keep_what_they_say(apps, schema_editor):
    """Keep the present version of each profile, and those that databases were asked for with, from their runs."""
    Profile, Version = apps.get_model('networking', 'Profile'), apps.get_model('networking', 'ProfileVersion')
    Run = apps.get_model('jobs', 'Run')
    for profile in Profile.objects.all():
        Version.objects.create(
            profile=profile, version=profile.version, kind=profile.kind, config=profile.config, made_at=profile.changed_at,
        )
    there = set(Profile.objects.values_list('pk', flat=True))
    for run in Run.objects.filter(job='place-database').order_by('pk').iterator():
        said = run.params if isinstance(run.params, dict) else {}
        if said.get('profile') in there and said.get('profile_version') and 'config' in said:
            Version.objects.get_or_create(
                profile_id=said['profile'], version=said['profile_version'],
                defaults={'kind': said.get('kind', ''), 'config': said['config'], 'made_at': run.created_at},
            )


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0001_initial'),
        ('networking', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='profile',
            name='outside',
            field=models.CharField(blank=True, choices=networking.models.profiles.outside_choices, default='', max_length=40, verbose_name='Clients'),
        ),
        migrations.AddField(
            model_name='profile',
            name='outside_config',
            field=models.JSONField(default=dict),
        ),
        migrations.CreateModel(
            name='ProfileVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField()),
                ('kind', models.CharField(max_length=40)),
                ('config', models.JSONField(default=dict)),
                ('outside', models.CharField(blank=True, default='', max_length=40)),
                ('outside_config', models.JSONField(default=dict)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('profile', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='networking.profile')),
            ],
            options={
                'ordering': ['profile', '-version'],
                'constraints': [models.UniqueConstraint(fields=('profile', 'version'), name='one_row_per_version')],
            },
        ),
        migrations.RunPython(keep_what_they_say, migrations.RunPython.noop),
    ]
