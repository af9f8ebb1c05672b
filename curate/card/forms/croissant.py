"""`croissant.json`: Croissant 1.1 (MLCommons, 2026-01-29) with RAI 1.0 and PROV-O.

The digest that the format asks of a file is SHA-256; files of rows are told as sets whose manifests, which list every part with its digest,
are files here. `missing` names what the specification requires and the document lacks: the format's own validator does not tell all of it.
Misses: columns that are lists or structs.
"""

from collections.abc import Mapping
from typing import Any

from curate.card.forms import hub, phrases
from curate.card.forms.book import Book

CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "arrayShape": "cr:arrayShape", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "containedIn": "cr:containedIn", "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/", "description": {"@container": "@language"},
    "equivalentProperty": "cr:equivalentProperty", "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet", "format": "cr:format",
    "includes": "cr:includes", "isArray": "cr:isArray", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "name": {"@container": "@language"}, "parentField": "cr:parentField", "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#", "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex",
    "repeated": "cr:repeated", "replace": "cr:replace", "samplingRate": "cr:samplingRate", "sc": "https://schema.org/",
    "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField", "transform": "cr:transform",
}  # fmt: skip
CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
REQUIRED = ("@context", "@type", "conformsTo", "name", "description", "license", "url", "creator", "datePublished", "distribution")
TYPES = {
    "string": "sc:Text",
    "large_string": "sc:Text",
    "double": "sc:Float",
    "float": "sc:Float",
    "bool": "sc:Boolean",
    "fixed_size_binary[16]": "sc:Text",
}
PARQUET, MEDIA = "application/vnd.apache.parquet", {"yaml": "application/yaml", "json": "application/json", "jsonl": "application/jsonl"}


def fill(facts: Mapping[str, Any]) -> tuple[Book, dict[str, Any]]:
    """The form, and the document."""
    book = Book("croissant", facts)
    book.section = "dataset"
    document: dict[str, Any] = {"@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": book.fixed("conformsTo", CONFORMS)}
    document["name"] = book.computed("name", facts["name"], "name")
    languages = hub.hub_languages(facts)
    said: dict[str, Any] = {
        "alternateName": book.asked("alternateName", "title"),
        "description": book.asked("description", "description"),
        "license": book.asked("license", "license"),
        "url": book.asked("url", "url"),
        "creator": book.asked("creator", "creators"),
        "datePublished": book.asked("datePublished", "date_published"),
        "version": book.asked("version", "version"),
        "citeAs": book.asked("citeAs", "citation"),
    }
    if said["creator"]:
        said["creator"] = {"@type": "sc:Organization", "name": said["creator"]}
    document |= {key: value for key, value in said.items() if value is not None}
    document["isLiveDataset"] = book.fixed("isLiveDataset", False)
    document["size"] = book.computed("size", phrases.counts(facts), "kept.documents")
    document["keywords"] = book.computed("keywords", ["text", "pretraining", *(one["source"] for one in facts["inputs"])], "inputs")
    if languages:
        document["inLanguage"] = book.computed("inLanguage", languages, "content.languages")
    if days := facts["content"]["fetched"]:
        document["temporalCoverage"] = book.computed("temporalCoverage", "/".join(days), "content.fetched")
    document |= _provenance(book) | _rai(book)
    document["distribution"] = _distribution(book)
    if facts["columns"]:
        document["recordSet"] = [_records(book)]
    return book, document


def missing(document: Mapping[str, Any]) -> list[str]:
    """Properties that the specification requires and the document has not."""
    lacks = [name for name in REQUIRED if document.get(name) in (None, "", [], {})]
    for one in document.get("distribution", ()):
        needed = ("contentUrl", "encodingFormat", "sha256") if one["@type"] == "cr:FileObject" else ("encodingFormat", "includes")
        lacks += [f"{one['@id']}: {name}" for name in needed if not one.get(name)]
    return lacks


def _provenance(book: Book) -> dict[str, Any]:
    facts, book.section = book.facts, "provenance"
    derived = [{"@type": "prov:Entity", "name": one["source"], "prov:atLocation": one["uri"]} for one in facts["inputs"]]
    software = {"@type": "prov:SoftwareAgent", "name": "curate", "version": facts["versions"].get("curate", "")}
    steps = [{"@type": "prov:Activity", "name": one["step"], "prov:wasAssociatedWith": software} for one in facts["steps"]]
    return {
        "prov:wasDerivedFrom": book.computed("prov:wasDerivedFrom", derived, "inputs"),
        "prov:wasGeneratedBy": book.computed("prov:wasGeneratedBy", steps, "steps", "versions"),
    }


