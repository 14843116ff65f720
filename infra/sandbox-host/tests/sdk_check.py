"""The official Python SDK against a running host: each line is one thing it must be able to do.

Run with E2B_API_URL and E2B_SANDBOX_URL set to the host and any well-formed E2B_API_KEY:

    python sdk_check.py [CLONE_URL]

Exits 0 when every check passed; prints one line per check and the SDK's version.
CLONE_URL, when given, is a repository that `git.clone` must be able to fetch.
"""

import importlib.metadata
import os
import sys
import time
import traceback
import warnings

warnings.simplefilter("ignore")

import httpx
from e2b import CommandExitException, PtySize, Sandbox, SandboxQuery, SandboxState, TimeoutException
from e2b.exceptions import AuthenticationException, NotFoundException, SandboxException

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


@check
def command_gives_output_and_exit_code(sandbox):
    result = sandbox.commands.run("echo out; echo err >&2")
    assert (result.stdout, result.stderr, result.exit_code) == ("out\n", "err\n", 0), result


@check
def failing_command_raises(sandbox):
    try:
        sandbox.commands.run("echo before; exit 3")
    except CommandExitException as error:
        assert (error.exit_code, error.stdout) == (3, "before\n"), error
    else:
        raise AssertionError("nothing was raised")


@check
def command_takes_envs_cwd_and_user(sandbox):
    result = sandbox.commands.run("echo $A $SANDBOX_WIDE; pwd; whoami", envs={"A": "1"}, cwd="/tmp", user="user")
    assert result.stdout == "1 yes\n/tmp\nuser\n", result


@check
def command_streams_to_callbacks(sandbox):
    seen = []
    sandbox.commands.run("for i in 1 2 3; do echo $i; done", on_stdout=seen.append)
    assert "".join(seen) == "1\n2\n3\n", seen


@check
def command_in_background_is_waited_for(sandbox):
    handle = sandbox.commands.run("until [ -e /tmp/seen ]; do sleep 0.01; done; echo done", background=True)
    assert any(process.pid == handle.pid for process in sandbox.commands.list())
    sandbox.commands.run("touch /tmp/seen")
    assert handle.wait().stdout == "done\n"


@check
def command_reads_what_is_sent(sandbox):
    handle = sandbox.commands.run("head -n 1", background=True, stdin=True)
    sandbox.commands.send_stdin(handle.pid, "line\n")
    assert handle.wait().stdout == "line\n"


@check
def stdin_is_closed(sandbox):
    handle = sandbox.commands.run("cat", background=True, stdin=True)
    sandbox.commands.send_stdin(handle.pid, "all of it")
    sandbox.commands.close_stdin(handle.pid)
    assert handle.wait().stdout == "all of it"


@check
def command_is_killed(sandbox):
    handle = sandbox.commands.run("sleep 1000", background=True)
    assert sandbox.commands.kill(handle.pid) is True
    try:
        handle.wait()
    except CommandExitException as error:
        assert error.exit_code == -1, error
    else:
        raise AssertionError("nothing was raised")
    assert sandbox.commands.kill(handle.pid) is False


@check
def command_is_connected_to(sandbox):
    first = sandbox.commands.run("until [ -e /tmp/go ]; do sleep 0.01; done; echo went", background=True)
    second = sandbox.commands.connect(first.pid)
    sandbox.commands.run("touch /tmp/go")
    assert second.wait().stdout == "went\n"


@check
def command_times_out(sandbox):
    try:
        sandbox.commands.run("sleep 1000", timeout=0.5)
    except TimeoutException:
        pass
    else:
        raise AssertionError("nothing was raised")


@check
def files_are_written_read_and_found(sandbox):
    info = sandbox.files.write("dir/text.txt", "grüße")
    assert info.path == "/home/user/dir/text.txt", info
    assert sandbox.files.read("dir/text.txt") == "grüße"
    blob = bytes(range(256)) * 4096
    sandbox.files.write("/tmp/blob", blob)
    assert bytes(sandbox.files.read("/tmp/blob", format="bytes")) == blob
    assert b"".join(sandbox.files.read("/tmp/blob", format="stream")) == blob
    assert sandbox.files.exists("/tmp/blob") and not sandbox.files.exists("/tmp/none")
    try:
        sandbox.files.read("/tmp/none")
    except NotFoundException:
        pass
    else:
        raise AssertionError("nothing was raised")


@check
def several_files_are_written_at_once(sandbox):
    written = sandbox.files.write_files([{"path": "m/1", "data": "a"}, {"path": "m/2", "data": b"b"}])
    assert [info.path for info in written] == ["/home/user/m/1", "/home/user/m/2"], written


