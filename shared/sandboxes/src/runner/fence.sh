# The fence around the runs of one sandbox, and what they leave behind. Constant text; builtins only where
# nothing is amiss, and no loop over what is only looked at.
#
# Each run under a lease has two files, named EPOCH.PID.START.TAG.MARK:
#   .out  one line of the caller's, then what the steps printed, marks included
#   .err  an empty line, then the same of standard error
# The name is the claim. It is there before the run looks whether a later epoch has been here, and stops the
# runs of earlier ones. So of two runs at least one sees the other, and never do two have the workspace. What
# it contains outlives the one who asked, who may die in the middle.

# More than this many runs are tidied up; the newest are kept.
gl_runs_max=40 gl_runs_kept=10

# SANDBOX: where its runs are. In memory, which is faster and not full when the disk is; but in the home where
# that may be shared with other sandboxes.
gl_place() {
  gl_runs=$PWD/.gitledger/$1
  [[ $PWD == /home/user && -w /dev/shm ]] && gl_runs=/dev/shm/gitledger/$1
}

# Whether the run PID, which began at START of the kernel's clock, or anything that it started, is there.
gl_alive() {
  local stat
  if read -r stat <"/proc/$1/stat"; then
    stat=(${stat##*) })
    # Another process has its number, which is not given out while the group has members.
    [[ ${stat[19]} == "$2" ]] || return 1
    [[ ${stat[0]} == Z ]] || return 0
  fi
  kill -0 -- "-$1"
} 2>/dev/null

# Ends a run: as its own time limit would, then for good.
gl_stop() {
  local try
  kill -TERM -- "-$1" || kill -TERM "$1"
  for ((try = 0; try < 400; try++)); do
    gl_alive "$1" "$2" || return 0
    ((try == 250)) && { kill -KILL -- "-$1" || kill -KILL "$1"; }
    sleep 0.02
  done
  return 1
} 2>/dev/null

# FILE...: ends the runs of these that are not at their end.
gl_stop_all() {
  local file name pid
  for file; do
    [[ $file ]] || continue
    name=${file##*/} name=${name#*.} pid=${name%%.*} name=${name#*.}
    gl_alive "$pid" "${name%%.*}" || continue
    gl_stop "$pid" "${name%%.*}" || return 1
  done
}

# SANDBOX EPOCH TAG MARK WHOSE LINE: claims, under the number of this process or of its parent, and keeps what
# is printed from now on. Ends with 76 when a later epoch was here, with 75 when an earlier run does not end.
gl_claim() {
  local all pids start epoch pid=$$
  [[ $5 == parent ]] && pid=$PPID
  gl_place "$1"
  [[ -d $gl_runs ]] || mkdir -p -m 700 -- "$gl_runs" || exit 125
  # The two programs that this can be have no spaces in their names.
  read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ start _ <"/proc/$pid/stat" || exit 125
  printf -v epoch %020d "$2"
  gl_mine=$gl_runs/$epoch.$pid.$start.$3.$4
  exec 3>&1 4>&2 >>"$gl_mine.out" 2>>"$gl_mine.err" || exit 125
  gl_saved=1
  # The first lines take up room, where there is some: then there is some for a few more.
  printf '%s\n' "$6" && printf '\n' >&2 || gl_unsave
  all=("$gl_runs"/*.out)
  # Names sort by epoch.
  if [[ ${all[-1]} > $gl_runs/$epoch.~ ]]; then
    gl_unsave
    rm -f -- "$gl_mine.out" "$gl_mine.err"
    exit 76
  fi
  # Mostly all others are at their end, and one look at all of them says so.
  pids=("${all[@]#"$gl_runs"/????????????????????.}")
  pids=("${pids[@]/#"$pid.$start."*/}")
  pids=(${pids[@]%%.*})
  if ((${#pids[@]})) && kill -0 -- "${pids[@]}" "${pids[@]/#/-}" 2>/dev/null; then
    gl_stop_all "${all[@]/#"$gl_mine.out"/}" || { gl_unsave && exit 75; }
  fi
  ((${#all[@]} <= gl_runs_max)) && return
  all=("${all[@]:0:${#all[@]}-gl_runs_kept}")
  rm -f -- "${all[@]}" "${all[@]/%.out/.err}"
}

# What is printed is told at the end, whichever it is.
gl_save() {
  trap gl_tell EXIT
  trap 'exit 143' TERM INT HUP
}

# What is printed goes straight to the one who asked.
gl_unsave() {
  gl_saved=
  exec >&3 2>&4
}

# FILE FROM TO: prints what was kept in the file, through descriptor FROM.
gl_print() {
  local size parts last
  read -r _ size <"/proc/self/fdinfo/$2"
  if ((size > 262144)); then
    tail -n +2 -- "$1" >&"$3"
    # Nobody reads so much again.
    ((size > 1048576)) && : >"$1"
    return
  fi
  # Bash keeps no NULs: they are between the parts. The dot tells whether there was one at the end.
  printf . >&"$2" && last=.
  mapfile -d '' -t parts <"$1"
  parts[0]=${parts[0]#*$'\n'}
  parts[-1]=${parts[-1]%"$last"}
  {
    ((${#parts[@]} > 1)) && printf '%s\0' "${parts[@]:0:${#parts[@]}-1}"
    printf %s "${parts[-1]}"
  } >&"$3"
}

gl_tell() {
  [[ $gl_saved ]] || return
  gl_print "$gl_mine.out" 1 3
  gl_print "$gl_mine.err" 2 4
  gl_unsave
}

# There is no room any more: what was kept is told now.
gl_spill() {
  [[ $gl_saved ]] || return
  gl_tell
  printf 'fatal: No space left on device\n' >&2
}
