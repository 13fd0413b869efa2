"""What is said in each language of the synthetic corpora: digits, commands and patterns of sentences.

All texts are written as the language's orthography has them, Tâi-lô with bars where tone groups end (see
`speechtl.synthesis.taiwanese`).
"""

from __future__ import annotations

from dataclasses import dataclass

Pattern = tuple[tuple[str, ...], ...]
"""A sentence is one choice of each slot, in order."""


@dataclass(frozen=True)
class Phrases:
    """The material of one language."""

    digits: tuple[str, ...]
    """0 to 9."""
    commands: tuple[str, ...]
    """Words and short phrases, said alone."""
    patterns: tuple[Pattern, ...]
    """Of sentences."""


def _words(line: str) -> tuple[str, ...]:
    """Entries separated by commas."""
    return tuple(entry.strip() for entry in line.split(","))


_ENGLISH = Phrases(
    digits=_words("zero, one, two, three, four, five, six, seven, eight, nine"),
    commands=_words(
        "go, stop, left, right, up, down, yes, no, on, off, open, close, start, wait, help, home, back, "
        "next, please, thanks"
    ),
    patterns=(
        (
            _words("i, we, you, they"),
            _words("want, need, have, see"),
            _words("two, three, four, six, nine"),
            _words("apples, books, tickets, cups, fish"),
        ),
        (
            _words("please, now, tomorrow"),
            _words("open the, close the, paint the, clean the"),
            _words("door, window, box, shop, kitchen"),
        ),
        (
            _words("my mother, his brother, the teacher, our friend"),
            _words("goes to, comes from, works at, lives near"),
            _words("the market, the school, the station, the hospital"),
            _words("today, every day, in summer"),
        ),
    ),
)
_GERMAN = Phrases(
    digits=_words("null, eins, zwei, drei, vier, fünf, sechs, sieben, acht, neun"),
    commands=_words(
        "los, halt, links, rechts, hoch, runter, ja, nein, an, aus, auf, zu, start, warte, hilfe, heim, "
        "zurück, weiter, bitte, danke"
    ),
    patterns=(
        (
            _words("ich will, wir wollen, sie wollen, du willst"),
            _words("zwei, drei, vier, sechs, neun"),
            _words("äpfel, bücher, karten, tassen, fische"),
            _words("kaufen, sehen, haben, holen"),
        ),
        (
            _words("bitte, jetzt, morgen"),
            _words("die tür, die küche, die kiste, die brücke, die wand"),
            _words("öffnen, schließen, putzen, malen"),
        ),
        (
            _words("meine mutter, sein bruder, der lehrer, unser freund"),
            _words("geht zum, kommt vom"),
            _words("markt, bahnhof, arzt, fluss"),
            _words("heute, jeden tag, im sommer, am abend"),
        ),
    ),
)
_SPANISH = Phrases(
    digits=_words("cero, uno, dos, tres, cuatro, cinco, seis, siete, ocho, nueve"),
    commands=_words(
        "vamos, alto, izquierda, derecha, arriba, abajo, sí, no, encender, apagar, abrir, cerrar, empezar, "
        "espera, ayuda, casa, atrás, siguiente, por favor, gracias"
    ),
    patterns=(
        (
            _words("quiero, queremos, necesito, tenemos, veo"),
            _words("dos, tres, cuatro, seis, nueve"),
            _words("manzanas, libros, billetes, tazas, peces"),
            _words("hoy, mañana, aquí"),
        ),
        (
            _words("por favor, ahora, mañana"),
            _words("abre la, cierra la, limpia la, pinta la"),
            _words("puerta, ventana, caja, tienda, cocina"),
        ),
        (
            _words("mi madre, su hermano, el profesor, nuestra amiga"),
            _words("viene de, trabaja en, vive en"),
            _words("la escuela, la estación, la ciudad, la plaza"),
            _words("hoy, todos los días, en verano"),
        ),
    ),
)
_VIETNAMESE = Phrases(
    digits=_words("không, một, hai, ba, bốn, năm, sáu, bảy, tám, chín"),
    commands=_words(
        "đi, dừng, trái, phải, lên, xuống, vâng, thôi, bật, tắt, mở, đóng, bắt đầu, đợi, giúp, nhà, "
        "quay lại, tiếp theo, xin mời, cảm ơn"
    ),
    patterns=(
        (
            _words("tôi, chúng tôi, anh, họ"),
            _words("muốn, cần, có, thấy"),
            _words("hai, ba, bốn, sáu, chín"),
            _words("quả táo, quyển sách, cái vé, cái cốc, con cá"),
        ),
        (
            _words("xin, hôm nay, ngày mai"),
            _words("mở, đóng, lau, sơn"),
            _words("cửa, cửa sổ, cái hộp, cái bàn"),
        ),
        (
            _words("mẹ tôi, anh ấy, thầy giáo, bạn tôi"),
            _words("đi, đến, làm việc ở, sống gần"),
            _words("chợ, trường học, bến xe, bệnh viện"),
            _words("hôm nay, mỗi ngày, buổi sáng"),
        ),
    ),
)
_MANDARIN = Phrases(
    digits=_words("ling2, yi1, er4, san1, si4, wu3, liu4, qi1, ba1, jiu3"),
    commands=_words(
        "zou3, ting2, zuo3, you4, shang4, xia4, shi4, bu4, kai1, guan1, kai1 shi3, deng3 deng3, bang1 mang2, "
        "hui2 jia1, hui2 lai2, xia4 yi1 ge4, qing3, xie4 xie5, zai4 jian4, ni3 hao3"
    ),
    patterns=(
        (
            _words("wo3, wo3 men5, ni3, ta1"),
            _words("yao4, xiang3 yao4, you3, kan4 jian4"),
            _words("san1, si4, wu3, liu4, jiu3"),
            _words("ge4 ping2 guo3, ben3 shu1, zhang1 piao4, ge4 bei1 zi5, tiao2 yu2"),
        ),
        (
            _words("qing3, xian4 zai4, ming2 tian1"),
            _words("kai1, guan1, ca1, xiu1"),
            _words("men2, chuang1, deng1, che1"),
        ),
        (
            _words("wo3 ma1 ma5, ta1 di4 di5, lao3 shi1, peng2 you5"),
            _words("jin1 tian1, mei3 tian1, zao3 shang5"),
            _words("qu4, lai2 dao4, zhu4 zai4"),
            _words("shi4 chang3, xue2 xiao4, che1 zhan4, yi1 yuan4"),
        ),
    ),
)
_CANTONESE = Phrases(
    digits=_words("ling4, jat1, ji6, saam1, sei3, ng5, luk6, cat1, baat3, gau2"),
    commands=_words(
        "haang4, ting4, zo2, jau6, soeng5, lok6, hai6, m4 hai6, hoi1, saan1, hoi1 ci2, dang2 dang2, "
        "bong1 sau2, faan1 uk1 kei2, faan1 lai4, haa6 jat1 go3, cing2, m4 goi1, zoi3 gin3, nei5 hou2"
    ),
    patterns=(
        (
            _words("ngo5, ngo5 dei6, nei5, keoi5"),
            _words("jiu3, soeng2 jiu3, jau5, gin3 dou2"),
            _words("saam1, sei3, ng5, luk6, gau2"),
            _words("go3 ping4 gwo2, bun2 syu1, zoeng1 fei1, zek3 bui1, tiu4 jyu2"),
        ),
        (
            _words("cing2, ji4 gaa1, ting1 jat6"),
            _words("hoi1, saan1, maat3, sau1"),
            _words("mun4, coeng1, dang1, ce1"),
        ),
        (
            _words("ngo5 maa1 maa1, keoi5 sai3 lou2, lou5 si1, pang4 jau5"),
            _words("gam1 jat6, jat6 jat6, ziu1 zou2"),
            _words("heoi3, lai4 dou3, zyu6 hai2"),
            _words("gaai1 si5, hok6 haau6, ce1 zaam6, ji1 jyun2"),
        ),
    ),
)
_TAIWANESE = Phrases(
    digits=_words("khòng, it, jī, sann, sì, gōo, la̍k, tshit, peh, káu"),
    commands=_words(
        "kiânn, thîng, tò-pîng, tsiànn-pîng, khí-lâi, lo̍h-khì, sī, m̄-sī, khui, kuainn, khai-sí, tán--leh, "
        "pang-tsān, tńg-tshù, tńg--lâi, āu-tsi̍t-ê, tshiánn, to-siā, tsài-kiàn, lí-hó"
    ),
    patterns=(
        (
            _words("guá, lán, lí, i"),
            _words("beh, ū, beh bé, beh the̍h"),
            _words("sann, sì, gōo, la̍k, káu"),
            _words("lia̍p phông-kó, pún tsheh, tiunn phiò, tè uánn, bué hî"),
        ),
        (
            _words("tshiánn, tsit-má |, bîn-á-tsài |"),
            _words("khui, kuainn, tshit, siu-lí"),
            _words("mn̂g, thang-á, tiān-hué, tshia"),
        ),
        (
            _words("guán lāu-bú |, in sió-tī |, lāu-su |, pîng-iú |"),
            _words("kin-á-ji̍t |, ta̍k-kang |, tsái-khí |"),
            _words("khì, lâi, tuà tī"),
            _words("tshī-tiûnn, ha̍k-hāu, tshia-tsām, pēnn-īnn"),
        ),
    ),
)

PHRASES = {
    "cmn-Latn-pinyin": _MANDARIN,
    "yue-Latn-jyutping": _CANTONESE,
    "vi": _VIETNAMESE,
    "en": _ENGLISH,
    "de": _GERMAN,
    "es": _SPANISH,
    "nan-Latn-tailo": _TAIWANESE,
}
"""By orthography."""
