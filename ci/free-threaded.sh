#!/bin/sh
# Builds a CPython without the global interpreter lock from Debian's source package, and runs the Python tests and the
# conformance tests on it.
#
#   ci/free-threaded.sh [VERSION]
#
# It is installed into the cache directory, where it is used as it is next time; remove it to get a newer one. apt checks
# what it fetches against the archive's signature, and CPython's own archive has to be the one that its version had when
# it was first used here, if it has been (ci/free-threaded.sha256).
set -eu
cd "$(dirname "$0")/.."
. ci/sid.sh
version=${1:-3.13}
label=${version}t
prefix=$cache/$label/usr

build() {
    sources=$work/sources
    mkdir "$sources"
    # The newest that can be had: a mirror may still list what it has given up, or list what it does not have yet.
    for candidate in $(apt_cache madison "python$version" | awk '/ Sources$/ { print $3 }' | sort --version-sort --reverse); do
        (cd "$sources" && apt source --download-only "python$version=$candidate") >"$work/log" 2>&1 && break
    done
    archive=$(find "$sources" -name '*.orig.tar.xz')
    [ -n "$archive" ] || give_up "Debian sid has no source of python$version that can be fetched"
    name=$(basename "$archive")
    if grep --quiet " $name\$" ci/free-threaded.sha256; then
        (cd "$sources" && grep " $name\$" "$OLDPWD/ci/free-threaded.sha256" | sha256sum --check --quiet) ||
            give_up "$name is not the archive that it was"
    else
        echo "the archive's signature is good; not in ci/free-threaded.sha256 yet: $(sha256sum "$archive")"
    fi

    echo "building $name, which takes minutes"
    mkdir "$work/build"
    tar --extract --file "$archive" --directory "$sources" --strip-components 1
    (
        cd "$work/build"
        "$sources/configure" --disable-gil --prefix="$prefix" --with-ensurepip=no
        make --jobs "$(nproc)"
        make DESTDIR="$work/root" install
    ) >"$work/log" 2>&1 || {
        tail -n 20 "$work/log"
        give_up "$name cannot be built"
    }
    rm -rf "${cache:?}/$label"
    mv "$work/root$cache/$label" "$cache/$label"
}

if [ ! -x "$prefix/bin/python$label" ]; then
    sid_begin
    build
fi
PYTHONS=$label ci/checks.sh '.venv/bin/python ci/python.py' '.venv/bin/python ci/conformance.py'
