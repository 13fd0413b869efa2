"""Telephone and wideband speech through one input, which hears both up to 8 kHz: the control."""

from dataclasses import replace

from recipes.english.two_inputs import experiment as two_inputs

experiment = replace(two_inputs, name="english-one-input", inputs=())
