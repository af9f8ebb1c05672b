"""C4's cleaning of lines as the code that built it has it (TensorFlow Datasets' c4_utils; curation S3b). Naive twin: tests/naive_rules.py."""

from curate.kernels.compiled import njit
from curate.kernels.lines import _copied, _stripped_in_place, _words, find_any, trim
from curate.kernels.utf8 import BREAK, code_at, width


@njit(nogil=True, cache=True)
def _ends_sentence(data, start, end):
    """Whether a line ends in one of . ? ! " and not in three full stops."""
    last = data[end - 1] if end > start else 0
    dots = end - start >= 3 and last == 46 and data[end - 2] == 46 and data[end - 3] == 46
    return (last == 46 or last == 63 or last == 33 or last == 34) and not dots


@njit(nogil=True, cache=True)
def clean_tfds_lines(offsets, data, classes, rules, made_offsets, made, out):
    """As `lines.clean_lines`, with the same arguments, but that words are counted after citations are cut and an apostrophe ends no sentence."""
    w = 0
    made_offsets[0] = 0
    for row in range(len(offsets) - 1):
        begin = w
        s, end = offsets[row], offsets[row + 1]
        while s < end:
            e = s
            while e < end and not classes[code_at(data, e)] & BREAK:
                e += width(data[e])
            after = e + width(data[e]) if e < end else end
            if e < end and data[e] == 13 and after < end and data[after] == 10:
                after += 1
            inner, outer = trim(data, s, e, classes)
            line = w + 1 if w > begin else w
            held, longest = _words(data, inner, outer, classes)
            stop = _copied(data, inner, outer, classes, rules.citations, made, line)
            stays = not (
                (rules.max_word_chars >= 0 and longest > rules.max_word_chars)
                or (rules.ends and not _ends_sentence(made, line, stop))
                or _words(made, line, stop, classes)[0] < rules.min_words
            )
            if stays:
                found = find_any(made, line, stop, rules.needles, rules.needle_ends)
                out[row, 2] += found & 1
                if rules.max_lorem >= 0 and out[row, 2] > rules.max_lorem:
                    break
                stays = not found & rules.drop & 2
                if stays:
                    out[row, 3] += _has_brace(made, line, stop)
                    if rules.max_curly >= 0 and out[row, 3] > rules.max_curly:
                        break
                    stays = not found & rules.drop
            if stays:
                out[row, 0] += stop - line != e - s
                if w > begin:
                    made[w] = 10
                w = stop
            else:
                out[row, 0] += 1
                out[row, 1] += held > 0
            s = after
        w = _stripped_in_place(made, begin, w, classes)
        made_offsets[row + 1] = w


@njit(nogil=True, cache=True)
def _has_brace(data, start, end):
    while start < end and data[start] != 123:
        start += 1
    return start < end
