"""What the document cannot tell schemathesis: which sandbox there is, and which remote is ours.

Without it every operation would end at an unknown sandbox. Only examples that fit the schema are changed: what is
wrong with the others must stay wrong.
"""

import hashlib
import json
import os

import requests
import schemathesis

sandbox = os.environ["SANDBOX_ID"]
# The document's own example is of no sandbox, and stays so.
NOBODYS = "i0123456789abcdefghij"
MINE = {"repo_url": os.environ["ORIGIN_URL"], "agent_id": "a1", "task_id": "openapi"}


def fits(case):
    return case.meta is None or case.meta.generation.mode.is_positive


@schemathesis.hook
def before_call(context, case, kwargs):
    # An empty page would be held back for as long as is asked.
    if isinstance(case.query, dict) and str(case.query.get("wait", "")).isdecimal():
        case.query["wait"] = min(int(case.query["wait"]), 1)
    if not fits(case):
        return
    if not isinstance(case.body, dict):
        return
    if case.body.get("sandbox_id") not in (None, NOBODYS):
        case.body["sandbox_id"] = sandbox
    # One more is as good as a hundred, which are all that the host has room for.
    if case.path == "/sandbox/warm" and isinstance(case.body.get("pool"), int):
        case.body["pool"] = min(case.body["pool"], 1)
    if "repo_url" in case.body:
        case.body.update(MINE)
    # The same few keys are made up for every operation: all but the first would be refused.
    if "Idempotency-Key" in case.headers:
        asked = case.path + json.dumps(case.body, sort_keys=True)
        case.headers["Idempotency-Key"] = hashlib.sha256(asked.encode()).hexdigest()


@schemathesis.hook
def after_call(context, case, response):
    """Requests go on in a sandbox that is alive: another one when an example has ended it. New ones are ended."""
    global sandbox
    gateway = response.request.url.removesuffix(response.request.path_url)
    if response.status_code not in (200, 204):
        return
    if case.path == "/sandbox/create":
        made = (response.json().get("output") or {}).get("sandbox_id")
        if made and made != sandbox:
            requests.delete(f"{gateway}/sandboxes/{made}", timeout=60)
    elif case.method == "DELETE" or case.path == "/sandbox/kill":
        sandbox = requests.post(f"{gateway}/git/clone", json=MINE, timeout=60).json()["output"]["sandbox_id"]
