def ecs_source(d):
    return ""
derived_header = mappings_json = mappings_source = ecs_source
