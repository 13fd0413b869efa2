"""Taiwanese Hokkien in Han characters, romanised words among them; the rules are in `han.py`.

Characters stay as the corpus has them, those that the Ministry of Education (Taiwan) recommends or others.
"""

from speechtl.languages.han import HanOrthography

ORTHOGRAPHY = HanOrthography("nan-Hant", is_taiwanese=True)
