"""Recipes for taiwanese."""
