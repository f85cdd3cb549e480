#!/bin/sh
# The user, the folders, and the compiled program. The service is neither enabled nor started, but after an upgrade it
# runs again if it ran before.
set -e
case "$1" in
abort-*) exit 0 ;;
esac

if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers strongroom.conf
elif ! getent passwd strongroom >/dev/null; then
    useradd --system --user-group --no-create-home --home-dir /var/lib/strongroom --shell /usr/sbin/nologin strongroom
fi
if command -v systemd-tmpfiles >/dev/null; then
    systemd-tmpfiles --create strongroom.conf
else
    install -d -m 0700 -o strongroom -g strongroom /var/lib/strongroom
    install -d -m 0750 -o root -g strongroom /etc/strongroom
    chgrp strongroom /etc/strongroom/config.toml
fi
# The daemon cannot write here: without this, each start would compile everything anew.
/usr/lib/strongroom/bin/python3 -I -m compileall -q -j 0 /usr/lib/strongroom/site-packages || :

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    if [ -e /run/strongroom-was-active ]; then
        rm /run/strongroom-was-active
        systemctl start strongroom.service || echo "strongroom did not start again: journalctl -u strongroom" >&2
    fi
fi
