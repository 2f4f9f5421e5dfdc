#!/bin/sh
# Fuzzes: each target for some seconds with libFuzzer under ASan and UBSan, starting from its seeds.
#
# Usage: tools/fuzz.sh SECONDS [NAME_PART]      All targets, or those whose name contains NAME_PART. Inputs found to be
# interesting are kept in build-fuzz/found/NAME/; what makes a target fail is written to build-fuzz/ and named. Ends
# with 1 at the first failing target. A seed worth keeping goes to tests/fuzz/corpus/NAME/ by hand, small and named.
set -eu
cd "$(dirname "$0")/.."
seconds=$1
part=${2:-}
folder=build-fuzz

if [ ! -f $folder/build.ninja ]; then
	CC=clang-14 CXX=clang++-14 meson setup $folder -Dbuildtype=debugoptimized -Dfuzz=true \
		-Db_sanitize=address,undefined -Db_lundef=false
fi
ninja -C "$folder" --quiet fuzz-programs
ran=0
for program in "$folder"/tests/fuzz/fuzz_*"$part"*; do
	[ -f "$program" ] && [ -x "$program" ] || continue
	name=${program##*/fuzz_}
	found=$folder/found/$name
	mkdir -p "$found"
	echo "fuzz: $name for $seconds s"
	if ! "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
		-artifact_prefix="$folder/$name-" "$found" "tests/fuzz/corpus/$name" >"$folder/$name.log" 2>&1; then
		cat "$folder/$name.log"
		echo "fuzz: $name failed; the input lies in $folder/$name-*" >&2
		exit 1
	fi
	grep '^stat::number_of_executed_units' "$folder/$name.log"
	ran=$((ran + 1))
done
[ $ran -gt 0 ] || { echo "fuzz: no target has \"$part\" in its name" >&2; exit 1; }
echo "fuzz: $ran targets, nothing found"
