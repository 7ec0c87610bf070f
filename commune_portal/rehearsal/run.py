"""The main job, step by step, in real processes: what an installer runs to prove an installation.

A document is drafted, signed, numbered, sealed and dispatched; the node is killed in the middle of the upload and
comes back; the other office receives, verifies, accepts, assigns, starts, completes; a second document is refused.
Everything is left in the folder: each party with its `portal.toml`, and the artefacts.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from commune_portal import clock
from commune_portal.documents import verification
from commune_portal.errors import PortalError, RuleBroken
from commune_portal.parties.supervisor import wait_until
from commune_portal.rehearsal import cast, material, stage
from commune_portal.rehearsal.cast import CLERK, LEADER, SPECIALIST
from commune_portal.rehearsal.stage import RealToken, Stage
from commune_portal.signing.reports import Verdict
from commune_portal.store import files

KILL_AT_SHARE = 0.25
PARTIES = {"node": "nút", "sender": "nơi gửi", "receiver": "nơi nhận"}
TOKENS = {"pkcs11": "thiết bị thật", "softhsm": "thiết bị mô phỏng SoftHSM2", "trial": "khóa thử nghiệm"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step as reported: whether it held, how long it took, and what was seen."""

    name: str
    ok: bool
    seconds: float
    detail: str


