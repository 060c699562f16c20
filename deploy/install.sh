#!/usr/bin/env bash
# Installs what `make build` made, so that it needs neither this folder nor a Swift toolchain any more. `make install` calls it.
#
# PREFIX    folder of Lachesis's own (default /opt/lachesis): libexec, bin, plugins, python, .venv, share
# DESTDIR   is put before every path that is written, and into none that is read later; for packages and images
# UNITDIR   folder of the systemd unit (default /usr/local/lib/systemd/system)
# CONFDIR   folder of the settings; a file that is there already stays (default /etc/lachesis)
# BUILD     folder of the built programs (default .build/release)
# VENV      virtual environment to copy (default .venv)
#
# Nothing is started, no user is made: the last lines say what is left to do.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly prefix=${PREFIX:-/opt/lachesis}
readonly destination=${DESTDIR:-}
readonly units=${UNITDIR:-/usr/local/lib/systemd/system}
readonly settings=${CONFDIR:-/etc/lachesis}
readonly build=${BUILD:-.build/release}
readonly environment=${VENV:-.venv}
readonly parts=(libexec bin plugins python .venv share)
readonly mark=share/lachesis
# What only those who work on Lachesis need. pip stays: an admin may add packages that scripts import.
readonly excluded=(
    __pycache__ '__editable__*' 'lachesis-*.dist-info' lachesis ruff 'ruff-*.dist-info' _pytest pytest 'pytest-*.dist-info'
    'hadolint*'
)

say() { printf 'install: %s\n' "$*"; }
fail() {
    printf 'install: %s\n' "$*" >&2
    exit 1
}

check() {
    local program
    [[ $prefix == /* ]] || fail "PREFIX must be an absolute path, and '$prefix' is none"
    for program in lachesisd lachesis-host; do
        [ -x "$build/$program" ] || fail "there is no $build/$program: \`make build\` makes it"
    done
    [ -x "$environment/bin/python" ] || fail "there is no $environment/bin/python: \`make setup\` makes it"
    # What is replaced is removed first, so it must be an installation and not, say, /usr/local.
    if [ -n "$(ls -A "$destination$prefix" 2>/dev/null)" ] && [ ! -d "$destination$prefix/$mark" ]; then
        fail "$destination$prefix is neither empty nor an installation of Lachesis; PREFIX must be a folder of its own"
    fi
}

# The programs, and beside them the libraries of the Swift toolchain, which $ORIGIN in their run path finds.
install_programs() {
    local library
    mkdir -p "$new/libexec" "$new/bin"
    install -m 755 "$build/lachesisd" "$build/lachesis-host" "$new/libexec"
    while read -r library; do
        install -m 644 "$library" "$new/libexec"
    done < <(toolchain_libraries)
    # A third of the size; names of functions stay, for backtraces.
    strip --strip-debug "$new/libexec/lachesisd" "$new/libexec/lachesis-host"
    ln -s ../libexec/lachesisd "$new/bin/lachesisd"
}

# Those that the system does not have.
toolchain_libraries() {
    ldd "$build/lachesisd" "$build/lachesis-host" | awk '$2 == "=>" { print $3 }' | sort -u |
        grep -v -E '^(/usr)?/lib(64)?/' || true
}

install_plugins() {
    mkdir -p "$new/plugins" "$new/python" "$new/$mark/deploy"
    copy plugins "$new/plugins" __pycache__
    mkdir "$new/python/lachesis_worker"
    copy python/lachesis_worker "$new/python/lachesis_worker" __pycache__
    copy deploy "$new/$mark/deploy" __pycache__
    install -m 644 README.md CHANGELOG.md LICENSE "$new/$mark"
    # Where the page for administrators expects it.
    install -D -m 644 Sources/CSandbox/THREATS.md "$new/$mark/Sources/CSandbox/THREATS.md"
}

# copy FROM INTO [EXCLUDED…]
copy() {
    local from=$1 into=$2
    shift 2
    tar -C "$from" --create "${@/#/--exclude=}" . | tar -C "$into" --extract --no-same-owner
}

# A virtual environment of its own: the packages are copied as they were tested, the client is installed.
install_environment() {
    local packages=$environment/lib/python3.11/site-packages source
    local target=$new/.venv/lib/python3.11/site-packages
    /usr/bin/python3 -m venv --without-pip --symlinks "$new/.venv"
    # They name the folder of this moment.
    rm -f "$new"/.venv/bin/[aA]ctivate*
    sed -i '/^command/d' "$new/.venv/pyvenv.cfg"
    copy "$packages" "$target" "${excluded[@]/#/./}" '*/__pycache__'
    source=$(mktemp -d)
    copy python "$source" ./tests __pycache__ '*.egg-info' build
    "$environment/bin/python" -m pip --disable-pip-version-check install --quiet --no-index --no-deps \
        --no-build-isolation --no-compile --root-user-action ignore --target "$source/target" "$source"
    if [ -d "$source/target/bin" ]; then
        sed -i "1s|^#!.*|#!$prefix/.venv/bin/python|" "$source"/target/bin/*
        install -m 755 "$source"/target/bin/* "$new/bin"
        rm -r "$source/target/bin"
    fi
    copy "$source/target" "$target"
    rm -rf "$source"
    # Whoever runs the server may not write here. In the files stands where they will be.
    "$environment/bin/python" -m compileall -q -j 0 -s "$new" -p "$prefix" "$new/.venv/lib" "$new/python" \
        "$new/plugins" || say "some Python files, of other languages or versions, were not compiled"
}

install_settings() {
    mkdir -p "$destination$units" "$destination$settings"
    sed "s|/opt/lachesis|$prefix|g; s|/etc/lachesis|$settings|g" deploy/systemd/lachesisd.service \
        >"$destination$units/lachesisd.service"
    if [ ! -e "$destination$settings/lachesisd.env" ]; then
        install -m 644 deploy/systemd/lachesisd.env "$destination$settings"
    fi
}

# The old parts go when the new ones are complete; the programs that run keep theirs until they end.
replace() {
    local part
    # Whoever runs the server must read all of it, however private the folder was that it came from.
    chmod -R u+rwX,go+rX,go-w "$new"
    for part in "${parts[@]}"; do
        rm -rf "$destination$prefix/$part"
        mv "$new/$part" "$destination$prefix/$part"
    done
    rmdir "$new"
}

umask 022
check
mkdir -p "$destination$prefix"
readonly new=$destination$prefix/.new
rm -rf "$new"
mkdir "$new"
trap 'rm -rf "$new"' EXIT
say "into $destination$prefix: programs, plugins, and the Python packages of $environment (about 1 GB)"
install_programs
install_plugins
install_environment
replace
install_settings
say "done; what is left, as root ($prefix/$mark/deploy/README.md says more):"
say "  systemd-sysusers $prefix/$mark/deploy/systemd/lachesis.sysusers && systemctl daemon-reload"
say "  systemctl enable --now lachesisd"
