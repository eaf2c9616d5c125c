"""Language codes: Open Dental keeps ISO 639-2 or a word of the office's own, the API shows ISO 639-1.

Source: https://www.opendental.com/site/apipatients.html, Language; codes from the Library of Congress list.
"""

from __future__ import annotations

from typing import Final

_PAIRS: Final = (  # noqa: SIM905 - one word a line would be all one sees of this file.
    "aar aa abk ab afr af aka ak alb sq sqi sq amh am ara ar arg an arm hy hye hy asm as ava av aym ay aze az bak "
    "ba bam bm baq eu eus eu bel be ben bn bih bh bis bi bos bs bre br bul bg bur my mya my cat ca cha ch che ce "
    "chi zh zho zh chv cv cor kw cos co cre cr cze cs ces cs dan da div dv dut nl nld nl dzo dz eng en epo eo est "
    "et ewe ee fao fo fij fj fin fi fre fr fra fr fry fy ful ff geo ka kat ka ger de deu de gla gd gle ga glg gl "
    "glv gv gre el ell el grn gn guj gu hat ht hau ha heb he her hz hin hi hmo ho hrv hr hun hu ibo ig ice is isl "
    "is ido io iii ii iku iu ile ie ina ia ind id ipk ik ita it jav jv jpn ja kal kl kan kn kas ks kau kr kaz kk "
    "khm km kik ki kin rw kir ky kom kv kon kg kor ko kua kj kur ku lao lo lat la lav lv lim li lin ln lit lt ltz "
    "lb lub lu lug lg mac mk mkd mk mah mh mal ml mao mi mri mi mar mr may ms msa ms mlg mg mlt mt mon mn nau na "
    "nav nv nbl nr nde nd ndo ng nep ne nno nn nob nb nor no nya ny oci oc oji oj ori or orm om oss os pan pa per "
    "fa fas fa pli pi pol pl por pt pus ps que qu roh rm rum ro ron ro run rn rus ru sag sg san sa sin si slo sk "
    "slk sk slv sl sme se smo sm sna sn snd sd som so sot st spa es srd sc srp sr ssw ss sun su swa sw swe sv tah "
    "ty tam ta tat tt tel te tgk tg tgl tl tha th tib bo bod bo tir ti ton to tsn tn tso ts tuk tk tur tr twi tw "
    "uig ug ukr uk urd ur uzb uz ven ve vie vi vol vo wel cy cym cy wln wa wol wo xho xh yid yi yor yo zha za zul "
    "zu fil tl cmn zh yue zh"
).split()
_FROM_639_2: Final = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))
_MORE: Final = frozenset({"fil", "cmn", "yue"})
"""Languages of their own whose two-letter code is another one's."""
_TO_639_2: Final = {short: long for long, short in _FROM_639_2.items() if long not in _MORE}
"""Of two codes the native one, which stands behind the English one: it is what the program's own list holds."""
_FROM_639_1: Final = frozenset(_FROM_639_2.values())
_FROM_ENGLISH: Final = {
    "english": "en",
    "spanish": "es",
    "español": "es",
    "french": "fr",
    "german": "de",
    "chinese": "zh",
    "mandarin": "zh",
    "cantonese": "zh",
    "vietnamese": "vi",
    "tagalog": "tl",
    "korean": "ko",
    "russian": "ru",
    "arabic": "ar",
    "portuguese": "pt",
    "japanese": "ja",
    "polish": "pl",
    "haitian creole": "ht",
}


def iso_639_1(word: str) -> str | None:
    """The two-letter code of `eng`, `en`, `en-US` or `English`; None for a name the office made up."""
    plain = word.strip().lower()
    if found := _FROM_639_2.get(plain):
        return found
    stem = plain.partition("-")[0].partition("_")[0]
    if stem in _FROM_639_1:
        return stem
    return _FROM_639_2.get(stem) or _FROM_ENGLISH.get(plain)


def iso_639_2(code: str) -> str | None:
    """The three-letter code that Open Dental keeps of a two-letter one; None for what is no such code."""
    return _TO_639_2.get(code)
