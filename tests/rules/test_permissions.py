"""The one table of rights."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commune_portal.rules.permissions import (
    AUDITOR_MASKED_COLUMNS,
    GRANTS,
    NODE_ROLES,
    OFFICE_ROLES,
    READING_VERBS,
    Relation,
    Role,
    Verb,
    allowed,
    is_masked,
    may_ever,
    relations_for,
)

TEXT_VERBS = [verb for verb in Verb if verb.value.split(".")[0] in {"incoming", "outgoing", "files", "books"}]


def _roles(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


def test_every_role_has_a_label_and_belongs_to_one_kind_of_installation() -> None:
    assert all(role.label for role in Role)
    assert OFFICE_ROLES | NODE_ROLES == set(Role) == set(GRANTS)
    assert not OFFICE_ROLES & NODE_ROLES


def test_nobody_may_do_nothing() -> None:
    assert not any(allowed(_roles(), verb, relation) for verb in Verb for relation in Relation)


def test_every_verb_is_somebodys() -> None:
    assert [verb for verb in Verb if not any(may_ever({role}, verb) for role in Role)] == []


@pytest.mark.parametrize("verb", [Verb.OUTGOING_NUMBER, Verb.OUTGOING_SEAL, Verb.OUTGOING_DISPATCH, Verb.OUTGOING_VOID])
def test_only_the_clerk_numbers_seals_sends_and_voids(verb: Verb) -> None:
    assert [role for role in Role if may_ever({role}, verb)] == [Role.CLERK]


@pytest.mark.parametrize(
    "verb", [Verb.OUTGOING_SIGN, Verb.OUTGOING_APPROVE, Verb.OUTGOING_RETURN, Verb.INCOMING_ASSIGN]
)
def test_only_the_leader_directs_approves_signs_and_returns(verb: Verb) -> None:
    assert [role for role in Role if may_ever({role}, verb)] == [Role.LEADER]


@pytest.mark.parametrize("verb", [Verb.INCOMING_SEE, Verb.OUTGOING_SEE, Verb.FILES_SEE])
def test_a_specialist_sees_only_what_is_assigned_or_his(verb: Verb) -> None:
    specialist = _roles(Role.SPECIALIST)
    assert relations_for(specialist, verb) == {Relation.OWN, Relation.ASSIGNED}
    assert allowed(specialist, verb, Relation.OWN)
    assert allowed(specialist, verb, Relation.ASSIGNED)
    for relation in (Relation.ALL, Relation.UNIT, Relation.NONE):
        assert not allowed(specialist, verb, relation)


@pytest.mark.parametrize("role", [Role.CLERK, Role.LEADER])
def test_clerk_and_leader_see_all_of_the_office(role: Role) -> None:
    for verb in (Verb.INCOMING_SEE, Verb.OUTGOING_SEE, Verb.FILES_SEE, Verb.BOOKS_SEE):
        assert relations_for({role}, verb) == {Relation.ALL}
        assert all(allowed({role}, verb, relation) for relation in Relation)


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.OPERATOR])
def test_who_administers_reads_no_document_unless_another_role_lets_him(role: Role) -> None:
    for verb in TEXT_VERBS:
        assert not may_ever({role}, verb)
    assert not may_ever({role}, Verb.NODE_AUDIT)
    assert allowed({role, Role.SPECIALIST}, Verb.FILES_SEE, Relation.ASSIGNED)


def test_the_auditor_only_reads_and_never_a_file() -> None:
    granted = {verb for verb in Verb if may_ever({Role.AUDITOR}, verb)}
    assert granted - READING_VERBS == {Verb.OWN_PASSWORD}
    assert Verb.FILES_SEE not in granted


def test_an_auditor_sees_names_masked_and_a_leader_does_not() -> None:
    assert is_masked({Role.AUDITOR}, "signer_name")
    assert not is_masked({Role.AUDITOR}, "subject")
    assert not is_masked({Role.LEADER}, "signer_name")
    assert "number" not in AUDITOR_MASKED_COLUMNS


def test_everybody_changes_his_own_password_and_nobody_anothers() -> None:
    for role in Role:
        assert allowed({role}, Verb.OWN_PASSWORD, Relation.OWN)
        assert not allowed({role}, Verb.OWN_PASSWORD, Relation.NONE)


@given(
    st.frozensets(st.sampled_from(list(Role))),
    st.frozensets(st.sampled_from(list(Role))),
    st.sampled_from(list(Verb)),
    st.sampled_from(list(Relation)),
)
@settings(max_examples=200, deadline=None)
def test_roles_only_add_up(one: frozenset[Role], other: frozenset[Role], verb: Verb, relation: Relation) -> None:
    assert allowed(one | other, verb, relation) == (allowed(one, verb, relation) or allowed(other, verb, relation))
    if allowed(one, verb, relation):
        assert may_ever(one, verb)
        assert relations_for(one, verb) & {relation, Relation.ALL}
