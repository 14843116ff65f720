"""`git status` of one repository, asked in turns: our MCP tool over stdio and over HTTP, the reference git server
of MCP over stdio, and the E2B SDK in the very sandbox that our tool looks into.

    python mcp_status.py GITLEDGER DATA_DIRECTORY ORIGIN_URL ROUNDS

The program serves stdio and HTTP from one process; the reference server has a copy of the working copy.
"""

import asyncio
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time

from mcp import Client, StdioServerParameters

PROGRAM, DATA, ORIGIN, ROUNDS = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
WARM = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def done(client, name, arguments):
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result
    return result.structured_content


async def prepared(ours):
    """A sandbox with a commit of its own and an untracked file; a copy of its working copy."""
    clone = {"repo_url": ORIGIN, "agent_id": "bench", "task_id": "status"}
    sandbox_id = (await done(ours, "git_clone", clone))["sandbox_id"]
    of_sandbox = {"sandbox_id": sandbox_id}
    # git looks twice at files as young as its index; a commit a moment later ends that, as in real work.
    await asyncio.sleep(1.5)
    await done(ours, "git_file_write", {**of_sandbox, "path": "first.txt", "content": "x\n"})
    await done(ours, "git_commit", {**of_sandbox, "message": "first", "all": True})
    await done(ours, "git_file_write", {**of_sandbox, "path": "new.txt", "content": "x\n"})
    copy = DATA.parent / "copy"
    shutil.copytree(DATA / "sandboxes/s" / sandbox_id / "home/user/workspace", copy, symlinks=True)
    subprocess.run(["git", "-C", copy, "status"], check=True, stdout=subprocess.DEVNULL)
    return sandbox_id, copy


def sdk_status(sandbox_id):
    """What the E2B SDK does, on the host that our program runs its sandboxes on: with a sandbox at hand, and from
    the sandbox's id, which is all that our tool is given each time.
    """
    host = json.loads((DATA / "sandbox-host.json").read_text())
    os.environ.update(
        E2B_API_URL=host["api_url"],
        E2B_SANDBOX_URL=host["api_url"],
        E2B_API_KEY=host["api_key"],
        E2B_VALIDATE_API_KEY="false",
    )
    from e2b import Sandbox

    sandbox = Sandbox.connect(sandbox_id, timeout=3600)
    path = "/home/user/workspace"

    def look(sandbox):
        status = sandbox.git.status(path)
        assert [file.name for file in status.file_status] == ["new.txt"], status

    async def connected():
        look(sandbox)

    async def from_the_id():
        look(Sandbox.connect(sandbox_id, timeout=3600))

    return connected, from_the_id


async def measured(ways):
    times = {name: [] for name in ways}
    names = list(ways)
    for turn in range(WARM + ROUNDS):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            began = time.perf_counter()
            await ways[name]()
            took = time.perf_counter() - began
            if turn >= WARM:
                times[name].append(took * 1000)
    return times


def show(times, pairs):
    print(f"git status, {ROUNDS} rounds in turns              p50 ms   p95 ms   min ms")
    for name, taken in times.items():
        cuts = statistics.quantiles(taken, n=20)
        print(f"  {name:<42} {statistics.median(taken):>8.2f} {cuts[18]:>8.2f} {min(taken):>8.2f}")
    for slower, faster in pairs:
        ratio = statistics.median(times[slower]) / statistics.median(times[faster])
        print(f"  {slower} / {faster}, p50: {ratio:.2f} times")


async def main():
    port = free_port()
    started = ["mcp", "--data", str(DATA), "--listen", f"127.0.0.1:{port}"]
    environment = dict(os.environ)
    async with Client(StdioServerParameters(command=PROGRAM, args=started, env=environment)) as ours:
        sandbox_id, copy = await prepared(ours)
        reference = ["-m", "mcp_server_git", "--repository", str(copy)]
        over_stdio = StdioServerParameters(command=sys.executable, args=reference, env=environment)
        async with Client(over_stdio) as theirs, Client(f"http://127.0.0.1:{port}/mcp") as over_http:
            asked = {"sandbox_id": sandbox_id}
            timings = []

            async def ours_stdio():
                status = await done(ours, "git_status", asked)
                assert status["untracked"] == ["new.txt"], status
                timings.append(status["timing"])

            async def ours_http():
                assert (await done(over_http, "git_status", asked))["untracked"] == ["new.txt"]

            async def theirs_stdio():
                result = await theirs.call_tool("git_status", {"repo_path": str(copy)})
                assert not result.is_error and "new.txt" in result.content[0].text, result

            connected, from_the_id = sdk_status(sandbox_id)
            ways = {
                "git_status over stdio": ours_stdio,
                "git_status over HTTP": ours_http,
                "mcp-server-git over stdio": theirs_stdio,
                "E2B SDK sandbox.git.status()": connected,
                "E2B SDK Sandbox.connect(), git.status()": from_the_id,
            }
            times = await measured(ways)
    timings = timings[WARM:]
    times["(git_status: the sandbox's run of git)"] = [each["git_ms"] for each in timings]
    times["(git_status: the rest of the operation)"] = [each["total_ms"] - each["git_ms"] for each in timings]
    pairs = [
        ("mcp-server-git over stdio", "git_status over stdio"),
        ("E2B SDK sandbox.git.status()", "git_status over stdio"),
        ("E2B SDK sandbox.git.status()", "git_status over HTTP"),
        ("E2B SDK Sandbox.connect(), git.status()", "git_status over stdio"),
    ]
    show(times, pairs)


asyncio.run(main())
