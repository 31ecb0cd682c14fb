#!/usr/bin/env python3
"""Golden results of template expressions and statements, by jinja2 itself.

  make_template_goldens.py > template_goldens.jsonl

Needs jinja2 3.1.6. The sandbox, the white-space settings and tojson are those of the transformers
renderer; the sample is drawn with a fixed seed.
"""
import copy
import json
import random
import warnings

import jinja2
import jinja2.ext
import jinja2.sandbox

warnings.simplefilter("ignore")
ENV = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols])
ENV.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

VARS = {
    "s": "Hello wORLD", "u": "Straße ΟΔΟΣ ǆ ŉ", "e": "", "n": None, "t": True, "f": False, "i": 7, "neg": -3, "z": 0, "fl": 2.5,
    "big": 12345678901234567890123, "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "le": [], "d": {"b": 1, "a": 2, "items": 5}, "de": {},
    "nest": [{"r": "u", "c": "x", "n": 2}, {"r": "a", "c": "y"}, {"r": "u", "c": None, "n": 1}], "mix": [1, "x", None, 2.5, True],
    "ml": "line one\n\n  line two\nthree\n", "ws": " \t pad\u00a0\n", "md": {"x": {"y": {"z": [1, {"k": "v"}]}}}, "q": "it's \"q\" \\ \n\x07é\u200b",
}
ATOMS = list(VARS) + ["nope", "'a-b-c'", "''", "1", "0", "2.5", "none", "true", "[1,2]", "[]", "{'k':1}", "(1,2)", "'ÀÉ b'", "range(3)"]
FILTERS = [
    "abs", "batch(2)|list", "capitalize", "center(20)", "center(7)", "count", "default('D')", "default('D',true)", "dictsort", "dictsort(by='value')",
    "escape", "e", "first", "float", "float(3)", "forceescape", "groupby('r')", "indent", "indent(2,true)", "indent(width='> ',blank=true)", "int", "int(9)",
    "int(base=16)", "items|list", "join", "join(',')", "join('-',attribute='c')", "last", "length", "list", "lower", "map('upper')|list",
    "map(attribute='r')|list", "map(attribute='n',default=0)|list", "max", "min", "pprint", "reject('none')|list", "rejectattr('n','defined')|list",
    "replace('a','b')", "replace('l','LL',1)", "reverse|list", "round", "round(1)", "round(0,'floor')", "safe|upper", "select|list", "select('string')|list",
    "selectattr('n')|list", "selectattr('r','equalto','u')|list", "slice(2)|list", "slice(3,'f')|list", "sort", "sort(reverse=true)",
    "sort(case_sensitive=true)", "sort(attribute='r,c')", "string", "striptags", "sum", "title", "tojson", "tojson(indent=2)", "tojson(sort_keys=true)",
    "tojson(ensure_ascii=true)", "trim", "trim('Hd')", "truncate(5)", "truncate(9,false,'…',0)", "unique|list", "upper", "urlencode", "wordcount",
    "wordwrap(8)", "wordwrap(5,false)", "xmlattr", "attr('x')", "filesizeformat",
]
TESTS = [
    "boolean", "callable", "defined", "divisibleby 3", "eq 7", "even", "false", "float", "ge 2", "in [1,7]", "integer", "iterable", "lower", "mapping",
    "none", "number", "odd", "sameas none", "sequence", "string", "true", "undefined", "upper", "not none",
]
METHODS = [
    "strip()", "lstrip('H')", "split()", "split('l')", "split(' ',1)", "rsplit(None,1)", "splitlines(true)", "upper()", "lower()", "title()",
    "capitalize()", "swapcase()", "casefold()", "startswith(('x','H'))", "endswith('l',0,4)", "find('o',5)", "rfind('l',0,4)", "index('o')", "count('l')",
    "replace('','-')", "isdigit()", "isalpha()", "istitle()", "zfill(12)", "center(14,'*')", "rjust(14,'é')", "partition('o')", "rpartition('zz')",
    "removeprefix('He')", "expandtabs(4)", "encode()", "join(['a','b'])", "get('a')", "get('q',3)", "keys()|list", "items()|list", "index(1)", "count(1)",
    "append(1)", "pop()", "update({})", "nosuch", "nosuch.x", "__class__.x",
]
OPERATORS = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", ">=", "in", "not in", "and", "or"]
SUBSCRIPTS = ["[0]", "[-1]", "['a']", "['items']", ".a", "[5]", "[none]", ".0", "['b']['c']"]
SPACES = ["", " ", "\n", "\n  ", "  \n", "\t", "x", "\n\n"]


