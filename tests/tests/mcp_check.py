"""The official Python client against `git_operations`: what an agent that knows MCP alone can do.

    python mcp_check.py MODE http URL
    python mcp_check.py MODE stdio PROGRAM ARGUMENT...

MODE is the client's: `auto` speaks the newest protocol that both know, `legacy` the handshake of older ones.
ORIGIN_URL is the repository to work on, MCP_TOOLS the list of tools that there must be.
Prints the protocol's version, and `pushed BRANCH COMMIT`; whatever is wrong is an exception.
"""

import json
import os
import sys

import anyio
import jsonschema
import mcp.client.stdio
from mcp import Client, MCPError, StdioServerParameters

MODE, TRANSPORT, *WHERE = sys.argv[1:]
AGENT = f"{TRANSPORT}-{MODE}"

# The original's five tools: arguments (required first), and what a result has beside `success`.
ORIGINAL = {
    "git_clone": (
        ["repo_url", "agent_id", "task_id"],
        ["branch", "shallow"],
        ["sandbox_id", "agent_branch", "base_branch", "repo_url", "workspace_path"],
    ),
    "git_status": (["sandbox_id"], [], ["modified", "untracked", "staged", "current_branch"]),
    "git_diff": (["sandbox_id"], ["files"], ["diff"]),
    "git_pull": (["sandbox_id"], ["auto_rebase"], ["conflicts", "has_conflicts", "output", "error"]),
    "git_push": (["sandbox_id"], ["commit_message", "files"], ["commit_hash", "pushed_branch", "attempt"]),
}


def server():
    if TRANSPORT == "http":
        return WHERE[0]
    return StdioServerParameters(command=WHERE[0], args=WHERE[1:], env=dict(os.environ))


class Tools:
    """A client that looks at every result before it hands it on."""

    def __init__(self, client, schemas):
        self.client = client
        self.schemas = schemas

    async def call(self, name, arguments, progress=None):
        result = await self.client.call_tool(name, arguments, progress_callback=progress)
        (content,) = result.content
        told = result.structured_content
        assert content.type == "text" and json.loads(content.text) == told, content
        assert json.dumps(json.loads(content.text), indent=2, ensure_ascii=False) == content.text, content.text
        jsonschema.validate(told, self.schemas[name], jsonschema.Draft202012Validator)
        assert result.is_error is (not told["success"]), result
        assert (told["error"] is None) is told["success"], told
        return told

    async def done(self, name, arguments, progress=None):
        told = await self.call(name, arguments, progress)
        assert told["success"] and told["outcome"] == "succeeded", told
        fields = ORIGINAL[name][2] if name in ORIGINAL else []
        assert [field for field in fields if field not in told] == [], told
        return told

    async def refused(self, name, arguments, field):
        told = await self.call(name, arguments)
        assert told["refusal"]["field"] == field and told["error"].startswith(f"{field} "), told
        return told


async def listed(client):
    tools = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in (await client.list_tools()).tools]
    with open(os.environ["MCP_TOOLS"], encoding="utf-8") as file:
        assert tools == json.load(file), "the tools on the wire are those of the snapshot"
    schemas = {tool["name"]: tool["outputSchema"] for tool in tools}
    inputs = {tool["name"]: tool["inputSchema"] for tool in tools}
    for name, (required, optional, fields) in ORIGINAL.items():
        # What the original required may be optional now; nothing more may be required.
        assert set(inputs[name]["required"]) <= set(required + optional), inputs[name]
        assert set(required + optional) <= set(inputs[name]["properties"]), inputs[name]
        assert set(fields) <= set(schemas[name]["properties"]), schemas[name]
    return schemas


async def says_how_it_goes(tools, arguments):
    heard = []

    async def progress(so_far, total, message):
        heard.append((so_far, message))
        assert total is None

    cloned = await tools.done("git_clone", arguments, progress)
    assert len(heard) >= 1 and all(message.startswith("clone: ") for _, message in heard), heard
    assert all(earlier[0] < later[0] for earlier, later in zip(heard, heard[1:])), heard
    return cloned


