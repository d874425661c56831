# pyright: reportCallIssue=false, reportMissingParameterType=false
# (an intrinsic takes a typing context first, which its callers do not pass)
"""Eight float64 numbers that move together: a number type for compiled code, one vector register (or a few) wide.

A compiler vectorises an inner loop only when it can prove that no arrays overlap. `Lanes` says it outright:
arithmetic on `Lanes` is vector arithmetic on every processor that has any, with the same results as lane by lane.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic
from numba.extending import models, overload, register_model

__all__ = [
    "LANES",
    "add_to",
    "exp_below",
    "larger",
    "load",
    "log_positive",
    "lowest_bit",
    "root",
    "smaller",
    "spread",
    "store",
    "where_less",
]

LANES = 8
intrinsic: Any = numba_intrinsic  # what it makes is called without the first argument of its definition
FLOATS, INTS = ir.VectorType(ir.DoubleType(), LANES), ir.VectorType(ir.IntType(64), LANES)
CONTRACT = ("contract",)


class LanesType(types.Type):
    """The type of eight float64 numbers in compiled code."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


lanes = LanesType()


@register_model(LanesType)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, FLOATS)


def _constant(kind: Any, value: Any) -> ir.Constant:
    return ir.Constant(kind, [value] * LANES)


def _operation(count: int, build: Callable[..., Any]) -> Any:
    """An operation on `count` Lanes, from the instructions that compute it."""
    signature = lanes(*[lanes] * count)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return build(builder, *args)

    if count == 1:
        return intrinsic(lambda context, a: (signature, code))
    if count == 2:
        return intrinsic(lambda context, a, b: (signature, code))
    return intrinsic(lambda context, a, b, c, d: (signature, code))


def _square_root(builder: Any, x: Any) -> Any:
    kind, name = ir.FunctionType(FLOATS, [FLOATS]), f"llvm.sqrt.v{LANES}f64"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [x])


_add = _operation(2, lambda b, x, y: b.fadd(x, y, flags=CONTRACT))
_sub = _operation(2, lambda b, x, y: b.fsub(x, y, flags=CONTRACT))
_mul = _operation(2, lambda b, x, y: b.fmul(x, y, flags=CONTRACT))
_div = _operation(2, lambda b, x, y: b.fdiv(x, y))
larger = _operation(2, lambda b, x, y: b.select(b.fcmp_ordered(">", x, y), x, y))
smaller = _operation(2, lambda b, x, y: b.select(b.fcmp_ordered("<", x, y), x, y))
where_less = _operation(4, lambda b, x, y, yes, no: b.select(b.fcmp_ordered("<", x, y), yes, no))
root = _operation(1, _square_root)


@intrinsic
def spread(context: Any, x: Any) -> Any:
    """The same number in every lane."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one = builder.insert_element(_constant(FLOATS, 0.0), args[0], ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(one, one, mask)

    return lanes(types.float64), code


def _pointer(context: Any, builder: Any, kind: Any, array: Any, row: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    start = builder.mul(row, ir.Constant(row.type, LANES))
    return builder.bitcast(builder.gep(data, [start]), FLOATS.as_pointer())


@intrinsic
def load(context: Any, array: Any, row: Any) -> Any:
    """Row `row` of a contiguous array whose last axis has eight numbers."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature.args[0], *args), align=8)

    return lanes(array, types.intp), code


@intrinsic
def store(context: Any, array: Any, row: Any, value: Any) -> Any:
    """Write a row."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _pointer(context, builder, signature.args[0], *args[:2]), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), code


def _overload(op: Any, vector: Any) -> None:
    @overload(op)
    def choose(a, b):  # pyright: ignore[reportMissingParameterType]  # no annotations: the lambdas have none either
        if a is lanes and b is lanes:
            return lambda a, b: vector(a, b)
        if a is lanes and isinstance(b, types.Float):
            return lambda a, b: vector(a, spread(b))
        if isinstance(a, types.Float) and b is lanes:
            return lambda a, b: vector(spread(a), b)
        return None


for _op, _vector in ((operator.add, _add), (operator.sub, _sub), (operator.mul, _mul), (operator.truediv, _div)):
    _overload(_op, _vector)


@intrinsic
def lowest_bit(context: Any, x: Any) -> Any:
    """The place of the lowest bit that is set."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), code


