import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('placements', '0003_profile_version'),
    ]

    operations = [
        migrations.CreateModel(
            name='ClientAccess',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('outside', models.CharField(max_length=40)),
                ('outside_config', models.JSONField(default=dict)),
                ('zone', models.CharField(blank=True, max_length=255)),
                ('records', models.JSONField(default=dict)),
                ('written_at', models.DateTimeField(null=True)),
                ('tried_at', models.DateTimeField(null=True)),
                ('problem', models.JSONField(null=True)),
                ('placement', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='client_access', to='placements.placement')),
            ],
        ),
        migrations.CreateModel(
            name='ClientAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ordinal', models.PositiveSmallIntegerField()),
                ('plane', models.CharField(max_length=128)),
                ('service', models.CharField(max_length=63)),
                ('uid', models.CharField(max_length=64)),
                ('node_port', models.BooleanField(default=False)),
                ('endpoints', models.JSONField(default=list)),
                ('told', models.JSONField(default=list)),
                ('problem', models.JSONField(null=True)),
                ('changed_at', models.DateTimeField(null=True)),
                ('read_at', models.DateTimeField()),
                ('placement', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='addresses', to='placements.placement')),
            ],
            options={
                'ordering': ['placement', 'ordinal'],
                'constraints': [models.UniqueConstraint(fields=('placement', 'ordinal'), name='one_address_per_replica')],
            },
        ),
    ]
