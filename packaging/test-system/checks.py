"""What is promised of the service, in the order in which one stands on another."""

from __future__ import annotations

import json
import pwd
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from guide import follow
from house import (
    CONFIG,
    PROGRAM,
    SECRETS,
    UNIT,
    answers,
    journal,
    kill,
    listed,
    main_pid,
    point_at_sandbox,
    promise,
    restarts,
    run,
    sandbox,
    shown,
    state,
    strongroom,
    told,
    wait_for,
)

DAYS = 6
LEAVES_WITHIN = 10.0  # seconds
EXPOSURE = 1.2


def starts_offline() -> str:
    """It was started by the boot, with no network and no provider, and is active."""
    promise(not [card for card in Path("/sys/class/net").iterdir() if card.name != "lo"], "there is a network")
    promise(not answers(), "the provider is already there")
    wait_for("the service is active", lambda: state() == "active", 60)
    it = shown()
    took = int(it["ActiveEnterTimestampMonotonic"]) - int(it["InactiveExitTimestampMonotonic"])
    promise(it["NRestarts"] == "0", "it did not come up at the first try")
    wait_for("it notices that nobody answers", lambda: "clock-unproven source=zavu-main" in journal(), 60)
    promise(state() == "active", "it ended without a provider")
    return f"ready after {took / 1e6:.1f} s, says {it['StatusText']!r}"


def is_walled_in() -> str:
    """It runs as its user behind its walls, and its environment holds no key."""
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", run("systemd-analyze", "security", "--no-pager", UNIT))
    promise(exposure and float(exposure[1]) <= EXPOSURE, "it is more exposed than was promised")
    owner = Path(f"/proc/{main_pid()}").stat().st_uid
    promise(owner == pwd.getpwnam("strongroom").pw_uid, "it runs as another user")
    seen = Path(f"/proc/{main_pid()}/environ").read_text()
    promise(not any(secret in seen for secret in SECRETS), "its environment holds a secret")
    status = Path(f"/proc/{main_pid()}/status").read_text()
    promise("Seccomp:\t2" in status and "NoNewPrivs:\t1" in status and "CapEff:\t0000000000000000" in status, status)
    promise(Path("/var/lib/strongroom").stat().st_mode & 0o077 == 0, "its state is open to others")
    return f"exposure {exposure[1]}" if exposure else ""


def reads_its_credential() -> None:
    """It reads the encrypted credential: the provider takes its key once there is a provider."""
    run("systemctl", "start", "test-sandbox.service")
    wait_for("the sandbox answers", answers)
    wait_for("an export is asked for with the right key", lambda: bool(sandbox("jobs")))
    sealed = Path("/etc/strongroom/credentials/zavu-api-key").read_bytes()
    promise(not any(secret.encode() in sealed for secret in SECRETS), "the credential on disk is in the clear")


def survives_sigkill() -> str:
    """Killed in the middle of its work, it is started again and goes on."""
    wait_for("some windows are archived", lambda: len(listed("archives")) >= 1)
    unfinished = [job for job in listed("jobs") if job["state"] not in ("archived", "cancelled")]
    promise(unfinished, "there was nothing left to interrupt")
    kill(signal.SIGKILL)
    wait_for("it is started again", lambda: restarts() == 1 and state() == "active", 60)
    promise(shown()["Result"] == "success", "it is marked as failed")
    return f"{len(unfinished)} jobs were under way"


def due_days() -> set[str]:
    """Return the days that are due: from `since` on, each settled for six hours."""
    now = datetime.now(UTC)
    first = (now - timedelta(days=DAYS)).date()
    days = (first + timedelta(days=number) for number in range(DAYS + 1))
    ends = {day: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1, hours=6) for day in days}
    return {day.isoformat() for day, settled in ends.items() if settled <= now}


def archives_each_window_once() -> str:
    """Every window is archived exactly once, asked for exactly once, and verifies."""
    wanted = due_days()

    def held() -> Counter[str]:
        return Counter(archive["window"]["start"][:10] for archive in listed("archives"))

    wait_for("every window is archived", lambda: set(held()) == wanted, 240)
    promise(set(held().values()) == {1}, f"some window is archived twice: {held()}")
    promise(len(sandbox("jobs")) == len(wanted), "some window was exported twice")
    strongroom("verify")
    follow("look")
    return f"{len(wanted)} windows"


