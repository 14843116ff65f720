# Runs the steps of one plan inside a sandbox. Constant text: everything of a plan comes in arguments.
#
#   MARK KEEP SCRATCH WRITES SECONDS, then for each step
#   DIR STDIN-KIND STDIN-COUNT STDIN... STDOUT-FILE MAY-FAIL ARGC ARG...
#
# MARK as the file keeps what the step prints, and the argument MARK:N is what step N printed.
#
# After each step a mark goes to both outputs; MARK is random, so nothing a step prints can be taken for
# one. Builtins only where nothing is amiss: a process costs more than all of this together.
set +o posix
gl_home=$PWD gl_mark=$1 gl_keep=$2 gl_scratch=$3 gl_writes=$4 gl_seconds=$5
shift 5
umask 022
[[ $gl_seconds ]] && ulimit -t "$gl_seconds"

# Only what the plan set, and PATH, reaches git: the sandbox's own variables must not steer it. Their names
# come from the kernel, because every way to have bash list them costs a process or sorts them again and
# again. Names that bash could not hold are no variables of git's either.
mapfile -d '' -t gl_names </proc/self/environ || exit 125
gl_names=("${gl_names[@]%%=*}")
set -f
for gl_name in ${gl_names[@]}; do
  case $gl_name in
    PATH | PWD) ;;
    *) [[ $gl_keep == *" $gl_name "* ]] || export -n "$gl_name" 2>/dev/null ;;
  esac
done
set +f
# git looks for a repository in the workspace and nowhere above it.
export GIT_CEILING_DIRECTORIES=$gl_home

if [[ $gl_scratch ]]; then
  trap 'declare -F gl_tell >/dev/null && gl_tell; cd / && rm -rf -- "$gl_scratch"' EXIT
  trap 'exit 143' TERM INT HUP
  # Uploads may have made it already.
  if [[ -d $gl_scratch ]]; then chmod 700 -- "$gl_scratch"; else mkdir -p -m 700 -- "$gl_scratch"; fi || exit 125
fi

# Who writes has the workspace for itself, so a lock in it is a dead process's.
if [[ $gl_writes == 1 && -d workspace/.git ]]; then
  shopt -s nullglob globstar
  gl_locks=(workspace/.git/{,refs/**/,objects/info/,worktrees/*/}*.lock workspace/.git/packed-refs.new*)
  shopt -u nullglob globstar
  ((${#gl_locks[@]})) && rm -f -- "${gl_locks[@]}"
fi

gl_settings=0
gl_set() {
  export "GIT_CONFIG_KEY_$gl_settings=$1" "GIT_CONFIG_VALUE_$gl_settings=$2" "GIT_CONFIG_COUNT=$((++gl_settings))"
}

# Commands in the workspace's own configuration do not run: they are found by name and overruled. git is
# asked only when the file may have some, or is not a plain file of a plain repository.
gl_overrule() {
  local git=workspace/.git text names name
  if [[ -d $git && ! -L $git && ! -e $git/commondir && ! -e $git/config.worktree && -f $git/config ]]; then
    mapfile -d '' -t text <"$git/config"
    text=${text[*]}
    # Not a glob: bash takes milliseconds for one with alternatives.
    [[ ${text,,} =~ \[[[:space:]]*(filter|merge|hook|include|extensions)|worktree ]] || return 0
  fi
  mapfile -d '' -t names < <(git -C workspace config --name-only -z --get-regexp \
    '^(filter[.].+[.](clean|smudge|process|required)|merge[.].+[.]driver|hook[.].+[.].+|core[.]worktree)$' 2>/dev/null)
  for name in "${names[@]}"; do
    case $name in
      filter.*.required) gl_set "$name" false ;;
      filter.*) gl_set "$name" '' ;;
      # An empty driver would pass our side off as the merge of both; this is git's own merge of a text.
      merge.*) gl_set "$name" 'git merge-file --marker-size=%L %A %O %B || exit 1' ;;
      hook.*) gl_set "${name%.*}.enabled" false ;;
      # No setting overrules this one. git would show and write another folder's files.
      core.worktree) gl_tree=--work-tree=$gl_home/workspace ;;
    esac
  done
}
gl_tree=
[[ -e workspace/.git || -L workspace/.git ]] && gl_overrule

gl_step() {
  case $gl_in in
    file) "${gl_argv[@]}" <"$gl_data" ;;
    text) printf %s "$gl_data" 2>/dev/null | "${gl_argv[@]}"; return "${PIPESTATUS[1]}" ;;
    fields) printf '%s\0' "${gl_data[@]}" 2>/dev/null | "${gl_argv[@]}"; return "${PIPESTATUS[1]}" ;;
    *) "${gl_argv[@]}" </dev/null ;;
  esac
}

# Marks the end of a step in both outputs. Where they are kept in a file, and it has no room, they are not.
gl_told() {
  printf '\0%s %d %d\n' "$gl_mark" "$@" 2>/dev/null ||
    { declare -F gl_spill >/dev/null && gl_spill && printf '\0%s %d %d\n' "$gl_mark" "$@"; }
  printf '\0%s\n' "$gl_mark" >&2 ||
    { declare -F gl_spill >/dev/null && gl_spill && printf '\0%s\n' "$gl_mark" >&2; }
}

gl_kept=()
for ((gl_number = 0; $#; gl_number++)); do
  gl_dir=$1 gl_in=$2 gl_data=("${@:4:$3}")
  shift "$((3 + $3))"
  gl_out=$1 gl_lenient=$2 gl_argv=("${@:4:$3}")
  shift "$((3 + $3))"
  if ((${#gl_kept[@]})); then
    for gl_at in "${!gl_argv[@]}"; do
      [[ ${gl_argv[gl_at]} == "$gl_mark:"* ]] && gl_argv[gl_at]=${gl_kept[${gl_argv[gl_at]#*:}]}
    done
  fi
  [[ $gl_tree && $gl_dir == workspace && ${gl_argv[0]} == git && ${gl_argv[1]} != init ]] &&
    gl_argv=(git "$gl_tree" "${gl_argv[@]:1}")
  gl_began=${EPOCHREALTIME//[!0-9]/}
  if ! cd -- "$gl_home" || ! cd -- "$gl_dir" 2>/dev/null; then
    printf "fatal: cannot change to '%s': No such file or directory\n" "$gl_dir" >&2
    gl_code=128
    [[ $gl_out == "$gl_mark" ]] && gl_kept[gl_number]=
  elif [[ $gl_out == "$gl_mark" ]]; then
    gl_kept[gl_number]=$(gl_step)
    gl_code=$?
    printf '%s\n' "${gl_kept[gl_number]}"
  elif [[ $gl_out ]]; then
    gl_step >"$gl_out"
    gl_code=$?
  else
    gl_step
    gl_code=$?
  fi
  gl_told "$gl_code" "$((${EPOCHREALTIME//[!0-9]/} - gl_began))"
  ((gl_code == 0 || gl_lenient)) || exit 1
done
exit 0
