"""Digits without one accent, or without one American: base models of four speakers each."""
