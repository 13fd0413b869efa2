"""Corpora of the user's own, read and written: JSONL, CSV and TSV, Kaldi, Common Voice and Hugging Face."""

from speechtl.faults import Fault, describe
from speechtl.formats.common_voice import write_common_voice
from speechtl.formats.delimited import write_csv
from speechtl.formats.hugging_face import write_hugging_face
from speechtl.formats.jsonl import write_jsonl
from speechtl.formats.kaldi import write_kaldi
from speechtl.formats.listing import Reading
from speechtl.formats.reading import corpus_name, corpus_of, is_readable, place_name, read, read_corpus

__all__ = [
    "Fault",
    "Reading",
    "corpus_name",
    "corpus_of",
    "describe",
    "is_readable",
    "place_name",
    "read",
    "read_corpus",
    "write_common_voice",
    "write_csv",
    "write_hugging_face",
    "write_jsonl",
    "write_kaldi",
]