async def works(tools, url):
    cloned = await says_how_it_goes(tools, {"repo_url": url, "agent_id": AGENT, "task_id": "t1"})
    sandbox = {"sandbox_id": cloned["sandbox_id"]}
    assert cloned["agent_branch"] == f"agent-{AGENT}-t1" and cloned["repo_url"] == url, cloned
    status = await tools.done("git_status", sandbox)
    assert status["current_branch"] == cloned["agent_branch"] and status["untracked"] == [], status

    written = {**sandbox, "path": f"{AGENT}.txt", "content": "grüße\n"}
    await tools.done("git_file_write", written)
    status = await tools.done("git_status", sandbox)
    assert status["untracked"] == [f"{AGENT}.txt"] and status["clean"] is False, status
    message = {**sandbox, "message": "Say hello", "all": True, "idempotency_key": f"{AGENT}-commit"}
    commit = await tools.done("git_commit", message)
    again = await tools.done("git_commit", message)
    assert again == {**commit, "replayed": True}, again
    await tools.refused("git_commit", {**message, "message": "Say goodbye"}, "idempotency_key")
    asked = {**sandbox, "from": cloned["head"], "to": "HEAD", "files": [f"{AGENT}.txt"]}
    diff = await tools.done("git_diff", asked)
    assert "+grüße" in diff["diff"], diff
    pulled = await tools.done("git_pull", sandbox)
    assert pulled["conflicts"] == [] and pulled["has_conflicts"] is False, pulled
    pushed = await tools.done("git_push", {**sandbox, "commit_message": "nothing is left to commit"})
    assert pushed["pushed_branch"] == cloned["agent_branch"] and pushed["attempt"] == 1, pushed
    print("pushed", pushed["pushed_branch"], pushed["commit_hash"])


async def learns_what_was_wrong(tools, url):
    await tools.refused("git_status", {}, "sandbox_id")
    await tools.refused("git_status", {"sandbox_id": 7}, "sandbox_id")
    await tools.refused("git_status", {"sandbox_id": "../etc"}, "sandbox_id")
    await tools.refused("git_status", {"sandbox_id": "i1", "verbose": True}, "verbose")
    await tools.refused("git_status", {"sandbox_id": "i1", "idempotency_key": 7}, "idempotency_key")
    await tools.refused("git_status", {"sandbox_id": "i1", "idempotency_key": ""}, "idempotency_key")
    missing = {"repo_url": url.replace("app", "missing"), "agent_id": AGENT, "task_id": "t2"}
    failed = await tools.call("git_clone", missing)
    assert failed["outcome"] == "failed" and failed["failure"]["code"] == "repository-not-found", failed
    assert failed["error"] == failed["failure"]["message"] and failed["failure"]["remedy"], failed
    try:
        await tools.client.call_tool("git_nothing", {})
    except MCPError as error:
        assert error.error.code == -32602 and "git_nothing" in error.error.message, error
    else:
        raise AssertionError("there is no such tool")


async def goes_away(tools, url):
    """A call that is given up; that its operation has an outcome all the same, the ledger tells."""

    async def call(scope, begun):
        with scope:
            async def progress(*_):
                begun.set()

            arguments = {"repo_url": url, "agent_id": AGENT, "task_id": "given-up"}
            await tools.client.call_tool("git_clone", arguments, progress_callback=progress)

    scope, begun = anyio.CancelScope(), anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(call, scope, begun)
        await begun.wait()
        scope.cancel()


# A server whose client is gone ends what it has begun: it gets longer than the client's 2 s before it is killed.
mcp.client.stdio.PROCESS_TERMINATION_TIMEOUT = 60.0


async def main():
    url = os.environ["ORIGIN_URL"]
    async with Client(server(), mode=MODE) as client:
        assert client.server_info.name == "git_operations", client.server_info
        assert "git_clone" in client.instructions and "sandbox_id" in client.instructions
        tools = Tools(client, await listed(client))
        await works(tools, url)
        await learns_what_was_wrong(tools, url)
        await goes_away(tools, url)
        print("protocol", client.protocol_version)


anyio.run(main)
