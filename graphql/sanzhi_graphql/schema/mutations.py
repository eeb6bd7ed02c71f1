"""Declared mutations as payload types and resolvers over the one door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema

from sanzhi_core.errors import BusinessError, ValidationFailed
from sanzhi_core.platform.hookspecs import Mutation
from sanzhi_core.reading.registry import Catalogue, DeclarationError

from ..compile.reader import Reader
from .composer import Arg, Composer, Made, bilingual
from .errors import ErrorTypes
from .inputs import InputTypes, to_model
from .outputs import OutputTypes
from .ownership import COST_OBJECT, field_metadata
from .request import plan_key, request_of, selection_of, spliced
from .runtime import Runtime

COST = 10


@dataclass(frozen=True)
class Payload:
    """Answer of a mutation: the reference to what it made, its output, or its refusals."""

    ref: Any
    output: Any
    errors: list[Any]


class MutationTypes:
    """Composes the mutation type and gives its fields their resolvers."""

    def __init__(
        self,
        composer: Composer,
        catalogue: Catalogue,
        inputs: InputTypes,
        outputs: OutputTypes,
        errors: ErrorTypes,
        mutations: Sequence[Mutation],
    ) -> None:
        self.composer = composer
        self.catalogue = catalogue
        self.inputs = inputs
        self.outputs = outputs
        self.errors = errors
        self.mutations = {m.name: m for m in mutations}
        self._all = mutations

    def fields(self) -> list[Made]:
        """Fields of the mutation type."""
        return [self._field(m) for m in self._all]

    def _field(self, m: Mutation) -> Made:
        plugin = m.operation.plugin
        model = self.inputs.of(
            m.operation.input,
            plugin,
            bilingual(f"{m.zh}的输入", f"Input of {m.name}"),
            name=f"{m.name[0].upper()}{m.name[1:]}Input",
        )
        policy = f"operation {m.operation.name}"
        payload = self._payload(m, plugin, policy)
        meta = field_metadata(plugin, COST, policy, only_root=m.only_root)
        return Made(
            m.name,
            payload,
            bilingual(m.zh, m.en),
            meta,
            None,
            (Arg("input", model, bilingual("输入", "Input")),),
        )

    def _payload(self, m: Mutation, plugin: str, policy: str) -> type:
        name = _payload_name(m)
        self.composer.announce(name, plugin)
        fields = []
        if m.returns is not None:
            if m.returns not in self.catalogue.types:
                raise DeclarationError(
                    f"{plugin}: mutation {m.name} returns {m.returns}, which nobody declares"
                )
            node = self.composer.classes[m.returns]
            meta = field_metadata(plugin, COST_OBJECT, "row")
            fields.append(
                Made(m.field, node | None, bilingual("变更后的对象", "The object after the change"), meta)
            )
        if m.outputs is not None and self._nested(m):
            type_ = self.outputs.of(m.outputs, plugin, policy) | None
            meta = field_metadata(plugin, COST_OBJECT, policy)
            fields.append(Made(m.field, type_, bilingual("结果", "Result"), meta))
        elif m.outputs is not None:
            for extra in self.outputs.fields(m.outputs, plugin, policy):
                # Without an outcome there is none of them.
                fields.append(
                    Made(extra.name, extra.type | None, extra.text, extra.metadata, extra.attribute)
                )
        meta = field_metadata("core", 0, policy, size=1)
        errors = list[self.errors.interface]  # type: ignore[name-defined]
        fields.append(
            Made(
                "errors",
                errors,
                bilingual("拒绝的原因；为空即成功", "Refusals; empty means done"),
                meta,
                "errors",
            )
        )
        text = bilingual(f"{m.zh}的结果", f"Result of {m.name}")
        return self.composer.output(name, text, fields)

    @staticmethod
    def _nested(m: Mutation) -> bool:
        """Outputs without a returned object stand under the mutation's field, if it names one."""
        return m.returns is None and bool(m.field)

    # -- resolvers ---------------------------------------------------------------------------------------------
    def resolve(self, schema: GraphQLSchema, reader: Reader, runtime: Runtime) -> None:
        """Set the resolvers of the mutation fields and of their payloads."""
        if schema.mutation_type is None:
            return
        for name, mutation in self.mutations.items():
            schema.mutation_type.fields[name].resolve = self._resolver(mutation, runtime)
            payload: Any = schema.get_type(_payload_name(mutation))
            for key, field in payload.fields.items():
                if key == "errors":
                    continue
                if mutation.returns is not None and key == mutation.field:
                    field.resolve = _row_resolver(reader)
                elif self._nested(mutation):
                    field.resolve = lambda payload, _info: payload.output
                else:
                    attribute = field.extensions["strawberry-definition"].python_name
                    field.resolve = _output_resolver(attribute)

    def _resolver(self, mutation: Mutation, runtime: Runtime) -> Any:
        operation = mutation.operation

        async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
            ctx = request_of(info).ctx
            error: BusinessError | None
            try:
                model = to_model(operation.input, next(iter(given.values())))
            except ValidationFailed as refusal:
                await runtime.refused(ctx, operation, refusal)
                return Payload(None, None, [self.errors.shown(refusal, ctx.locale)])
            outcome = await runtime.command(ctx, operation, model, mutation.outputs)
            error = outcome.error
            shown = [self.errors.shown(error, ctx.locale)] if error is not None else []
            return Payload(outcome.ref, outcome.output, shown)

        return resolve


def _payload_name(m: Mutation) -> str:
    return f"{m.name[:1].upper()}{m.name[1:]}Payload"


def _row_resolver(reader: Reader) -> Any:
    async def resolve(payload: Payload, info: GraphQLResolveInfo[Any]) -> Any:
        ref = payload.ref
        if ref is None:
            return None
        request = request_of(info)
        key = plan_key(info, request)
        return spliced(await reader.row(request.ctx, selection_of(info), ref.type, ref.id, key))

    return resolve


def _output_resolver(attribute: str) -> Any:
    return lambda payload, _info: None if payload.output is None else getattr(payload.output, attribute)
