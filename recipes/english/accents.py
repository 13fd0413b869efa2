"""A new accent, from a few labelled digits: `speechtl study english/accents`.

Leave one accent out: French, German, Greek in turn, with base models of four other speakers. Accent and
speaker are confounded, so `english/americans` leaves out one American at a time, with as many training
speakers: what it shows of a new voice alone is to be taken off. Three accents and two Americans are examples,
no sample.
"""

from recipes.english._accents import left_out

study = left_out("english-accents", ("french", "german", "greek"))
