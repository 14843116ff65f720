"""An agent with the official E2B SDK: clones a repository over HTTP, commits, and pushes with a token.

Needs ORIGIN_URL, a repository that takes pushes with the token in ORIGIN_TOKEN, and the host in E2B_API_URL.
Prints the commit that it pushed; ends with a traceback when something is not as the SDK promises.
"""

import os
import sys

from e2b import Sandbox

PLACE = "/home/user/app"
BRANCH = "from-the-sdk"


def push(sandbox):
    sandbox.git.clone(os.environ["ORIGIN_URL"], path=PLACE)
    assert sandbox.git.status(PLACE).is_clean
    sandbox.git.configure_user("Tess", "tess@example.com", scope="local", path=PLACE)
    sandbox.git.create_branch(PLACE, BRANCH)
    sandbox.files.write(f"{PLACE}/hello.txt", "hello\n")
    status = sandbox.git.status(PLACE)
    assert [file.name for file in status.file_status] == ["hello.txt"], status
    sandbox.git.add(PLACE)
    sandbox.git.commit(PLACE, "Say hello")
    status = sandbox.git.status(PLACE)
    assert status.is_clean and status.current_branch == BRANCH, status
    sandbox.git.push(PLACE, username="tess", password=os.environ["ORIGIN_TOKEN"], remote="origin", branch=BRANCH)
    return sandbox.commands.run("git rev-parse HEAD", cwd=PLACE).stdout.strip()


def main():
    sandbox = Sandbox.create(timeout=120)
    try:
        print("pushed", push(sandbox))
    finally:
        assert sandbox.kill()
    assert not sandbox.is_running()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # No teardown: a thread of the SDK's HTTP library that comes back to an interpreter being taken down aborts the
    # process, also when all went well (as in curioswitch/pyqwest#164; about one run in a hundred on a busy machine).
    os._exit(0)
