"""The stick: everything an installer carries to an office, summed and signed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from commune_portal.operations.publisher import NEXT_KEY_FILE, SIGNATURE_SUFFIX
from deploy.bundle import facts, handover, installer, layers, releases, signature, sums
from deploy.bundle.checkout import DEPLOY, DOWNLOADS, LAYERS, ROOT, BundleError, Platform, Release, files_under
from deploy.bundle.locks import read_runtime_lock
from deploy.bundle.signature import Publisher

SUMS = "SHA256SUMS"
PAYLOAD = "payload.tar.gz"
MANUAL = "HUONG-DAN.pdf"
SHEET = "BIEN-BAN-BAN-GIAO.pdf"
INSTALLERS = {Platform.LINUX: "cai-dat.sh", Platform.WINDOWS: "CAI-DAT.exe"}
SELF_PROVING = {SUMS, SUMS + SIGNATURE_SUFFIX, NEXT_KEY_FILE, NEXT_KEY_FILE + SIGNATURE_SUFFIX}
READ_ME = """Thư mục này dành cho bản sao lưu của cơ quan.

Khi USB cắm vào máy chạy phần mềm và thư mục này còn ở đây, bản sao lưu hằng ngày được chép thêm vào đây, đã mã hóa
bằng khóa khôi phục của cơ quan. Muốn lấy lại sổ từ bản sao lưu, xem HUONG-DAN.pdf, phần "Khi có sự cố".

Đừng xóa thư mục này. Các tệp khác trên USB là bộ cài: đừng sửa, đừng xóa, vì bộ cài bị sửa sẽ không dùng được nữa.
"""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built, and with what."""

    release: Release
    publisher: Publisher
    platforms: frozenset[Platform] = frozenset(Platform)
    compression: str = "lzma"
    former: Publisher | None = None
    overlay: Mapping[str, str] = field(default_factory=dict)
    layers: Path = LAYERS
    source: Path = ROOT
    downloads: Path = DOWNLOADS


def build(out: Path, order: Order) -> None:
    """Builds a stick into a folder that is empty, missing, or a stick built before, which is replaced."""
    if out.exists() and any(out.iterdir()) and not (out / SUMS).is_file():
        raise BundleError(f"{out} is not empty and is no stick; name another folder with OUT=")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as work:
        stick = Path(work) / "stick"
        stick.mkdir()
        _fill(stick, order, Path(work))
        shutil.rmtree(out, ignore_errors=True)
        stick.rename(out)


def _fill(stick: Path, order: Order, work: Path) -> None:
    ours = layers.ours(order.release, order.overlay, order.layers, order.source)
    schema = facts.schema() + sum(path.startswith("store/migrations/") for path in order.overlay)
    told = facts.as_json(order.release, read_runtime_lock(), schema)
    _write(stick / "bundle" / releases.RELEASE_FILE, told)
    signature.write_public(stick, order.publisher, order.former)
    if Platform.LINUX in order.platforms:
        runtime = layers.runtime(Platform.LINUX, order.layers, order.downloads)
        releases.linux(stick / "bundle/linux" / PAYLOAD, order.release, schema, runtime, ours, work)
        installed = shutil.copy(DEPLOY / "linux" / INSTALLERS[Platform.LINUX], stick / INSTALLERS[Platform.LINUX])
        Path(installed).chmod(0o755)
    if Platform.WINDOWS in order.platforms:
        runtime = layers.runtime(Platform.WINDOWS, order.layers, order.downloads)
        releases.windows(stick / "bundle/windows", order.release, schema, runtime, ours)
        inner = work / "inner"
        _inner_stick(inner, stick, order)
        installer.build(stick / INSTALLERS[Platform.WINDOWS], inner, order.release, order.compression)
    _write(stick / "sao-luu/DOC-TOI.txt", READ_ME.replace("\n", "\r\n"))
    print_manual(stick / MANUAL, order.source)
    handover.print_sheet(stick / SHEET, stick, order.release, order.publisher)
    sign(stick, order)
    releases.date_files(stick, order.release.epoch)


def _inner_stick(inner: Path, stick: Path, order: Order) -> None:
    """What CAI-DAT.exe carries: a signed stick of its own, since it may be sent without the rest."""
    shutil.copytree(stick / "bundle", inner / "bundle", ignore=shutil.ignore_patterns("linux"))
    signature.write_public(inner, order.publisher, order.former)
    sign(inner, order)
    releases.date_files(inner, order.release.epoch)


def sign(stick: Path, order: Order) -> None:
    """Names every file of a stick with its hash, and signs the list."""
    listed = {path: value for path, value in sums.sums_of(stick).items() if path not in SELF_PROVING}
    _write(stick / SUMS, sums.as_text(listed))
    order.publisher.sign_file(stick / SUMS, signature.comment_for(order.release))


def print_manual(out: Path, source: Path) -> None:
    """Prints the manual of a checkout with its pictures, where they were made."""
    pictures = source / "docs" / "pictures"
    command = [sys.executable, "-m", "commune_portal", "manual", "--out", str(out.resolve())]
    if pictures.is_dir():
        command += ["--pictures", str(pictures)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode or not out.is_file():
        raise BundleError(f"the manual could not be printed:\n{done.stdout}{done.stderr}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")


def sizes(stick: Path) -> str:
    """The weight of a stick's parts, a line each, in MB of a million bytes."""
    parts: dict[str, int] = {}
    for path in files_under(stick):
        inside = path.relative_to(stick)
        name = "/".join(inside.parts[:2]) if inside.parts[0] == "bundle" else inside.parts[0]
        parts[name] = parts.get(name, 0) + path.stat().st_size
    return "\n".join(f"{size / 1e6:8.1f} MB  {name}" for name, size in sorted(parts.items()) if size > 50_000)
