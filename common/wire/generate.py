#!/usr/bin/env python3
"""Makes what common/wire generates of events.toml.  Called by meson:

    generate.py DESCRIPTION OUTPUT...

The name of each output says what it is.  Standard library alone."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import describe
import emit_c
import emit_ecs
import emit_test

OUTPUTS = {
    "event.h": emit_c.header,
    "event_eve.c": emit_c.eve_source,
    "event_encode.c": emit_c.encode_source,
    "civicshield_event.proto": emit_c.proto,
    "event_ecs.c": emit_ecs.ecs_source,
    "event_derived.h": emit_ecs.derived_header,
    "mappings.json": emit_ecs.mappings_json,
    "mappings.c": emit_ecs.mappings_source,
    "event_sample.h": emit_test.header,
    "event_sample.c": emit_test.source,
}


def main(arguments):
    try:
        description = describe.Description(arguments[0])
        for path in arguments[1:]:
            text = OUTPUTS[os.path.basename(path)](description)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    except describe.DescriptionError as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
