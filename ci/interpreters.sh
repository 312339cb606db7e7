#!/bin/sh
# Takes CPython 3.14 and 3.15 from Debian sid, and runs the Python tests and the conformance tests on them.
#
#   ci/interpreters.sh [VERSION...]
#
# Each is unpacked, with the C library and whatever else it needs, into a root of its own in the cache directory, and
# its program is told to look there: it runs as any other program does, and nothing is installed into the system. What
# is there already is used as it is; remove it to get a newer one. apt checks what it fetches against the archive's
# signature.
set -eu
cd "$(dirname "$0")/.."
. ci/sid.sh
[ $# -gt 0 ] || set -- 3.14 3.15

get() { # VERSION
    version=$1
    root=$work/$version
    mkdir -p "$root" "$work/apt/cache/archives"
    # Without anything installed, so with all that it needs. patchelf is for what comes below.
    apt install --yes --no-install-recommends --download-only \
        "python$version" "libpython$version-testsuite" patchelf >"$work/log" 2>&1 || {
        tail -n 5 "$work/log"
        give_up "python$version cannot be fetched from Debian sid"
    }
    for package in "$work"/apt/cache/archives/*.deb; do
        dpkg-deb --extract "$package" "$root"
    done
    rm -rf "$work/apt/cache/archives"

    # The loader and the libraries in the root, for this program and whatever it loads. One after the other: of both at
    # once patchelf makes segments that overlap.
    loader=$(find "$root/usr/lib" "$root/usr/lib64" -maxdepth 1 -name 'ld-linux*.so.?')
    libraries=$(dirname "$(find "$root/usr/lib" -name libc.so.6)")
    patch() { "$loader" --library-path "$libraries" "$root/usr/bin/patchelf" "$@" "$root/usr/bin/python$version"; }
    patch --force-rpath --set-rpath "$cache/$version${libraries#"$root"}"
    patch --set-interpreter "$cache/$version${loader#"$root"}"
    rm -rf "${cache:?}/$version"
    mv "$root" "$cache/$version"
    "$cache/$version/usr/bin/python$version" -c 'import ctypes, ssl, sqlite3, test.lock_tests' || {
        rm -rf "${cache:?}/$version"
        give_up "python$version does not work in $cache/$version"
    }
}

missing=
for version; do
    [ -x "$cache/$version/usr/bin/python$version" ] || missing="$missing $version"
done
if [ -n "$missing" ]; then
    sid_begin
    for version in $missing; do
        get "$version"
    done
fi
PYTHONS=$* ci/checks.sh '.venv/bin/python ci/python.py' '.venv/bin/python ci/conformance.py'
