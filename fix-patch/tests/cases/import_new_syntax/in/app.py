import os
type A[T] = list[T]


def f[T](x: T) -> T:
    return x


match [1]:
    case [*rest] if rest:
        print(f"{rest!r:>{10}}")
