"""Four words by the model of the other corpus, its batch norms set to what they hear in this one."""

from dataclasses import replace

from recipes.english.shift.unadapted import experiment as unadapted
from speechtl.transfer import AdaBN

experiment = replace(unadapted, name="english-shift-adabn", method=AdaBN())
