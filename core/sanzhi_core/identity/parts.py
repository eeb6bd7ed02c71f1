"""What identity and audit bring to the core part."""

from __future__ import annotations

from sanzhi_core.identity import accounts, grants
from sanzhi_core.identity.nodes import NODES
from sanzhi_core.identity.viewer import Viewer, viewer
from sanzhi_core.platform.hookspecs import Mutation, Permission, Query

PERMISSIONS = (
    Permission(
        "core.account.read",
        "查看账户",
        "Read accounts",
        ("SEC_ADMIN", "TOWN_LEADER", "AUDIT_ADMIN"),
        "PERSONAL",
    ),
    Permission(accounts.MANAGE, "管理账户", "Manage accounts", ("SEC_ADMIN", "TOWN_LEADER"), "PERSONAL"),
    Permission(grants.MANAGE, "授予角色", "Grant roles", ("SEC_ADMIN", "TOWN_LEADER")),
    Permission(
        "core.audit.read",
        "查看审计日志",
        "Read the audit trail",
        ("AUDIT_ADMIN", "DPO", "AUDITOR_RO", "SUPERVISION", "TOWN_LEADER"),
    ),
)

MUTATIONS = (
    Mutation(
        "setUp",
        accounts.set_up,
        "Account",
        "account",
        "用一次性安装令牌建立第一个管理员",
        "Make the first administrator with the one-time setup token",
        only_root=True,
    ),
    Mutation(
        "signIn",
        accounts.sign_in,
        None,
        "session",
        "登录",
        "Sign in",
        only_root=True,
        outputs=accounts.Session,
    ),
    Mutation("signOut", accounts.sign_out, None, "", "退出", "Sign out", only_root=True),
    Mutation(
        "changePassword",
        accounts.change_password,
        "Account",
        "account",
        "修改自己的密码",
        "Change one's own password",
        only_root=True,
    ),
    Mutation("createAccount", accounts.create_account, "Account", "account", "新建账户", "Make an account"),
    Mutation(
        "setAccountStatus",
        accounts.set_account_status,
        "Account",
        "account",
        "停用、恢复或注销账户",
        "Suspend, reopen or close an account",
    ),
    Mutation("grantRole", grants.grant_role, "RoleGrant", "grant", "授予角色", "Grant a role"),
    Mutation("revokeGrant", grants.revoke_grant, "RoleGrant", "grant", "撤销角色", "Revoke a role grant"),
)

QUERIES = (
    Query(
        "viewer",
        viewer,
        Viewer,
        "当前用户：角色、单位、已启用插件、可做之事",
        "The caller: roles, units, enabled plugins, capabilities",
        "public",
    ),
)

__all__ = ["MUTATIONS", "NODES", "PERMISSIONS", "QUERIES"]
