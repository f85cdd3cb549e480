#!/bin/sh
# Only when the package goes: an upgrade is prepared by the new package.
set -e
case "$1" in
remove | 0)
    if [ -d /run/systemd/system ]; then
        systemctl --no-reload disable --now strongroom.service strongroom-once.timer || :
    fi
    find /usr/lib/strongroom -depth -name __pycache__ -type d -exec rm -rf {} +
    ;;
esac