@check
def directories_are_made_listed_renamed_and_removed(sandbox):
    assert sandbox.files.make_dir("tree/leaf") is True
    assert sandbox.files.make_dir("tree/leaf") is False
    sandbox.files.write("tree/file", "12345")
    entries = {entry.name: entry for entry in sandbox.files.list("tree")}
    assert sorted(entries) == ["file", "leaf"], entries
    file = entries["file"]
    assert (file.size, file.owner, file.type.value, file.permissions) == (5, "user", "file", "-rw-r--r--"), file
    assert sandbox.files.rename("tree/file", "tree/renamed").path == "/home/user/tree/renamed"
    assert sandbox.files.get_info("tree/renamed").size == 5
    sandbox.files.remove("tree")
    assert not sandbox.files.exists("tree")


@check
def signed_urls_work_without_headers(sandbox):
    sandbox.files.write("signed", "by url")
    url = sandbox.download_url("signed", use_signature_expiration=60)
    assert httpx.get(url).text == "by url"
    up = sandbox.upload_url("uploaded", use_signature_expiration=60)
    assert httpx.post(up, files={"file": ("uploaded", b"up")}).status_code == 200
    assert sandbox.files.read("uploaded") == "up"


@check
def git_works(sandbox):
    git = sandbox.git
    sandbox.commands.run("git init -q --bare /tmp/remote.git")
    git.clone("/tmp/remote.git", path="work")
    sandbox.files.write("work/a", "1")
    assert git.status("work").file_status[0].name == "a"
    git.add("work")
    git.commit("work", "first", author_name="A", author_email="a@example.com")
    git.push("work", remote="origin", branch=git.status("work").current_branch)
    assert sandbox.commands.run("git -C /tmp/remote.git log --all --format=%s").stdout == "first\n"
    if len(sys.argv) > 1:
        git.clone(sys.argv[1], path="cloned")
        assert git.status("cloned").is_clean


@check
def input_is_streamed(sandbox):
    if not hasattr(sandbox.commands, "stream_input"):
        return "this SDK cannot"
    handle = sandbox.commands.run("head -c 9", background=True, stdin=True)
    sandbox.commands.stream_input(handle.pid, ["one", b"two", "six"])
    assert handle.wait().stdout == "onetwosix"


def typed(handle, wanted, seen=b""):
    """Reads a terminal until it shows this; what it showed."""
    for _, _, data in handle:
        seen += data or b""
        if wanted in seen:
            return seen
    raise AssertionError(seen)


@check
def terminal_is_used_resized_and_left(sandbox):
    handle = sandbox.pty.create(PtySize(rows=30, cols=100), envs={"PS1": "$ "})
    sandbox.pty.send_stdin(handle.pid, b"tty; stty size; echo $((40+2))\n")
    seen = typed(handle, b"42")
    assert b"/dev/pts/" in seen and b"30 100" in seen, seen
    sandbox.pty.resize(handle.pid, PtySize(rows=24, cols=80))
    again = sandbox.pty.connect(handle.pid) if hasattr(sandbox.pty, "connect") else handle
    sandbox.pty.send_stdin(handle.pid, b"stty size\n")
    typed(again, b"24 80")
    sandbox.pty.send_stdin(handle.pid, b"exit 5\n")
    try:
        again.wait()
    except CommandExitException as error:
        assert error.exit_code == 5, error
    else:
        raise AssertionError("nothing was raised")
    assert sandbox.pty.kill(handle.pid) is False


@check
def directory_is_watched(sandbox):
    sandbox.files.make_dir("watched/below")
    handle = sandbox.files.watch_dir("watched", recursive=True, include_entry=True)
    sandbox.files.write("watched/below/file", "text")
    sandbox.files.remove("watched/below")
    events, deadline = [], time.monotonic() + 10
    while len(events) < 5 and time.monotonic() < deadline:
        events += handle.get_new_events()
    told = [(event.name, event.type.value) for event in events]
    assert told[:3] == [("below/file", "create"), ("below/file", "chmod"), ("below/file", "write")], told
    assert told[3:] == [("below/file", "remove"), ("below", "remove")], told
    handle.stop()
    try:
        sandbox.files.watch_dir("nowhere")
    except NotFoundException:
        pass
    else:
        raise AssertionError("nothing was raised")


@check
def tree_is_listed_to_a_depth(sandbox):
    sandbox.files.write_files([{"path": f"deep/{name}", "data": name} for name in ("a", "b/c", "b/d/e")])
    paths = [entry.path.removeprefix("/home/user/deep/") for entry in sandbox.files.list("deep", depth=2)]
    assert paths == ["a", "b", "b/c", "b/d"], paths


