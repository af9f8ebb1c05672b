"""Files for clusters fit their schemas, name what is there, and the page about them tells commands that exist."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.main import get_command

from curate.__main__ import app

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "pipelines" / "cluster"
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")


def load(name):
    return YAML(typ="safe").load((FOLDER / name).read_text(encoding="utf-8"))


def test_the_cluster_fits_rays_schema():
    import jsonschema
    import ray

    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(load("ray.yaml"), schema)


def test_the_job_is_one_that_kuberay_takes():
    """Its own fields by name (KubeRay's API reference, ray.io/v1), its pods by the schema of Kubernetes."""
    job = load("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    known = {"entrypoint", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "backoffLimit", "rayClusterSpec"}
    assert set(job["spec"]) <= known
    cluster = job["spec"]["rayClusterSpec"]
    assert {"rayVersion", "enableInTreeAutoscaling", "headGroupSpec", "workerGroupSpecs"} >= set(cluster)
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed").validate
    for group in groups:
        assert all(isinstance(value, str) for value in group["rayStartParams"].values()), "KubeRay takes strings"
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, **group["template"]}
        validate(pod, "1.30", strict=True)
    (workers,) = cluster["workerGroupSpecs"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]


def commands(text):
    """Every `curate …` that a text tells to type."""
    return re.findall(r"curate (run|plan|why|clean) ([^\n`]*)", text)


@pytest.mark.parametrize("text", [PAGE, (FOLDER / "rayjob.yaml").read_text(), (FOLDER / "ray.yaml").read_text()])
def test_options_that_are_told_exist(text):
    verbs = get_command(app).commands
    told = commands(text)
    assert told
    for verb, rest in told:
        known = {option for parameter in verbs[verb].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, rest


def test_the_images_install_what_is_pinned():
    text = (ROOT / "Dockerfile").read_text()
    pinned = {}
    for name in re.findall(r"COPY (\.ci/\S+)", text):
        found = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))
        assert len(found) > 30
        for package, version in found.items():
            assert pinned.setdefault(package, version) == version, f"{package} differs between the images"
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["s3"], *project["optional-dependencies"]["train"]]
    names = [re.match(r"[A-Za-z0-9._-]+", line).group().lower().replace(".", "-") for line in wanted]
    assert [name for name in names if name not in pinned] == [], "run .ci/lock"
    assert "USER steward" in text