def is_examined_as_it_runs() -> None:
    """The documented `doctor`, with its credential and behind walls, finds nothing wrong."""
    promise("fail " not in follow("doctor"), "doctor complains")


def is_woken_by_the_watchdog() -> str:
    """A loop that hangs is ended by the watchdog, says where it hung, and is started again."""
    drop_in = Path("/run/systemd/system/strongroom.service.d/test.conf")
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\nWatchdogSec=5s\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", UNIT)
    time.sleep(7)
    promise(state() == "active" and restarts() == 0, "it does not feed its watchdog")
    before, began = main_pid(), time.monotonic()
    kill(signal.SIGSTOP)
    wait_for("it is started again", lambda: restarts() == 1 and state() == "active", 60)
    took = time.monotonic() - began
    promise(main_pid() != before, "it is the same process")
    promise("Watchdog timeout" in journal(), "the watchdog was not the reason")
    promise("Fatal Python error: Aborted" in journal(), "it does not say where it hung")
    drop_in.unlink()
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", UNIT)
    return f"with a watchdog of 5 s active again after {took:.0f} s, of which 15 s are RestartSec"


def keeps_a_valid_configuration() -> None:
    """An invalid configuration is refused by a reload and the daemon runs on; a valid one is taken."""
    before, good = main_pid(), CONFIG.read_text()
    CONFIG.write_text(good.replace("[vault]", "[vault]\ncolour = 7"))
    run("systemctl", "reload", UNIT)
    wait_for("it refuses it", lambda: "configuration refused" in journal(), 20)
    wait_for("it is active", lambda: state() == "active", 20)
    CONFIG.write_text(good)
    follow("reload")
    wait_for("it takes it", lambda: "configuration read again" in journal(), 20)
    wait_for("it is active", lambda: state() == "active", 20)
    promise(main_pid() == before and restarts() == 0, "it was started again")


def refuses_a_second_one() -> None:
    """A second worker is refused with exit code 5 while the daemon works."""
    strongroom("run", "--once", codes=(5,))
    promise(state() == "active", "the daemon ended")


def fails_for_good_on_a_wrong_start() -> None:
    """Started with a wrong configuration it fails with exit code 2 and is not started again and again."""
    good = CONFIG.read_text()
    CONFIG.write_text("colour = 7\n")
    run("systemctl", "restart", UNIT, codes=(1,))
    time.sleep(17)
    it = shown()
    promise(it["ActiveState"] == "failed" and it["ExecMainStatus"] == "2", f"{it['ActiveState']}, {it['Result']}")
    CONFIG.write_text(good)
    run("systemctl", "restart", UNIT)
    promise(state() == "active", "it does not start again")


def lives_without_its_key() -> None:
    """Without its key it pauses the source and lives; with the key, a restart is enough."""
    drop_in = Path("/etc/systemd/system/strongroom.service.d/credentials.conf")
    kept = drop_in.read_text()
    drop_in.unlink()
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", UNIT)
    newest = listed("archives")[0]["id"]
    strongroom("archives", "re-export", newest)
    wait_for("the source is paused", lambda: any(source["paused"] for source in told("status")["sources"]), 60)
    promise(state() == "active" and restarts() == 0, "it ended")
    drop_in.write_text(kept)
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", UNIT)
    wait_for("the source goes on", lambda: not any(source["paused"] for source in told("status")["sources"]), 60)
    count = len(due_days()) + 1
    wait_for("what was asked for is archived", lambda: len(listed("archives")) == count)


def stops_in_time() -> str:
    """It stops cleanly within ten seconds, even in the middle of a download that hangs."""
    sandbox("faults", {"kind": "hang", "on": "download", "seconds": 300, "times": None}, "POST")
    strongroom("archives", "re-export", listed("archives")[0]["id"])
    wait_for("a download is under way", lambda: any(job["state"] == "fetching" for job in listed("jobs")))
    began = time.monotonic()
    run("systemctl", "stop", UNIT)
    took = time.monotonic() - began
    it = shown()
    promise(took < LEAVES_WITHIN, f"it took {took:.1f} s")
    promise(it["ActiveState"] == "inactive" and it["Result"] == "success", f"{it['ActiveState']}, {it['Result']}")
    left = list(Path("/var/lib/strongroom/vault/tmp").iterdir())
    sandbox("faults", method="DELETE")
    run("systemctl", "start", UNIT)
    count = len(due_days()) + 2
    wait_for("what was interrupted is archived", lambda: len(listed("archives")) == count)
    run("systemctl", "stop", UNIT)
    return f"{took:.1f} s, {len(left)} unfinished files left for the next start to remove"


