#!/usr/bin/env bash
# Runs Swift's and Python's tests, all of them even if some fail, and ends with the counts of both together.
set -uo pipefail
cd "$(dirname "$0")/.."

deploy/validators.sh
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
failed=0

# One after the other: tests of time-outs beside tests that keep every core busy would test the machine.
swift test --scratch-path .build-debug --no-parallel --xunit-output "$results/swift.xml" || failed=1
.venv/bin/python -m pytest python/tests -q --junitxml "$results/python.xml" || failed=1
.venv/bin/python deploy/counts.py "$results"/*.xml || failed=1
exit $failed
