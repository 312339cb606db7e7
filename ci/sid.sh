# Debian's unstable suite beside the machine's own, for the scripts that take interpreters from it: an apt of their own,
# with the machine's mirror and keys, that changes nothing outside of its directory. To be sourced.

# Where interpreters are kept, outside of the checkout: one root for each version, $cache/3.14/usr/bin/python3.14.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/threadwell

give_up() { # WHY
    echo "result: $(basename "$0"): cannot be done: $1"
    exit 1
}

# Makes $work, a directory that goes when the script ends, and apt's lists of the suite in it.
sid_begin() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || give_up "there is no apt here"
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' HUP INT TERM
    mkdir -p "$work/apt/sources" "$work/apt/lists" "$work/apt/cache"
    : >"$work/apt/status"
    cat >"$work/apt/apt.conf" <<END
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$work/apt/sources/";
Dir::State "$work/apt";
Dir::State::Lists "$work/apt/lists";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt/cache";
APT::Sandbox::User "root";
Debug::NoLocking "true";
END
    # Debian's mirror is one of those that the machine uses: the one that has the suite.
    for mirror in $(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | awk '!seen[$0]++'); do
        cat >"$work/apt/sources/sid.sources" <<END
Types: deb deb-src
URIs: $mirror
Suites: sid
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
        if apt --error-on=any update >"$work/apt/log" 2>&1; then
            return
        fi
    done
    give_up "no mirror of this machine's apt has Debian sid, or there is no network"
}

apt() { # ARGUMENT...
    APT_CONFIG=$work/apt/apt.conf apt-get --quiet "$@"
}

apt_cache() { # ARGUMENT...
    APT_CONFIG=$work/apt/apt.conf apt-cache --quiet "$@"
}
