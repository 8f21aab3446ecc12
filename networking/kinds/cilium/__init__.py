"""Cilium Cluster Mesh: what planes tell of it, the rules of the planner, the matrix, and the jobs that change it."""

from networking.kinds.cilium import acts, jobs, reading, section

__all__ = ["acts", "jobs", "reading", "section"]
