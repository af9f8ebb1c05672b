"""`curate plan`."""

from law_corpus import recipe

from curate.engine.outlook import outlook
from curate.recipe import from_dict
from curate.store import Store


def test_the_plan_prints_the_curve_of_the_bands(laws, tmp_path):
    steps = [{"near_dedup": {"target_similarity": 0.7, "max_hashes": 64}}]
    told = outlook(from_dict(recipe(laws, steps=steps)), Store(str(tmp_path)))
    assert "barrier near_dedup (near_dedup v6): rounds bands, pairs, sets, decide, keepers, clusters, families, kin" in told
    assert "bands of" in told
    assert "pairs that become candidates, by similarity: 0.5: " in told
