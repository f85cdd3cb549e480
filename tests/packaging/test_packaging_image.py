"""The image for containers: what its writer promises, what a container starts with, and the files that run it."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import json
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest
import yaml

from kit.systemd_units import ROOT
from release.debian import NoDebian, fetch
from release.image import CONFIGURATION, SECRETS, UNCOMPILED, UNUSED, USER, VAULT, fixed_entries, image_name, settings
from release.oci import Entry, make_layer, pack_image, tree_entries
from strongroom.config.outgoing import Endpoint
from strongroom.daemon.metrics_http import MetricsServer

EPOCH = 1764500000
NAME = "localhost/strongroom:9.9"
ENTRIES = (
    Entry("bin", 0o777, link="usr/bin"),
    Entry("usr", 0o755),
    Entry("usr/bin", 0o755),
    Entry("usr/bin/program", 0o755, b"content"),
    Entry("usr/bin/empty", 0o644, b""),
    Entry("var", 0o700, uid=USER, gid=USER),
)


def pack() -> tarfile.TarFile:
    layers = {"one": make_layer(ENTRIES, EPOCH), "two": make_layer([Entry("etc", 0o755)], EPOCH)}
    return tarfile.open(fileobj=io.BytesIO(pack_image(NAME, "amd64", settings("9.9"), layers, EPOCH)))


def read(image: tarfile.TarFile, name: str) -> bytes:
    opened = image.extractfile(name)
    assert opened is not None
    return opened.read()


def test_a_layer_depends_on_its_entries_alone() -> None:
    layer = make_layer(ENTRIES, EPOCH)
    assert layer == make_layer(reversed(ENTRIES), EPOCH)
    assert layer.unpacked == len(b"content")
    with tarfile.open(fileobj=io.BytesIO(layer.blob)) as packed:
        members = packed.getmembers()
    assert [member.name for member in members] == sorted(entry.path for entry in ENTRIES)
    assert {(member.mtime, member.uname, member.gname) for member in members} == {(EPOCH, "", "")}
    assert {member.name: (member.uid, member.gid) for member in members if member.uid} == {"var": (USER, USER)}


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two files of one name: usr"):
        make_layer([*ENTRIES, Entry("usr", 0o700)], EPOCH)


def test_what_lies_in_a_folder_becomes_roots_whoever_made_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "folder/file").write_bytes(b"1")
    (tmp_path / "folder/file").chmod(0o666)
    (tmp_path / "program").write_bytes(b"2")
    (tmp_path / "program").chmod(0o700)
    (tmp_path / "link").symlink_to("folder/file")
    found = {entry.path: (entry.mode, entry.link, entry.uid) for entry in tree_entries(tmp_path)}
    assert found == {
        "folder": (0o755, "", 0),
        "folder/file": (0o644, "", 0),
        "program": (0o755, "", 0),
        "link": (0o777, "folder/file", 0),
    }


def test_every_part_of_an_image_has_the_digest_and_size_that_are_stated() -> None:
    with pack() as image:
        (described,) = json.loads(read(image, "index.json"))["manifests"]
        manifest = json.loads(read(image, place(described)))
        config = json.loads(read(image, place(manifest["config"])))
        for each in (described, manifest["config"], *manifest["layers"]):
            blob = read(image, place(each))
            assert (each["digest"], each["size"]) == (f"sha256:{hashlib.sha256(blob).hexdigest()}", len(blob))
        layers = [gzip.decompress(read(image, place(each))) for each in manifest["layers"]]
        assert json.loads(read(image, "oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    assert (config["os"], config["architecture"], config["created"]) == ("linux", "amd64", "2025-11-30T10:53:20Z")
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    assert len(config["history"]) == len(layers) == 2
    assert described["annotations"]["org.opencontainers.image.ref.name"] == "9.9"


def place(described: dict[str, Any]) -> str:
    return f"blobs/{described['digest'].replace(':', '/')}"


def test_docker_finds_the_same_parts() -> None:
    with pack() as image:
        (docker,) = json.loads(read(image, "manifest.json"))
        manifest = json.loads(read(image, place(json.loads(read(image, "index.json"))["manifests"][0])))
    assert docker["RepoTags"] == [NAME] == [image_name("9.9")]
    assert docker["Config"] == place(manifest["config"])
    assert docker["Layers"] == [place(each) for each in manifest["layers"]]


def test_a_container_starts_as_nobody_special_and_stops_as_asked() -> None:
    made = settings("9.9")
    assert made["User"] == f"{USER}:{USER}" and USER > 0
    assert set(made["Volumes"]) == {f"/{VAULT}", f"/{CONFIGURATION}"}
    assert (made["StopSignal"], made["Entrypoint"], made["Cmd"]) == ("SIGTERM", ["/usr/bin/strongroom"], ["daemon"])
    assert made["Healthcheck"]["Test"] == ["CMD", "/usr/bin/strongroom", "status", "--quiet"]
    environment = dict(each.split("=", 1) for each in made["Env"])
    assert environment["CREDENTIALS_DIRECTORY"] == f"/{SECRETS}"
    assert not [name for name in environment if "KEY" in name or "PASS" in name]


def test_only_the_daemon_can_write_to_its_vault_and_nobody_to_the_rest() -> None:
    found = {entry.path: (entry.mode, entry.uid, entry.gid) for entry in fixed_entries()}
    assert found[VAULT] == (0o700, USER, USER)
    assert found[CONFIGURATION] == (0o750, 0, USER)
    assert not [path for path, (mode, _, _) in found.items() if mode & 0o002 and mode != 0o777 and path != "tmp"]


@pytest.mark.parametrize(
    "name", ["boto3/data/ec2/x.json", "jeepney/io/tests/test_x.py", "apprise/i18n/de/LC_MESSAGES/apprise.po"]
)
def test_what_nothing_reads_is_left_out(name: str) -> None:
    assert UNUSED.match(name)


KEPT = (
    "strongroom/engine/core/job.py",
    "botocore/auth.py",
    "textual/app.py",
    "apprise/plugins/slack.py",
    "boto3/data/s3/x.json",
)


@pytest.mark.parametrize("name", KEPT)
def test_what_the_program_reads_stays_and_is_compiled(name: str) -> None:
    assert not UNUSED.match(name)
    assert not UNCOMPILED.search(f"/usr/lib/strongroom/site-packages/{name}")


@pytest.mark.parametrize("name", ["cryptography-50.dist-info/METADATA", "pygments/lexers/__init__.py"])
def test_licenses_and_what_is_imported_by_others_stay(name: str) -> None:
    assert not UNUSED.match(name)


def test_without_its_tools_the_image_is_skipped_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoDebian, match="mmdebstrap is not here"):
        fetch(tmp_path / "debs")


@pytest.fixture(scope="module")
def alive() -> ModuleType:
    spec = importlib.util.spec_from_file_location("alive", ROOT / "packaging/image/alive.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def stranger() -> Iterator[str]:
    """A server that is no daemon."""
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.timeout = 60  # where the test fails before it asks
    thread = Thread(target=server.handle_request)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    thread.join()
    server.server_close()


def test_the_probe_finds_a_daemon_that_answers_and_no_other(
    alive: ModuleType, stranger: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert alive.main(stranger) == 1
    assert "is no daemon: expected 200, got 501" in capsys.readouterr().err
    with MetricsServer(Endpoint("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.port}"
        assert alive.main(address) == 0
    assert alive.main(address) == 1
    assert "no daemon answers" in capsys.readouterr().err


def test_compose_runs_it_with_the_least_that_it_needs() -> None:
    composed = yaml.safe_load((ROOT / "packaging/compose.yaml").read_text())
    service = composed["services"]["strongroom"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == settings("9.9")["User"]
    assert int(service["stop_grace_period"].removesuffix("s")) > 10
    mounted = {each.split(":")[1] for each in service["volumes"]}
    assert mounted == set(settings("9.9")["Volumes"])
    assert set(service["secrets"]) == set(composed["secrets"])
    assert "environment" not in service and "privileged" not in service and "ports" not in service


def objects(name: str) -> dict[str, Any]:
    return {each["kind"]: each for each in yaml.safe_load_all((ROOT / "packaging/kubernetes" / name).read_text())}


def test_kubernetes_runs_one_daemon_that_nothing_reaches() -> None:
    found = objects("strongroom.yaml")
    spec = found["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    pod = spec["template"]["spec"]
    check_pod(pod)
    (container,) = pod["containers"]
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"] == ["strongroom-alive"]
    assert container["args"] == settings("9.9")["Cmd"]
    assert "Service" not in found and "ports" not in container


def test_the_pod_that_makes_the_vault_has_the_same_volume_and_user() -> None:
    pod = objects("setup.yaml")["Pod"]["spec"]
    check_pod(pod)
    assert (
        pod["securityContext"]
        == objects("strongroom.yaml")["Deployment"]["spec"]["template"]["spec"]["securityContext"]
    )


def check_pod(pod: dict[str, Any]) -> None:
    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsNonRoot"]) == (USER, True)
    assert not pod["automountServiceAccountToken"]
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"] == {"memory": "256Mi"}
    assert "env" not in container
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert {each["name"] for each in container["volumeMounts"]} == set(volumes)
    claim = objects("volume.yaml")["PersistentVolumeClaim"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert volumes["vault"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    secrets = [each for each in container["volumeMounts"] if each["name"] == "secrets"]
    assert all(each["mountPath"] == f"/{SECRETS}/{each['subPath']}" for each in secrets)
