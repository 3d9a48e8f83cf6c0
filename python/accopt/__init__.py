"""Helpers around the AccOpt compiler: models, data and peers for its tests."""
