#!/bin/sh
# Before files are replaced, the old ones must not be in use: a daemon imports some of them late.
set -e
case "$1" in
upgrade | 2)
    if [ -d /run/systemd/system ] && systemctl --quiet is-active strongroom.service; then
        systemctl stop strongroom.service
        touch /run/strongroom-was-active
    fi
    if [ -d /usr/lib/strongroom ]; then
        find /usr/lib/strongroom -depth -name __pycache__ -type d -exec rm -rf {} +
    fi
    ;;
esac
