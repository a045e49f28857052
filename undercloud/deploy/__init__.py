"""Deployments as persisted stages, behind one Engine interface."""
