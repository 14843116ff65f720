"""Translates the SAM template on standard input to the CloudFormation that AWS would make of it, as JSON.

Standard library and aws-sam-translator only. Packages that are not built yet are put where they would be uploaded.
"""

import json
import sys

from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class Policies(ManagedPolicyLoader):
    """Asks nobody: the names of AWS's own policies stay names."""

    def __init__(self):
        super().__init__(None)

    def load(self):
        return {}


def main():
    template = yaml_parse(sys.stdin.read())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            code = resource["Properties"]["CodeUri"]
            resource["Properties"]["CodeUri"] = "s3://artifacts/" + code.strip("./")
    json.dump(transform(template, {}, Policies()), sys.stdout, indent=1, sort_keys=True)


main()
