"""Start the image of dist/ the way a cluster does, and ask whether it keeps what docs/containers.md promises.

As root, with crun or runc. The containers have a read-only root, a random user, no capability, 256 MB of memory, and a
network in which there is nothing but the simulated provider. Exits with 0 and says so where this machine cannot do it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from container import (
    FOLDERS,
    HOST,
    MEMORY,
    NAME,
    Done,
    Machine,
    Skipped,
    archived,
    execute,
    group,
    inside,
    prepare,
    require,
    running,
    say,
    wait_for,
    works,
)

METRICS = '\n[metrics]\nlisten = "127.0.0.1:9464"\n'
DOCKERS = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID")
IMPORTS = """
import apprise, boto3, isal.igzip, prometheus_client, rfc3161_client, simdjson, ssl, zstandard
import strongroom.daemon.watcher, strongroom_tui.app
assert apprise.Apprise().add("mailtos://user:pass@example.com")
boto3.session.Session().client("s3", region_name="eu-central-1", endpoint_url="https://x.invalid")
assert ssl.create_default_context().get_ca_certs()
"""


def main() -> None:
    """Run everything in a folder that is removed."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="strongroom-test-image-", dir="/var/tmp") as work,
            prepare(Path(work)) as it,
        ):
            for check in CHECKS:
                check(it)
                say(f"ok: {check.__name__.removeprefix('check_').replace('_', ' ')}")
    except Skipped as reason:
        say(f"test-image skipped: {reason}")
    else:
        say("test-image passed")


