import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def who_made_the_first(apps, schema_editor):
    """The first version is that of whoever made the profile; of later ones only the audit log knows."""
    Profile, Version = apps.get_model('networking', 'Profile'), apps.get_model('networking', 'ProfileVersion')
    makers = Profile.objects.filter(pk=OuterRef('profile')).values('created_by')[:1]
    Version.objects.filter(version=1).update(made_by=Subquery(makers))


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('networking', '0004_addresses'),
    ]

    operations = [
        migrations.RemoveField(model_name='addresslook', name='mesh_id'),
        migrations.RemoveField(model_name='addresslook', name='mesh_name'),
        migrations.AddField(
            model_name='profile',
            name='client_networks',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='profileversion',
            name='client_networks',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='profileversion',
            name='made_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.RunPython(who_made_the_first, migrations.RunPython.noop),
    ]
