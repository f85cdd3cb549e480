#!/usr/bin/env bash
# Inside the tree: the life of a package, and what each step must leave. Fails at the first thing that is not so.
set -euo pipefail

fail() { echo "FAIL: $1" >&2; exit 1; }
same() { [ "$2" = "$3" ] || fail "$1: expected $3, got $2"; }
# Every file but the kernel's and the package manager's own records.
files() { find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/lib/dpkg \
    -o -path /var/lib/rpm -o -path /var/log -o -path /var/cache -o -path /etc/passwd- -o -path /package \) -prune -o -print | sort; }
vault() { find /var/lib/strongroom /root -type f -exec sha256sum {} + | sort | sha256sum; }
program=/usr/bin/strongroom
config=/etc/strongroom/config.toml

before() { files >/tmp/before; }

installed() {
    $program --version | grep -q '^strongroom '
    /usr/bin/strongroom-verify --help >/dev/null
    id strongroom >/dev/null || fail "there is no user strongroom"
    same "mode of the state folder" "$(stat -c '%a %U %G' /var/lib/strongroom)" "700 strongroom strongroom"
    same "mode of the configuration folder" "$(stat -c '%a %U %G' /etc/strongroom)" "750 root strongroom"
    same "mode of the configuration" "$(stat -c '%a %U %G' $config)" "640 root strongroom"
    same "the service" "$(systemctl is-enabled strongroom.service || true)" disabled
    systemd-analyze verify --man=no /usr/lib/systemd/system/strongroom.service 2>&1 | grep -i strongroom && fail "the unit is wrong" || true
    systemd-analyze security --no-pager --offline=true --threshold=12 /usr/lib/systemd/system/strongroom.service >/dev/null ||
        fail "the service is more exposed than 1.2"
    # Nothing but what belongs to the package, the user, and compiled files beside their sources.
    files | comm -13 /tmp/before - | grep -Ev '^/(usr/(lib|share|bin)/|etc/strongroom|var/lib/strongroom$|etc/\.pwd\.lock)' && fail "files elsewhere" || true
    # Compiled once, so that the daemon, who cannot write here, need not.
    [ -n "$(find /usr/lib/strongroom -name '*.pyc' -print -quit)" ] || fail "nothing is compiled"
    # What is compiled for each Python apart, with the Python of this system: what init and verify do does not need it.
    /usr/lib/strongroom/bin/python3 -I -c \
        "import boto3, cryptography.fernet, isal.igzip, msgspec, simdjson, zstandard, strongroom.daemon.daemon"
    $program init --service-user strongroom --config $config --vault /var/lib/strongroom/vault --no-passphrase \
        --identity /root/identity.age --recovery-file /root/recovery.txt --source zavu-main \
        --api-key file:/etc/strongroom/key --dataset messages
    as_user config check
    as_user verify
    as_user audit checkpoint
    vault >/tmp/vault
    cp $config /tmp/config
}

as_user() { setpriv --reuid=strongroom --regid=strongroom --clear-groups $program --config $config "$@" >/dev/null; }

upgraded() {
    same "the vault" "$(vault)" "$(cat /tmp/vault)"
    cmp -s $config /tmp/config || fail "the upgrade changed the configuration"
    same "mode of the configuration" "$(stat -c '%a %U %G' $config)" "640 root strongroom"
    [ -n "$(find /usr/lib/strongroom -name '*.pyc' -print -quit)" ] || fail "nothing is compiled after an upgrade"
    as_user verify
}

removed() {
    same "the vault" "$(vault)" "$(cat /tmp/vault)"
    [ ! -e /usr/lib/strongroom ] || fail "something of the program is left: $(find /usr/lib/strongroom | head -n 3)"
    [ ! -e $program ] || fail "the program is left"
    [ -e $config ] || [ -e $config.rpmsave ] || fail "removing took the configuration"
}

purged() {
    same "the vault" "$(vault)" "$(cat /tmp/vault)"
    [ ! -e $config ] || fail "the configuration is left"
}

if [ "$1" = deb ]; then
    before
    dpkg -i /package
    installed
    dpkg -i /package
    upgraded
    dpkg -r strongroom
    removed
    dpkg --purge strongroom
    purged
else
    "$1"
fi
echo "ok: $1"
