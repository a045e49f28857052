"""Measurements: run by hand (`make bench`), never judged by a test."""
