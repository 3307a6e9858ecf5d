#!/bin/sh
# The browser tests drive Debian's Chromium: install it where it is missing and apt is at hand.
command -v chromium >/dev/null 2>&1 && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing Chromium for the browser tests (once) ..."
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1 ||
        echo "Chromium could not be installed; the browser tests will be skipped."
else
    echo "No Chromium here, and no way to install it; the browser tests will be skipped."
fi
exit 0