def _rai(book: Book) -> dict[str, Any]:
    facts, book.section = book.facts, "rai"
    http, days = facts["content"]["over_http"], facts["content"]["fetched"]
    read = (
        f"{facts['read']['records']:,} records of {len(facts['inputs'])} inputs were read, {facts['read']['documents']:,} became documents."
    )
    annotate = ("language", "license", "repository_license", "consent", "host_consent")
    tools = [f"{one['step']} ({one['uses']})" for one in facts["steps"] if one["uses"] in annotate]
    made: dict[str, Any] = {
        "rai:dataCollection": book.computed("dataCollection", read, "read.records", "inputs"),
        "rai:dataCollectionType": [
            book.computed("dataCollectionType", "Web Scraping" if http else "Secondary Data analysis", "content.over_http")
        ],
        "rai:dataCollectionMissingData": book.computed("dataCollectionMissingData", phrases.missing(facts), "read.records"),
        "rai:dataCollectionRawData": book.computed("dataCollectionRawData", phrases.inputs(facts), "inputs"),
        "rai:dataPreprocessingProtocol": book.computed("dataPreprocessingProtocol", [phrases.steps(facts)], "steps"),
        "rai:dataManipulationProtocol": book.computed("dataManipulationProtocol", phrases.duplicates(facts), "steps"),
        "rai:personalSensitiveInformation": book.computed("personalSensitiveInformation", [phrases.personal_data(facts)], "steps"),
        "rai:dataLimitations": book.computed("dataLimitations", _limits(facts), "steps"),
        "rai:dataBiases": book.asked("dataBiases", "biases"),
        "rai:dataSocialImpact": book.asked("dataSocialImpact", "social_impact"),
        "rai:dataUseCases": book.asked("dataUseCases", "purpose"),
        "rai:dataReleaseMaintenancePlan": book.asked("dataReleaseMaintenancePlan", "maintenance"),
    }
    if tools:
        made["rai:machineAnnotationTools"] = book.computed("machineAnnotationTools", tools, "steps")
    if days:
        made["rai:dataCollectionTimeframe"] = book.computed("dataCollectionTimeframe", days, "content.fetched")
    return {key: value for key, value in made.items() if value is not None}


def _limits(facts: Mapping[str, Any]) -> list[str]:
    looked = {one["uses"] for one in facts["steps"]}
    limits = [
        f"No step looked for {what}."
        for uses, what in (
            ("consent", "opt-outs"),
            ("pii", "personal data"),
            ("decontaminate", "texts of benchmarks"),
            ("license", "licences"),
        )
        if uses not in looked
    ]
    return [*limits, "Labels were set by machines and not checked by people."]


def _distribution(book: Book) -> list[dict[str, Any]]:
    facts, book.section = book.facts, "distribution"
    listed: list[dict[str, Any]] = []
    for path, entry in sorted(facts["files"].items()):
        one = {"@type": "cr:FileObject", "@id": path, "name": path, "contentUrl": path, "sha256": entry["sha256"]}
        listed.append(
            book.computed(path, one | {"encodingFormat": MEDIA.get(path.rpartition(".")[2], "application/octet-stream")}, "files")
        )
    sets = [("documents", "documents/*.parquet", PARQUET), ("removed", "removed/*.parquet", PARQUET)]
    if facts["tokens"]:
        sets.append(("shards", "shards/shard-*.arrow", "application/vnd.apache.arrow.file"))
    for name, pattern, media in sets:
        one = {"@type": "cr:FileSet", "@id": name, "name": name, "encodingFormat": media, "includes": pattern}
        listed.append(book.computed(name, one, "files"))
    return listed


def _records(book: Book) -> dict[str, Any]:
    facts, book.section = book.facts, "recordSet"
    fields = []
    for one in facts["columns"]:
        dtype = TYPES.get(one["type"]) or ("sc:Integer" if one["type"].lstrip("u").startswith("int") else None)
        dtype = dtype or ("sc:DateTime" if one["type"].startswith("timestamp") else None)
        if dtype:
            source = {"fileSet": {"@id": "documents"}, "extract": {"column": one["name"]}}
            fields.append({"@type": "cr:Field", "@id": f"rows/{one['name']}", "name": one["name"], "dataType": dtype, "source": source})
    book.computed("fields", [one["name"] for one in fields], "columns")
    return {"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": fields}
