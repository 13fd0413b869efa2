"""N-gram language models: estimated, written and read as ARPA files, and asked for probabilities."""

from speechtl.language_model.arpa import read_arpa, write_arpa
from speechtl.language_model.kneser_ney import estimate
from speechtl.language_model.ngrams import NgramModel, Perplexity
from speechtl.language_model.texts import Texts, read_texts
from speechtl.language_model.tokens import tokens

__all__ = ["NgramModel", "Perplexity", "Texts", "estimate", "read_arpa", "read_texts", "tokens", "write_arpa"]
