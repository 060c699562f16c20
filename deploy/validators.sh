#!/usr/bin/env bash
# Fetches what only tests of deploy/ need and no user does: nginx, and promtool of Prometheus. Debian's packages are unpacked into
# .venv/tools and not installed, so that no service starts. Run again, it only looks.
set -uo pipefail
cd "$(dirname "$0")/.."

readonly tools=.venv/tools

say() { printf 'validators: %s\n' "$*" >&2; }

# fetch PROGRAM PACKAGE
fetch() {
    local program=$1 package=$2 folder
    if PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || [ -x "$tools/$program" ]; then return 0; fi
    say "fetching $program"
    folder=$(mktemp -d)
    if (cd "$folder" && apt-get -qq download "$package" 2>log) && dpkg-deb --extract "$folder"/*.deb "$folder/all"; then
        mkdir -p "$tools"
        find "$folder/all" -name "$program" -type f -perm -u=x -exec cp {} "$tools/" \;
    else
        sed 's/^/    /' "$folder/log" >&2
        say "$program CANNOT BE HAD; what is tested with it is not tested. As root \`apt-get update\` may help."
    fi
    rm -rf "$folder"
}

fetch nginx nginx
fetch promtool prometheus
