"""The unit files: systemd takes them, they are as closed as promised, and what they say has a reason beside it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from kit.systemd_units import DAEMON, ONCE, PACKAGING, ROOT, TIMER, UNITS, USER, options, tool, values
from strongroom.cli.service import render_unit
from strongroom.model.errors import ExitCode

THRESHOLD = 12  # tenths

PLAIN = {
    *("Description", "Type", "NotifyAccess", "ExecStart", "User", "Group", "WantedBy", "OnCalendar", "UMask"),
    *("StateDirectory", "StateDirectoryMode", "ConfigurationDirectory", "ConfigurationDirectoryMode"),
    *("CapabilityBoundingSet", "AmbientCapabilities", "NoNewPrivileges", "KeyringMode", "LockPersonality"),
    *("MemoryDenyWriteExecute", "RemoveIPC", "DevicePolicy", "ProcSubset", "SystemCallArchitectures"),
    *("PrivateDevices", "PrivateIPC", "PrivateMounts", "PrivateTmp", "PrivateUsers"),
    *("RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID"),
    *("ProtectClock", "ProtectControlGroups", "ProtectHome", "ProtectHostname", "ProtectKernelLogs"),
    *("ProtectKernelModules", "ProtectKernelTunables", "ProtectProc", "ProtectSystem"),
}
"""Options that say what they do, or close something: these need no reason."""

WALLS = re.compile(
    r"Capabilit|NoNewPriv|Keyring|LockPers|MemoryDeny|Private|DevicePol|Proc|Protect|RemoveIPC|Restrict[A-Z]|System"
    r"Call|UMask|LimitCORE|MemorySwap|TasksMax"
)


def verify(folder: Path, *arguments: str) -> str:
    """Let systemd read copies of the units, with a program that is here, and return what it complains of."""
    for path in UNITS:
        if path is not USER:
            text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", path.read_text(), flags=re.MULTILINE)
            (folder / path.name).write_text(text)
    names = [str(folder / path.name) for path in UNITS if path is not USER]
    command = [tool("systemd-analyze"), *arguments, "verify", "--man=no", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "strongroom" in line]
    return "\n".join(ours) if done.returncode == 0 or ours else done.stderr


def test_systemd_has_nothing_to_complain_of(tmp_path: Path) -> None:
    assert verify(tmp_path) == ""


def test_systemd_would_complain(tmp_path: Path) -> None:
    tool("systemd-analyze")
    bad = tmp_path / "bad.service"
    bad.write_text("[Service]\nExecStart=/bin/true\nProtectEverything=yes\n")
    done = subprocess.run(["systemd-analyze", "verify", bad], capture_output=True, text=True, check=False)
    assert "ProtectEverything" in done.stderr


def test_systemd_reads_the_user_unit_too(tmp_path: Path) -> None:
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", USER.read_text(), flags=re.MULTILINE)
    path = tmp_path / "strongroom.service"
    path.write_text(text)
    env = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    command = [tool("systemd-analyze"), "--user", "verify", "--man=no", str(path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "strongroom" in line] == []


@pytest.mark.parametrize("path", [DAEMON, ONCE], ids=lambda path: path.name)
def test_the_exposure_is_as_low_as_promised(path: Path) -> None:
    command = [tool("systemd-analyze"), "security", "--no-pager", "--offline=true", f"--threshold={THRESHOLD}"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    if "unrecognized option" in done.stderr or "Unknown command" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at a file")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    said = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert said is not None
    assert float(said[1]) * 10 <= THRESHOLD


@pytest.mark.parametrize("path", [DAEMON, TIMER, USER], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_option_says_what_it_does_or_why(path: Path) -> None:
    bare = {option.name for option in options(path) if not option.comment}
    assert bare <= PLAIN


def test_what_had_to_stay_open_has_its_reason_beside_it() -> None:
    reasons = {option.name: option.comment for option in options(DAEMON)}
    assert "AF_UNIX" in reasons["RestrictAddressFamilies"]
    assert "fork" in reasons["SystemCallFilter"]
    for name in ("PrivateNetwork=", "IPAddressDeny=", "RootDirectory=", "network-online.target", "time-sync.target"):
        assert re.search(rf"^#.*{re.escape(name)}", DAEMON.read_text(), re.MULTILINE), name


def test_both_system_units_have_the_same_walls() -> None:
    def walls(path: Path) -> dict[str, list[str]]:
        return {name: value for name, value in values(path).items() if WALLS.match(name)}

    assert len(walls(DAEMON)) > 25
    assert walls(ONCE) == walls(DAEMON)


def test_no_unit_waits_for_the_network_or_the_time() -> None:
    for path in UNITS:
        for name in ("Wants", "Requires", "After"):
            for value in values(path).get(name, []):
                assert value == "network.target", f"{path.name}: {name}={value}"


def test_the_daemon_is_started_again_after_everything_but_a_wrong_configuration() -> None:
    for path in (DAEMON, USER):
        unit = values(path)
        assert unit["Restart"] == ["on-failure"]
        assert unit["RestartPreventExitStatus"] == [str(int(ExitCode.USAGE))]
        assert unit["StartLimitIntervalSec"] == ["0"]
        assert unit["SuccessExitStatus"] == [str(int(ExitCode.INTERRUPTED))]
        assert unit["KillMode"] == ["mixed"]


def test_the_example_for_a_person_is_what_the_program_writes() -> None:
    program, config = "%h/.local/share/strongroom-program/bin/strongroom", "%h/.config/strongroom/config.toml"
    assert USER.read_text() == render_unit([program], Path(config)).replace("%%h", "%h")


def test_no_file_here_holds_more_than_a_name_of_a_secret() -> None:
    for path in UNITS:
        for name, found in values(path).items():
            assert name not in ("SetCredential", "SetCredentialEncrypted", "EnvironmentFile"), path.name
            assert name != "Environment" or found == ["PYTHONFAULTHANDLER=1"]


def test_user_and_folders_are_those_of_the_unit() -> None:
    unit = values(DAEMON)
    (line,) = uncommented(PACKAGING / "sysusers.d" / "strongroom.conf")
    assert line.split()[:2] == ["u", unit["User"][0]]
    folders = {words[1]: words for words in map(str.split, uncommented(PACKAGING / "tmpfiles.d" / "strongroom.conf"))}
    assert folders["/var/lib/strongroom"][2:5] == ["0700", "strongroom", "strongroom"]
    assert folders["/etc/strongroom"][2:5] == ["0750", "root", "strongroom"]
    assert folders["/etc/strongroom/config.toml"][2:5] == ["0640", "root", "strongroom"]
    for key in ("/etc/strongroom/config-signing.key", "/var/lib/strongroom/signing.key"):
        assert folders[key][2:5] == ["0600", "strongroom", "strongroom"]
    assert f"0{unit['StateDirectoryMode'][0].lstrip('0')}" == "0700"
    assert unit["ConfigurationDirectoryMode"] == ["0750"]


def uncommented(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def test_a_key_is_loaded_from_where_the_folders_are() -> None:
    examples = re.findall(r"^#(LoadCredential\w*)=([\w-]+):(/\S+)$", DAEMON.read_text(), re.MULTILINE)
    assert {name for name, _key, _path in examples} == {"LoadCredential", "LoadCredentialEncrypted"}
    assert all(path.startswith("/etc/strongroom/") for _name, _key, path in examples)
    assert {key for _name, key, _path in examples} == {"zavu-api-key"}
    assert "credential:zavu-api-key" in (ROOT / "config.example.toml").read_text()
