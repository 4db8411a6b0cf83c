#!/bin/sh
# The main job on a shipped sample: a capture of a real block, and the verdict.
set -u
program=$1
sample=samples/06-peersync-at-client.pcap
[ -f "$sample" ] || { echo "the sample $sample is missing" >&2; exit 1; }
echo "\$ fwsniff -r $sample"
"$program" -r "$sample"
status=$?
echo
echo "Exit status $status: failures found. samples/README.md says what was really done there."
[ "$status" -eq 1 ]
