# Runs one git command that only looks, in the shell that starts quickest. Constant text.
#
#   MARK SECONDS, then NAME=VALUE... git ARG...
#
# The shell becomes git: its outputs and its exit code are the step's, and no process is there but git's.
# Everything unusual is left to runner.sh: then only MARK goes to standard error, and nothing has run.
set -f
gl_home=$PWD gl_mark=$1
ulimit -t "$2"
shift 2
umask 022

gl_unusual() {
  printf '\0%s\n' "$gl_mark" >&2
  exit 125
}

# A plain repository whose configuration names no command: no filter, driver, hook, nor another file or
# folder. runner.sh says what is done about them.
cd workspace 2>/dev/null || gl_unusual
[ -d .git ] && [ ! -L .git ] && [ -f .git/config ] && [ ! -e .git/commondir ] && [ ! -e .git/config.worktree ] ||
  gl_unusual
gl_lines=0
while IFS= read -r gl_line || [ "$gl_line" ]; do
  case $gl_line in
    *'['[[:space:]]* | *'[' | *[Ww][Oo][Rr][Kk][Tt][Rr][Ee][Ee]* | *'['[Ff][Ii][Ll][Tt][Ee][Rr]* | \
      *'['[Mm][Ee][Rr][Gg][Ee]* | *'['[Hh][Oo][Oo][Kk]* | *'['[Ii][Nn][Cc][Ll][Uu][Dd][Ee]* | \
      *'['[Ee][Xx][Tt][Ee][Nn][Ss][Ii][Oo][Nn]*) gl_unusual ;;
  esac
  # This shell reads a byte at a time.
  gl_lines=$((gl_lines + 1))
  [ "$gl_lines" -lt 200 ] || gl_unusual
done <.git/config
# Only what the plan set, and PATH, reaches git: the sandbox's own variables must not steer it. To start `env`
# takes half the time of asking this shell for their names.
exec env -i "PATH=$PATH" "GIT_CEILING_DIRECTORIES=$gl_home" "$@" </dev/null
