"""The left menu, the bell and the line about the node: what a person may open, with counts of what waits.

An entry is there when its view is and when the person's roles ever carry its verb. Counts of whole lists come from
the tallies that triggers keep, counts of one's own work from indexes: a page pays four small reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import Flask, Response, current_app, render_template, url_for

from commune_portal import clock
from commune_portal.documents import outbox
from commune_portal.people.actors import Actor
from commune_portal.rules.permissions import Verb
from commune_portal.settings import Settings
from commune_portal.store import database, installation
from commune_portal.views import _session, _urgent
from commune_portal.views._format import ago, number
from commune_portal.views._page import request, respond
from commune_portal.views._shell import Bell, MenuBlock, MenuEntry, Person, Shell, install_shell


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the menu before it is known who looks: `counted` names a field of `Waiting`."""

    block: str
    label: str
    endpoint: str
    verb: Verb | None
    counted: str = ""
    tone: str = "warn"


PLACES = (
    Place("Việc của tôi", "Trang đầu", "home.show", None),
    Place("Văn bản đến", "Văn bản đến", "incoming.show_list", Verb.INCOMING_SEE, "incoming"),
    Place("Văn bản đến", "Vào sổ văn bản đến", "incoming.register", Verb.INCOMING_REGISTER),
    Place("Văn bản đi", "Văn bản đi", "outgoing.show_list", Verb.OUTGOING_SEE, "outgoing"),
    Place("Văn bản đi", "Cần gọi điện", "urgent.show_list", Verb.EXCHANGE_CALL, "calls", "bad"),
    Place("Văn bản đi", "Soạn văn bản", "outgoing.draft", Verb.OUTGOING_DRAFT),
    Place("Sổ và liên thông", "Sổ văn bản", "books.show_list", Verb.BOOKS_SEE),
    Place("Sổ và liên thông", "Thống kê", "statistics.show", Verb.STATISTICS_SEE),
    Place("Sổ và liên thông", "Liên thông", "exchange.show", Verb.EXCHANGE_SEE, "queue", "quiet"),
    Place("Sổ và liên thông", "Đối chiếu", "comparison.show", Verb.EXCHANGE_COMPARE),
    Place("Sổ và liên thông", "Nhóm nơi nhận", "recipient_groups.show_list", Verb.EXCHANGE_GROUPS),
    Place("Sổ và liên thông", "Túi thư USB", "bag.show", Verb.EXCHANGE_RETRY),
    Place("Nút liên thông", "Thành viên", "node_pages.members", Verb.NODE_MEMBERS),
    Place("Nút liên thông", "Gói đang chuyển", "node_pages.transit", Verb.NODE_TRANSIT),
    Place("Nút liên thông", "Túi thư USB", "bag.show", Verb.NODE_TRANSIT),
    Place("Nút liên thông", "Sổ của các đơn vị", "node_pages.audit", Verb.NODE_AUDIT),
    Place("Nút liên thông", "Đối chiếu", "node_comparison.show", Verb.EXCHANGE_COMPARE),
    Place("Quản trị", "Người dùng", "administration.users", Verb.ADMINISTRATION_USERS),
    Place("Quản trị", "Cơ quan", "administration_office.show", Verb.ADMINISTRATION_OFFICE),
    Place("Quản trị", "Danh bạ", "administration_directory.show", Verb.ADMINISTRATION_DIRECTORY),
    Place("Quản trị", "Thiết bị ký số", "administration_token.show", Verb.ADMINISTRATION_TOKEN),
    Place("Quản trị", "Sao lưu", "administration_backup.show", Verb.ADMINISTRATION_HEALTH),
    Place("Quản trị", "Sức khỏe hệ thống", "health.show", Verb.ADMINISTRATION_HEALTH),
    Place("Quản trị", "Mạng nội bộ", "administration_lan.show", Verb.ADMINISTRATION_SETTINGS),
    Place("Quản trị", "Kết nối nút", "exchange.enrolment", Verb.ADMINISTRATION_SETTINGS),
    Place("Quản trị", "Nghiệm thu", "acceptance.show", Verb.ADMINISTRATION_SETTINGS),
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many things wait for one person, and how long the queue is."""

    arrivals: int = 0
    directions: int = 0
    tasks: int = 0
    drafts: int = 0
    signing: int = 0
    issuing: int = 0
    queue: int = 0
    calls: int = 0
    arrived: int = 0
    restores: int = 0

    @property
    def incoming(self) -> int:
        """Incoming documents that this person is to enter, direct or handle."""
        return self.arrivals + self.directions + self.tasks

    @property
    def outgoing(self) -> int:
        """Outgoing documents that this person is to mend, sign or issue."""
        return self.drafts + self.signing + self.issuing

    @property
    def mine(self) -> int:
        """What the bell shows: everything that this person is to act on."""
        return self.incoming + self.outgoing


def waiting_for(by: Actor) -> Waiting:
    """Counts what waits, by the person's rights alone."""
    # One statement more a page is felt at a whole office: whether a restore waits is asked along with the tallies.
    tallies = {
        (row[0], row[1]): int(row[2])
        for row in database.rows(
            "SELECT kind, state, amount FROM tallies UNION ALL"
            " SELECT 'standstill', '', count(*) FROM restorations WHERE confirmed_at IS NULL"
        )
    }

    def all_of(kind: str, *states: str) -> int:
        return sum(tallies.get((kind, state), 0) for state in states)

    tasks = drafts = signing = queue = 0
    if by.may_ever(Verb.INCOMING_START):
        tasks = _count(
            "SELECT count(DISTINCT incoming_id) FROM assignments"
            " WHERE account_id = ? AND state IN ('assigned', 'in-progress')",
            by.id,
        )
    if by.may_ever(Verb.OUTGOING_DRAFT):
        drafts = _count("SELECT count(*) FROM outgoing WHERE drafter_id = ? AND state = 'returned'", by.id)
    if by.may_ever(Verb.OUTGOING_SIGN):
        signing = _count(
            "SELECT count(*) FROM outgoing WHERE signer_id = ? AND state IN ('submitted', 'approved')", by.id
        )
    if by.may(Verb.EXCHANGE_SEE):
        queue = _count("SELECT count(*) FROM outbox WHERE state = 'ready'")
    return Waiting(
        arrivals=all_of("incoming", "arrived") if by.may(Verb.INCOMING_REGISTER) else 0,
        directions=all_of("incoming", "registered") if by.may(Verb.INCOMING_ASSIGN) else 0,
        tasks=tasks,
        drafts=drafts,
        signing=signing,
        issuing=all_of("outgoing", "signed", "numbered") if by.may(Verb.OUTGOING_NUMBER) else 0,
        queue=queue,
        arrived=all_of("incoming", "arrived"),
        restores=all_of("standstill", ""),
    )


def _count(statement: str, *parameters: object) -> int:
    return int(database.row(statement, parameters)[0])


def install_menu(app: Flask, settings: Settings, home: str = "/") -> None:
    """Gives every page its shell and serves the bell's fragment."""
    own = installation.own()
    is_trial = settings.role == "office" and settings.token.trial and not settings.token.module

    def provide() -> Shell:
        by = _session.actor_or_none()
        help_url = _address("help.help_start") if "help.help_start" in app.view_functions else ""
        if by is None:
            return Shell(office_name=own.name, home_url=home, help_url=help_url, trial_key=is_trial)
        waiting = waiting_for(by)
        # While a password is due the bell would lead back to the form every half minute and empty it.
        is_due = _session.password_is_due()
        stands_still = settings.role == "office" and waiting.restores > 0
        strip = None if is_due or settings.role == "node" else _urgent.strip(by, waiting.arrived)
        return Shell(
            office_name=own.name,
            home_url=home,
            menu=() if is_due else _menu(by, replace(waiting, calls=strip.calls if strip else 0)),
            person=Person(by.full_name, by.position or ", ".join(sorted(role.label for role in by.roles))),
            person_links=(
                MenuEntry("Tài khoản của tôi", _address("account.show")),
                MenuEntry("Đổi mật khẩu", _address("account.password")),
            ),
            logout_url=_address("login.log_out"),
            help_url=help_url,
            bell=None if is_due else _bell(by, waiting, home),
            urgent=strip,
            trial_key=is_trial,
            is_standing_still=stands_still,
            standstill_url=_address("recovering.show") if stands_still and by.may(Verb.BOOKS_OPEN) else "",
        )

    install_shell(app, provide)
    if settings.role == "office":
        _urgent.install_strip(app)

    @_session.polling
    def bell() -> Response:
        by = _session.actor()
        now = _bell(by, waiting_for(by), home)
        if request.args.get("seen") == _seen(now):
            return respond(status=204)
        return respond(render_template("_bell.html", bell=now))

    app.add_url_rule("/bell", "bell", bell)


def _address(endpoint: str) -> str:
    """The address of a page that takes no arguments: built once an app, since every page shows a dozen of them."""
    known: dict[str, str] = current_app.extensions.setdefault("portal_addresses", {})
    if endpoint not in known:
        known[endpoint] = url_for(endpoint)
    return known[endpoint]


def _menu(by: Actor, waiting: Waiting) -> tuple[MenuBlock, ...]:
    blocks: dict[str, list[MenuEntry]] = {}
    for place in PLACES:
        if place.endpoint not in current_app.view_functions:
            continue
        if place.verb is not None and not by.may_ever(place.verb):
            continue
        count = getattr(waiting, place.counted) if place.counted else None
        entry = MenuEntry(place.label, _address(place.endpoint), count or None, place.tone)
        blocks.setdefault(place.block, []).append(entry)
    return tuple(MenuBlock(title, tuple(entries)) for title, entries in blocks.items())


def _bell(by: Actor, waiting: Waiting, home: str) -> Bell:
    text, tone, contact_url = "", "good", ""
    opens: Callable[[str], bool] = current_app.view_functions.__contains__
    if opens("exchange.show") and not by.may(Verb.EXCHANGE_SEE):
        text, tone = _contact()  # how the link stands is everybody's matter; what waits in it is not
    elif by.may(Verb.EXCHANGE_SEE):
        text, tone = _contact()
        contact_url = _address("exchange.show") if opens("exchange.show") else ""
    elif opens("node_pages.transit"):
        return _node_bell(by)
    draft = Bell("", home, waiting.mine, text, tone, contact_url)
    return Bell(f"{_address('bell')}?seen={_seen(draft)}", home, waiting.mine, text, tone, contact_url)


def _node_bell(by: Actor) -> Bell:
    """At a node: the link to the node above, where there is one, else how its members are heard of."""
    text, tone = _contact() if outbox.state().enrolled else _members_contact()
    contact_url = _address("node_pages.transit") if by.may(Verb.NODE_TRANSIT) else ""
    draft = Bell("", "", 0, text, tone, contact_url)
    return replace(draft, poll_url=f"{_address('bell')}?seen={_seen(draft)}")


def _members_contact() -> tuple[str, str]:
    from commune_portal.node import contacts  # an office never reads it

    heard, oldest = contacts.standing()
    if heard is None:
        return "Chưa đơn vị nào liên lạc", "warn"
    is_quiet = (clock.now() - heard).total_seconds() > 3600
    text = f"Đơn vị liên lạc gần nhất: {ago(heard)}"
    if oldest is not None:
        text += f"; gói chờ lâu nhất: {ago(oldest)}"
    return text, "warn" if is_quiet else "good"


def _seen(bell: Bell) -> str:
    """What a browser shows now, short enough for an address; the words of time are cut to their unit."""
    return f"{bell.count}-{bell.contact_tone}-{len(bell.contact)}-{sum(map(ord, bell.contact)) % 9973}"


def _contact() -> tuple[str, str]:
    state = outbox.state()
    if not state.enrolled:
        return "Chưa kết nối nút liên thông", "warn"
    oldest = f"; gói chờ lâu nhất: {ago(state.oldest)}" if state.oldest is not None else ""
    if state.last_contact_at is None:
        return f"Chưa liên lạc được với nút{oldest}", "warn"
    quiet_seconds = (clock.now() - state.last_contact_at).total_seconds()
    tone = "good" if state.failures == 0 and quiet_seconds < 3600 else "warn" if quiet_seconds < 86400 else "bad"
    text = f"Nút liên thông: {ago(state.last_contact_at)}{oldest}"
    if state.is_skewed:
        text, tone = f"{text}; đồng hồ lệch {number(abs(state.skew_seconds))} giây", "bad"
    return text, tone
