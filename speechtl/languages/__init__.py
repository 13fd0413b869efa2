"""One small file per orthography: how its text is normalised, cut into units and spelled again."""
