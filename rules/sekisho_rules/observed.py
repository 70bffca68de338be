"""The object paths of which mails have values; a pattern over others never matches.

docs/observables.md says what stands at each; a test holds both together.
"""

from __future__ import annotations

from sekisho_rules.tree import Comparison, Junction, Observation, Tree, Window
from sekisho_rules.values import object_path

_HEADERS = "email-message:additional_header_fields."
PATHS = frozenset(
    map(
        object_path,
        (
            "domain-name:value",
            "email-addr:display_name",
            "email-addr:value",
            "email-message:body",
            "email-message:body_multipart[*].body_raw_ref.name",
            "email-message:body_multipart[*].content_disposition",
            "email-message:cc_refs[*].value",
            "email-message:from_ref.display_name",
            "email-message:from_ref.value",
            "email-message:is_multipart",
            "email-message:message_id",
            "email-message:received_lines",
            "email-message:sender_ref.value",
            "email-message:subject",
            "email-message:to_refs[*].value",
            "file:extensions.'windows-pebinary-ext'.imphash",
            "file:hashes.'SHA-1'",
            "file:hashes.'SHA-256'",
            "file:hashes.MD5",
            "file:mime_type",
            "file:name",
            "file:size",
            "ipv4-addr:value",
            "ipv6-addr:value",
            "network-traffic:dst_ref.type",
            "network-traffic:dst_ref.value",
            "network-traffic:src_ref.type",
            "network-traffic:src_ref.value",
            "process:command_line",
            "url:value",
            "windows-registry-key:key",
            "x-sekisho-executable:company",
            "x-sekisho-executable:debug_path",
            "x-sekisho-executable:icon_sha256",
            "x-sekisho-executable:internal_name",
            "x-sekisho-executable:main_class",
            "x-sekisho-executable:original_name",
            "x-sekisho-executable:product",
            "x-sekisho-shortcut:machine_id",
        ),
    )
)

DISPOSITION = object_path("email-message:body_multipart[*].content_disposition")
# Properties that very many objects share, and what these are.
COMMON = {
    "email-message:is_multipart": "mail",
    "file:mime_type": "file",
    "file:size": "file",
    "network-traffic:dst_ref.type": "connection",
    "network-traffic:src_ref.type": "connection",
}


def is_observed(path: str) -> bool:
    """Whether mails have values of a path in the spelling of `values.path_of`; any header field counts."""
    return path in PATHS or path.startswith(_HEADERS)


def unobserved(tree: Tree | Comparison | Junction) -> str:
    """A path without which a pattern cannot match and of which no mail has a value; "" where it can match."""
    if isinstance(tree, Comparison):
        return "" if tree.negated or tree.operator == "!=" or is_observed(tree.path) else tree.path
    if isinstance(tree, Observation):
        return unobserved(tree.expression)
    if isinstance(tree, Window):
        return unobserved(tree.operand)
    missing = [unobserved(operand) for operand in tree.operands]
    if tree.operator == "or" and not all(missing):
        return ""
    return next(filter(None, missing), "")
