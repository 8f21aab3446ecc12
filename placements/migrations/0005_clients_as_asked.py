import django.db.models.deletion
from django.db import migrations, models

import placements.models


def as_it_was(apps, schema_editor):
    """Names in zones are marked with the Cluster's UID so far; services are those of the version that says the same."""
    Access, Version = apps.get_model('placements', 'ClientAccess'), apps.get_model('networking', 'ProfileVersion')
    for access in Access.objects.select_related('placement'):
        access.mark = access.placement.cluster_uid or placements.models.new_mark()
        for version in Version.objects.filter(profile=access.placement.profile_id).order_by('-version'):
            if (version.outside, version.outside_config) == (access.outside, access.outside_config):
                access.profile_version = version
                break
        access.save(update_fields=['mark', 'profile_version'])


class Migration(migrations.Migration):

    dependencies = [
        ('networking', '0002_profile_versions'),
        ('placements', '0004_client_addresses'),
    ]

    operations = [
        migrations.AddField(
            model_name='placement',
            name='write_way',
            field=models.CharField(blank=True, choices=[('client', 'The client itself: it gets all addresses'), ('dns', 'A name in DNS that follows the leader'), ('proxy', 'A proxy of yours, which gets all addresses')], default='', max_length=10),
        ),
        migrations.AddField(
            model_name='clientaccess',
            name='profile_version',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='networking.profileversion'),
        ),
        migrations.AddField(
            model_name='clientaccess',
            name='mark',
            field=models.CharField(default=placements.models.new_mark, max_length=64),
        ),
        migrations.RunPython(as_it_was, migrations.RunPython.noop),
    ]
