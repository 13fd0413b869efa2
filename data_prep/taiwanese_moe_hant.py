"""Taiwanese Hokkien words of the Ministry of Education's dictionary, in Han characters.

What: the recordings of taiwanese_moe with what its Han column prints, from the same folder: `words.tsv`
    (column hanji), or the Ministry's `kautian.ods` (漢字).
Who: one or a few women in a studio; speakers are unknown.
Language: nan-Hant, kept as printed; the mark of substitute characters (【替】) is the orthography's business.
    A few entries have no characters and are printed in Tâi-lô.
Licence: CC BY-ND 3.0 TW, Ministry of Education (R.O.C.), Dictionary of Frequently-Used Taiwan Taigi.
    Altered audio must not be passed on: cut, resampled or embedded clips stay on your disk.
    https://sutian.moe.edu.tw/zh-hant/siongkuantsuguan/
Splits: those of taiwanese_moe, by the Tâi-lô texts, 80 / 8 / 12 % train / dev / test: a word tested in Han
    characters was never trained on in Tâi-lô, nor the other way round.
Ids: those of taiwanese_moe, so that a seed draws the same minutes of both.
Left out: what taiwanese_moe leaves out, entries without a Han text, and words of dev and test that are
    written like a word of a split that is trained on or chosen by, though they are read differently.
Known faults: those of taiwanese_moe. One in eight characters of the test occurs in no training word, and six
    in ten in none of ten minutes of them: what a head has never seen it cannot write.
"""

from __future__ import annotations

from pathlib import Path

from data_prep.taiwanese_moe import prepare as prepare_words
from speechtl.corpus import Corpus

PUBLISHED_AS = "taiwanese_moe"


def prepare(root: Path) -> Corpus:
    """Read a folder of taiwanese_moe; see there."""
    return prepare_words(root, orthography="nan-Hant")
