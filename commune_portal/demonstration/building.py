"""Building a demonstration's folder: four installations founded and filled side by side, met by a node, then at rest.

The folder says of itself whether it is finished; a half-built one is thrown away by the next start.
"""

from __future__ import annotations

import json
import shutil
import subprocess  # our own interpreter with our own module
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.demonstration import cast, year
from commune_portal.demonstration.cast import NODE, OFFICES, PLANS
from commune_portal.demonstration.year import Amounts, Plan
from commune_portal.errors import StoreRefused
from commune_portal.parties import founding, supervisor
from commune_portal.settings import Settings
from commune_portal.signing import softhsm, trial

BUILDING = ".building"
MADE = "demo.json"
AUTHORITY = "authority"
SCANS = "scans"
SERVED = (cast.AN_PHU, cast.BINH_LOI, NODE)
POLL_SECONDS = 5.0

Tell = Callable[[str], None]


class Child:
    """A filling process of one party, spoken to in JSON lines."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._noise = (settings.folder / "filling.log").open("wb")
        self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter with our own module
            [
                sys.executable, "-m", "commune_portal.demonstration.filling",
                str(settings.folder / supervisor.CONFIG),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._noise,
            env=supervisor.environment(settings),
        )  # fmt: skip

    def __call__(self, **request: Any) -> dict[str, Any]:
        """Sends a request and waits for its answer; raises StoreRefused with the child's last words."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request, ensure_ascii=False).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = b""
        if not line:
            words = Path(self._noise.name).read_text(encoding="utf-8", errors="replace")[-1500:]
            raise StoreRefused(f"Dựng dữ liệu ở {self.settings.folder} không thành. Xem filling.log.", detail=words)
        return dict(json.loads(line))

    def close(self) -> None:
        """Ends the process in order: what it wrote is brought to the disk."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(supervisor.STOP_SECONDS * 3)
        self._noise.close()
        if code:
            raise StoreRefused(f"Dựng dữ liệu ở {self.settings.folder} không thành (mã {code}). Xem filling.log.")
        Path(self._noise.name).unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends the process at once."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._noise.close()


def require_ours(folder: Path) -> bool:
    """True when the folder holds a finished demonstration; raises StoreRefused for a folder of something else."""
    if (folder / MADE).is_file() and not (folder / BUILDING).exists():
        return True
    if folder.is_dir() and any(folder.iterdir()) and not (folder / BUILDING).exists():
        raise StoreRefused(f"Thư mục {folder} đang chứa dữ liệu khác. Hãy chọn một thư mục mới cho bản trình diễn.")
    if folder.exists() and not folder.is_dir():
        raise StoreRefused(f"{folder} không phải là thư mục. Hãy chọn một thư mục mới cho bản trình diễn.")
    return False


def build(folder: Path, first_port: int, amounts: Amounts, tell: Tell) -> None:
    """Founds and fills everything; what a former start left unfinished goes first."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BUILDING).touch()
    _clear(folder)
    plan = year.plan(clock.today(), amounts)
    module = softhsm.find_module()
    _root(folder, module)
    settings = _settings(folder, first_port, module)
    (folder / SCANS).mkdir()
    children = {party: Child(settings[party]) for party in (NODE, *OFFICES)}
    artist = _artist(folder, plan)
    # The pool is left last: its threads wait for children that an interruption has to end first.
    with ThreadPoolExecutor(max_workers=len(children)) as pool:
        try:
            _fill(folder, plan, amounts, children, artist, pool, tell)
            for child in children.values():
                child.close()
        except BaseException:
            for child in children.values():
                child.kill()
            raise
        finally:
            artist.kill()
            artist.wait()
    for leftover in (folder / SCANS, folder / AUTHORITY):
        shutil.rmtree(leftover)
    (folder / MADE).write_text(json.dumps(_made(settings, module), ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / BUILDING).unlink()


def _clear(folder: Path) -> None:
    for name in (*PLANS, AUTHORITY, SCANS):
        shutil.rmtree(folder / name, ignore_errors=True)
    for file in (MADE, *(f"{party}.enrolment.json" for party in OFFICES)):
        (folder / file).unlink(missing_ok=True)


def _root(folder: Path, module: str) -> None:
    """The one root of all simulated or trial certificates; made before the offices found themselves side by side."""
    if module:
        founding.demonstration_root(folder / AUTHORITY)
    else:
        trial.root(folder / AUTHORITY)


def _settings(folder: Path, first_port: int, module: str) -> dict[str, Settings]:
    """Settings of all parties, on ports one after another; the province's office is filled but never served."""
    settings = {}
    port = first_port
    for party in (*SERVED, cast.PROVINCE):
        port = supervisor.free_port(port)
        settings[party] = supervisor.write_settings(
            folder / party, "node" if party == NODE else "office", port, module=module, poll_seconds=POLL_SECONDS
        )
        port += 1
    return settings


def _artist(folder: Path, plan: Plan) -> subprocess.Popen[bytes]:
    """Draws the scans while the year begins."""
    process = subprocess.Popen(  # noqa: S603 -- our own interpreter with our own module
        [sys.executable, "-m", "commune_portal.demonstration.scans", str(folder / SCANS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    with process.stdin as asked:
        asked.write(json.dumps(plan.scans, ensure_ascii=False).encode())
    return process


def _fill(
    folder: Path,
    plan: Plan,
    amounts: Amounts,
    children: dict[str, Child],
    artist: subprocess.Popen[bytes],
    pool: ThreadPoolExecutor,
    tell: Tell,
) -> None:
    offices = {party: children[party] for party in OFFICES}
    tell("Đang tạo khóa, chứng thư và tài khoản …")
    _together(
        pool,
        (
            partial(
                child, plan=PLANS[party].to_json(), authority=str(folder / AUTHORITY),
                since=plan.since.isoformat(), scans=str(folder / SCANS),
            )
            for party, child in children.items()
        ),
    )  # fmt: skip
    _introduce(folder, plan, amounts, children)
    first_scan = _first_scan(plan)
    for number, meeting in enumerate(plan.rounds):
        tell(f"Đang dựng sổ một năm: {100 * number // len(plan.rounds)} %")
        if number == first_scan and artist.wait():
            raise StoreRefused("Không vẽ được các bản quét mẫu.")
        at = clock.to_text(meeting.at) if meeting.at else ""
        children[NODE](clock=at)
        _together(
            pool,
            (
                partial(
                    child, acts=[act.to_json() for act in plan.acts[party] if act.round == number],
                    contact=at if party in meeting.parties else None, checked=party in SERVED,
                )
                for party, child in offices.items()
            ),
        )  # fmt: skip
    _carry_bags(folder, plan, children)
    # The province's office keeps nothing: at the node it is the one to be reminded of it.
    children[NODE](clock="", keep=True)
    _together(pool, (partial(children[party], keep=True) for party in OFFICES if party in SERVED))
    tell("")


def _carry_bags(folder: Path, plan: Plan, children: dict[str, Child]) -> None:
    """Two bags of the node, one of them taken in, so that the pages of bags have something to show."""
    stick = folder / "usb"
    stick.mkdir()
    at = max(clock.to_text(meeting.at) for meeting in plan.rounds if meeting.at)
    children[NODE](bag=str(stick), to=PLANS[OFFICES[0]].code, clock=at)
    children[OFFICES[0]](bag=str(stick), at=at)
    children[NODE](bag=str(stick), to=PLANS[cast.PROVINCE].code, clock=at)
    shutil.rmtree(stick)


def _introduce(folder: Path, plan: Plan, amounts: Amounts, children: dict[str, Child]) -> None:
    at = f"{plan.since.isoformat()}T00:35:00Z"
    files = {party: folder / f"{party}.enrolment.json" for party in OFFICES}
    children[NODE](
        clock=at,
        offices=[
            {"code": PLANS[party].code, "name": PLANS[party].name, "out": str(file)} for party, file in files.items()
        ],
    )
    for party, file in files.items():
        opening = year.opening_numbers(plan, party, amounts) if party != cast.PROVINCE else {}
        if opening:
            opening["year"] = plan.since.year
        children[party](introduce=str(file), at=at, office={"party": party, "opening": opening})
        file.unlink()
    # Twice: at the second contact everybody's directory names everybody.
    for minute in ("40", "45"):
        at = f"{plan.since.isoformat()}T00:{minute}:00Z"
        children[NODE](clock=at)
        for party in OFFICES:
            children[party](acts=[], contact=at, checked=False)


def _first_scan(plan: Plan) -> int:
    return min(
        (
            act.round
            for acts in plan.acts.values()
            for act in acts
            if act.values.get("scan") or act.values.get("upload")
        ),
        default=-1,
    )


def _together(pool: ThreadPoolExecutor, calls: Iterable[Callable[[], object]]) -> None:
    """Asks all at once and waits for all; the first failure is raised."""
    for answer in [pool.submit(call) for call in calls]:
        answer.result()


def _made(settings: dict[str, Settings], module: str) -> dict[str, Any]:
    """What the folder says of itself: where everything is and who may log in."""
    return {
        "token": "softhsm" if module else "trial",
        "parties": [
            {
                "key": party,
                "role": PLANS[party].role,
                "name": PLANS[party].name,
                "address": f"http://127.0.0.1:{settings[party].server.port}/",
                "accounts": [
                    {
                        "username": person.username,
                        "full_name": person.full_name,
                        "position": person.position,
                        "password": PLANS[party].password,
                        "role": person.roles[0],
                    }
                    for person in PLANS[party].people
                ],
            }
            for party in SERVED
        ],
    }
