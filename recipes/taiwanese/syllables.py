"""What Mandarin and Cantonese syllables sound like in Taiwanese: zero-shot, without a word of training.

The inverse of `units.py`, from the same descriptions: the Ministry of Education's of Taiwanese
(臺灣台語羅馬字拼音方案使用手冊), the Hanyu Pinyin scheme with the vowels of Duanmu 2007, The Phonology of
Standard Chinese, chapters 2 and 3, and Bauer and Benedict 1997, Modern Cantonese Phonology, chapters 1 and 2.
Each initial, final and tone has one nearest sound:

- Initials by voicing and aspiration: pinyin b is [p], Tâi-lô p. [f] is h, as in every loan; retroflex and
  palatal sibilants are the alveolar ones; Mandarin r is j. The voiced b and g are never written.
- Finals by vowel, then by coda. [ɨ] after sibilants is u, [y] is i, [ɤ] and [ɵ] are o, [ən] is un. Rimes that
  Taiwanese lacks keep their coda (Cantonese on, [ɔːn], is uan). Nasal vowels and the glottal stop are never
  written, but for Cantonese eng, [ɛːŋ], which is enn.
- Cantonese j, w, gw, kw are glides of the final: gwaa is kua.
- Tones by contour, in Chao letters beside each; a stop has tone 8 if it is high, else tone 4.
"""

from __future__ import annotations

from collections.abc import Iterator

from speechtl.languages import cmn_latn_pinyin, nan_latn_tailo, yue_latn_jyutping
from speechtl.languages.syllables import Parts, SyllableOrthography
from speechtl.languages.taiwanese import FINALS, is_entering, joins

LANGUAGE = "nan-Latn-tailo"


def _pairs(written: str) -> dict[str, str]:
    """`a:b c:d` as a dictionary."""
    return dict(pair.split(":") for pair in written.split())


MANDARIN_INITIALS = _pairs(
    "b:p p:ph m:m f:h d:t t:th n:n l:l g:k k:kh h:h j:ts q:tsh x:s zh:ts ch:tsh sh:s r:j z:ts c:tsh s:s"
)
MANDARIN_FINALS = _pairs(
    "a:a o:o e:o ai:ai ei:e ao:au ou:oo an:an en:un ang:ang eng:ing ong:ong er:o ii:u i:i ia:ia io:io "
    "ie:ia iai:ai iao:iau iu:iu ian:ian in:in iang:iang ing:ing iong:iong u:u ua:ua uo:o uai:uai ui:ui "
    "uan:uan un:un uang:uang ueng:ong v:i ve:ue van:uan vn:un m:m n:ng ng:ng"
)
MANDARIN_TONES = {
    "1": "1",  # 55
    "2": "5",  # 35 and 24
    "3": "3",  # 21, without its rise
    "4": "2",  # 51
    "5": "3",  # neutral: short and low
}
CANTONESE_INITIALS = _pairs(
    "b:p p:ph m:m f:h d:t t:th n:n l:l g:k k:kh ng:ng h:h gw:k+u kw:kh+u w:+u z:ts c:tsh s:s j:+i"
)
"""A glide stands after +."""
CANTONESE_FINALS = _pairs(
    "aa:a aai:ai aau:au aam:am aan:an aang:ang aap:ap aat:at aak:ak a:a ai:ai au:au am:am an:an ang:ang "
    "ap:ap at:at ak:ak e:e ei:e eu:iau em:iam en:ian eng:enn ep:iap et:iat ek:iak i:i iu:iu im:im in:in "
    "ing:ing ip:ip it:it ik:ik o:oo oi:ue ou:o om:om on:uan ong:ong op:op ot:uat ok:ok u:u ui:ui um:om "
    "un:un ung:ong up:op ut:ut uk:ok oe:o oeng:iong oet:iat oek:iok eoi:ui eon:un eot:ut yu:i yun:un "
    "yut:ut m:m ng:ng"
)
CANTONESE_TONES = {
    "1": "1",  # 55
    "2": "5",  # 25 and 24
    "3": "7",  # 33
    "4": "3",  # 21
    "5": "5",  # 23 and 24
    "6": "7",  # 22 and 33
}
HIGH = ("1", "2")
"""Tones of Taiwanese that are high where they begin: a stop in one of them has tone 8."""


def _syllables(
    source: SyllableOrthography, initials: dict[str, str], finals: dict[str, str], tones: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Every syllable of an orthography with what it is in Tâi-lô."""
    target = nan_latn_tailo.ORTHOGRAPHY
    for initial, final in source.table.values():
        consonant, _, glide = initials.get(initial, "").partition("+")
        rime = _joined(consonant, _glided(glide, finals[final]))
        for tone, contour in tones.items():
            written = ("8" if contour in HIGH else "4") if is_entering(rime) else contour
            yield (
                source.canonical(Parts(initial, final, tone)),
                target.canonical(Parts(consonant, rime, written)),
            )


def _glided(glide: str, final: str) -> str:
    """A final with a glide before it, as far as Taiwanese has such a final."""
    return f"{glide}{final}" if not final.startswith(glide) and f"{glide}{final}" in FINALS else final


def _joined(initial: str, final: str) -> str:
    """A final as it is after an initial; b, l, g and nasals go with no vowel that is written as nasal."""
    return final if joins(initial, final) else final.removesuffix("nn")


SYLLABLES = {
    "cmn-Latn-pinyin": dict(
        _syllables(cmn_latn_pinyin.ORTHOGRAPHY, MANDARIN_INITIALS, MANDARIN_FINALS, MANDARIN_TONES)
    ),
    "yue-Latn-jyutping": dict(
        _syllables(yue_latn_jyutping.ORTHOGRAPHY, CANTONESE_INITIALS, CANTONESE_FINALS, CANTONESE_TONES)
    ),
}
"""By head, each syllable that it can spell and the nearest one in Tâi-lô."""
