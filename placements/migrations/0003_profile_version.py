import django.db.models.deletion
from django.db import migrations, models


def bind(apps, schema_editor):
    """Bind every database that has its Cluster to the version that its last run named, else to the present one."""
    Placement, Run = apps.get_model('placements', 'Placement'), apps.get_model('jobs', 'Run')
    Version = apps.get_model('networking', 'ProfileVersion')
    for placement in Placement.objects.exclude(cluster_uid='').select_related('profile'):
        runs = Run.objects.filter(job='place-database', subject_kind='placement', subject_id=str(placement.pk))
        run = runs.order_by('-pk').first()
        said = run.params if run is not None and isinstance(run.params, dict) else {}
        versions = Version.objects.filter(profile=placement.profile)
        version = versions.filter(version=said.get('profile_version') or placement.profile.version).first()
        placement.profile_version = version or versions.order_by('-version').first()
        placement.save(update_fields=['profile_version'])


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0001_initial'),
        ('networking', '0002_profile_versions'),
        ('placements', '0002_team'),
    ]

    operations = [
        migrations.AddField(
            model_name='placement',
            name='profile_version',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='placements', to='networking.profileversion'),
        ),
        migrations.RunPython(bind, migrations.RunPython.noop),
    ]
