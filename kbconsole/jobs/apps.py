from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "kbconsole.jobs"
    label = "jobs"
