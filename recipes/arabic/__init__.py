"""Recipes for arabic."""