@check
def files_travel_compressed(sandbox):
    text = "the same again\n" * 10_000
    sandbox.files.write("packed", text, gzip=True)
    assert sandbox.files.read("packed", gzip=True) == text
    assert sandbox.files.get_info("packed").size == len(text)


@check
def file_keeps_its_metadata(sandbox):
    written = sandbox.files.write("labelled", "x", metadata={"author": "a b"})
    assert written.metadata == {"author": "a b"}, written
    assert sandbox.files.get_info("labelled").metadata == {"author": "a b"}
    sandbox.files.write("labelled", "y")
    assert not sandbox.files.get_info("labelled").metadata


@check
def root_has_a_home(sandbox):
    sandbox.files.write("mine", "root's", user="root")
    assert sandbox.commands.run("cat mine; pwd", user="root").stdout == "root's/root\n"
    assert not sandbox.files.exists("mine")
    assert sandbox.commands.run("sudo echo $SANDBOX_WIDE").stdout == "yes\n"
    try:
        sandbox.commands.run("true", user="stranger")
    except AuthenticationException:
        pass
    else:
        raise AssertionError("nothing was raised")


@check
def sandbox_is_listed_by_metadata(sandbox):
    query = SandboxQuery(metadata={"check": "b c/d+e"}, state=[SandboxState.RUNNING])
    listed = Sandbox.list(query=query).next_items()
    assert [one.sandbox_id for one in listed] == [sandbox.sandbox_id], listed


@check
def lists_come_in_pages(sandbox):
    other = Sandbox.create()
    pages = Sandbox.list(limit=1)
    seen = pages.next_items()
    while pages.has_next:
        seen += pages.next_items()
    assert {one.sandbox_id for one in seen} >= {sandbox.sandbox_id, other.sandbox_id}
    assert other.kill() is True and other.kill() is False


@check
def sandbox_is_connected_to_and_described(sandbox):
    again = Sandbox.connect(sandbox.sandbox_id, timeout=300)
    assert again.commands.run("echo same").stdout == "same\n"
    info = again.get_info()
    assert (info.sandbox_id, info.cpu_count, info.memory_mb) == (sandbox.sandbox_id, 2, 512), info
    assert again.is_running()


@check
def timeout_is_set(sandbox):
    before = sandbox.get_info().end_at
    sandbox.set_timeout(1000)
    assert sandbox.get_info().end_at > before


@check
def sandbox_is_paused_and_resumed(sandbox):
    handle = sandbox.commands.run("exec sleep 1000", background=True)
    pause = getattr(sandbox, "pause", None) or sandbox.beta_pause
    pause()
    assert sandbox.get_info().state == SandboxState.PAUSED
    assert not sandbox.is_running()
    again = Sandbox.connect(sandbox.sandbox_id, timeout=300)
    assert handle.pid in [process.pid for process in again.commands.list()]
    assert again.commands.kill(handle.pid)


@check
def killing_a_sandbox_ends_what_is_waited_for(_):
    other = Sandbox.create(timeout=60)
    handle = other.commands.run("echo up; sleep 1000", background=True)
    other.kill()
    try:
        handle.wait()
    except (TimeoutException, SandboxException):
        pass
    else:
        raise AssertionError("nothing was raised")


@check
def expired_sandbox_is_not_running(_):
    short = Sandbox.create(timeout=1)
    deadline = time.monotonic() + 20
    while short.is_running():
        assert time.monotonic() < deadline, "still running"
        time.sleep(0.05)
    try:
        short.commands.run("true")
    except TimeoutException as error:
        assert "sandbox" in str(error).lower(), error
    else:
        raise AssertionError("nothing was raised")


def main():
    failed = 0
    sandbox = Sandbox.create(timeout=300, envs={"SANDBOX_WIDE": "yes"}, metadata={"check": "b c/d+e"})
    for function in CHECKS:
        try:
            remark = function(sandbox)
            print(f"ok     {function.__name__}" + (f" ({remark})" if remark else ""))
        except Exception:  # noqa: BLE001 - every kind of failure is a result here
            failed += 1
            print(f"FAILED {function.__name__}")
            traceback.print_exc()
    killed = sandbox.kill() and not sandbox.is_running()
    print(f"{'ok    ' if killed else 'FAILED'} sandbox_is_killed")
    failed += not killed
    print(f"e2b {importlib.metadata.version('e2b')}: {len(CHECKS) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # No teardown: a thread of the SDK's HTTP library that comes back to an interpreter being taken down aborts the
    # process, also when all went well (as in curioswitch/pyqwest#164; about one run in a hundred on a busy machine).
    os._exit(status)
