"""`release rollback`: back to the previous release on request, and what that would cost in documents."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from commune_portal.errors import RuleBroken, StoreDamaged, StoreRefused
from commune_portal.operations import engine, journal, record, registers, releases, steps
from commune_portal.operations.engine import Ended, Outcome, Site
from commune_portal.operations.installing import undo
from commune_portal.operations.journal import Kind
from commune_portal.operations.places import Places
from commune_portal.operations.record import Record
from commune_portal.operations.registers import Snapshot


@dataclass(frozen=True, slots=True)
class Plan:
    """What going back means: `keeps_data` where the register stays as it is, `lost` the numbers that it would cost."""

    record: Record
    keeps_data: bool
    snapshot: Snapshot | None
    lost: tuple[str, ...]
    lost_lines: int


def plan(places: Places, *, wants_old_data: bool = False) -> Plan:
    """Looks before anything is done; raises RuleBroken or StoreRefused where there is nothing to go back to."""
    installed = record.read(places)
    if installed is None or not installed.previous:
        raise RuleBroken("Không có bản trước để quay lại: máy chỉ giữ một bản, hoặc đã quay lại rồi.")
    folder = places.release(installed.previous)
    if not releases.is_whole(folder):
        raise StoreDamaged(
            f"Bản {installed.previous} trên máy không còn nguyên vẹn, nên không quay lại. Chưa có gì thay đổi."
        )
    own = registers.founded(places)
    if own is None:
        return Plan(installed, True, None, (), 0)
    schema, _ = registers.facts(own.database_path)
    older = releases.facts_of(folder).schema
    if schema == older and not wants_old_data:
        return Plan(installed, True, None, (), 0)
    if not installed.snapshot:
        raise StoreRefused(
            f"Bản {installed.previous} không đọc được dữ liệu hiện nay (lược đồ {schema}) và không còn bản chụp trước"
            " khi nâng cấp. Chưa có gì thay đổi; hãy khôi phục từ bản sao lưu nếu thật cần."
        )
    before = Snapshot(**installed.snapshot)
    if before.schema != older:
        raise StoreRefused("Bản chụp dữ liệu không thuộc về bản trước; không quay lại được. Chưa có gì thay đổi.")
    lost = tuple(registers.acts_since(own.database_path, before.lines))
    return Plan(installed, False, before, lost, registers.amount_since(own.database_path, before.lines))


def warning(found: Plan) -> str:
    """What a person must know before going back, empty where nothing is lost."""
    if found.keeps_data or not found.lost_lines:
        return ""
    named = "".join(f"\n  - {line}" for line in found.lost[:200])
    return (
        f"Quay lại bản {found.record.previous} thì sổ trở về lúc trước khi nâng cấp: {found.lost_lines} việc đã ghi từ"
        f" đó, trong đó {len(found.lost)} số đã cấp, sẽ không còn trong sổ (dữ liệu mới được để sang bên, không xóa)."
        f"{named}\nNếu vẫn muốn, chạy lại với --accept-loss."
    )


def roll_back(site: Site, found: Plan) -> Ended:
    """Goes back, under the lock; a failure brings the newer release and its register back again."""
    operation = journal.begin(
        Kind.ROLLBACK,
        found.record.current,
        found.record.previous,
        role=found.record.role,
        port=found.record.port,
        services=found.record.services.value,
        older_snapshot=asdict(found.snapshot) if found.snapshot else None,
    )
    ended = engine.carry_out(site, operation, steps.STEPS[Kind.ROLLBACK], undo)
    if ended.outcome is Outcome.ROLLED_BACK:
        return Ended(ended.operation, steps.outcome_of_failure(ended.operation), ended.error)
    return ended
