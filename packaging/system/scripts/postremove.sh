#!/bin/sh
# A vault, its keys and the user who owns them are never removed.
set -e
case "$1" in
remove | 0)
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
    fi
    ;;
purge)
    for folder in /etc/strongroom/credentials /etc/strongroom; do
        [ ! -d "$folder" ] || rmdir --ignore-fail-on-non-empty "$folder"
    done
    if [ -d /var/lib/strongroom ]; then
        rmdir --ignore-fail-on-non-empty /var/lib/strongroom
    fi
    for folder in /etc/strongroom /var/lib/strongroom; do
        [ ! -d "$folder" ] || echo "strongroom: $folder is not empty, and was left as it is" >&2
    done
    ;;
esac
