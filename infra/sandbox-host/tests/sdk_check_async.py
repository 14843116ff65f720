"""The official Python SDK's async half against a running host: each line is one thing it must be able to do.

Needs the host in E2B_API_URL and E2B_SANDBOX_URL, any well-formed E2B_API_KEY, and a repository in ORIGIN_URL
that takes pushes with the token in ORIGIN_TOKEN. Exits 0 when every check passed.
"""

import asyncio
import importlib.metadata
import os
import sys
import traceback
import warnings

warnings.simplefilter("ignore")

from e2b import AsyncSandbox, CommandExitException, PtySize, TimeoutException
from e2b.exceptions import NotFoundException

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Seen:
    """What callbacks were told, to be waited for."""

    def __init__(self):
        self.all, self.news = [], asyncio.Event()

    def __call__(self, one):
        self.all.append(one)
        self.news.set()

    async def until(self, enough):
        async with asyncio.timeout(20):
            while not enough(self.all):
                self.news.clear()
                await self.news.wait()


@check
async def commands_run_side_by_side(sandbox):
    results = await asyncio.gather(*[sandbox.commands.run(f"echo {number}") for number in range(10)])
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(10)], results


@check
async def command_fails_streams_and_times_out(sandbox):
    seen = Seen()
    try:
        await sandbox.commands.run("echo out; echo err >&2; exit 3", on_stdout=seen, on_stderr=seen)
        raise AssertionError("nothing was raised")
    except CommandExitException as error:
        assert error.exit_code == 3, error
    assert sorted(seen.all) == ["err\n", "out\n"], seen.all
    try:
        await sandbox.commands.run("sleep 1000", timeout=0.5)
        raise AssertionError("nothing was raised")
    except TimeoutException:
        pass


@check
async def command_in_background_is_fed_listed_and_killed(sandbox):
    handle = await sandbox.commands.run("cat", background=True, stdin=True)
    await sandbox.commands.send_stdin(handle.pid, "all of it")
    await sandbox.commands.close_stdin(handle.pid)
    assert (await handle.wait()).stdout == "all of it"
    handle = await sandbox.commands.run("sleep 1000", background=True, envs={"A": "1"}, cwd="/tmp")
    listed = {process.pid: process for process in await sandbox.commands.list()}
    assert listed[handle.pid].envs == {"A": "1"} and listed[handle.pid].cwd == "/tmp", listed
    assert await sandbox.commands.kill(handle.pid) is True
    assert await sandbox.commands.kill(handle.pid) is False


@check
async def input_is_streamed_while_output_comes(sandbox):
    if not hasattr(sandbox.commands, "stream_input"):
        return "this SDK cannot"
    seen = Seen()
    handle = await sandbox.commands.run("cat", background=True, stdin=True, on_stdout=seen)
    async with sandbox.commands.stream_input(handle.pid) as stream:
        for word in ("one", "two", "six"):
            await stream.send(word)
            await seen.until(lambda all, word=word: word in "".join(all))
    await sandbox.commands.close_stdin(handle.pid)
    assert (await handle.wait()).stdout == "onetwosix"


@check
async def terminal_is_used_resized_and_killed(sandbox):
    seen = Seen()
    shown = lambda all: b"".join(all)
    handle = await sandbox.pty.create(PtySize(rows=30, cols=100), on_data=seen, envs={"PS1": "$ "})
    await sandbox.pty.send_stdin(handle.pid, b"tty; stty size; echo $((40+2))\n")
    await seen.until(lambda all: b"42" in shown(all))
    assert b"/dev/pts/" in shown(seen.all) and b"30 100" in shown(seen.all), seen.all
    await sandbox.pty.resize(handle.pid, PtySize(rows=24, cols=80))
    await sandbox.pty.send_stdin(handle.pid, b"stty size\n")
    await seen.until(lambda all: b"24 80" in shown(all))
    assert await sandbox.pty.kill(handle.pid) is True
    try:
        await handle.wait()
        raise AssertionError("nothing was raised")
    except CommandExitException as error:
        assert error.exit_code != 0, error


@check
async def directory_is_watched(sandbox):
    await sandbox.files.make_dir("watched")
    seen, ended = Seen(), Seen()
    handle = await sandbox.files.watch_dir("watched", on_event=seen, on_exit=ended, recursive=True)
    await sandbox.files.write("watched/below/file", "text")
    await sandbox.files.rename("watched/below/file", "watched/other")
    await seen.until(lambda all: ("other", "create") in [(event.name, event.type.value) for event in all])
    told = [(event.name, event.type.value) for event in seen.all]
    assert told.index(("below", "create")) < told.index(("below/file", "create")), told
    assert ("below/file", "rename") in told, told
    await handle.stop()
    try:
        await sandbox.files.watch_dir("nowhere", on_event=seen)
        raise AssertionError("nothing was raised")
    except NotFoundException:
        pass


@check
async def files_are_written_read_listed_and_removed(sandbox):
    blob = bytes(range(256)) * 4096
    info = await sandbox.files.write("dir/blob", blob, metadata={"step": "1"}, gzip=True)
    assert info.metadata == {"step": "1"}, info
    assert bytes(await sandbox.files.read("dir/blob", format="bytes", gzip=True)) == blob
    stream = await sandbox.files.read("dir/blob", format="stream")
    assert b"".join([chunk async for chunk in stream]) == blob
    await sandbox.files.write_files([{"path": "dir/a/b", "data": "1"}, {"path": "dir/c", "data": b"2"}])
    paths = [entry.path.removeprefix("/home/user/dir/") for entry in await sandbox.files.list("dir", depth=2)]
    assert paths == ["a", "a/b", "blob", "c"], paths
    await sandbox.files.remove("dir")
    assert not await sandbox.files.exists("dir")


@check
async def repository_is_cloned_committed_to_and_pushed(sandbox):
    git, place, branch = sandbox.git, "/home/user/async-app", "from-the-async-sdk"
    await git.clone(os.environ["ORIGIN_URL"], path=place)
    await git.create_branch(place, branch)
    await sandbox.files.write(f"{place}/async.txt", "hello\n")
    assert [file.name for file in (await git.status(place)).file_status] == ["async.txt"]
    await git.add(place)
    await git.commit(place, "Say hello", author_name="Tess", author_email="tess@example.com")
    assert branch in (await git.branches(place)).branches
    token = os.environ["ORIGIN_TOKEN"]
    await git.push(place, username="tess", password=token, remote="origin", branch=branch)
    pushed = await sandbox.commands.run(f"git ls-remote origin {branch}", cwd=place)
    head = await sandbox.commands.run("git rev-parse HEAD", cwd=place)
    assert pushed.stdout.split()[0] == head.stdout.strip(), pushed


async def main():
    failed = 0
    sandbox = await AsyncSandbox.create(timeout=300)
    for function in CHECKS:
        try:
            remark = await function(sandbox)
            print(f"ok     {function.__name__}" + (f" ({remark})" if remark else ""))
        except Exception:  # noqa: BLE001 - every kind of failure is a result here
            failed += 1
            print(f"FAILED {function.__name__}")
            traceback.print_exc()
    await sandbox.kill()
    version = importlib.metadata.version("e2b")
    print(f"e2b {version} async: {len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    status = asyncio.run(main())
    sys.stdout.flush()
    # No teardown: a thread of the SDK's HTTP library that comes back to an interpreter being taken down aborts the
    # process, also when all went well (as in curioswitch/pyqwest#164; about one run in a hundred on a busy machine).
    os._exit(status)
