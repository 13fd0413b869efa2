"""Recipes: one file each, which holds one value, `experiment`."""