def expression(rnd, depth=0):
    atom = lambda: rnd.choice(ATOMS) if depth > 1 or rnd.random() < 0.75 else "(" + expression(rnd, depth + 1) + ")"
    a = atom()
    form = rnd.randrange(6)
    if form == 0:
        return a + "|" + rnd.choice(FILTERS)
    if form == 1:
        return a + " is " + rnd.choice(TESTS)
    if form == 2:
        return a + "." + rnd.choice(METHODS)
    if form == 3:
        return a + " " + rnd.choice(OPERATORS) + " " + atom()
    if form == 4:
        return a + rnd.choice(SUBSCRIPTS)
    return "%s if %s else %s" % (a, atom(), atom())


def statements(rnd, depth=0):
    ws = lambda: rnd.choice(SPACES)
    tag = lambda body: "{%" + rnd.choice(["", "-", "+"]) + " " + body + " " + rnd.choice(["", "-", "+"]) + "%}"
    out = ""
    for _ in range(rnd.randint(1, 4)):
        form = rnd.randrange(7) if depth < 3 else rnd.randrange(3, 7)
        if form == 0:
            out += ws() + tag("if " + rnd.choice(["a", "not a", "i is defined"])) + ws() + statements(rnd, depth + 1) + ws()
            out += tag("else") + statements(rnd, depth + 1) + tag("endif") if rnd.random() < 0.4 else tag("endif")
        elif form == 1:
            out += ws() + tag("for i in " + rnd.choice(["[1,2]", "range(2)", "'ab'", "[]"])) + ws() + statements(rnd, depth + 1) + ws() + tag("endfor")
        elif form == 2:
            out += ws() + tag("set a") + ws() + statements(rnd, depth + 1) + tag("endset")
        elif form == 3:
            out += ws() + tag("set a = " + rnd.choice(["1", "i", "a", "none", "loop.index"])) + ws()
        elif form == 4:
            out += ws() + "{#" + rnd.choice(["", "-"]) + " c " + rnd.choice(["", "-"]) + "#}" + ws()
        else:
            out += ws() + "{{" + rnd.choice(["", "-"]) + " " + rnd.choice(["a", "i", "loop.index", "'q'"]) + " " + rnd.choice(["", "-"]) + "}}" + ws()
    return out


def kind_of(error):
    for cls, kind in ((jinja2.TemplateSyntaxError, "syntax"), (SyntaxError, "syntax"), (jinja2.exceptions.SecurityError, "security"), (jinja2.UndefinedError, "undefined")):
        if isinstance(error, cls):
            return kind
    return "runtime"


def main():
    rnd = random.Random(5)
    seen = set()
    print(json.dumps({"vars": VARS}))
    for i in range(3000):
        source = "{{ " + expression(rnd) + " }}" if i % 3 else statements(rnd)
        if source in seen or len(source) > 300:
            continue
        seen.add(source)
        try:
            expect = {"text": ENV.from_string(source).render(**copy.deepcopy(VARS))}
        except Exception as error:
            expect = {"kind": kind_of(error)}
        if " at 0x" not in expect.get("text", "").lower():  # an address in memory
            print(json.dumps(dict(source=source, **expect), separators=(",", ":")))


main()
