"""Whole jobs: pictures, videos and a live camera, from their sources to every output. Only `cli` prints."""
