"""Accounts, plans and tokens: what an operator does."""

import re
from dataclasses import dataclass

import argon2

from ringback.domain.plans import DEFAULT, Plan
from ringback.domain.problems import Problem
from ringback.domain.times import DatetimeFormat, zone
from ringback.domain.wording import LANGUAGES
from ringback.runtime import Runtime
from ringback.service.identity import hashed, new_token
from ringback.store import accounts
from ringback.store.transaction import Tx, each

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_MIN_PASSWORD = 8
_hasher = argon2.PasswordHasher()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    email: str
    password_hash: str | None
    plan: str
    time_zone: str
    language: str
    datetime_format: DatetimeFormat
    token_hash: bytes


def add(
    rt: Runtime,
    *,
    email: str,
    password: str | None = None,
    plan: str = DEFAULT,
    time_zone: str = "UTC",
    language: str = "en",
    datetime_format: str = DatetimeFormat.PLAIN,
) -> tuple[int, str]:
    """A new account and its first token: (account id, token). The token is not kept and cannot be shown again."""
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise Problem("invalid", f"'{email}' is not an e-mail address.", field="email")
    if password is not None and len(password) < _MIN_PASSWORD:
        raise Problem(
            "invalid", f"The password is too short: {_MIN_PASSWORD} characters at least.", field="password"
        )
    check_preferences(time_zone=time_zone, language=language, datetime_format=datetime_format)
    token = new_token()
    account = NewAccount(
        email=email,
        password_hash=_hasher.hash(password) if password is not None else None,
        plan=plan,
        time_zone=time_zone,
        language=language,
        datetime_format=DatetimeFormat(datetime_format),
        token_hash=hashed(token),
    )
    account_id: int = rt.db.write_now(add_accounts, account)
    return account_id, token


def check_preferences(
    *, time_zone: str | None = None, language: str | None = None, datetime_format: str | None = None
) -> None:
    """Problem ``invalid`` for a value that cannot be."""
    if time_zone is not None:
        try:
            zone(time_zone)
        except ValueError as exc:
            raise Problem("invalid", str(exc), field="time_zone") from exc
    if language is not None and language not in LANGUAGES:
        raise Problem(
            "invalid", f"There is no language '{language}', only {', '.join(LANGUAGES)}.", field="language"
        )
    forms = [str(form) for form in DatetimeFormat]
    if datetime_format is not None and datetime_format not in forms:
        raise Problem(
            "invalid", f"'{datetime_format}' is not one of {', '.join(forms)}.", field="datetime_format"
        )


@each
def add_accounts(tx: Tx, account: NewAccount) -> int:
    if accounts.by_email(tx.connection, account.email) is not None:
        raise Problem("conflict", f"There is an account {account.email} already.", field="email")
    account_id = accounts.insert(
        tx,
        {
            "email": account.email,
            "password_hash": account.password_hash,
            "plan_id": _plan_id(tx, account.plan),
            "time_zone": account.time_zone,
            "language": account.language,
            "datetime_format": account.datetime_format,
            "created_at": tx.now,
        },
    )
    accounts.add_token(tx, account_id, account.token_hash, "first")
    return account_id


def _plan_id(tx: Tx, name: str) -> int:
    row = accounts.plan_row(tx.connection, name)
    if row is not None:
        return int(row["id"])
    if name == DEFAULT:
        return accounts.save_plan(tx, Plan())
    raise Problem(
        "not_found", f"There is no plan '{name}': make it with `ringback plan set {name}`.", field="plan"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    account_id: int
    plan: str | None = None
    time_zone: str | None = None
    language: str | None = None
    datetime_format: str | None = None


def change(rt: Runtime, changed: AccountChange) -> None:
    check_preferences(
        time_zone=changed.time_zone, language=changed.language, datetime_format=changed.datetime_format
    )
    rt.db.write_now(change_accounts, changed)


@each
def change_accounts(tx: Tx, changed: AccountChange) -> None:
    values = {
        "time_zone": changed.time_zone,
        "language": changed.language,
        "datetime_format": changed.datetime_format,
        "plan_id": _plan_id(tx, changed.plan) if changed.plan is not None else None,
    }
    values = {name: value for name, value in values.items() if value is not None}
    if values:
        accounts.change(tx, changed.account_id, values)
    tx.directory_changed = True


def account_id(rt: Runtime, email: str) -> int:
    """The id of the account; Problem ``not_found`` if there is none."""
    row = rt.db.look(accounts.by_email, email.strip().lower())
    if row is None:
        raise Problem(
            "not_found", f"There is no account {email}: make it with `ringback account add {email}`."
        )
    return int(row["id"])


# -- plans


@each
def save_plans(tx: Tx, plan: Plan) -> None:
    accounts.save_plan(tx, plan)
    tx.directory_changed = True


def plan(rt: Runtime, name: str) -> Plan | None:
    row = rt.db.look(accounts.plan_row, name)
    return accounts.as_plan(row) if row is not None else None


# -- tokens


def add_token(rt: Runtime, account: int, label: str) -> tuple[int, str]:
    """(token id, token); the token is shown this once."""
    token = new_token()
    token_id: int = rt.db.write_now(add_tokens, (account, hashed(token), label))
    return token_id, token


@each
def add_tokens(tx: Tx, asked: tuple[int, bytes, str]) -> int:
    return accounts.add_token(tx, *asked)


@each
def revoke_tokens(tx: Tx, token_id: int) -> None:
    if not accounts.revoke_token(tx, token_id):
        raise Problem("not_found", f"There is no valid token {token_id}.")
    tx.directory_changed = True
