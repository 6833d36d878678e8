"""The house rules that a machine can check.

A rule is a function that yields `Finding`s. Per-file rules take the path,
relative to the root and with slashes, and the text; `check_tree` applies them
all. CONTRIBUTING.md gives the reasons.
"""

import os
import re
from collections import namedtuple

Finding = namedtuple("Finding", "path line rule text")

CODE = (".cpp", ".hpp")
FOLDERS = ("actors", "apps", "docs", "perf", "protocol", "storage", "tests")
# No shared state and no waiting: mailboxes only.
ACTOR_WORLD = ("storage/", "protocol/", "actors/")

LINES_MAX = 400
COLUMNS_MAX = 80

# -- who may include whom -----------------------------------------------------

STANDARD = r"[a-z_]+"  # neither suffix nor folder
POSIX = (r"(sys|netinet|arpa|linux)/\w+\.h"
         r"|(unistd|fcntl|dirent|limits|netdb|poll)\.h")

# First pattern that matches the path wins; a file may include what one of the
# expressions matches. "quoted" files are written with the folder in front.
INCLUDES = [
    (r"storage/posix_.+\.cpp", [STANDARD, r"storage/.+", POSIX]),
    (r"storage/crc32c\.cpp", [STANDARD, r"storage/.+", r"nmmintrin\.h"]),
    (r"storage/.+", [STANDARD, r"storage/.+", r"xxhash\.h",
                     r"boost/(unordered|sort)/.+"]),
    (r"protocol/client.*", [STANDARD, r"protocol/.+", r"boost/asio/.+",
                            r"boost/asio\.hpp"]),
    (r"protocol/native/.+", [STANDARD, r"protocol/.+", r"cereal/.+"]),
    (r"protocol/.+", [STANDARD, r"protocol/.+"]),
    # The edges of the actor world: sockets and threads.
    (r"actors/(acceptor|tcp_stream|socket_poller|job_queue|asio_scheduler)"
     r"\..pp",
     [STANDARD, r"(actors|storage|protocol)/.+", r"(caf|spdlog)/.+",
      r"boost/(asio|unordered|system)/.+", r"sys/(epoll|prctl|socket)\.h",
      r"netinet/tcp\.h", r"unistd\.h"]),
    # The only one with a stack of its own.
    (r"actors/paced_function\.cpp",
     [STANDARD, r"(actors|protocol)/.+", r"boost/context/.+"]),
    (r"actors/.+", [STANDARD, r"(actors|storage|protocol)/.+",
                    r"(caf|spdlog)/.+", r"boost/unordered/.+"]),
    # The client needs neither CAF nor the store.
    (r"apps/(client/.+|kvs_client\.cpp)",
     [STANDARD, r"(apps/client|protocol)/.+", POSIX, r"CLI/.+",
      r"nlohmann/.+", r"editline/.+"]),
    (r"apps/.+", [STANDARD, r"(apps|actors|storage|protocol)/.+", POSIX,
                  r"(CLI|nlohmann|spdlog|caf|boost/asio)/.+"]),
    (r"(tests|perf)/.+", [r".+"]),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def forbidden_includes(path, text):
    allowed = next((patterns for place, patterns in INCLUDES
                    if re.fullmatch(place, path)), [])
    for found in INCLUDE.finditer(text):
        name = found[2]
        if not any(re.fullmatch(pattern, name) for pattern in allowed):
            yield Finding(path, line_of(text, found.start(2)), "include",
                          f"{name} does not belong into this file")


# -- mailboxes only -----------------------------------------------------------

BANNED = {
    "lock": r"\b(std::)?(shared_|recursive_|timed_)*mutex\b"
            r"|\b(lock_guard|unique_lock|scoped_lock|shared_lock)\b"
            r"|\bcall_once\b|\bpthread_\w+",
    "condition": r"\bcondition_variable(_any)?\b|\bcounting_semaphore\b"
                 r"|\bbinary_semaphore\b|\bstd::(latch|barrier)\b",
    # Not its members: an id and the number of cores start nothing.
    "thread": r"\bstd::j?thread\b(?!::)|\bstd::async\b",
    "detach": r"\.\s*detach\s*\(",
    "sleep": r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\b",
    "atomic": r"\bstd::atomic\w*|\batomic_ref\b",
    "thread-local": r"\bthread_local\b",
}

# (file, rule, why it is allowed there)
EXCEPTIONS = [
    (r"actors/job_queue\.[ch]pp", "thread",
     "the one place that starts threads for actors"),
    (r"actors/job_queue\.[ch]pp", "atomic",
     "tells whether the sender is on the own thread; written once"),
    (r"actors/asio_scheduler\.[ch]pp", "thread",
     "the scheduler is what actors run on"),
    (r"actors/asio_scheduler\.[ch]pp", "atomic",
     "round-robin counter of the scheduler"),
    (r"actors/connection_input\.cpp", "atomic",
     "a fence before a receive buffer that requests borrowed is used again"),
    (r"protocol/client.*", "thread", "the client library has no actors"),
    (r"protocol/client.*", "lock", "the client library has no actors"),
]


def excepted(path, rule):
    return any(rule == name and re.fullmatch(place, path)
               for place, name, _ in EXCEPTIONS)


def shared_state(path, text):
    if not path.startswith(ACTOR_WORLD):
        return
    code = without_comments(text)
    for rule, pattern in BANNED.items():
        if excepted(path, rule):
            continue
        for found in re.finditer(pattern, code):
            yield Finding(path, line_of(code, found.start()), rule,
                          f"{found[0]} does not belong here")
    yield from mutable_globals(path, code)


STATIC = re.compile(r"\bstatic\b(?!_)\s*([^;={(]*)([;={(])")
NO_VARIABLE = re.compile(
    r"(using|typedef|template|struct|class|enum|union|friend|static_assert|"
    r"extern|namespace|concept|requires|return|public|private|protected)\b")
CONSTANT = re.compile(r"\b(const|constexpr|constinit const)\b")


def mutable_globals(path, code):
    for found in STATIC.finditer(code):
        if found[2] != "(" and not CONSTANT.search(found[1]):
            yield Finding(path, line_of(code, found.start()), "global",
                          "mutable static: " + " ".join(found[0].split()))
    for start, statement in namespace_statements(code):
        head = re.split(r"[={]", statement, maxsplit=1)[0].strip()
        head = re.sub(r"\[\[[^\]]*\]\]", "", head).strip()
        words = re.findall(r"[\w:<>,*&]+", head)
        if (len(words) < 2 or "(" in head or NO_VARIABLE.match(head)
                or CONSTANT.search(head) or head.startswith("static")):
            continue
        if re.search(r"\boperator\b", head):
            continue
        yield Finding(path, line_of(code, start), "global",
                      "mutable global: " + " ".join(head.split()))


def namespace_statements(code):
    """(position, text) of what stands directly in a namespace, up to `;`."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", blank, code, flags=re.M)
    depth, start, parentheses = 0, 0, 0
    for position, character in enumerate(code):
        if character in "()":
            parentheses += 1 if character == "(" else -1
        elif parentheses > 0:
            continue
        elif character == "{":
            before = code[start:position]
            if depth == 0 and re.search(
                    r'(\bnamespace\b[\w:\s]*|\bextern\s*"\s*")\s*$', before):
                start = position + 1
                continue
            depth += 1
        elif character == "}":
            if depth == 0:  # the end of a namespace
                start = position + 1
                continue
            depth -= 1
            # The body of a function ends it; a member initializer does not.
            if (depth == 0
                    and not re.match(r"\s*[,{]", code[position + 1:])
                    and "(" in re.split(r"[={]", code[start:position],
                                        maxsplit=1)[0]):
                start = position + 1
        elif character == ";" and depth == 0:
            statement = code[start:position]
            lead = len(statement) - len(statement.lstrip())
            if statement.strip():
                yield start + lead, statement.strip()
            start = position + 1


# -- versions of CAF ----------------------------------------------------------


def caf_versions(path, text):
    if path == "actors/caf_compat.hpp":
        return
    for found in re.finditer(r"\bCAF_VERSION\b|\bKVS_CAF_\w+",
                             without_comments(text)):
        yield Finding(path, line_of(text, found.start()), "caf-version",
                      f"{found[0]} belongs into actors/caf_compat.hpp alone")


# -- comments and sizes -------------------------------------------------------


def bare_todos(path, text):
    for found in re.finditer(r"\b(TODO|FIXME|XXX)\b(?!\(#?\d+\))", text):
        yield Finding(path, line_of(text, found.start()), "todo",
                      "write TODO(number of the issue)")


def loose_comments(path, text):
    lines = text.split("\n")
    for number, (line, following) in enumerate(zip(lines, lines[1:]), 1):
        if line.lstrip().startswith("///") and not following.strip():
            yield Finding(path, number, "comment",
                          "a blank line parts the comment from what it "
                          "describes")


def sizes(path, text):
    lines = text.split("\n")
    if len(lines) - 1 > LINES_MAX:
        yield Finding(path, LINES_MAX, "size",
                      f"{len(lines) - 1} lines; split it")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            yield Finding(path, number, "width", f"{len(line)} columns")


# -- the tree as a whole ------------------------------------------------------


def unbuilt_sources(files):
    """Sources that no CMakeLists.txt names."""
    named = set()
    for path, text in files.items():
        if not path.endswith("CMakeLists.txt"):
            continue
        folder = os.path.dirname(path)
        for word in re.findall(r"[\w./{}$-]+\.cpp\b", text):
            word = re.sub(r"^\$\{CMAKE_CURRENT_SOURCE_DIR\}/", "", word)
            word = re.sub(r"^\$\{PROJECT_SOURCE_DIR\}/",
                          os.path.relpath(".", folder or ".") + "/", word)
            named.add(os.path.normpath(os.path.join(folder, word)))
    for path in files:
        if path.endswith(".cpp") and path not in named:
            yield Finding(path, 1, "unbuilt", "no CMakeLists.txt names it")


def missing_readmes(files):
    folders = {os.path.dirname(path) for path in files
               if os.path.basename(path) == "CMakeLists.txt"}
    for folder in sorted({*folders, *FOLDERS}):
        if os.path.join(folder, "README.md") not in files:
            yield Finding(folder, 1, "readme", "README.md is missing")


def dead_links(files, exists):
    for path, text in files.items():
        if not path.endswith(".md"):
            continue
        plain = re.sub(r"^```.*?^```|`[^`\n]*`", blank, text,
                       flags=re.M | re.S)
        for found in re.finditer(r"\]\(([^)#\s]+)(#[^)\s]*)?\)", plain):
            if "://" in found[1]:
                continue
            target = os.path.normpath(
                os.path.join(os.path.dirname(path), found[1]))
            if not exists(target):
                yield Finding(path, line_of(text, found.start()), "link",
                              f"{found[1]} does not exist")


OPERATIONS = "docs/operations.md"
EVENT = re.compile(r'logging::(?:info|warn|error|critical)\(\s*"(\w+\.[\w-]+)')
OPTION = re.compile(r'"(?:-\w,)?(--[\w-]+)"')


def undocumented_names(files):
    """Log events and options of the node that the manual does not know."""
    manual = files.get(OPERATIONS, "")
    for path, text in files.items():
        if not path.startswith(("actors/", "apps/node/", "apps/kvs_node")):
            continue
        names = list(EVENT.finditer(text))
        if path == "apps/node/options.cpp":
            names += OPTION.finditer(text)
        for found in names:
            if f"`{found[1]}" not in manual:
                yield Finding(path, line_of(text, found.start()), "manual",
                              f"{found[1]} is not in {OPERATIONS}")


FILE_RULES = (forbidden_includes, shared_state, caf_versions, bare_todos,
              loose_comments, sizes)


def check_tree(root):
    """All findings below `root`."""
    files = dict(read_tree(root))
    findings = []
    for path, text in files.items():
        if path.endswith(CODE):
            for rule in FILE_RULES:
                findings += rule(path, text)
        elif path.endswith(".py"):
            findings += sizes(path, text)
    findings += unbuilt_sources(files)
    findings += missing_readmes(files)
    findings += undocumented_names(files)
    findings += dead_links(
        files, lambda path: os.path.exists(os.path.join(root, path)))
    return findings


def read_tree(root):
    """(path, text) of the files the rules are about."""
    places = [(root, [], sorted(os.listdir(root)))]
    for folder in FOLDERS:
        places += os.walk(os.path.join(root, folder))
    for folder, _, names in places:
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith((*CODE, ".py", ".md", "CMakeLists.txt")):
                with open(path, encoding="utf-8") as file:
                    yield os.path.relpath(path, root), file.read()


# -- helpers ------------------------------------------------------------------


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def blank(found):
    return re.sub(r"[^\n]", " ", found[0])


def without_comments(text):
    """The same text with comments and literals blanked out."""
    return re.sub(
        r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"'
        r"|(?<![\w'])'(?:[^'\\\n]|\\.)+'",
        blank, text, flags=re.S)
