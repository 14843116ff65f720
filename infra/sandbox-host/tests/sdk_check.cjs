// The official JavaScript SDK against a running host: each line is one thing it must be able to do.
//
//     node sdk_check.cjs DIRECTORY
//
// DIRECTORY has the package `e2b` in its node_modules. Needs the host in E2B_API_URL and E2B_SANDBOX_URL, any
// well-formed E2B_API_KEY, and a repository in ORIGIN_URL that takes pushes with the token in ORIGIN_TOKEN.
// Exits 0 when every check passed.

const assert = require('node:assert/strict')
const path = require('node:path')
const { createRequire } = require('node:module')

const inside = createRequire(path.join(path.resolve(process.argv[2]), 'package.json'))
const { CommandExitError, NotFoundError, Sandbox, TimeoutError } = inside('e2b')
const { version } = require(path.join(path.resolve(process.argv[2]), 'node_modules/e2b/package.json'))

// What callbacks were told, to be waited for.
class Seen {
  all = []
  #waiting = []
  add = (one) => {
    this.all.push(one)
    this.#waiting = this.#waiting.filter(({ enough, resolve }) => (enough(this.all) ? resolve() : true))
  }
  until(enough) {
    if (enough(this.all)) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`only saw ${JSON.stringify(this.all)}`)), 20_000)
      this.#waiting.push({ enough, resolve: () => (clearTimeout(late), resolve()) })
    })
  }
}

const text = (chunks) => Buffer.concat(chunks).toString()

