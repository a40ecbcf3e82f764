"""A network for each task, and the plain baselines that it is compared with."""
