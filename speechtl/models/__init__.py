"""Acoustic models: featurizer, input layers, encoder of named blocks, and heads."""
