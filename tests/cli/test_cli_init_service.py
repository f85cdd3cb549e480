"""`init --service-user`: the vault belongs to the daemon's user, and the working identity stays out of its reach."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest

from kit.cli_home import Invoke
from strongroom.config.load import load_config
from strongroom.engine.queries import service_owner

RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
ME = pwd.getpwuid(os.geteuid()).pw_name


def options(base: Path, user: str) -> list[str]:
    return [
        *("init", "--vault", str(base / "home" / "vault"), "--config", str(base / "c.toml")),
        *("--identity", str(base / "identity.age"), "--no-passphrase", "--recovery-recipient", RECIPIENT),
        *("--service-user", user),
    ]


def test_the_signing_key_is_where_the_service_writes_and_the_configuration_names_no_identity(
    invoke: Invoke, tmp_path: Path
) -> None:
    made = invoke(*options(tmp_path, ME))
    assert made.exit_code == 0, made.stderr
    config = load_config(tmp_path / "c.toml")
    assert config.vault.identity is None
    assert str(config.vault.signing_key) == f"file:{tmp_path}/home/signing.key"
    assert (tmp_path / "home" / "signing.key").is_file()
    assert stat.S_IMODE((tmp_path / "c.toml").stat().st_mode) == 0o640
    assert "(move it off this machine)" in made.stdout
    assert f"sudo -u {ME} strongroom --config {tmp_path}/c.toml doctor" in made.stdout
    assert invoke("--config", tmp_path / "c.toml", "verify").exit_code == 0


@AS_ROOT
def test_all_that_the_daemon_needs_belongs_to_its_user(invoke: Invoke, tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    made = invoke(*options(tmp_path, "nobody"))
    assert made.exit_code == 0, made.stderr
    given = [tmp_path / "home", *(tmp_path / "home").rglob("*")]
    assert {(each.lstat().st_uid, each.lstat().st_gid) for each in given} == {(nobody.pw_uid, nobody.pw_gid)}
    config, identity = (tmp_path / "c.toml").stat(), (tmp_path / "identity.age").stat()
    assert (config.st_uid, config.st_gid, stat.S_IMODE(config.st_mode)) == (0, nobody.pw_gid, 0o640)
    assert (identity.st_uid, stat.S_IMODE(identity.st_mode)) == (0, 0o600)


@AS_ROOT
@pytest.mark.parametrize("inside", ["config", "identity", "recovery-file"])
def test_nothing_that_the_user_must_not_have_is_put_where_everything_is_the_users(
    inside: str, invoke: Invoke, tmp_path: Path
) -> None:
    line = options(tmp_path, "nobody")
    place = str(tmp_path / "home" / "file")
    if inside == "recovery-file":
        at = line.index("--recovery-recipient")
        line[at : at + 2] = ["--recovery-file", place]
    else:
        line[line.index(f"--{inside}") + 1] = place
    refused = invoke(*line)
    assert refused.exit_code == 2
    assert f"{place} would be in {tmp_path}/home, which belongs to nobody" in refused.stderr
    assert list(tmp_path.iterdir()) == []


@AS_ROOT
def test_the_user_passes_through_a_folder_that_was_made_for_the_configuration(invoke: Invoke, tmp_path: Path) -> None:
    nobody, line = pwd.getpwnam("nobody"), options(tmp_path, "nobody")
    line[line.index("--config") + 1] = str(tmp_path / "etc" / "c.toml")
    assert invoke(*line).exit_code == 0
    folder = (tmp_path / "etc").stat()
    assert (folder.st_uid, folder.st_gid, stat.S_IMODE(folder.st_mode)) == (0, nobody.pw_gid, 0o750)


@AS_ROOT
def test_a_link_in_place_of_the_configuration_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("# comments alone\n")
    (tmp_path / "c.toml").symlink_to(tmp_path / "real.toml")
    refused = invoke(*options(tmp_path, "nobody"))
    assert refused.exit_code == 2 and "is a link" in refused.stderr
    assert not (tmp_path / "home").exists()


def test_the_folder_above_the_users_own_must_be_there(invoke: Invoke, tmp_path: Path) -> None:
    line = options(tmp_path, ME)
    line[line.index("--vault") + 1] = str(tmp_path / "a" / "b" / "vault")
    refused = invoke(*line)
    assert refused.exit_code == 2 and f"the folder {tmp_path}/a does not exist" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_user_without_a_name_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    refused = invoke(*options(tmp_path, ""))
    assert refused.exit_code == 2 and "there is no system user ''" in refused.stderr
    assert list(tmp_path.iterdir()) == []


@AS_ROOT
def test_a_folder_that_was_there_keeps_what_else_is_in_it(invoke: Invoke, tmp_path: Path) -> None:
    nobody, home = pwd.getpwnam("nobody"), tmp_path / "home"
    home.mkdir()
    (home / "other").write_text("not of the vault")
    os.chown(home, nobody.pw_uid, -1)
    made = invoke(*options(tmp_path, "nobody"))
    assert made.exit_code == 0, made.stderr
    assert (home / "other").stat().st_uid == 0
    assert (home / "vault").stat().st_uid == (home / "signing.key").stat().st_uid == nobody.pw_uid


@AS_ROOT
def test_no_link_is_followed_out_of_the_vault(tmp_path: Path) -> None:
    nobody = service_owner.find_owner("nobody")
    outside, vault = tmp_path / "outside", tmp_path / "vault"
    for folder in (outside, vault / "log"):
        folder.mkdir(parents=True)
    (outside / "shadow").write_text("of root")
    (vault / "log" / "folder").symlink_to(outside)
    (vault / "log" / "file").symlink_to(outside / "shadow")
    (tmp_path / "moved").symlink_to(outside)
    service_owner.give(nobody, vault, tmp_path / "moved")
    assert {each.stat().st_uid for each in (outside, outside / "shadow")} == {0}
    assert (vault / "log" / "file").lstat().st_uid == nobody.uid


@pytest.mark.parametrize(
    ("user", "words", "hint"),
    [
        ("no-such-user", "there is no system user 'no-such-user'", "docs/systemd.md"),
        pytest.param("nobody", "does not belong to nobody", "choose a folder of its own", marks=AS_ROOT),
    ],
)
def test_what_cannot_be_given_is_refused_before_anything_is_made(
    user: str, words: str, hint: str, invoke: Invoke, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    refused = invoke(*options(tmp_path, user))
    assert refused.exit_code == 2
    assert words in refused.stderr and hint in refused.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["home"]


def test_only_root_gives_a_vault_away(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    refused = invoke(*options(tmp_path, "nobody"))
    assert refused.exit_code == 2
    assert "only root can give a vault to nobody" in refused.stderr and "sudo" in refused.stderr
