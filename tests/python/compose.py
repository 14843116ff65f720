"""Reads a compose file as the specification says, and prints the names of its services; anything unknown is an error."""

import sys

import compose_spec

with open(sys.argv[1], encoding="utf-8") as file:
    compose = compose_spec.PyCompose.from_yaml(file.read())
compose.validate()
print("\n".join(sorted(compose.service_names())))
