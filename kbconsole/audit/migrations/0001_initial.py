from django.db import migrations, models

from kbconsole.audit import triggers


def protect(apps, schema_editor):
    """The table never exists without its triggers, nor the chain without its head."""
    triggers.install(schema_editor.connection)
    apps.get_model("audit", "Head").objects.using(schema_editor.connection.alias).create(pk=1)


class Migration(migrations.Migration):

    initial = True

    dependencies = [("auth", "0012_alter_user_first_name_max_length")]  # for the groups made after every migrate

    operations = [
        migrations.CreateModel(
            name='Check',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True)),
                ('entries', models.BigIntegerField()),
                ('since', models.DateTimeField(null=True)),
                ('head_seq', models.BigIntegerField()),
                ('head_hash', models.CharField(blank=True, max_length=64)),
                ('bad_seq', models.BigIntegerField(null=True)),
                ('problem', models.JSONField(null=True)),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.BigIntegerField(unique=True, verbose_name='number')),
                ('at', models.DateTimeField(db_index=True, verbose_name='time')),
                ('act', models.CharField(max_length=100, verbose_name='act')),
                ('outcome', models.CharField(choices=[('success', 'Done'), ('failure', 'Failed'), ('denied', 'Refused'), ('intent', 'About to do'), ('partial', 'Partly done')], max_length=10, verbose_name='outcome')),
                ('actor', models.BigIntegerField(null=True, verbose_name="person's number")),
                ('actor_label', models.CharField(max_length=200, verbose_name='person')),
                ('actor_kind', models.CharField(choices=[('user', 'Person'), ('api_token', 'API token'), ('system', 'System'), ('worker', 'Worker')], max_length=10, verbose_name='kind of actor')),
                ('source_ip', models.CharField(blank=True, max_length=45, verbose_name='address')),
                ('request_id', models.CharField(blank=True, max_length=64, verbose_name='request')),
                ('object_kind', models.CharField(blank=True, max_length=50, verbose_name='kind of object')),
                ('object_id', models.CharField(blank=True, max_length=200, verbose_name="object's id")),
                ('object_label', models.CharField(blank=True, max_length=253, verbose_name='object')),
                ('plane', models.CharField(blank=True, max_length=253, verbose_name='plane')),
                ('run_id', models.CharField(blank=True, max_length=64, verbose_name='run')),
                ('plan_hash', models.CharField(blank=True, max_length=128, verbose_name='plan hash')),
                ('reason', models.TextField(blank=True, verbose_name='reason')),
                ('params', models.JSONField(default=dict)),
                ('detail', models.TextField(blank=True, verbose_name='detail')),
                ('canonical', models.TextField()),
                ('key_id', models.CharField(max_length=16)),
                ('prev_hash', models.CharField(blank=True, max_length=64)),
                ('hash', models.CharField(max_length=64)),
                ('schema_version', models.PositiveSmallIntegerField(default=1)),
            ],
            options={
                'verbose_name': 'audit entry',
                'verbose_name_plural': 'audit entries',
                'ordering': ['-seq'],
                'indexes': [models.Index(fields=['actor', '-seq'], name='audit_actor'), models.Index(fields=['actor_label', '-seq'], name='audit_person'), models.Index(fields=['act', '-seq'], name='audit_act'), models.Index(fields=['outcome', '-seq'], name='audit_outcome'), models.Index(fields=['object_kind', 'object_id', '-seq'], name='audit_object'), models.Index(fields=['plane', '-seq'], name='audit_plane'), models.Index(fields=['run_id', '-seq'], name='audit_run')],
            },
        ),
        migrations.CreateModel(
            name='Head',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.BigIntegerField(default=0)),
                ('hash', models.CharField(blank=True, max_length=64)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='audit_head_one_row')],
            },
        ),
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
