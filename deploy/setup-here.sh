#!/bin/sh
# Sets this checkout up for `make run` (argument: run) or `make test` (argument: test).
#
# Makes .venv with Python 3.11 or newer, installs the portal into it in editable form, and for tests the Debian
# packages too. What was done is stamped with a digest of the files that decide it, so that a second run does nothing,
# quickly and without a network. Every failure ends with one sentence that says what to do.
set -eu
cd "$(dirname "$0")/.."

what=${1:-run}
DEBIAN_PACKAGES="softhsm2 opensc poppler-utils chromium fonts-noto-core nodejs npm
binutils nsis osslsigncode minisign debootstrap wine wine64 gcc-mingw-w64-x86-64 nginx-light dosfstools libnss3-tools iproute2"

say() { printf '%s\n' "setup: $*" >&2; }
stop() { say "$*"; exit 1; }
as_root() { [ "$(id -u)" = 0 ]; }

apt_install() {
    command -v apt-get >/dev/null 2>&1 || stop "this system has no apt-get; please install yourself: $*"
    say "installing Debian packages: $*"
    DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 || say "apt-get update failed; trying with the lists at hand"
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2 \
        || stop "apt-get could not install: $*. Is there a network?"
}

find_python() {
    for name in ${PYTHON:-} python3 python3.11 python3.12 python3.13 python3.14; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

make_venv() {
    # A venv whose Python went away (moved folder, upgraded system) is made again.
    if .venv/bin/python -m pip --version >/dev/null 2>&1; then return 0; fi
    if ! python=$(find_python); then
        if as_root; then
            apt_install python3 python3-venv
            python=$(find_python) || stop "Debian's python3 is older than 3.11; install Python 3.11 or newer."
        else
            stop "Python 3.11 or newer is needed. Run: sudo apt-get install python3 python3-venv"
        fi
    fi
    rm -rf .venv .make/run .make/test
    if "$python" -c 'import ensurepip, venv' 2>/dev/null && "$python" -m venv .venv >&2; then return 0; fi
    version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if ! as_root; then
        stop "$python cannot make a virtual environment (no ensurepip). Run: sudo apt-get install $version"
    fi
    apt_install "$version"
    rm -rf .venv
    "$python" -m venv .venv >&2 || stop "$python still cannot make a virtual environment; see the lines above."
}

digest() {
    cat pyproject.toml package.json package-lock.json assets.toml hatch_build.py hatch_tinos.py | sha256sum | cut -d' ' -f1
    pwd
}

is_stamped() {
    [ -f ".make/$1" ] && [ "$(cat ".make/$1")" = "$(digest)" ] && [ -x .venv/bin/commune-portal ] \
        && [ -f commune_portal/static/vendor/.lock-digest ] \
        && { [ "$1" = run ] || [ -d node_modules/tus-js-client ]; }
}

install_javascript() {
    # The tests upload with tus-js-client too; what is locked by hash goes into node_modules/, which is never committed.
    say "installing the tests' JavaScript packages into node_modules"
    npm ci --no-audit --no-fund --ignore-scripts >&2 \
        || stop "npm could not install what package-lock.json lists. The first time needs a network."
}

install_portal() {
    # What is installed for tests is enough to run.
    if is_stamped test || { [ "$what" = run ] && is_stamped run; }; then return 0; fi
    make_venv
    if [ "$what" = test ]; then target='.[test]'; else target='.'; fi
    say "installing commune-portal into .venv (a few minutes the first time)"
    .venv/bin/python -m pip install --quiet --editable "$target" >&2 \
        || stop "pip could not install the portal; see the lines above. The first time needs a network."
    if [ "$what" = test ]; then install_javascript; fi
    mkdir -p .make
    digest > ".make/$what"
}

missing_packages() {
    # Some of these live in /usr/sbin, which an ordinary account does not search.
    for pair in softhsm2-util:softhsm2 pkcs11-tool:opensc pdfsig:poppler-utils chromium:chromium node:nodejs npm:npm \
        readelf:binutils makensis:nsis osslsigncode:osslsigncode minisign:minisign debootstrap:debootstrap wine:wine \
        x86_64-w64-mingw32-gcc:gcc-mingw-w64-x86-64 nginx:nginx-light mkfs.vfat:dosfstools \
        certutil:libnss3-tools ip:iproute2; do
        PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s ' "${pair#*:}"
    done
    [ -e /usr/lib/wine/wine64 ] || printf 'wine64 '
    # Without a font for Vietnamese, pictures show boxes and nothing fails: so look for the file.
    [ -e /usr/share/fonts/truetype/noto/NotoSans-Regular.ttf ] || printf 'fonts-noto-core '
}

install_packages() {
    missing=$(missing_packages)
    [ -z "$missing" ] && return 0
    as_root || stop "the tests need Debian packages that are missing. Run: sudo apt-get install $(echo $DEBIAN_PACKAGES)"
    # shellcheck disable=SC2086  # a list of words is meant
    apt_install $missing
    missing=$(missing_packages)
    [ -z "$missing" ] || stop "still missing after apt-get: $missing"
}

[ "$what" = run ] || [ "$what" = test ] || stop "use: $0 run|test"
if [ "$what" = test ]; then install_packages; fi
install_portal