const checks = {
  async command_gives_output_and_exit_code(sandbox) {
    const result = await sandbox.commands.run('echo out; echo err >&2; echo $A; pwd', { envs: { A: '1' }, cwd: '/tmp' })
    assert.deepEqual([result.stdout, result.stderr, result.exitCode], ['out\n1\n/tmp\n', 'err\n', 0])
    await assert.rejects(sandbox.commands.run('exit 3'), (error) => {
      return error instanceof CommandExitError && error.exitCode === 3
    })
    await assert.rejects(sandbox.commands.run('sleep 1000', { timeoutMs: 500 }), TimeoutError)
  },

  async command_in_background_is_fed_listed_connected_to_and_killed(sandbox) {
    const seen = new Seen()
    const cat = await sandbox.commands.run('cat', { background: true, stdin: true, onStdout: seen.add })
    await sandbox.commands.sendStdin(cat.pid, 'some')
    await seen.until((all) => all.join('') === 'some')
    await sandbox.commands.closeStdin(cat.pid)
    assert.equal((await cat.wait()).stdout, 'some')
    const sleep = await sandbox.commands.run('sleep 1000', { background: true })
    assert((await sandbox.commands.list()).some(({ pid }) => pid === sleep.pid))
    const again = await sandbox.commands.connect(sleep.pid)
    assert.equal(await sandbox.commands.kill(sleep.pid), true)
    await assert.rejects(again.wait(), CommandExitError)
    assert.equal(await sandbox.commands.kill(sleep.pid), false)
  },

  async terminal_is_used_resized_and_left(sandbox) {
    const seen = new Seen()
    const type = (line) => sandbox.pty.sendInput(terminal.pid, Buffer.from(line))
    const terminal = await sandbox.pty.create({ rows: 30, cols: 100, onData: seen.add, envs: { PS1: '$ ' } })
    await type('tty; stty size; echo $((40+2))\n')
    await seen.until((all) => text(all).includes('42'))
    assert.match(text(seen.all), /\/dev\/pts\/[0-9]+\r\n30 100\r\n/)
    await sandbox.pty.resize(terminal.pid, { rows: 24, cols: 80 })
    await type('stty size\n')
    await seen.until((all) => text(all).includes('24 80'))
    await type('exit 5\n')
    await assert.rejects(terminal.wait(), (error) => error.exitCode === 5)
    assert.equal(await sandbox.pty.kill(terminal.pid), false)
  },

  async directory_is_watched(sandbox) {
    await sandbox.files.makeDir('watched')
    const seen = new Seen()
    const handle = await sandbox.files.watchDir('watched', seen.add, { recursive: true })
    const told = (name, type) => (all) => all.some((event) => event.name === name && event.type === type)
    await sandbox.files.makeDir('watched/below')
    await seen.until(told('below', 'create'))
    await sandbox.files.write('watched/below/file', 'text')
    await seen.until(told('below/file', 'write'))
    await sandbox.files.remove('watched/below')
    await seen.until(told('below', 'remove'))
    assert(told('below/file', 'create')(seen.all))
    await handle.stop()
    await assert.rejects(sandbox.files.watchDir('nowhere', seen.add), NotFoundError)
  },

  async files_are_written_read_listed_renamed_and_removed(sandbox) {
    const blob = Buffer.alloc(1 << 20, 'blob')
    const written = await sandbox.files.write('dir/blob', blob.buffer, { metadata: { step: '1' }, gzip: true })
    assert.deepEqual(written.metadata, { step: '1' })
    assert.deepEqual(Buffer.from(await sandbox.files.read('dir/blob', { format: 'bytes', gzip: true })), blob)
    assert.equal((await (await sandbox.files.read('dir/blob', { format: 'blob' })).text()).length, blob.length)
    const chunks = []
    for await (const chunk of await sandbox.files.read('dir/blob', { format: 'stream' })) chunks.push(chunk)
    assert.deepEqual(Buffer.concat(chunks), blob)
    await sandbox.files.write([{ path: 'dir/a/b', data: 'grüße' }, { path: 'dir/c', data: '2' }])
    assert.equal(await sandbox.files.read('dir/a/b'), 'grüße')
    const listed = await sandbox.files.list('dir', { depth: 2 })
    assert.deepEqual(listed.map((entry) => entry.path.replace('/home/user/dir/', '')), ['a', 'a/b', 'blob', 'c'])
    assert.equal((await sandbox.files.rename('dir/c', 'dir/d')).path, '/home/user/dir/d')
    await assert.rejects(sandbox.files.read('dir/c'), NotFoundError)
    await sandbox.files.remove('dir')
    assert.equal(await sandbox.files.exists('dir'), false)
  },

  async signed_urls_work_without_headers(sandbox) {
    const up = await sandbox.uploadUrl('signed', { useSignatureExpiration: 60_000 })
    const form = new FormData()
    form.append('file', new Blob(['by url']), 'signed')
    assert.equal((await fetch(up, { method: 'POST', body: form })).status, 200)
    const down = await sandbox.downloadUrl('signed', { useSignatureExpiration: 60_000 })
    assert.equal(await (await fetch(down)).text(), 'by url')
    assert.equal((await fetch(down, { method: 'POST', body: form })).status, 401)
  },

  async repository_is_cloned_committed_to_and_pushed(sandbox) {
    const [git, place, branch] = [sandbox.git, '/home/user/js-app', 'from-the-js-sdk']
    await git.clone(process.env.ORIGIN_URL, { path: place })
    await git.createBranch(place, branch)
    await sandbox.files.write(`${place}/js.txt`, 'hello\n')
    assert.deepEqual((await git.status(place)).fileStatus.map(({ name }) => name), ['js.txt'])
    await git.add(place)
    await git.commit(place, 'Say hello', { authorName: 'Tess', authorEmail: 'tess@example.com' })
    assert((await git.branches(place)).branches.includes(branch))
    const password = process.env.ORIGIN_TOKEN
    await git.push(place, { username: 'tess', password, remote: 'origin', branch })
    const pushed = await sandbox.commands.run(`git ls-remote origin ${branch}`, { cwd: place })
    const head = await sandbox.commands.run('git rev-parse HEAD', { cwd: place })
    assert.equal(pushed.stdout.split('\t')[0], head.stdout.trim())
  },

  async killed_sandbox_says_so() {
    const other = await Sandbox.create({ timeoutMs: 60_000 })
    const handle = await other.commands.run('echo up; sleep 1000', { background: true })
    await other.kill()
    await assert.rejects(handle.wait(), (error) => error instanceof TimeoutError && /killed/.test(error.message))
    assert.equal(await other.isRunning(), false)
  },
}

async function main() {
  const sandbox = await Sandbox.create({ timeoutMs: 300_000 })
  let failed = 0
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check(sandbox)
      console.log(`ok     ${name}`)
    } catch (error) {
      failed += 1
      console.log(`FAILED ${name}`, error)
    }
  }
  await sandbox.kill()
  console.log(`e2b ${version} js: ${Object.keys(checks).length - failed} passed, ${failed} failed`)
  process.exitCode = failed ? 1 : 0
}

main()
