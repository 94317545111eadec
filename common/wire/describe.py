"""Reads events.toml into objects and checks it: names, kinds, tags, paths."""

import re
import tomllib

NUMBERS = {"u64", "i64", "bool", "time"}
TEXTS = {"text", "hex", "base64", "json"}
LISTS = {"texts", "u64s", "macs", "base64s", "objects"}
KINDS = NUMBERS | TEXTS | LISTS | {"flag", "ip", "mac", "object", "type", "identity"}
COMPUTED_KINDS = {"text", "u64", "time", "json"}


class DescriptionError(Exception):
    pass


class Field:
    def __init__(self, owner, row):
        known = {"name", "kind", "tag", "eve", "ecs", "es", "optional", "object"}
        self.where = f"{owner}.{row.get('name', '?')}"
        if set(row) - known:
            raise DescriptionError(f"{self.where}: unknown keys {sorted(set(row) - known)}")
        self.name, self.kind, self.tag = row["name"], row["kind"], row["tag"]
        self.eve = row.get("eve", self.name)
        self.ecs = row.get("ecs")           # None: the default; "": nowhere.
        self.es = row.get("es")
        self.optional = row.get("optional", False)
        self.object = row.get("object")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", self.name):
            raise DescriptionError(f"{self.where}: bad name")
        if self.kind not in KINDS:
            raise DescriptionError(f"{self.where}: unknown kind {self.kind}")
        if self.optional and self.kind not in NUMBERS:
            raise DescriptionError(f"{self.where}: only numbers can be optional")
        if (self.kind in ("object", "objects")) != (self.object is not None):
            raise DescriptionError(f"{self.where}: 'object' belongs to kind object(s)")


class Object:
    def __init__(self, name, row):
        self.name, self.doc = name, row["doc"]
        self.in_list = row.get("in_list", False)
        self.fields = [Field(name, f) for f in row["fields"]]
        for what in ("name", "tag", "eve"):
            seen = [getattr(f, what) for f in self.fields if getattr(f, what) != ""]
            twice = {v for v in seen if seen.count(v) > 1}
            if twice:
                raise DescriptionError(f"{name}: {what} used twice: {sorted(map(str, twice))}")

    @property
    def struct(self):
        return "event" if self.name == "event" else f"event_{self.name}"

    @property
    def message(self):
        return "".join(part.capitalize() for part in self.struct.split("_"))

    @property
    def c_message(self):
        return f"Civicshield__Wire__V1__{self.message}"


class Description:
    def __init__(self, path):
        with open(path, "rb") as file:
            raw = tomllib.load(file)
        self.version = raw["schema_version"]
        self.mappings_version = raw["mappings_version"]
        self.types = raw["type"]
        self.event = Object("event", raw["event"])
        self.objects = {o["name"]: Object(o["name"], o) for o in raw["object"]}
        self.computed = raw["computed"]
        if len(self.objects) != len(raw["object"]):
            raise DescriptionError("an object is described twice")
        for o in self.all_objects():
            for f in o.fields:
                if f.object is not None and f.object not in self.objects:
                    raise DescriptionError(f"{f.where}: no object {f.object}")
        for c in self.computed:
            if c["kind"] not in COMPUTED_KINDS:
                raise DescriptionError(f"computed {c['name']}: kind {c['kind']}")
        values = [t["value"] for t in self.types]
        if len(set(values)) != len(values) or 0 in values:
            raise DescriptionError("type values must differ and not be 0")

    def all_objects(self):
        """Each object before those that point at it; the event last."""
        ordered, busy = [], set()

        def visit(o):
            if o in ordered:
                return
            if o.name in busy:
                raise DescriptionError(f"{o.name} contains itself")
            busy.add(o.name)
            for f in o.fields:
                if f.object is not None:
                    visit(self.objects[f.object])
            ordered.append(o)

        for o in self.objects.values():
            visit(o)
        visit(self.event)
        return ordered
