#!/bin/sh
# Says where cargo shall keep what it downloads: in its usual place, or in the checkout if that cannot be written to.
usual=${CARGO_HOME:-${HOME:-/nonexistent}/.cargo}
if mkdir -p "$usual/registry" 2>/dev/null && [ -w "$usual/registry" ] && [ -w "$usual" ]; then
    echo "$usual"
else
    ours=$(cd "$(dirname "$0")/.." && pwd)/build/cargo
    mkdir -p "$ours"
    # The mirrors and proxies that the user has set.
    for file in config.toml config; do
        [ -r "$usual/$file" ] && cp "$usual/$file" "$ours/"
    done
    echo "$ours"
fi
