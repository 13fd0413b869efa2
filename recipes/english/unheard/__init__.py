"""Digits of those who are left out, heard without labels: the rows of `english/accents_unlabelled`."""
