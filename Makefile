.PHONY: setup build install run demo demo-stop test bench benchmarks lint format

python := .venv/bin/python
swift_files := Package.swift Sources Tests

# Installs what is missing: Debian packages, the virtual environment, genuine Moirae.
setup:
	@deploy/setup.sh

# Release programs, in .build/release.
build: setup
	@swift build -c release

# Puts what `make build` made under PREFIX (default /opt/lachesis), with a systemd unit; DESTDIR as usual. See deploy/README.md.
install:
	@deploy/install.sh

# A server in the foreground, with its database in ./data; PORT=8001 and so on for another port.
PORT ?= 8000
run: build
	@.build/release/lachesisd serve --port $(PORT)

# Starts a server in the background, registers an example, streams its records, shows the estimate beside the truth.
demo: build
	@$(python) deploy/demo.py start

demo-stop:
	@$(python) deploy/demo.py stop

# All tests, Swift's and Python's; ends with the counts.
test: build
	@deploy/test.sh

# Measures against a bare Moirae loop and plain SQLite in the same run; writes bench.json. BENCH="estimates --compare before.json" and so on.
bench: build
	@PYTHONPATH=python/tests/e2e $(python) -W ignore python/tests/bench --json bench.json $(BENCH)

# The same, and BENCHMARKS.md of it.
benchmarks: build
	@PYTHONPATH=python/tests/e2e $(python) -W ignore python/tests/bench --json bench.json --page BENCHMARKS.md

lint: setup
	@swift format lint --strict --recursive $(swift_files)
	@$(python) -m ruff check .
	@$(python) -m ruff format --check .
	@cd python && ../$(python) -m mypy

format: setup
	@swift format --in-place --recursive $(swift_files)
	@$(python) -m ruff check --fix .
	@$(python) -m ruff format .
