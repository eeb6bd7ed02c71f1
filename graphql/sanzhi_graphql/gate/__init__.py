"""The request gate: every refusal a GraphQL request can meet before a resolver or a statement runs.

Order, each step linear in its input and with codes of its own: `body` (bytes → request), parse, `shape`
(AST limits, before validation), validation, `cost` (Σ weight × Π page sizes). `documents.Gate` runs the steps
after the body and keeps their result per document.
"""
