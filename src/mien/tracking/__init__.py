"""Faces through time: the same number for the same person, smoothed scores, and events."""
