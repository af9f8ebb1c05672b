"""Interpolated modified Kneser-Ney as it is written down: dictionaries of tuples, probabilities by recursion."""

from collections import Counter, defaultdict


class Naive:
    def __init__(self, texts, order, min_count):
        counts = Counter(w for t in texts for w in t)
        self.order = order
        self.words = {w for w, c in counts.items() if c >= min_count}
        texts = [[self.known(w) for w in t] for t in texts]
        self.grams = []
        for n in range(1, order + 1):
            found, left = Counter(), defaultdict(set)
            for t in texts:
                for i in range(len(t) - n + 1):
                    found[tuple(t[i : i + n])] += 1
                    left[tuple(t[i : i + n])].add(t[i - 1] if i else "<s>")
            self.grams.append(found if n == order else Counter({g: len(s) for g, s in left.items()}))
        self.grams[0].setdefault(("<unk>",), 0)
        self.discounts = [self.discount(g) for g in self.grams]

    def known(self, word):
        return word if word in self.words else "<unk>"

    def discount(self, grams):
        n = Counter(grams.values())
        default = [0, 0.5, 1.0, 1.5]
        if not all(n[k] for k in (1, 2, 3, 4)):
            return default
        y = n[1] / (n[1] + 2 * n[2])
        made = [0, *(k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3))]
        return made if all(0 < made[k] < k for k in (1, 2, 3)) else default

    def probability(self, word, before):
        """p(word | before), words as the model knows them."""
        n = len(before) + 1
        grams, d = self.grams[n - 1], self.discounts[n - 1]
        same = {g: c for g, c in grams.items() if g[:-1] == before}
        lower = self.probability(word, before[1:]) if before else 1 / len(grams)
        if not same:
            return lower
        total = sum(same.values())
        spared = sum(d[min(c, 3)] for c in same.values()) / total
        count = same.get((*before, word), 0)
        return (count - d[min(count, 3)]) / total + spared * lower

    def text(self, words):
        """Probabilities of the words of a text."""
        words = [self.known(w) for w in words]
        return [self.probability(w, tuple(words[max(0, i - self.order + 1) : i])) for i, w in enumerate(words)]
