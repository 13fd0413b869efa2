"""Texts from the log-probabilities of a CTC head.

CTC labels every frame with a unit or the blank, 0; the units of a labelling are what is left when repeats
are merged and blanks dropped (Graves et al. 2006, section 3.1). Greedy decoding takes the best labelling
(best path decoding, section 3.2). Constrained decoding takes the best of those whose units the
orthography's grammar accepts, where the units are the orthography's own. Prefix beam search sums over the
labellings of each text and can ask a language model; a lexicon allows listed words only. A closed decision
sums over all labellings of each listed word (section 4.1).
"""

from speechtl.decode.alignment import align
from speechtl.decode.closed_decision import closed, log_likelihoods
from speechtl.decode.constrained import best_accepted_paths, collapse, grammar
from speechtl.decode.decoding import decode, grammar_of, require_files, unit_ids
from speechtl.decode.settings import DecodeSettings, Method

__all__ = [
    "DecodeSettings",
    "Method",
    "align",
    "best_accepted_paths",
    "closed",
    "collapse",
    "decode",
    "grammar",
    "grammar_of",
    "log_likelihoods",
    "require_files",
    "unit_ids",
]
