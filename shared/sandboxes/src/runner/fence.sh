# The fence around the runs of one sandbox, and what they leave behind. Constant text; builtins only where
# nothing is amiss.
#
# Each run under a lease has two files in ~/.gitledger/SANDBOX, named EPOCH.PID.START.TAG.MARK:
#   .out  one line of the caller's, then what the steps printed, marks included
#   .err  an empty line, then the same of standard error
# The name is the claim. It appears in one step, before the run looks whether a later epoch has been here and
# stops the runs of earlier ones. So of two runs at least one sees the other, and never do two have the
# workspace. What it contains outlives the one who asked, who may die in the middle.

# More than this many runs are tidied up; the newest are kept.
gl_runs_max=40 gl_runs_kept=20

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

# SANDBOX EPOCH TAG MARK WHOSE LINE: claims, under the number of this process or of its parent, or ends with 76 when a later epoch was here, with 75 when an
# earlier run does not end.
gl_claim() {
  local all file name epoch pid=$$ start stat
  [[ $5 == parent ]] && pid=$PPID
  gl_runs=$PWD/.gitledger/$1 gl_saved=
  [[ -d $gl_runs ]] || mkdir -p -m 700 -- "$gl_runs" || exit 125
  read -r stat <"/proc/$pid/stat" || exit 125
  stat=(${stat##*) })
  printf -v epoch %020d "$2"
  gl_mine=$gl_runs/$epoch.$pid.${stat[19]}.$3.$4
  # Without room for its first line a run still has its claim; what it prints is not kept.
  { printf '%s\n' "$6" >"$gl_mine.out" && printf '\n' >"$gl_mine.err" && gl_saved=1; } 2>/dev/null
  [[ -e $gl_mine.out ]] || exit 125
  all=("$gl_runs"/*.out)
  # Names sort by epoch.
  name=${all[-1]##*/}
  if [[ ${name%%.*} > $epoch ]]; then
    rm -f -- "$gl_mine.out" "$gl_mine.err"
    exit 76
  fi
  for file in "${all[@]}"; do
    [[ $file == "$gl_mine.out" ]] && continue
    name=${file##*/} name=${name#*.} pid=${name%%.*} name=${name#*.} start=${name%%.*}
    gl_alive "$pid" "$start" || continue
    gl_stop "$pid" "$start" || exit 75
  done
  ((${#all[@]} <= gl_runs_max)) && return
  all=("${all[@]:0:${#all[@]}-gl_runs_kept}")
  rm -f -- "${all[@]}" "${all[@]/%.out/.err}"
}

# From now on what is printed is kept, and told at the end.
gl_save() {
  trap gl_tell EXIT
  trap 'exit 143' TERM INT HUP
  [[ $gl_saved ]] && exec 3>&1 4>&2 >>"$gl_mine.out" 2>>"$gl_mine.err"
}

# FILE: prints what was kept in it.
gl_print() {
  local size parts last
  read -r _ size <"/proc/self/fdinfo/$2"
  if ((size > 262144)); then
    tail -n +2 -- "$1"
    # Nobody reads so much again.
    ((size > 1048576)) && : >"$1"
    return
  fi
  # Bash keeps no NULs: they are between the parts. The dot tells whether there was one at the end.
  printf . >>"$1" && last=.
  mapfile -d '' -t parts <"$1"
  parts[0]=${parts[0]#*$'\n'}
  parts[-1]=${parts[-1]%"$last"}
  ((${#parts[@]} > 1)) && printf '%s\0' "${parts[@]:0:${#parts[@]}-1}"
  printf %s "${parts[-1]}"
}

gl_tell() {
  [[ $gl_saved ]] || return
  gl_saved=
  gl_print "$gl_mine.out" 1 >&3
  gl_print "$gl_mine.err" 2 >&4
}

# There is no room any more: what is printed now goes straight to the one who asked.
gl_spill() {
  [[ $gl_saved ]] || return
  gl_tell
  exec >&3 2>&4
  printf 'fatal: No space left on device\n' >&2
}
