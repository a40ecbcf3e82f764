"""Fixtures of the tests on several machines."""

from tests.ray_cluster import two_nodes

__all__ = ["two_nodes"]
