"""Random cases of float_ops.py for functions, reductions and indexing.

Each maker answers (operator, inputs, attributes); `fed` names integer inputs that are
the network's own.
"""

import numpy as np


def real(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def pick(rng, *values):
    return values[rng.integers(len(values))]


def shape_of(rng, low=1, high=5, largest=8):
    return [int(rng.integers(1, largest + 1)) for _ in range(rng.integers(low, high))]


def of_type(rng, dtype, shape, low=-5, high=6):
    if dtype == np.float32:
        return real(rng, *shape) * 2
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype(bool)
    if np.issubdtype(dtype, np.unsignedinteger):
        low = 0
    return rng.integers(low, high, shape).astype(dtype)


def part_of(rng, shape):
    """A shape that broadcasts to `shape`."""
    kept = [s if rng.integers(3) else 1 for s in shape]
    return kept[rng.integers(len(kept)):] if rng.integers(2) else kept


INTEGERS = (np.int64, np.int32)


def unary(op, low=-3.0, high=3.0, types=(np.float32,), **ranges):
    def make(rng):
        dtype, shape = pick(rng, *types), shape_of(rng)
        x = (rng.uniform(low, high, shape).astype(np.float32) if dtype == np.float32
             else of_type(rng, dtype, shape))
        return op, [x], dict(fed=[0], **{k: float(rng.uniform(*v)) for k, v in ranges.items()})
    return make


def special(op):
    def make(rng):
        x = real(rng, *shape_of(rng))
        x[rng.random(x.shape) < 0.3] = pick(rng, np.inf, -np.inf, np.nan)
        attributes = {}
        if op == "IsInf":
            attributes = pick(rng, {}, dict(detect_negative=0), dict(detect_positive=0))
        return op, [x], dict(fed=[0], **attributes)
    return make


def gelu(rng):
    return "Gelu", [real(rng, *shape_of(rng)) * 2], dict(approximate=pick(rng, "none", "tanh"))


def binary(op, types, nonzero=False, **choices):
    def make(rng):
        dtype, shape = pick(rng, *types), shape_of(rng)
        a, b = of_type(rng, dtype, shape), of_type(rng, dtype, part_of(rng, shape))
        # The slope of PRelu broadcasts to its input, not the other way round.
        if op != "PRelu" and rng.integers(2):
            a, b = b, a
        if nonzero:
            b = np.where(b == 0, np.ones_like(b), b)
        attributes = {k: pick(rng, *v) for k, v in choices.items()}
        if op == "Mod":
            attributes = dict(fmod=1 if dtype == np.float32 else int(rng.integers(2)))
        if op == "BitShift":
            b = b % 8
        # One of the two may be a constant.
        return op, [a, b], dict(fed=pick(rng, [0, 1], [0]),
                                constants=pick(rng, [], [1]), **attributes)
    return make


def power(rng):
    base = np.abs(real(rng, *(shape := shape_of(rng)))) + np.float32(0.1)
    if rng.integers(2):
        exponent = np.array(pick(rng, 2.0, 0.5, 3.0, -1.0, 1.5), np.float32)
        return "Pow", [base, exponent], dict(constants=[1])
    if rng.integers(2):
        return "Pow", [of_type(rng, np.int64, shape), np.array(2, np.int64)], dict(fed=[0])
    return "Pow", [base, real(rng, *part_of(rng, shape))], {}


def extreme(op, types=(np.float32, *INTEGERS)):
    def make(rng):
        dtype, shape = pick(rng, *types), shape_of(rng)
        parts = [of_type(rng, dtype, part_of(rng, shape)) for _ in range(rng.integers(1, 4))]
        parts.append(of_type(rng, dtype, shape))
        return op, parts, dict(fed=range(len(parts)))
    return make


def where(rng):
    shape = shape_of(rng)
    dtype = pick(rng, np.float32, np.int64)
    return "Where", [of_type(rng, np.bool_, part_of(rng, shape)),
                     of_type(rng, dtype, part_of(rng, shape)),
                     of_type(rng, dtype, shape)], dict(fed=[0, 1, 2])


def cast(rng):
    kinds = {1: np.float32, 2: np.uint8, 3: np.int8, 5: np.int16, 6: np.int32, 7: np.int64,
             9: np.bool_, 12: np.uint32, 4: np.uint16, 13: np.uint64}
    source, to = pick(rng, *kinds.values()), int(pick(rng, *kinds))
    low = 0 if np.issubdtype(kinds[to], np.unsignedinteger) else -5
    x = of_type(rng, source, shape_of(rng), low=low)
    return "Cast", [np.abs(x) if low == 0 and source == np.float32 else x], dict(fed=[0], to=to)


def trilu(rng):
    inputs = [of_type(rng, pick(rng, np.float32, np.int64), shape_of(rng, 2))]
    if rng.integers(2):
        inputs.append(np.array(int(rng.integers(-3, 4)), np.int64))
    return "Trilu", inputs, dict(fed=[0], upper=int(rng.integers(2)))


def one_hot(rng):
    depth, indices = int(rng.integers(1, 8)), shape_of(rng, 1, 4)
    values = of_type(rng, pick(rng, np.float32, np.int64), [2])
    return "OneHot", [rng.integers(-depth - 1, depth + 1, indices), np.array(depth), values], \
        dict(fed=[0, 2], axis=int(rng.integers(-len(indices) - 1, len(indices) + 1)))


def reduce(op, types=(np.float32,), positive=False):
    def make(rng):
        shape = shape_of(rng)
        x = of_type(rng, pick(rng, *types), shape, low=-3, high=4)
        if positive:
            x = np.abs(x) + np.float32(0.1)
        inputs = [x]
        if rng.integers(4):
            axes = rng.permutation(len(shape))[:rng.integers(0, len(shape) + 1)]
            inputs.append((axes - len(shape) * rng.integers(2)).astype(np.int64))
        return op, inputs, dict(fed=[0], keepdims=int(rng.integers(2)),
                                noop_with_empty_axes=int(rng.integers(2)))
    return make


def along(op, **choices):
    def make(rng):
        shape = shape_of(rng)
        return op, [real(rng, *shape) * 3], dict(
            axis=int(rng.integers(-len(shape), len(shape))),
            **{k: pick(rng, *v) for k, v in choices.items()})
    return make


def arg(op):
    def make(rng):
        shape = shape_of(rng)
        x = of_type(rng, pick(rng, np.float32, np.int32), shape, low=0, high=3)
        return op, [np.round(x)], dict(fed=[0], axis=int(rng.integers(-len(shape), len(shape))),
                                       keepdims=int(rng.integers(2)),
                                       select_last_index=int(rng.integers(2)))
    return make


def cum_sum(rng):
    shape = shape_of(rng)
    return "CumSum", [of_type(rng, pick(rng, np.float32, np.int64), shape),
                      np.array(int(rng.integers(-len(shape), len(shape))), np.int64)], \
        dict(fed=[0], exclusive=int(rng.integers(2)), reverse=int(rng.integers(2)))


def top_k(rng):
    shape = shape_of(rng)
    axis = int(rng.integers(-len(shape), len(shape)))
    x = of_type(rng, pick(rng, np.float32, np.int64), shape, low=0, high=4)
    return "TopK", [x, np.array([int(rng.integers(1, shape[axis] + 1))], np.int64)], \
        dict(fed=[0], axis=axis, largest=int(rng.integers(2)), outputs=2)


def gather(rng):
    shape = shape_of(rng)
    axis = int(rng.integers(-len(shape), len(shape)))
    size = shape[axis]
    indices = rng.integers(-size, size, shape_of(rng, 0, 3)).astype(pick(rng, *INTEGERS))
    return "Gather", [of_type(rng, pick(rng, np.float32, np.int64), shape), indices], \
        dict(fed=pick(rng, [0], [0, 1]), axis=axis)


def gather_elements(rng):
    shape = shape_of(rng)
    axis = int(rng.integers(-len(shape), len(shape)))
    chosen = [int(rng.integers(1, s + 1)) for s in shape]
    indices = rng.integers(-shape[axis], shape[axis], chosen)
    return "GatherElements", [real(rng, *shape), indices], dict(fed=pick(rng, [0], [0, 1]),
                                                                axis=axis)


def tuples(rng, shape, batch=()):
    depth = int(rng.integers(1, len(shape) + 1))
    lead = [*batch, *shape_of(rng, 1, 3, 4)]
    index = np.stack([rng.integers(-s, s, lead) for s in shape[:depth]], -1)
    return index.astype(np.int64), lead, list(shape[depth:])


def gather_nd(rng):
    batch = shape_of(rng, 0, 2, 3)
    shape = shape_of(rng, 1, 4)
    index, _, _ = tuples(rng, shape, batch)
    return "GatherND", [real(rng, *batch, *shape), index], dict(fed=pick(rng, [0], [0, 1]),
                                                                batch_dims=len(batch))


def scatter_nd(rng):
    shape = shape_of(rng)
    index, lead, rest = tuples(rng, shape)
    reduction = pick(rng, "add", "mul", "max", "min", "none")
    if reduction == "none":  # of several updates of one place any may win
        depth = index.shape[-1]
        every = np.array(list(np.ndindex(*shape[:depth])), np.int64).reshape(-1, depth)
        index = every[rng.permutation(len(every))[:rng.integers(1, len(every) + 1)]]
        lead = [len(index)]
    return "ScatterND", [real(rng, *shape), index, real(rng, *lead, *rest)], \
        dict(fed=pick(rng, [0, 2], [0, 1, 2]), reduction=reduction)


def scatter_elements(rng):
    shape = shape_of(rng)
    axis = int(rng.integers(-len(shape), len(shape)))
    order = np.argsort(rng.random(shape), axis).astype(np.int64)
    return "ScatterElements", [real(rng, *shape), order, real(rng, *shape)], \
        dict(fed=pick(rng, [0, 2], [0, 1, 2]), axis=axis, reduction=pick(rng, "none", "add"))


def expand(rng):
    shape = shape_of(rng)
    return "Expand", [of_type(rng, pick(rng, np.float32, np.int64, np.bool_),
                              part_of(rng, shape)), np.array(shape, np.int64)], dict(fed=[0])


def tile(rng):
    shape = shape_of(rng)
    return "Tile", [of_type(rng, pick(rng, np.float32, np.int64), shape),
                    rng.integers(1, 4, len(shape))], dict(fed=[0])


def einsum(rng):
    sizes = {c: int(rng.integers(1, 6)) for c in "abcdijk"}
    equation = pick(rng, "ij,jk->ik", "bij,bjk->bik", "aij,ajk", "ij->ji", "ij->", "i,j->ij",
                    "bhid,bhjd->bhij".replace("h", "c"), "abc,cd,de->abe".replace("e", "k"),
                    "ij,ij->i", "a...i,...i->a...", "abij,bj->ai", "ba,cb,dc->ad")
    inputs = []
    for term in equation.split("->")[0].split(","):
        dims = [3, 2] if term == "a...i" or term == "...i" else []
        letters = term.replace("...", "")
        shape = [sizes[c] for c in letters]
        if dims:
            shape = [*shape[:-1], *dims, shape[-1]]
        inputs.append(real(rng, *shape))
    return "Einsum", inputs, dict(equation=equation)


def layer_norm(rng):
    shape = shape_of(rng, 2)
    axis = int(rng.integers(-len(shape), len(shape)))
    inner = shape[axis:]
    inputs = [real(rng, *shape), real(rng, *inner)] + ([real(rng, *inner)] if rng.integers(2) else [])
    return "LayerNormalization", inputs, dict(constants=[1, 2], axis=axis, epsilon=1e-3)


def rms_norm(rng):
    shape = shape_of(rng, 2)
    return "RMSNormalization", [real(rng, *shape), real(rng, shape[-1])], dict(constants=[1],
                                                                               axis=-1)


def group_norm(rng):
    groups = int(rng.integers(1, 4))
    channels = groups * int(rng.integers(1, 4))
    return "GroupNormalization", [real(rng, 2, channels, 4, 3), real(rng, channels),
                                  real(rng, channels)], dict(constants=[1, 2], num_groups=groups,
                                                             epsilon=1e-3)


def variance_norm(rng):
    return "MeanVarianceNormalization", [real(rng, 2, 3, 4, 5)], {}


def attention(rng):
    heads, kv = int(rng.integers(1, 4)), int(rng.integers(2, 6))
    q, size = int(rng.integers(2, 6)), int(rng.integers(2, 9))
    return "Attention", [real(rng, 2, heads, q, size), real(rng, 2, heads, kv, size),
                         real(rng, 2, heads, kv, size)], dict(is_causal=int(rng.integers(2)))


def clip(rng):
    dtype = pick(rng, np.float32, np.int32)
    return "Clip", [of_type(rng, dtype, shape_of(rng)), of_type(rng, dtype, []),
                    of_type(rng, dtype, [])], dict(fed=[0, 1, 2])


def integer_arithmetic(op):
    return binary(op, INTEGERS, nonzero=op == "Div")


NUMBERS = (np.float32, *INTEGERS)
SMOOTH = ("Exp", "Erf", "Tanh", "Sin", "Cos", "Atan", "Sinh", "Cosh", "Asinh", "Floor", "Ceil",
          "Round", "Softplus", "Softsign", "Mish")
MATH_OPS = {
    **{op: unary(op) for op in SMOOTH},
    **{op: unary(op, types=NUMBERS) for op in ("Abs", "Neg", "Sign")},
    **{op: unary(op, 0.1, 5) for op in ("Log", "Sqrt", "Reciprocal")},
    **{op: unary(op, -0.95, 0.95) for op in ("Asin", "Acos", "Atanh")},
    "Tan": unary("Tan", -1.2, 1.2), "Acosh": unary("Acosh", 1.05, 6),
    "Elu": unary("Elu", alpha=(0.1, 2)), "Celu": unary("Celu", alpha=(0.2, 2)),
    "Selu": unary("Selu", alpha=(1, 2), gamma=(0.5, 2)),
    "ThresholdedRelu": unary("ThresholdedRelu", alpha=(-1, 1)),
    "Shrink": unary("Shrink", lambd=(0, 1), bias=(-1, 1)), "Gelu": gelu,
    "Not": unary("Not", types=(np.bool_,)),
    "BitwiseNot": unary("BitwiseNot", types=(*INTEGERS, np.uint8)),
    "IsNaN": special("IsNaN"), "IsInf": special("IsInf"),
    **{op: binary(op, NUMBERS) for op in ("Less", "LessOrEqual", "Greater", "GreaterOrEqual")},
    "Equal": binary("Equal", (np.int64, np.int32, np.bool_, np.float32)),
    **{op: binary(op, (np.bool_,)) for op in ("And", "Or", "Xor")},
    **{op: binary(op, (*INTEGERS, np.uint8)) for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor")},
    "BitShift": binary("BitShift", (np.uint8, np.uint32, np.uint64), direction=("LEFT", "RIGHT")),
    "Mod": binary("Mod", NUMBERS, nonzero=True), "PRelu": binary("PRelu", (np.float32,)),
    "Pow": power, "Min": extreme("Min"), "Max": extreme("Max"),
    "Sum": extreme("Sum", (np.float32,)), "Mean": extreme("Mean", (np.float32,)),
    **{f"{op}Integer": integer_arithmetic(op) for op in ("Add", "Sub", "Mul", "Div")},
    "Where": where, "Cast": cast, "Trilu": trilu, "OneHot": one_hot, "ClipComputed": clip,
    **{op: reduce(op, NUMBERS) for op in ("ReduceSum", "ReduceMax", "ReduceMin")},
    "ReduceProd": reduce("ReduceProd", (np.float32, np.int64)),
    **{op: reduce(op) for op in ("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp")},
    "ReduceLogSum": reduce("ReduceLogSum", positive=True),
    "LogSoftmax": along("LogSoftmax"), "Hardmax": along("Hardmax"),
    "ArgMax": arg("ArgMax"), "ArgMin": arg("ArgMin"), "CumSum": cum_sum, "TopK": top_k,
    "Gather": gather, "GatherElements": gather_elements, "GatherND": gather_nd,
    "ScatterND": scatter_nd, "ScatterElements": scatter_elements, "Expand": expand, "Tile": tile,
    "Einsum": einsum, "LayerNormalization": layer_norm, "RMSNormalization": rms_norm,
    "GroupNormalization": group_norm, "MeanVarianceNormalization": variance_norm,
    "Attention": attention,
}
