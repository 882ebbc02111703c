//! Which reads of a name keep its import, by Python's scopes: one small module a row.

mod support;

use serde_json::json;
use support::{operation, run};

/// What becomes of `import a` in each module: the code of the refusal, or `goes`.
fn check(wanted: &str, modules: &[&str]) {
    let mut wrong = Vec::new();
    for module in modules {
        let removal = operation("remove_unused", json!({"import": "a", "line": line_of_import(module)}));
        let found = match run("m.py", module, &[removal]) {
            Ok(after) if after == *module => "no change".to_owned(),
            Ok(_) => "goes".to_owned(),
            Err(refusal) => refusal.code.to_string(),
        };
        if found != wanted {
            wrong.push(format!("{found}, not {wanted}:\n{module}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The line of the first `import a`.
fn line_of_import(module: &str) -> usize {
    module.lines().position(|line| line.trim_start().starts_with("import a")).unwrap_or_default() + 1
}

/// The same modules behind `import a`.
fn check_behind_import(wanted: &str, modules: &[&str]) {
    let modules: Vec<String> = modules.iter().map(|module| format!("import a\n{module}\n")).collect();
    check(wanted, &modules.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn expressions_read_names() {
    check_behind_import(
        "still_used",
        &[
            "a",
            "a.b.c",
            "x = [a, *y]",
            "x = {**a}",
            "x[a]",
            "x[1:a]",
            "f(a)",
            "f(x=a)",
            "f(*a)",
            "f(**a)",
            "not a",
            "x if a else y",
            "x < a",
            "x = f'{a}'",
            "x = f'{x:{a}}'",
            "x = f'{x!r}' f'{a=}'",
            "async def f(): await a",
            "def f(): yield a",
            "def f(): yield from a",
            "assert x, a",
            "raise x from a",
            "with a as x: pass",
            "for x in a: pass",
            "while a: pass",
            "try: pass\nexcept a: pass",
            "try: pass\nexcept* (x, a): pass",
            "@a\ndef f(): pass",
            "@x(a)\nclass C: pass",
            "class C(a): pass",
            "class C(x=a): pass",
            "match x:\n    case a.b: pass",
            "match x:\n    case a(): pass",
            "match x:\n    case y if a: pass",
            "del a",
            "del a.b",
            "a += 1",
            "a[0] = 1",
            "a.b: int = 1",
            "def f():\n    global a\n    return a",
            "def f():\n    def g():\n        global a\n        return a\n    a = 1",
        ],
    );
    check_behind_import(
        "goes",
        &["x.a", "f(a=1)", "'a'", "x = 'a'", "x = b'a'", "x = f'a'", "# a", "global_a = 1", "aa"],
    );
}

#[test]
fn functions_read_outside_what_they_do_not_bind() {
    check_behind_import(
        "still_used",
        &[
            "f = lambda: a",
            "f = lambda x=a: x",
            "f = lambda a=a: a",
            "f = lambda *, x=a: x",
            "f = lambda b: a",
            "def f(): return a",
            "def f(x=a): pass",
            "def f(a=a): pass",
            "def f(*, x=a): pass",
            "def f(x: a): pass",
            "def f(a: a): pass",
            "def f(*x: a): pass",
            "def f(**x: a): pass",
            "def f() -> a: pass",
            "def f():\n    def g(): return a",
            "def f():\n    class C:\n        a = 1\n        def g(self): return a",
            "def f():\n    def g(a): pass\n    return a",
        ],
    );
    check_behind_import(
        "goes",
        &[
            "f = lambda a: a",
            "f = lambda *a: a",
            "f = lambda **a: a",
            "f = lambda *, a: a",
            "f = lambda a, /: a",
            "def f(a): return a",
            "def f(*a): return a",
            "def f(**a): return a",
            "def f(a):\n    def g(): return a",
            "def f():\n    a = 1\n    return a",
            "def f():\n    (a, b), *c = 1\n    return a",
            "def f():\n    for a in x: print(a)",
            "def f():\n    with x as a: print(a)",
            "def f():\n    with x as (a, b): print(a)",
            "def f():\n    try: pass\n    except E as a: print(a)",
            "def f():\n    import a.b\n    a.b",
            "def f():\n    from x import a\n    a",
            "def f():\n    from x import b as a\n    a",
            "def f():\n    def a(): pass\n    a",
            "def f():\n    class a: pass\n    a",
            "def f():\n    type a = int\n    a",
            "def f():\n    a: int\n    a",
            "def f():\n    a += 1",
            "def f():\n    del a",
            "def f():\n    if (a := 1): print(a)",
            "def f():\n    [(a := x) for x in y]\n    a",
            "def f():\n    g = lambda: (a := 1)\n    g = lambda: [(a := x) for x in y] + [a]",
            "def f(x):\n    match x:\n        case a: print(a)",
            "def f(x):\n    match x:\n        case [y, *a]: print(a)",
            "def f(x):\n    match x:\n        case {'k': y, **a}: print(a)",
            "def f(x):\n    match x:\n        case int() as a: print(a)",
            "def f(x):\n    match x:\n        case C(k=a): print(a)",
            "def f():\n    a = 1\n    def g():\n        nonlocal a\n        return a",
        ],
    );
}

#[test]
fn comprehensions_are_scopes_of_their_own() {
    check_behind_import(
        "still_used",
        &[
            "[a for x in y]",
            "[x for x in a]",
            "[a for a in a]",
            "[x for x in y if a]",
            "[x for x in y for z in a]",
            "[x for a.b in y]",
            "{a for x in y}",
            "{a: x for x in y}",
            "{x: a for x in y}",
            "(a for x in y)",
            "[x for x in y]; a",
            "[[a for x in y] for z in w]",
            "[(a := x) for x in y]\na",
        ],
    );
    check_behind_import(
        "goes",
        &[
            "[a for a in y]",
            "[a for a, b in y if a]",
            "[z for a in y for z in a]",
            "{a for a in y}",
            "{a: a for a in y}",
            "(a for a in y)",
            "[[a for x in y] for a in w]",
            "[lambda: a for a in y]",
        ],
    );
}

#[test]
fn classes_are_seen_by_their_own_statements_only() {
    check_behind_import(
        "still_used",
        &[
            "class C:\n    x = a",
            "class C:\n    x = a\n    a = 1",
            "class C:\n    a = a",
            "class C:\n    a: x = a",
            "class C:\n    a += 1",
            "class C:\n    for a in a: pass",
            "class C:\n    if x:\n        a = a",
            "class C:\n    a = 1\n    def f(self): return a",
            "class C:\n    a = 1\n    x = lambda: a",
            "class C:\n    def f(self, x=a): pass",
        ],
    );
    check_behind_import("goes", &["class C:\n    a = 1\n    x = a", "class C:\n    def a(self): pass\n    x = a"]);
    check(
        "still_used",
        &[
            "class C:\n    import a\n    x = a\n",
            "class C:\n    import a\n    def f(self, x=a): pass\n",
            "class C:\n    import a\n    x = [y for y in a]\n",
            "class C:\n    import a\n    @a\n    def f(self): pass\n",
        ],
    );
    check(
        "reexport",
        &[
            "class C:\n    import a\n    def f(self): return a\n",
            "class C:\n    import a\n    x = lambda: a\n",
            "class C:\n    import a\nprint(a)\n",
            "class C:\n    import a\n    class D:\n        x = a\n",
            "class C:\n    if x:\n        from y import b\n        import a\n",
            "try:\n    class C:\n        import a\nexcept ImportError:\n    pass\n",
            "class C:\n    import a\n__all__ = ['a']\n",
        ],
    );
    check(
        "still_used",
        &[
            "class C:\n    import a\nprint(C.a)\n",
            "class C:\n    import a\n    def f(self): return self.a.dumps(1)\n",
            "class C:\n    if x:\n        import a\n    y = a\n",
        ],
    );
    check(
        "goes",
        &[
            "class C:\n    global a\n    import a\n",
            "class C:\n    def f(self):\n        import a\n        return x.a\n",
        ],
    );
}

#[test]
fn a_class_hides_only_what_it_surely_binds() {
    check_behind_import(
        "still_used",
        &[
            "class C:\n    a = 1\n    x = [a for _ in range(3)]",
            "class C:\n    a = 1\n    x = {k: a for k in y}",
            "class C:\n    a = 1\n    x = any(a for k in y)",
            "class C:\n    a: float\n    y: float = a.pi",
            "class C:\n    a: str\n    y: a",
            "class C:\n    a: str = ''\n    y: a",
            "class C:\n    a: str = ''\n    y: 'a'",
            "class C:\n    if c:\n        a = 1\n    y = a",
            "class C:\n    if c:\n        pass\n    else:\n        def a(self): pass\n    y = a",
            "class C:\n    try:\n        a = q()\n    except E:\n        pass\n    y = a",
            "class C:\n    try: pass\n    except E as a: pass\n    y = a",
            "class C:\n    a = 1\n    try: pass\n    except E as a: pass\n    y = a",
            "class C:\n    for a in (): pass\n    y = a",
            "class C:\n    while x: a = 1\n    y = a",
            "class C:\n    with x as a: pass\n    y = a",
            "class C:\n    match x:\n        case a: pass\n    y = a",
            "class C:\n    x = y and (a := 1)\n    y = a",
            "class C:\n    a = 1\n    del a\n    y = a",
            "class C:\n    a = 1\n    if x:\n        del a\n    y = a",
            "class C:\n    def f(self): pass\n    if x: a = 1\n    y = a",
        ],
    );
    check_behind_import(
        "goes",
        &[
            "class C:\n    a = 1\n    x = [y for y in a]",
            "class C:\n    a = 1\n    class D[T](a): pass",
            "class C:\n    a: int = 1\n    x = a",
            "class C:\n    a = 1\n    class D[T](B): pass\n    x = a",
            "class C:\n    if x: y = 1\n    import a\n    x = a",
            "class C:\n    (a, b) = 1, 2\n    x = a",
        ],
    );
}

#[test]
fn what_runs_later_reads_an_import_below_it() {
    check(
        "still_used",
        &[
            "def f(x: 'a.B'): pass\nimport a\n",
            "def f(x: a.B): pass\nimport a\n",
            "def f() -> 'a.B': pass\nimport a\n",
            "x: 'a.B'\nimport a\n",
            "class C:\n    x: 'a.B'\nimport a\n",
            "class C:\n    x: list[a.B]\nimport a\n",
            "from __future__ import annotations\ndef f(x: a.B): pass\nimport a\n",
            "type X = a.B\nimport a\n",
            "type X[T: a.B] = T\nimport a\n",
            "def f[T: a.B](): pass\nimport a\n",
            "class C[T = a.B]: pass\nimport a\n",
            "T = TypeVar('T', bound='a.B')\nimport a\n",
            "x = cast('a.B', y)\nimport a\n",
            "x: TypeAlias = 'a.B'\nif TYPE_CHECKING:\n    import a\n",
            "g = (a.f(x) for x in xs)\nimport a\n",
            "g = (x for x in xs if a.f(x))\nimport a\n",
            "g = (lambda: [x for x in a.f(y)] for y in z)\nimport a\n",
        ],
    );
    check(
        "goes",
        &[
            "g = [a.f(x) for x in xs]\nimport a\n",
            "g = (x for x in a.xs)\nimport a\n",
            "x = a.B\nimport a\n",
            "class C(a.B): pass\nimport a\n",
            "def f(x=a.B): pass\nimport a\n",
        ],
    );
}

#[test]
fn type_parameters_are_scopes_of_their_own() {
    check_behind_import(
        "still_used",
        &[
            "def f[T: a](): pass",
            "def f[T: 'a'](): pass",
            "def f[T = a](): pass",
            "def f[*T = a](): pass",
            "def f[**T = a](): pass",
            "def f[T](x: a): pass",
            "def f[T](x: T): return a",
            "class C[T: a]: pass",
            "class C[T](a): pass",
            "type X = a",
            "type X = 'a'",
            "type X = list['a']",
            "type X[T] = a",
            "type X[T: (a, int)] = T",
        ],
    );
    check_behind_import(
        "goes",
        &[
            "def f[a](x: a) -> a: return a",
            "def f[*a](x: a): pass",
            "def f[**a](x: a): pass",
            "class C[a](B[a]):\n    x: a",
            "type X[a] = a",
        ],
    );
}

#[test]
fn strings_are_read_where_types_stand() {
    check_behind_import(
        "still_used",
        &[
            "x: 'a'",
            "x: 'a' = 1",
            "x: 'b.c[a.d, e]'",
            "x: 'b | a'",
            "def f(x: 'a'): pass",
            "def f(*x: 'a', **y: 'int') -> 'None': pass",
            "def f() -> 'a': pass",
            "x: List[Literal['y'], 'a']",
            "x: Annotated['a', 1]",
            "x = Annotated['a', 'b']",
            "x = Annotated['a']",
            "x = List['a']",
            "x = dict[str, 'a']",
            "x = typing.Optional['a']",
            "x = type['a']",
            "x: y['a']",
            "x: f('a')",
            "x: f(k='a')",
            "x: TypeAlias = 'a'",
            "x: typing.TypeAlias = 'a'",
            "x = cast('a', y)",
            "x = typing.cast('a', y)",
            "x = cast(typ='a', val=y)",
            "assert_type(x, 'a')",
            "T = TypeVar('T', int, 'a')",
            "T = TypeVar('T', bound='a')",
            "T = ParamSpec('T', bound='a')",
            "T = TypeVarTuple('T', default='a')",
            "T = TypeAliasType('T', 'a')",
            "T = NewType('T', 'a')",
            "T = NamedTuple('T', [('x', 'a')])",
            "T = NamedTuple('T', fields=[('x', 'a')])",
            "T = TypedDict('T', {'x': 'a'})",
            "T = TypedDict('T', fields={'x': 'a'})",
            "x: Literal['y'] | 'a'",
            "@f\ndef g(x: 'a'): pass",
            "from typing import cast as c\nx = c('a', y)",
            "from typing import TypeVar as TV\nT = TV('T', bound='a')",
            "x: 'TypeAlias' = 'a.B'",
            "x: 'typing.TypeAlias' = 'a.B'",
            "class C(weakref.ref['a.B']): pass",
            "class C(x.y['a.B']): pass",
            "x = functools.partial['a.B']",
            "x: 'L[\\n a]'",
            "x: '\\x61.B'",
            "x: 'é | a'",
        ],
    );
    check_behind_import(
        "goes",
        &[
            "x: int = 'a'",
            "x: 'ab'",
            "x: 'ba'",
            "x: 'b.a'",
            "x: 'a_'",
            "x: '_a'",
            "x: 'é.a'",
            "x: 'aé'",
            "x: Literal['a']",
            "x: Annotated[int, 'a']",
            "x: Annotated[int, f('a')]",
            "from typing import Literal as L\nx: L['a']",
            "class C(x['k'].y, z('a')): pass",
            "x = y['a']",
            "x = D['a']",
            "x = d['a']",
            "x = DICT['a']",
            "x = cast(y, 'a')",
            "x = cast(val='a', typ=int)",
            "assert_type('a', x)",
            "T = TypeVar('a')",
            "T = ParamSpec('a', 'a')",
            "T = NewType('a', int)",
            "f('a')",
            "f(bound='a')",
            "f(typ='a')",
            "@f('a')\ndef g(): pass",
            "class C:\n    'a'",
            "def f():\n    'a'",
        ],
    );
}

#[test]
fn type_comments_are_read() {
    check_behind_import(
        "still_used",
        &[
            "x = 1  # type: a",
            "x = 1  #type:List[a]",
            "def f(x):\n    # type: (a) -> None\n    pass",
            "x = 1 ## type: a",
        ],
    );
    check_behind_import(
        "goes",
        &[
            "x = 1  # type: ignore[a]",
            "x = 1  # typed: a",
            "x = 1  # type: b.a",
            "x = 1  # type: ab",
            "x = 1  # why # type",
            "# type: choose a value",
            "x = 1  # type: int  # a",
        ],
    );
}

#[test]
fn what_all_lists_is_used() {
    check_behind_import(
        "still_used",
        &[
            "__all__ = ['a']",
            "__all__ = 'b', 'a'",
            "__all__ = x = ['a']",
            "__all__: list[str] = ['a']",
            "__all__ += ['a']",
            "__all__ = ['b'] + ['a']",
            "__all__ = ['b'] + ('a',) + x.__all__",
            "__all__ = [*['a']]",
            "__all__ = list(('a',))",
            "__all__ = sorted({'a'})",
            "__all__ = tuple(['a'])",
            "__all__ = set(['a'])",
            "__all__.append('a')",
            "__all__.insert(0, 'a')",
            "__all__.extend(['a'])",
            "__all__.extend(x)",
            "__all__.append(x)",
            "__all__.clear()",
            "__all__ = names()",
            "__all__ = sorted(['b'], key=len)",
            "__all__ = ['b'] * 2",
            "__all__ = [x for x in y]",
            "__all__ = [x]",
            "if x: __all__ = ['a']",
            "if x: pass\nelif y: __all__ = ['a']",
            "if x: pass\nelse: __all__ = ['a']",
            "try: __all__ = ['a']\nexcept E: pass",
            "try: pass\nexcept E: __all__ = ['a']",
            "try: pass\nexcept E: pass\nelse: __all__ = ['a']",
            "try: pass\nfinally: __all__ = ['a']",
            "with x: __all__ = ['a']",
            "for x in y: __all__ += ['a']",
            "for x in y: pass\nelse: __all__ = ['a']",
            "while x: __all__ = ['a']",
            "while x: pass\nelse: __all__ = ['a']",
            "match x:\n    case 1: __all__ += ['a']",
            "__all__, x = ['a'], 1",
            "[*__all__] = x",
            "(__all__ := ['a'])",
            "__all__ = []\n__all__[:] = ['a']",
            "__all__ = []\ndel __all__[0]",
            "del __all__",
            "from m import __all__",
            "from m import names as __all__",
            "import names as __all__",
            "for __all__ in [['a']]: pass",
            "__all__ = []\ndef f():\n    global __all__\n    __all__ += ['a']",
            "__all__ = []\ndef f():\n    __all__.append('a')",
            "__all__ = []\n[__all__.append(n) for n in dir()]",
            "__all__ = []\nx = __all__.append('a')",
            "__all__ = []\nlist(map(__all__.append, ['a']))",
            "__all__ = []\nadd = __all__.append",
        ],
    );
    check_behind_import(
        "goes",
        &[
            "__all__ = ['b']",
            "__all__ = []",
            "__all__: list[str]",
            "__all__ = __all__ + ['b']",
            "__all__.extend(['b'])",
            "__all__.append('b')",
            "__all__.insert(0, 'b')",
            "__all__.sort()",
            "__all__.sort(key=len)",
            "__all__.reverse()",
            "__all__.remove('a')",
            "x = ['a']",
            "x += ['a']",
            "x: list = ['a']",
            "x.append('a')",
            "x.__all__.extend('a')",
            "f(__all__)",
            "for x in __all__: print(x)",
            "x = __all__[0]",
            "def f(): return __all__",
            "def f(): from m import __all__",
            "def f(): __all__ = ['a']",
            "class C: __all__ = ['a']",
        ],
    );
    check("goes", &["def f():\n    import a\n__all__ = ['a']\n"]);
}

#[test]
fn what_is_bound_again_first_is_not_used() {
    check_behind_import(
        "goes",
        &[
            "a = 1\na",
            "a = b = 1\na",
            "b = a = 1\na",
            "a: int = 1\na",
            "def a(): pass\na",
            "def a(): return a",
            "class a: pass\na",
            "from x import a\na",
            "import x as a\na",
            "f()\na = 1\na",
            "a = 1\ndef f(): return a",
            "a = 1\nif x:\n    print(a)",
            "import x.y as a\nimport a.b\na",
        ],
    );
    check_behind_import(
        "still_used",
        &[
            "a\na = 1",
            "a = a.b",
            "a: int\na",
            "a: x = a.b",
            "if x: a = 1\na",
            "for a in x: pass\na",
            "def f(): return a\na = 1",
            "def f(): return a\nf()\ndef a(): pass",
            "(a, b) = x\na",
            "class a(a.B): pass",
            "@a.b\ndef a(): pass",
        ],
    );
    check(
        "goes",
        &[
            "a = 1\na\nimport a\n",
            "if x:\n    import a\n    a = 1\nprint(a)\n",
            "if x:\n    import a\n    import b\n    a = 1\nprint(a)\n",
            "def f():\n    import a\n    g()\n    a = 1\n    return a\n",
            "for x in y:\n    def f():\n        print(a)\n        import a\n",
            "for x in y:\n    print(x)\nimport a\n",
        ],
    );
    check(
        "still_used",
        &[
            "if x:\n    import a\n    f()\n    a = 1\nprint(a)\n",
            "try:\n    import a\n    from c import a\nexcept ValueError:\n    pass\nprint(a)\n",
            "try:\n    import a, b as a\nexcept ValueError:\n    pass\nprint(a)\n",
            "with x:\n    import a\n    from c import a\nprint(a)\n",
            "while x:\n    a\n    import a\n",
            "for x in y:\n    if x:\n        a\n    else:\n        import a\n",
            "def f():\n    while x:\n        print(a)\n        import a\n",
            "def f():\n    print(a)\nimport a\n",
            "def f():\n    global a\n    import a\nprint(a)\n",
            "def f():\n    global a\n    import a\ndef g(): return a\n",
            "def f():\n    import a\n    def g():\n        nonlocal a\n        return a\n",
            "def f():\n    import a\n    def g():\n        def h():\n            nonlocal a\n            a.b = 1\n",
            "def f():\n    import a\n    class C:\n        nonlocal a\n        x = a\n",
        ],
    );
    check(
        "goes",
        &[
            "def f():\n    global a\n    import a\n",
            "def f():\n    import a\ndef g(): return a\n",
            "def f():\n    import a\nprint(a)\n",
            "def f():\n    import a\n    def g():\n        global a\n        return a\n",
        ],
    );
}

#[test]
fn a_package_is_used_through_its_modules() {
    let remove = |module: &str, name: &str| {
        let removal = operation("remove_unused", json!({"import": name, "line": 1}));
        run("m.py", module, &[removal]).map_err(|refusal| refusal.code.to_string())
    };
    let used = Err("still_used".to_owned());
    assert_eq!(remove("import a.b\na.b.c\n", "a.b"), used);
    assert_eq!(remove("import a.b\na\n", "a.b"), used);
    assert_eq!(remove("import a.b\nimport a\na.x\n", "a.b"), used);
    assert_eq!(remove("import a.b\nimport a.c\na.c.x\n", "a.b"), used);
    assert_eq!(remove("import a\nimport a.c\na.c.x\n", "a"), Ok("import a.c\na.c.x\n".to_owned()));
    assert_eq!(remove("import a.b, a.c\na.c\n", "a.b"), used);
    assert_eq!(remove("import a.b\nimport c as a\na.x\n", "a.b"), Ok("import c as a\na.x\n".to_owned()));
    assert_eq!(remove("import a.b as c\na.b\n", "a.b"), Err("not_found".to_owned()));
    for (module, name) in [
        ("import a.b\nimport a as x\nx.b.norm\n", "a.b"),
        ("import a.b\ndef f():\n    import a\n    return a.b.x\n", "a.b"),
        ("import a.b.c\nimport a.b as ab\nab.c.x\n", "a.b.c"),
        ("import a.b.c\nfrom a import b\nb.c.x\n", "a.b.c"),
        ("import a.b.c\nfrom a import b as x\nx.c.x\n", "a.b.c"),
    ] {
        assert_eq!(remove(module, name), used, "{module}");
    }
    for (module, name) in [
        ("import a.b\nimport a as x\nimport c as x\n", "a.b"),
        ("import a.b\nimport ab as x\nx.b\n", "a.b"),
        ("import a.b.c\nfrom .a import b\nb.c.x\n", "a.b.c"),
        ("import a.b.c\nfrom a.b import d\nd.x\n", "a.b.c"),
        ("import a.b.c as d\nimport a\na.b.c\n", "a.b.c"),
    ] {
        assert_ne!(remove(module, name), used, "{module}");
    }
    let inside = operation("remove_unused", json!({"import": "a.b", "line": 3}));
    let refusal = run("m.py", "import a\ndef f():\n    import a.b\n    return 1\nf()\na.b.x\n", &[inside]).unwrap_err();
    assert_eq!(refusal.code.as_str(), "still_used");
}

#[test]
fn what_a_try_tests_stays() {
    check(
        "availability_check",
        &[
            "try:\n    import a\nexcept ImportError:\n    pass\n",
            "try:\n    import a\nexcept ModuleNotFoundError as e:\n    print(e)\n",
            "try:\n    import a\nexcept (ValueError, ImportError):\n    pass\n",
            "try:\n    import a\nexcept builtins.Exception:\n    pass\n",
            "try:\n    import a\nexcept BaseException:\n    raise\n",
            "try:\n    import a\nexcept:\n    pass\n",
            "try:\n    import a\nexcept* ImportError:\n    pass\n",
            "try:\n    import a\nexcept ValueError:\n    pass\nexcept ImportError:\n    pass\n",
            "try:\n    if x:\n        import a\nexcept ImportError:\n    pass\n",
            "with suppress(ImportError):\n    import a\n",
            "with x, contextlib.suppress(ValueError, ImportError):\n    import a\n",
            "with suppress(ImportError):\n    with x:\n        import a\n",
            "with pytest.raises(ImportError):\n    import a\n",
            "with self.assertRaises(ModuleNotFoundError):\n    import a\n",
            "try:\n    import a\nexcept (A, (ImportError, B)):\n    pass\n",
            "try:\n    import a\nexcept (ImportError,) + X:\n    pass\n",
            "try:\n    import a\nexcept (*X, ImportError):\n    pass\n",
        ],
    );
    check(
        "goes",
        &[
            "try:\n    import a\nexcept ValueError:\n    pass\n",
            "try:\n    import a\nexcept (ValueError, OSError):\n    pass\n",
            "try:\n    import a\nfinally:\n    pass\n",
            "try:\n    pass\nexcept ImportError:\n    import a\n",
            "try:\n    pass\nexcept ImportError:\n    pass\nelse:\n    import a\n",
            "try:\n    pass\nexcept ImportError:\n    pass\nfinally:\n    import a\n",
            "try:\n    def f():\n        import a\nexcept ImportError:\n    pass\n",
            "with suppress(ValueError):\n    import a\n",
            "with suppress:\n    import a\n",
            "with open(ImportError):\n    import a\n",
            "for x in y:\n    import a\n",
        ],
    );
}

#[test]
fn one_of_several_bindings_stays() {
    check(
        "conditional",
        &[
            "if x:\n    import a\nelse:\n    import b as a\n",
            "if x:\n    import a\nelif y:\n    from b import a\n",
            "if x:\n    pass\nelif y:\n    import a\nelse:\n    a = 1\n",
            "if x:\n    import a\nelse:\n    if y:\n        a = 1\n",
            "if x:\n    if y:\n        import a\nelse:\n    a = 1\n",
            "match x:\n    case 1:\n        import a\n    case 2:\n        a = 1\n",
            "try:\n    import a\nexcept ValueError:\n    a = None\n",
            "try:\n    a = 1\nexcept ValueError:\n    import a\n",
            "try:\n    pass\nexcept ValueError:\n    a = 1\nelse:\n    import a\n",
            "try:\n    pass\nexcept ValueError:\n    import a\nexcept OSError:\n    a = 1\n",
            "def f():\n    if x:\n        import a\n    else:\n        a = 1\n",
            "try:\n    import a\nexcept OSError as a:\n    pass\n",
            "match x:\n    case a: pass\n    case _:\n        import a\n",
            "match x:\n    case _ if x:\n        import a\n    case [y, *a]: pass\n",
        ],
    );
    check(
        "goes",
        &[
            "if x:\n    import a\nelse:\n    b = 1\n",
            "if x:\n    import a\n    a = 1\n",
            "if x:\n    import a\na = 1\n",
            "if x:\n    import a\nif not x:\n    a = 1\n",
            "for x in y:\n    import a\nelse:\n    a = 1\n",
            "try:\n    import a\nfinally:\n    a = 1\n",
            "if x:\n    def f():\n        import a\nelse:\n    a = 1\n",
            "if x:\n    import a\nelse:\n    def f():\n        a = 1\n",
        ],
    );
}

#[test]
fn what_a_comment_keeps_stays() {
    check(
        "suppressed",
        &[
            "import a  # noqa\n",
            "import a, b  # why # NOQA:E1,F401\n",
            "import a, \\\n    b  # noqa\n",
            "import a  # ruff: ignore[F401]\n",
            "# ruff: ignore[F401]\nimport a\n",
            "# pylint: disable-next=unused-import\nimport a\n",
            "import a  # pylint: disable=unused-import\n",
            "# pylint: disable=unused-import\n\nimport b\nimport a\n",
            "def f():\n    # ruff: disable[F401]\n    import b\n    if x:\n        import a\n",
            "# ruff: disable[F401]\ndef f():\n    x = 1\nimport a\n",
            "# ruff: enable[F401]\n# ruff: disable[F401]\nimport a\n",
            "import a\n# ruff: noqa\n",
            "# flake8: noqa\nimport a\n",
            "# pylint: skip-file\nimport a\n",
            "# ruff: file-ignore[F401]\nimport a\n",
            "import a  # flake8: noqa\n",
            "import a  # nopycln: import\n",
            "import a  # pyright: ignore[reportUnusedImport]\n",
            "# noinspection PyUnresolvedReferences\nimport a\n",
            "import a  # lint-amnesty, pylint: disable=unused-import\n",
            "if TYPE_CHECKING:  # pylint: disable=unused-import\n    import a\n",
            "def f(x: int):  # pylint: disable=unused-import\n    if x:\n        import a\n",
            "try:  # pylint: disable=unused-import\n    import a\nfinally:\n    pass\n",
        ],
    );
    check(
        "goes",
        &[
            "import a  # noqa: E501\n",
            "# noqa\nimport a\n",
            "import a\n# noqa\n",
            "import a\nimport b  # noqa\n",
            "import b  # ruff: ignore[F401]\nimport a\n",
            "# ruff: ignore[F401]\n\nimport a\n",
            "import a\n# ruff: ignore[F401]\n",
            "import b  # pylint: disable=unused-import\nimport a\n",
            "import a\n# pylint: disable=unused-import\n",
            "# ruff: disable[F401]\n# ruff: enable[F401]\nimport a\n",
            "def f():\n    # ruff: disable[F401]\n    x = 1\nimport a\n",
            "import b  # ruff: noqa\nimport a\n",
            "if x:  # pylint: disable=unused-import\n    import b\nimport a\n",
            "if x:  # noqa\n    import a\n",
            "import a  # pyright: ignore\n",
            "x = '# noqa'; import a\n",
        ],
    );
}

#[test]
fn what_is_no_python_of_today_is_refused() {
    check("syntax", &["lazy import a\n", "import a\nprint 'x'\n", "import a\nif x:\n"]);
    check(
        "unsupported",
        &[
            "%matplotlib inline\nimport a\n",
            "import a\n!ls\n",
            "import a\nfoo?\n",
            "import a\nx = !ls\n",
            "import a\nx = %time y\n",
            "{\n \"cells\": [{\"source\": [\"import a\\n\"]}]}\n",
        ],
    );
    check("goes", &["import a\nx = 1 % 2 != 3\n", "import a\n{'cells': 1}\n"]);
}
