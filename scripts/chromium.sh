#!/bin/sh
# Get Chromium for the browser tests: Debian's package as root, otherwise one line that says how.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Debian's chromium for the browser tests"
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; then
        exit 0
    fi
fi
echo "Chromium was not found: the browser tests need it (on Debian and Ubuntu: sudo apt-get install chromium)"
if [ "${CI:-}" = true ]; then exit 1; fi