def outside(it: Machine, *arguments: str) -> Done:
    """Run a command of the checkout in the provider's network, with the same configuration."""
    command = ["ip", "netns", "exec", NAME, str(HOST), "--config", str(config_file(it)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def config_file(it: Machine) -> Path:
    """Return the one configuration, whose paths are those of the containers or of this machine."""
    return it.work / "configuration/config.toml"


def hand_over(it: Machine, user: int) -> None:
    """Give vault, configuration and secrets to a user: root works outside, everybody else in containers."""
    for name in FOLDERS:
        for path in (it.work / name, *(it.work / name).rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
    if config_file(it).exists():
        text = config_file(it).read_text()
        for name, at in FOLDERS.items():
            here = str(it.work / name)
            text = text.replace(at, here) if user == 0 else text.replace(here, at)
        config_file(it).write_text(text)


SOURCE = ("--source", "zavu-main", "--dataset", "messages", "--base-url", "http://127.0.0.1:8790")
SOURCE += ("--allow-private-addresses", "--no-passphrase")


def init(folders: dict[str, str], days: int) -> list[str]:
    """Return the command that makes a vault which archives some days."""
    vault, configuration = folders["vault"], folders["configuration"]
    paths = ["--config", f"{configuration}/config.toml", "--vault", f"{vault}/vault"]
    paths += ["--identity", f"{configuration}/identity.age", "--recovery-file", f"{configuration}/recovery.txt"]
    return ["init", *SOURCE, "--since", ago(days), *paths]


def ago(days: int) -> str:
    """Return a day in the past."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - days * 86400))


def empty_folders(it: Machine) -> None:
    """Begin with nothing but the key of the account."""
    for name in FOLDERS:
        shutil.rmtree(it.work / name, ignore_errors=True)
        (it.work / name).mkdir()
    key = it.work / "secrets/zavu-api-key"
    key.write_text(f"{it.key}\n")
    key.chmod(0o400)


def check_what_is_needed_can_be_imported(it: Machine) -> None:
    """The libraries that were trimmed still do what the program wants of them."""
    empty_folders(it)
    (site,) = it.rootfs.glob("usr/lib/strongroom/site-packages")
    path = f"import sys; sys.path.append('/{site.relative_to(it.rootfs)}')"
    works(inside(it, "-I", "-c", f"{path}{IMPORTS}", program="python3"))


def check_nothing_of_the_image_can_be_written(it: Machine) -> None:
    """Neither by the user of the container nor by root in it."""
    for user in (it.user, 0):
        done = inside(it._replace(user=user), "-I", "-c", "open('/usr/bin/new', 'w')", program="python3")
        require(done.code != 0 and "Read-only file system" in done.err, f"user {user} can write: {done.err}")


def check_a_random_user_makes_a_vault_and_its_daemon_archives(it: Machine) -> None:
    """With the key from a file; and it stops in time."""
    hand_over(it, it.user)
    works(inside(it, *init(FOLDERS, 4), "--api-key", "credential:zavu-api-key"))
    config_file(it).write_text(config_file(it).read_text() + METRICS)
    with running(it):
        wait_for(lambda: archived(it) >= 3, "three archives")
        works(execute(it, "strongroom-alive"))
        wait_for(lambda: execute(it, *it.config["Healthcheck"]["Test"][1:]).code == 0, "a healthy status")
    require(inside(it, program="strongroom-alive").code == 1, "the probe finds a daemon that is not there")


def check_memory_stayed_below_its_limit(_it: Machine) -> None:
    """The kernel counted every process, and the pages of the files that they wrote."""
    if found := group():
        place, _, most = found
        say(f"    at most {int((place / most).read_text()) / 1e6:.0f} MB of {MEMORY / 1e6:.0f} MB")
        ended = [line for name in ("memory.oom_control", "memory.events") for line in read_lines(place / name)]
        require(not [line for line in ended if line.startswith("oom_kill ") and line != "oom_kill 0"], "memory ran out")


def read_lines(path: Path) -> list[str]:
    """Return the lines of a file, or none where there is none."""
    return path.read_text().splitlines() if path.exists() else []


def check_its_vault_opens_outside(it: Machine) -> None:
    """With the checkout's program, another Python, and the identity."""
    hand_over(it, 0)
    works(outside(it, "verify", "--content"))
    require(archived(it) >= 3, "archives are missing outside")


def check_a_vault_from_outside_continues_inside(it: Machine) -> None:
    """The checkout makes a vault and archives; the container verifies and opens it, and its daemon archives more."""
    empty_folders(it)
    here = {name: str(it.work / name) for name in FOLDERS}
    works(outside(it, *init(here, 2), "--api-key", f"file:{here['secrets']}/zavu-api-key"))
    require(outside(it, "run", "--once").code in (0, 75), "the checkout cannot archive")
    before = archived(it)
    require(before > 0, "the checkout archived nothing")
    text = config_file(it).read_text()
    require(f"since = {ago(2)}\n" in text, "the configuration does not say since when")
    config_file(it).write_text(text.replace(f"since = {ago(2)}\n", f"since = {ago(4)}\n") + METRICS)
    hand_over(it, it.user)
    works(inside(it, "verify", "--content"))
    with running(it):
        wait_for(lambda: archived(it) > before, "one more archive")
    works(inside(it, "verify", "--content"))


def check_root_makes_a_vault_for_the_user_of_the_image(it: Machine) -> None:
    """As docs/containers.md makes it under Docker, with the capabilities that Docker's root has."""
    owner = int(it.config["User"].partition(":")[0])
    empty_folders(it)
    for name in ("vault", "secrets/zavu-api-key"):
        os.chown(it.work / name, owner, owner)
    made = [*init(FOLDERS, 2), "--service-user", "strongroom", "--api-key", "credential:zavu-api-key"]
    works(inside(it._replace(user=0), *made, allowed=DOCKERS))
    works(inside(it._replace(user=owner), "doctor"))
    require((it.work / "vault/vault").stat().st_uid == owner, "the vault does not belong to the user of the image")


CHECKS: tuple[Callable[[Machine], None], ...] = (
    check_what_is_needed_can_be_imported,
    check_nothing_of_the_image_can_be_written,
    check_a_random_user_makes_a_vault_and_its_daemon_archives,
    check_memory_stayed_below_its_limit,
    check_its_vault_opens_outside,
    check_a_vault_from_outside_continues_inside,
    check_root_makes_a_vault_for_the_user_of_the_image,
)


if __name__ == "__main__":
    main()