@dataclass(slots=True)
class Report:
    """What a rehearsal prints; artefacts are paths relative to its folder."""

    ok: bool = False
    token: str = ""
    steps: list[Step] = field(default_factory=list)
    artefacts: dict[str, str] = field(default_factory=dict)
    statuses: list[str] = field(default_factory=list)
    bytes_sent: int = 0
    bytes_of_packet: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Rehearsal:
    """One run; `tell` hears of each step as it ends."""

    def __init__(self, folder: Path, tell: Callable[[Step], None]) -> None:
        self.folder = folder
        self.report = Report()
        self._tell = tell

    @contextmanager
    def _step(self, name: str) -> Iterator[list[str]]:
        began = clock.monotonic()
        seen: list[str] = []
        try:
            yield seen
        except PortalError as error:
            self._note(
                Step(name, False, round(clock.monotonic() - began, 2), f"{error.sentence} {error.detail}".strip())
            )
            raise
        self._note(Step(name, True, round(clock.monotonic() - began, 2), "; ".join(seen)))

    def _note(self, step: Step) -> None:
        self.report.steps.append(step)
        self._tell(step)

    def run(self, module: str = "", real: RealToken | None = None) -> Report:
        """Does all steps; the report says `ok` only when every one of them held."""
        try:
            with self._step("dựng một nút và hai cơ quan") as seen:
                played = stage.build(self.folder, module, real)
                self.report.token = played.token
                seen.append(f"ký bằng {TOKENS[played.token]}")
            try:
                self._play(played)
            finally:
                played.close()
            with self._step("kiểm tra lại toàn bộ sổ của hai cơ quan và nút") as seen:
                seen += [self._verify(played, name) for name in played.parties]
            self._collect(played)
            self.report.ok = True
        except PortalError:
            self.report.ok = False
        return self.report

    def _play(self, played: Stage) -> None:
        sender, receiver = played.parties["sender"].desk, played.parties["receiver"].desk
        with self._step("khởi động ba tiến trình, kết nối bằng tệp đăng ký"):
            stage.connect(played)
        document = self._issue(played)
        with self._step("gửi; nút bị ngắt đột ngột giữa chừng rồi chạy lại") as seen:
            sender("send", by=CLERK, document=document, to=[cast.RECEIVER_CODE])
            seen += self._kill_node_in_upload(played)
            wait_until("nút xác nhận đã nhận", lambda: cast.NODE_CODE in sender("receipts_of", document=document), 120)
            self._count(played, document)
        document_id = sender("document_id", document=document)
        with self._step("nơi nhận tải về và kiểm tra chữ ký") as seen:
            wait_until("văn bản đến nơi", lambda: receiver("arrived", document_id=document_id) is not None, 120)
            arrived = receiver("arrived", document_id=document_id)
            wait_until("kiểm tra xong chữ ký", lambda: receiver("verdict", document=arrived) != "", 120)
            seen.append(f"kết luận: {Verdict(receiver('verdict', document=arrived)).label}")
            if not played.is_real and receiver("verdict", document=arrived) not in ("valid", "sound"):
                raise RuleBroken("Chữ ký trên văn bản nhận được không hợp lệ.")
            self._compare(sender, receiver, document, arrived)
        with self._step("tiếp nhận vào sổ, phân công, xử lý, hoàn thành") as seen:
            number = receiver("accept", by=CLERK, document=arrived, without_check=played.is_real)
            seen.append(f"số đến {number:02d}")
            receiver("assign", by=LEADER, document=arrived, lead=SPECIALIST, direction="Tham mưu trả lời trong tuần.")
            receiver("start", by=SPECIALIST, document=arrived)
            receiver("complete", by=SPECIALIST, document=arrived, result="Đã niêm yết và báo cáo.")
        with self._step("năm trạng thái quay về nơi gửi") as seen:
            wanted = ["01", "03", "04", "05", "06"]
            wait_until("đủ năm trạng thái", lambda: sender("statuses", document=document) == wanted, 120)
            self.report.statuses += wanted
            seen.append(" ".join(wanted))
        self._refuse(played)
        with self._step("in sổ, gửi nhật ký lên nút"):
            self._print_books(played)
            wait_until("nút có đủ nhật ký", lambda: sender("mirrored") and receiver("mirrored"), 120)

    def _issue(self, played: Stage) -> int:
        sender = played.parties["sender"].desk
        plan = played.plans["sender"]
        with self._step("soạn văn bản nhiều trang có bản quét, trình ký") as seen:
            source = material.document(
                self.folder / "tai-lieu.pdf",
                issuer_name=plan.name,
                parent_name=plan.parent_name,
                place=plan.place,
                signer_name=next(person.full_name for person in plan.people if person.username == LEADER),
            )
            seen.append(f"{source.stat().st_size:,} byte".replace(",", "."))
            document = int(
                sender(
                    "draft",
                    by=SPECIALIST,
                    type_code="QD",
                    subject=material.SUBJECT,
                    signer=LEADER,
                    file=str(source),
                    unit="VHXH",
                    recipients_text="- Như Điều 3;\n- UBND tỉnh;\n- Lưu: VT, VHXH.",
                )
            )
            sender("submit", by=SPECIALIST, document=document)
        with self._step("lãnh đạo duyệt và ký số"):
            sender("approve", by=LEADER, document=document)
            sender("sign", by=LEADER, document=document, pin=played.pin)
        with self._step("cấp số và ký số của cơ quan") as seen:
            seen.append(sender("number", by=CLERK, document=document))
            seen.append(sender("seal", by=CLERK, document=document, pin=played.pin))
        return document

    def _kill_node_in_upload(self, played: Stage) -> list[str]:
        """Waits until a part of the packet is at the node, kills the node there, and starts it again."""
        node = played.parties["node"]
        size = Path(played.parties["sender"].desk("packet_file", document=1)).stat().st_size
        uploads = node.settings.work_folder

        def share() -> float:
            return max((path.stat().st_size for path in uploads.rglob("*") if path.is_file()), default=0) / size

        wait_until("một phần gói tin tới nút", lambda: share() >= KILL_AT_SHARE, 60, every_seconds=0.005)
        node.server.kill()
        there = share()
        if there >= 1.0:
            raise RuleBroken("Gói tin đã lên hết trước khi ngắt nút; không diễn tập được việc gửi tiếp.")
        node.server.start()
        return [f"ngắt khi nút có {there:.0%} gói tin", "nút chạy lại"]

    def _count(self, played: Stage, document: int) -> None:
        sender = played.parties["sender"].desk
        self.report.bytes_of_packet = Path(sender("packet_file", document=document)).stat().st_size
        # The bytes of a contact are noted when it ends, which is a moment after the node's receipt.
        packet = self.report.bytes_of_packet
        wait_until("xong lượt liên lạc", lambda: sender("queue")["bytes_sent"] >= packet, 60)
        self.report.bytes_sent = sender("queue")["bytes_sent"]

    def _compare(self, sender: Any, receiver: Any, document: int, arrived: int) -> None:
        ours = Path(sender("main_file", table="outgoing", document=document))
        theirs = Path(receiver("main_file", table="incoming", document=arrived))
        if files.digest_of(ours) != files.digest_of(theirs):
            raise RuleBroken("Hai bên giữ hai tệp khác nhau.")
        folder = self.folder / "artefacts"
        folder.mkdir(exist_ok=True)
        for name, path, target in (
            ("signed_pdf_sender", ours, "van-ban-noi-gui.pdf"),
            ("signed_pdf_receiver", theirs, "van-ban-noi-nhan.pdf"),
            ("packet", Path(sender("packet_file", document=document)), "goi-tin.edxml"),
        ):
            shutil.copyfile(path, folder / target)
            self.report.artefacts[name] = f"artefacts/{target}"

    def _refuse(self, played: Stage) -> None:
        sender, receiver = played.parties["sender"].desk, played.parties["receiver"].desk
        with self._step("văn bản thứ hai bị từ chối, có lý do") as seen:
            document = sender(
                "draft",
                by=SPECIALIST,
                type_code="CV",
                subject=material.REFUSED_SUBJECT,
                signer=LEADER,
                unit="VP",
                addressees=["Ủy ban nhân dân xã Bình Lợi"],
                body="Ủy ban nhân dân xã đề nghị quý cơ quan cử 01 cán bộ tham gia đoàn kiểm tra.",
            )
            for act, by in (("submit", SPECIALIST), ("approve", LEADER)):
                sender(act, by=by, document=document)
            sender("sign", by=LEADER, document=document, pin=played.pin)
            sender("number", by=CLERK, document=document)
            document_id = sender("seal", by=CLERK, document=document, pin=played.pin)
            sender("send", by=CLERK, document=document, to=[cast.RECEIVER_CODE])
            wait_until("văn bản đến nơi", lambda: receiver("arrived", document_id=document_id) is not None, 120)
            arrived = receiver("arrived", document_id=document_id)
            receiver("refuse", by=CLERK, document=arrived, reason="Gửi nhầm nơi nhận, không thuộc thẩm quyền của xã")
            wanted = ["01", "02"]
            wait_until("trạng thái từ chối quay về", lambda: sender("statuses", document=document) == wanted, 120)
            self.report.statuses += wanted
            seen.append(" ".join(wanted))

    def _print_books(self, played: Stage) -> None:
        folder = self.folder / "artefacts"
        for name, direction, target in (
            ("sender", "outgoing", "so-van-ban-di.pdf"),
            ("receiver", "incoming", "so-van-ban-den.pdf"),
        ):
            played.parties[name].desk("print_book", by=CLERK, direction=direction, out=str(folder / target))
            self.report.artefacts[f"book_{direction}"] = f"artefacts/{target}"

    def _verify(self, played: Stage, name: str) -> str:
        found = verification.verify_installation(played.parties[name].settings)
        if not found.ok:
            first = found.faults[0]
            raise RuleBroken(f"Sổ của {name} không khớp: {first.where}: {first.what}")
        return f"{PARTIES[name]}: {found.lines} dòng nhật ký, {found.files} tệp, {found.receipts} biên nhận"

    def _collect(self, played: Stage) -> None:
        for name, party in played.parties.items():
            relative = party.settings.database_path.relative_to(self.folder)
            self.report.artefacts[f"sqlite_{name}"] = relative.as_posix()
