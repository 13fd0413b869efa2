"""Mandarin in traditional characters; the rules are in `han.py`."""

from speechtl.languages.han import HanOrthography

ORTHOGRAPHY = HanOrthography("cmn-Hant")
