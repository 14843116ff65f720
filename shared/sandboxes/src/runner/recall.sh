# Tells what a run left behind, after fence.sh:
#
#   SANDBOX EPOCH TAG MARK STOP BYTES
#
# STOP 1: claims with EPOCH first, which stops earlier runs and keeps late ones out. Ends with 3 when there is
# no run of this TAG, with 5 when there is no run at all, with 4 when it is not at its end. Prints the run's own mark, then its files.
gl_place "$1"
if [[ $5 == 1 ]]; then
  gl_claim "$1" "$2" recall "$4" own ''
  gl_unsave
fi
gl_found=("$gl_runs"/*."$3".*.out)
gl_found=${gl_found[-1]}
if [[ ! -e $gl_found ]]; then
  # The own claim says nothing.
  for gl_found in "$gl_runs"/*.out; do
    [[ -e $gl_found && $gl_found != "${gl_mine-}.out" && $gl_found != *.recall.* ]] && exit 3
  done
  exit 5
fi
gl_name=${gl_found##*/} gl_name=${gl_name#*.} gl_pid=${gl_name%%.*} gl_name=${gl_name#*.}
gl_alive "$gl_pid" "${gl_name%%.*}" && exit 4
gl_name=${gl_name%.out}
printf '%s\n' "${gl_name##*.}"
head -c "$6" -- "$gl_found"
head -c "$6" -- "${gl_found%.out}.err" >&2
