"""A new speaker with a known accent: `speechtl study english/americans`, beside `english/accents`."""

from recipes.english._accents import left_out

study = left_out("english-americans", ("jackson", "theo"))
