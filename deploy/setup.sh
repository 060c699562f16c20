#!/usr/bin/env bash
# Installs what Lachesis needs on Debian 12: packages, a virtual environment, genuine Moirae. Run again, it only looks.
#
# MOIRAE_SOURCE    any requirement that pip understands, instead of the places below
# LACHESIS_WHEELS  folder looked through for a wheel of Moirae first (default ~/.cache/lachesis/wheels)
set -euo pipefail
cd "$(dirname "$0")/.."

readonly debian_python=/usr/bin/python3
readonly venv=.venv
readonly repository=https://github.com/ROVI-org/auto-soh
readonly commit=949c3b674974269bd20dab94670adfa8bb3fcb40
readonly packages=(
    build-essential chromium fonts-dejavu-core git libexpat1-dev libjs-dygraphs libmsgpack-dev libseccomp-dev libsqlite3-dev
    libzmq3-dev pkg-config python3-dev python3-venv sqlite3 wrk zlib1g-dev
)

say() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

require_swift() {
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || fail "no Swift toolchain on PATH; install 6.3 or newer from https://www.swift.org/install"
    [ "$(printf '%s\n6.3\n' "$version" | sort -V | head -n 1)" = 6.3 ] || fail "Swift $version is too old; 6.3 or newer is needed"
}

install_packages() {
    local missing=() package root=()
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        # Without a password at hand sudo must not wait for one: this may run where nobody sits.
        if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
            root=(sudo)
        else
            fail "these Debian packages are missing, and this user may not install them; as root: apt-get install ${missing[*]}"
        fi
    fi
    say "installing ${missing[*]}"
    "${root[@]}" apt-get -qq update
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y "${missing[@]}" >/dev/null
}

make_environment() {
    local wanted
    wanted=$(cat deploy/requirements.txt deploy/setup.sh python/pyproject.toml | sha256sum)
    [ "$(cat $venv/.requirements 2>/dev/null)" != "$wanted" ] || return 0
    say "making the virtual environment $venv (some minutes the first time)"
    # Workers embed Debian's interpreter, so the packages must be built for it and for no other Python on PATH.
    "$venv/bin/python" -c 'import sys; sys.exit(sys.base_prefix != "/usr")' 2>/dev/null || rm -rf "$venv"
    [ -d $venv ] || "$debian_python" -m venv "$venv"
    pip --requirement deploy/requirements.txt --no-deps
    # As a plain entry of the path: a finder would come after the current folder, where a clone named lachesis hides it.
    pip --no-deps --no-build-isolation --editable python --config-settings editable_mode=compat
    printf '%s' "$wanted" >$venv/.requirements
}

pip() { "$venv/bin/python" -m pip --disable-pip-version-check --no-input install --quiet "$@"; }

has_moirae() { "$venv/bin/python" -W ignore -c 'import moirae.estimators.online' 2>/dev/null; }

# Prints the requirement to install, from the first place that has one.
find_moirae() {
    local wheels=${LACHESIS_WHEELS:-$HOME/.cache/lachesis/wheels} wheel
    if [ -n "${MOIRAE_SOURCE:-}" ]; then
        printf '%s' "$MOIRAE_SOURCE"
        return
    fi
    wheel=$(find "$wheels" -maxdepth 1 -name 'moirae-*.whl' 2>/dev/null | sort -V | tail -n 1)
    if [ -n "$wheel" ]; then
        printf '%s' "$wheel"
    else
        printf 'moirae @ git+%s@%s' "$repository" "$commit"
    fi
}

install_moirae() {
    local source log
    source=$(find_moirae)
    [ "$(cat $venv/.moirae 2>/dev/null)" != "$source" ] || return 0
    say "installing Moirae from $source"
    rm -f $venv/.moirae
    log=$(mktemp)
    if can_reach "$source" && pip --no-deps --force-reinstall "$source" >"$log" 2>&1 && has_moirae; then
        printf '%s' "$source" >$venv/.moirae
    else
        sed 's/^/    /' "$log" >&2
        # What is there may be another program of that name.
        "$venv/bin/python" -m pip uninstall --quiet --yes moirae 2>/dev/null || true
        say "GENUINE MOIRAE COULD NOT BE INSTALLED from $source." >&2
        say "Everything else works; the demo shows the kalman plugin. To have it: a wheel of $repository in" >&2
        say "${LACHESIS_WHEELS:-~/.cache/lachesis/wheels}, or MOIRAE_SOURCE=<any pip requirement>; then run this again." >&2
    fi
    rm -f "$log"
}

# A network that swallows packets would keep git waiting for minutes.
can_reach() {
    [[ $1 != *git+https://* ]] || GIT_TERMINAL_PROMPT=0 timeout 20 git ls-remote --exit-code "$repository" HEAD >/dev/null 2>&1
}

require_swift
install_packages
make_environment
install_moirae
say "done"
