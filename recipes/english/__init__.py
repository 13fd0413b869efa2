"""Recipes for english."""
