"""Mandarin in simplified characters; the rules are in `han.py`."""

from speechtl.languages.han import HanOrthography

ORTHOGRAPHY = HanOrthography("cmn-Hans")
