# Runs one git command that only looks, in the shell that starts quickest. Constant text.
#
#   MARK KEEP SECONDS, then git's arguments
#
# The shell becomes git: its outputs and its exit code are the step's, and no process is there but git's.
# Everything unusual is left to runner.sh: then only MARK goes to standard error, and nothing has run.
set -f
gl_mark=$1 gl_keep=$2
ulimit -t "$3"
shift 3
umask 022

gl_unusual() {
  printf '\0%s\n' "$gl_mark" >&2
  exit 125
}

# Only what the plan set, and PATH, reaches git. A value may hold a line that looks like another variable's;
# then a name is unset that is not there, or one that would have been anyway.
IFS='
'
for gl_name in $(export -p); do
  case $gl_name in 'export '*) gl_name=${gl_name#export } gl_name=${gl_name%%=*} ;; *) continue ;; esac
  case $gl_name in
    PATH | PWD | gl_* | '' | [0-9]* | *[!A-Za-z0-9_]*) ;;
    *) case $gl_keep in *" $gl_name "*) ;; *) unset "$gl_name" || gl_unusual ;; esac ;;
  esac
done
export GIT_CEILING_DIRECTORIES="$PWD"

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
exec git "$@" </dev/null
