"""Jobs on the fleet."""

from kbconsole.fleet import changes  # noqa: F401