def runs_by_a_timer() -> None:
    """The timer variant brings in what is due, and says so by its exit."""
    run("systemctl", "disable", UNIT)
    strongroom("archives", "re-export", listed("archives")[0]["id"])
    follow("timer")
    promise(shown("strongroom-once.timer")["ActiveState"] == "active", "the timer does not wait")
    run("systemctl", "start", "strongroom-once.service")
    it = shown("strongroom-once.service")
    promise(it["Result"] == "success" and it["ExecMainStatus"] == "0", f"{it['Result']}, {it['ExecMainStatus']}")
    promise(len(listed("archives")) == len(due_days()) + 3, "nothing was archived")
    run("systemctl", "disable", "--now", "strongroom-once.timer")


def serves_one_person() -> str:
    """`service install` makes a unit that works in a person's own systemd, with a credential of theirs."""
    run("useradd", "--create-home", "desk")
    run("loginctl", "enable-linger", "desk")
    number, home = pwd.getpwnam("desk").pw_uid, Path("/home/desk")
    wait_for("their systemd runs", lambda: Path(f"/run/user/{number}/bus").exists())
    session = ("env", f"XDG_RUNTIME_DIR=/run/user/{number}", f"HOME={home}")

    def desk(*command: str, codes: tuple[int, ...] = (0,)) -> str:
        return run("runuser", "-u", "desk", "--", *session, *command, codes=codes)

    config = home / ".config/strongroom/config.toml"
    key = ("--api-key", "credential:zavu-api-key", "--dataset", "messages", "--source", "zavu-main")
    desk(PROGRAM, "init", *key, "--no-passphrase", "--recovery-file", f"{home}/recovery.txt", "--since", "2026-11-15")
    point_at_sandbox(config, days=2)
    desk("sh", "-c", "umask 077; : > ~/key")
    (home / "key").write_text(SECRETS[0])
    written = json.loads(desk(PROGRAM, "--config", str(config), "service", "install", "--json"))
    promise("LoadCredential=zavu-api-key" in written["cautions"][0], "it does not say what the unit still needs")
    drop_in = f"{written['unit']}.d"
    desk("mkdir", drop_in)
    desk("sh", "-c", f"printf '[Service]\\nLoadCredential=zavu-api-key:%%h/key\\n' > {drop_in}/key.conf")
    desk(PROGRAM, "--config", str(config), "service", "status", codes=(1,))
    for command in written["next"][:2]:
        desk(*command.split())
    status = json.loads(desk(PROGRAM, "--config", str(config), "service", "status", "--json"))
    promise(status["working"] and status["systemd"]["active"] == "active", str(status))
    shelf = home / ".local/share/strongroom/vault/manifests"
    wait_for("an archive of theirs", lambda: list(shelf.glob("*/*.json")))
    silent = run("runuser", "-u", "desk", "--", PROGRAM, "--config", str(config), "service", "status")
    promise("does not answer" in silent, "it does not say that there is no bus")
    desk("systemctl", "--user", "stop", "strongroom")
    desk(PROGRAM, "--config", str(config), "service", "status", codes=(1,))
    return str(status["systemd"]["text"])


def leaves_nothing_failed() -> None:
    """No unit has failed."""
    failed = run("systemctl", "--failed", "--no-legend", "--plain")
    promise(not failed.strip(), failed)


def tells_no_secret() -> str:
    """No journal line of this boot or the last holds a key, a link's token, a passphrase or a record's text."""
    run("journalctl", "--sync")
    everything = run("journalctl", "--no-pager", "--output=export", "--all")
    for secret in SECRETS:
        promise(secret not in everything, f"the journal holds {secret[:6]}…")
    promise("archived" in everything and "planned" in everything, "the journal holds nothing at all")
    return f"{len(everything.splitlines())} lines searched"


ALL: list[Callable[[], str | None]] = [
    starts_offline,
    is_walled_in,
    reads_its_credential,
    survives_sigkill,
    archives_each_window_once,
    is_examined_as_it_runs,
    is_woken_by_the_watchdog,
    keeps_a_valid_configuration,
    refuses_a_second_one,
    lives_without_its_key,
    fails_for_good_on_a_wrong_start,
    stops_in_time,
    runs_by_a_timer,
    serves_one_person,
    leaves_nothing_failed,
    tells_no_secret,
]
