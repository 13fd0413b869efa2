"""Mandarin alone, as the multilingual source is trained."""

from recipes.monolingual._alone import alone

experiment = alone("mandarin", "mandarin_audio_cmn")
