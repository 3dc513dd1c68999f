"""The part of JSON Schema that docs/command-line.schema.json is written in, checked here so that
the tests need no package for it. A keyword that is not understood is an error, not a pass."""

import json
import re

from server import ROOT

WORDS = {"$ref", "type", "properties", "required", "items", "enum", "const", "anyOf", "minimum",
         "maximum", "pattern"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
         "number": (int, float), "null": type(None)}
SCHEMA = json.loads((ROOT / "docs/command-line.schema.json").read_text())


class Mismatch(Exception):
    """Says where, and what was wanted."""


def expect(truth, where, wanted):
    if not truth:
        raise Mismatch(f"{where}: {wanted}")


def _is_one(value, schema, where):
    try:
        check(value, schema, where)
        return True
    except Mismatch:
        return False


def check(value, schema, where="$"):
    unknown = schema.keys() - WORDS
    expect(not unknown, where, f"the schema uses {unknown}")
    if "$ref" in schema:
        check(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], where)
    if "type" in schema:
        is_bool = isinstance(value, bool) and schema["type"] != "boolean"
        expect(isinstance(value, TYPES[schema["type"]]) and not is_bool, where,
               f"{value!r} is no {schema['type']}")
    if "const" in schema:
        expect(value == schema["const"], where, f"{value!r} is not {schema['const']!r}")
    if "enum" in schema:
        expect(value in schema["enum"], where, f"{value!r} is none of {schema['enum']}")
    if "pattern" in schema:
        expect(re.search(schema["pattern"], value), where,
               f"{value!r} is not as {schema['pattern']}")
    if "minimum" in schema:
        expect(schema["minimum"] <= value <= schema.get("maximum", value), where, f"{value} is out")
    if "anyOf" in schema:
        expect(any(_is_one(value, one, where) for one in schema["anyOf"]), where,
               f"{value!r} is none of the kinds")
    if "items" in schema:
        for index, item in enumerate(value):
            check(item, schema["items"], f"{where}[{index}]")
    for name in schema.get("required", ()):
        expect(name in value, where, f"{name} is missing")
    for name, one in schema.get("properties", {}).items():
        if name in value:
            check(value[name], one, f"{where}.{name}")


def check_lines(output, name):
    """Every line of `output` is an object as the schema has it under `name`; returns them."""
    found = [json.loads(line) for line in output.splitlines()]
    for value in found:
        check(value, SCHEMA["$defs"][name])
        named = SCHEMA["$defs"][name].get("properties", {}).keys()
        expect(value.keys() <= named, name, f"{value.keys() - named} is not documented")
    return found
