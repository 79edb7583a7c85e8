"""Where the database may lie, and that only one server works on it."""

import os
import stat
from pathlib import Path

import pytest

from ringback.store import engines
from ringback.store.schema import upgrade

MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
server:/export /mnt/nfs nfs4 rw 0 0
/dev/sdb1 /mnt/nfs/local ext4 rw 0 0
//server/share /mnt/with\\040space cifs rw 0 0
host:/ /home/user/remote fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        pytest.param("/var/lib/ringback", None, id="local"),
        pytest.param("/mnt/nfs", "nfs4 at /mnt/nfs", id="the mount itself"),
        pytest.param("/mnt/nfs/ringback/data", "nfs4 at /mnt/nfs", id="deep in it"),
        pytest.param("/mnt/nfs/local/data", None, id="a local disk within"),
        pytest.param("/mnt/nfs2", None, id="a name that begins alike"),
        pytest.param("/mnt/with space/data", "cifs at /mnt/with space", id="a space in its name"),
        pytest.param("/home/user/remote/x", "fuse.sshfs at /home/user/remote", id="FUSE"),
    ],
)
def test_network_file_systems(folder: str, kind: str | None) -> None:
    if kind is None:
        engines.refuse_network_file_system(Path(folder), MOUNTS)
        return
    with pytest.raises(OSError, match="is on a network file system") as caught:
        engines.refuse_network_file_system(Path(folder), MOUNTS)
    assert f"({kind})" in str(caught.value)


def test_this_machines_own_mounts(tmp_path: Path) -> None:
    engines.refuse_network_file_system(tmp_path)
    engines.refuse_network_file_system(tmp_path, "")


def test_one_server_a_folder(tmp_path: Path) -> None:
    first = engines.lock(tmp_path)
    with pytest.raises(
        OSError, match=rf"another ringback serve \(process {os.getpid()}\) works on {tmp_path}"
    ):
        engines.lock(tmp_path)
    first.close()
    again = engines.lock(tmp_path)  # a lock file left behind is no lock
    again.close()


def test_a_lock_that_names_nobody(tmp_path: Path) -> None:
    with engines.lock(tmp_path):
        (tmp_path / "ringback.lock").write_text("")
        with pytest.raises(OSError, match="another ringback serve works on"):
            engines.lock(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "/data/ringback.db", id="the data folder's"),
        pytest.param("sqlite:////var/lib/r.db", "/var/lib/r.db", id="a file"),
    ],
)
def test_url(text: str, expected: str) -> None:
    assert engines.database_url(text, Path("/data")).database == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("postgresql://host/db", id="not yet"),
        pytest.param("mysql://", id="another kind"),
        pytest.param("sqlite://", id="in memory"),
        pytest.param("sqlite:///:memory:", id="in memory by name"),
        pytest.param("no url", id="no URL"),
    ],
)
def test_no_url(text: str) -> None:
    with pytest.raises(ValueError, match="RINGBACK_DATABASE_URL"):
        engines.database_url(text, Path("/data"))


def test_a_sound_file_is_sound(tmp_path: Path) -> None:
    url = engines.database_url("", tmp_path)
    upgrade(url)
    file = Path(str(url.database))
    with engines.open_engine(url, reading=True).connect() as connection:
        assert engines.quick_check(connection) is None
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    assert stat.S_ISREG(file.stat().st_mode)
