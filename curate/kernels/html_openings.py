"""Words with which the small print between paragraphs begins, in a dozen languages: pointers to other articles, credits, calls to act, lines of
authors and dates.

Class names tell where such a block stands apart from the text; inside of it only its own first words do. The lists are fixed and not learned, so
that a weight that was learned on pages in English holds for the same words of other languages too.
"""

import numpy as np

from curate.kernels.compiled import njit
from curate.kernels.html_attributes import FNV, PRIME

OPENINGS = {
    "more": """read reading related see also more further recommended recommendations similar next previous popular trending latest watch continue
    lea leer lee vea mira también interesar interesarle relacionado relacionados relacionadas lire aussi voir lesen weiterlesen mehr auch weitere
    weiterführender weiterführende interessant interessieren ähnliche passend könnte lesenswert leggi anche correlati leia também mais veja czytaj
    zobacz także również więcej lees ook meer läs också mer les også mere číst také další читайте также ещё еще もっと 関連記事 相关阅读 相关文章
    推荐阅读 延伸阅读""",
    "credit": """photo photos photograph image images picture pictures credit credits getty reuters afp shutterstock istock unsplash courtesy via
    source foto fotos bild bilder beitragsbild bildquelle bildnachweis quelle crédit crédits photographie imagen imágenes fuente fonte zdjęcie fot
    abbildung figure фото 图片 写真""",
    "call": """subscribe subscription sign newsletter follow share download join register login log get buy shop order click tap contact book start try
    support donate unlock advertisement suscríbete suscribirse síguenos regístrate comparte descarga únete publicidad abonnez inscrivez partagez
    suivez téléchargez publicité abonnieren abonnement anmelden jetzt folgen teilen unterstütze unterstützen spenden bestellen kostenlos anzeige
    werbung iscriviti seguici condividi pubblicità assine siga compartilhe zapisz subskrybuj udostępnij zapraszamy reklama abonneer volg
    подпишитесь поделиться 分享 广告""",
    "meta": """by written posted published updated tags tag category categories filed author authors about comments comment reply replies responses views
    entry permalink von veröffentlicht aktualisiert autor autorin schlagworte schlagwörter kategorie kategorien kommentare kommentar par publié
    auteur commentaires por publicado actualizado etiquetas comentarios di pubblicato autore commenti opublikowano komentarze door автор опубликовано
    комментарии 作者 来源 编辑""",
}
"""Words by what they begin."""
WORDS = 3
"""How many words are looked at."""
_MAX_BYTES = 96


def _bits() -> np.ndarray:
    """uint8[65536]: a bit for each list that has a word of that hash."""
    found = np.zeros(65536, np.uint8)
    for at, words in enumerate(OPENINGS.values()):
        for word in words.split():
            key = int(FNV)
            for byte in word.encode():
                key = ((key ^ byte) * int(PRIME)) & 0xFFFFFFFFFFFFFFFF
            found[(key ^ key >> 16 ^ key >> 32 ^ key >> 48) & 0xFFFF] |= 1 << at
    return found


BITS = _bits()


@njit(nogil=True, cache=True)
def opening(data, i, to):
    """The lists that one of the first WORDS words of data[i:to] is in, as bits. A word is a run of letters, ASCII in either case, and of bytes beyond
    ASCII; a full-width colon parts words."""
    key, size, words, found, to = FNV, 0, 0, np.int64(0), min(to, i + _MAX_BYTES)
    while i <= to and words < WORDS:
        c = data[i] if i < to else np.uint8(32)
        c = c | 32 if c >= 65 and c <= 90 else c
        if c == 0xEF and i + 2 < to and data[i + 1] == 0xBC and data[i + 2] == 0x9A:
            i, c = i + 2, np.uint8(58)
        if (c >= 97 and c <= 122) or c >= 128:
            key = (key ^ np.uint64(c)) * PRIME
            size += 1
        elif size:
            found |= np.int64(BITS[(key ^ key >> np.uint64(16) ^ key >> np.uint64(32) ^ key >> np.uint64(48)) & np.uint64(0xFFFF)])
            words += 1
            key, size = FNV, 0
        i += 1
    return found