LN2_HIGH = 0.6931471803691238  # its last 32 bits are zero: n * LN2_HIGH is exact
LN2_LOW = 1.9082149292705877e-10
LOG2_E = 1.4426950408889634
SHIFT = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer, kept in the low bits
SHIFT_BITS = 0x4338000000000000
ROOT_HALF_BITS = 0x3FE6A09E667F3BCD


def _scale(builder: Any, p: Any, t: Any) -> Any:
    """p times 2^n, n in the low bits of t."""
    n = builder.shl(builder.bitcast(t, INTS), _constant(INTS, 52))
    return builder.bitcast(builder.add(builder.bitcast(p, INTS), n), FLOATS)


def _exponent(builder: Any, x: Any) -> Any:
    bits = builder.sub(builder.bitcast(x, INTS), _constant(INTS, ROOT_HALF_BITS))
    return builder.ashr(bits, _constant(INTS, 52))


def _mantissa(builder: Any, x: Any) -> Any:
    shift = builder.shl(_exponent(builder, x), _constant(INTS, 52))
    return builder.bitcast(builder.sub(builder.bitcast(x, INTS), shift), FLOATS)


def _exponent_shifted(builder: Any, x: Any) -> Any:
    return builder.bitcast(builder.add(_exponent(builder, x), _constant(INTS, SHIFT_BITS)), FLOATS)


_times_power = _operation(2, _scale)
_mantissa_of = _operation(1, _mantissa)
_exponent_of = _operation(1, _exponent_shifted)


@njit(error_model="numpy", cache=True, inline="always")
def exp_below(x: Any) -> Any:
    r""":math:`e^x` for x at most 700; below -700 the value at -700 (1e-304), so that no quotient is 0 / 0.

    With :math:`x = n \log 2 + r`, :math:`|r| \le (\log 2) / 2`: the series in r, then n added to the exponent's bits.
    """
    x = larger(x, spread(-700.0))
    t = x * LOG2_E + SHIFT
    n = t - SHIFT
    r = (x - n * LN2_HIGH) - n * LN2_LOW
    s = r * (1 / 6227020800) + 1 / 479001600
    s = s * r + 1 / 39916800
    s = s * r + 1 / 3628800
    s = s * r + 1 / 362880
    s = s * r + 1 / 40320
    s = s * r + 1 / 5040
    s = s * r + 1 / 720
    s = s * r + 1 / 120
    s = s * r + 1 / 24
    s = s * r + 1 / 6
    s = s * r + 0.5
    return _times_power((s * r + 1.0) * r + 1.0, t)


@njit(error_model="numpy", cache=True, inline="always")
def log_positive(x: Any) -> Any:
    r""":math:`\log x` for normal positive x.

    With :math:`x = 2^k m`, m near 1, and :math:`s = (m-1)/(m+1)`: :math:`\log m = 2 \operatorname{artanh} s`, a series.
    """
    f = _mantissa_of(x) - 1.0
    n = _exponent_of(x) - SHIFT
    s = f / (f + 2.0)
    z = s * s
    t = z * (1 / 23) + 1 / 21
    t = t * z + 1 / 19
    t = t * z + 1 / 17
    t = t * z + 1 / 15
    t = t * z + 1 / 13
    t = t * z + 1 / 11
    t = t * z + 1 / 9
    t = t * z + 1 / 7
    t = t * z + 1 / 5
    t = t * z + 1 / 3
    return n * LN2_HIGH + (s * 2.0 + (s * 2.0 * z * t + n * LN2_LOW))


@njit(error_model="numpy", cache=True, inline="always")
def add_to(array: Any, row: Any, value: Any) -> None:
    """Add to a row."""
    store(array, row, load(array, row) + value)
