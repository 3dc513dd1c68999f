"""Bindings for Python, made from the header: constants, option structs and functions by ctypes.

    library = bindings.load("include/levriero.h", "liblevriero.so.0")
    options = library.client_options()            # an _INIT, as in C
    library.lv_client_create(ctypes.byref(options), ctypes.byref(client))
"""

import ctypes
import re
from types import SimpleNamespace

PLAIN = {
    "int": ctypes.c_int, "size_t": ctypes.c_size_t, "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64, "void": None, "const char *": ctypes.c_char_p,
}


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL).replace("\\\n", " ")


def type_of(words, functions):
    """The ctypes type of a C type: handles are void pointers, pointers to numbers stay typed."""
    words = re.sub(r"\s*\*\s*", " *", " ".join(words.split())).strip()
    if words in functions:
        return functions[words]
    if words in PLAIN:
        return PLAIN[words]
    pointed = re.fullmatch(r"(?:const )?(int|size_t|uint32_t|uint64_t) \*", words)
    if pointed:
        return ctypes.POINTER(PLAIN[pointed[1]])
    if words.endswith("*"):
        return ctypes.c_void_p
    raise ValueError(f"no type for {words!r}")


def split_declaration(declaration):
    """`const char *name` into its type and its name."""
    match = re.fullmatch(r"(.*?[\s*])(\w+)", declaration.strip(), re.DOTALL)
    return match[1].strip(), match[2]


def constants_of(text):
    found = {}
    for body in re.findall(r"enum \w+ \{(.*?)\};", text, re.DOTALL):
        for name, value in re.findall(r"(LV_\w+)\s*=\s*(-?\d+)", body):
            found[name] = int(value)
    for name, value in re.findall(r"#define (LV_\w+) (UINT32_MAX|\d+)\s", text):
        found[name] = 0xFFFFFFFF if value == "UINT32_MAX" else int(value)
    return found


def callbacks_of(text):
    found = {}
    for result, name, arguments in re.findall(
            r"typedef (\w+) \(\*(\w+)\)\((.*?)\);", text, re.DOTALL):
        types = [type_of(split_declaration(a)[0], found) for a in arguments.split(",")]
        found[name] = ctypes.CFUNCTYPE(PLAIN[result], *types)
    return found


def value_of(word, constants, kind):
    if word == "NULL":
        return kind()
    if word.startswith('"'):
        return word.strip('"').encode()
    return constants[word] if word in constants else int(word)


def structs_of(text, constants, callbacks):
    """Each option struct, and a maker of one as its _INIT has it."""
    makers = {}
    for name, body in re.findall(r"struct lv_(\w+) \{(.*?)\};", text, re.DOTALL):
        fields = []
        for declaration in filter(str.strip, body.split(";")):
            words, field = split_declaration(declaration)
            fields.append((field, type_of(words, callbacks)))
        struct = type(name, (ctypes.Structure,), {"_fields_": fields})
        init = re.search(rf"#define LV_{name.upper()}_INIT\s+\{{(.*?)\}}", text, re.DOTALL)
        values = [word.strip() for word in init[1].split(",")][1:]
        makers[name] = make_maker(struct, fields, values, constants)
    return makers


def make_maker(struct, fields, values, constants):
    def make(**changes):
        made = struct()
        made.size = ctypes.sizeof(struct)
        for (field, kind), word in zip(fields[1:], values, strict=True):
            setattr(made, field, value_of(word, constants, kind))
        for field, value in changes.items():
            setattr(made, field, value)
        return made
    return make


def load(header, library_path):
    with open(header, encoding="utf-8") as file:
        text = without_comments(file.read())
    constants = constants_of(text)
    callbacks = callbacks_of(text)
    library = ctypes.CDLL(library_path)
    found = SimpleNamespace(**constants, **structs_of(text, constants, callbacks), **callbacks)
    for result, name, arguments in re.findall(
            r"LV_API ([\w\s*]+?)(lv_\w+)\((.*?)\);", text, re.DOTALL):
        function = getattr(library, name)
        function.restype = type_of(result, callbacks)
        function.argtypes = [] if arguments.strip() == "void" else [
            type_of(split_declaration(a)[0], callbacks) for a in arguments.split(",")]
        setattr(found, name, function)
    return found
