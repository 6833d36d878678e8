"""Checks the repository, and that every rule can fail."""

import pathlib
import re
import sys
import unittest

import rules

ROOT = pathlib.Path(__file__).parents[2]


class RepositoryTest(unittest.TestCase):
    def test_the_repository_follows_the_rules(self):
        findings = rules.check_tree(ROOT)
        for finding in findings:
            print("{}:{}: [{}] {}".format(*finding), file=sys.stderr)
        self.assertEqual(len(findings), 0)

    def test_the_rules_see_the_repository(self):
        paths = [path for path, _ in rules.read_tree(ROOT)]
        for folder in rules.FOLDERS:
            self.assertTrue(any(path.startswith(folder + "/")
                                for path in paths), folder)
        self.assertIn("README.md", paths)


class ReliabilityTest(unittest.TestCase):
    def test_every_regression_has_the_test_that_the_page_names(self):
        page = (ROOT / "docs/reliability.md").read_text()
        rows = re.findall(r"^\| (G\d+) \|.*\| `(\w+)\.(\w+)` \|$", page, re.M)
        self.assertEqual([name for name, _, _ in rows],
                         [f"G{i}" for i in range(1, 15)])
        tests = [path.read_text() for path in (ROOT / "tests").rglob("*test.*")
                 if path.suffix in (".cpp", ".py")]
        for name, suite, test in rows:
            in_cpp = rf"\({suite},\s*{test}\)"
            in_python = rf"class {suite}\(.*?def {test}\("
            with self.subTest(name):
                self.assertTrue(any(re.search(in_cpp, text)
                                    or re.search(in_python, text, re.S)
                                    for text in tests), test)

    def test_every_file_with_planted_bugs_is_built_with_them(self):
        listed = (ROOT / "tests/simulation/planted_bugs.cmake").read_text()
        for folder in ("storage", "actors"):
            for path in (ROOT / folder).glob("*.cpp"):
                if "storage/planted_bugs.hpp" not in path.read_text():
                    continue
                with self.subTest(path.name):
                    self.assertRegex(listed, rf"\s{re.escape(path.name)}\b")


class IncludeTest(unittest.TestCase):
    def refused(self, path, *lines):
        text = "".join(f"#include {line}\n" for line in lines)
        return len(list(rules.forbidden_includes(path, text)))

    def test_forbidden_includes(self):
        for path, line in (
                ("storage/index.hpp", '"protocol/status.hpp"'),
                ("storage/index.hpp", '"actors/shard.hpp"'),
                ("storage/index.hpp", "<caf/all.hpp>"),
                ("storage/index.hpp", "<boost/asio/post.hpp>"),
                ("storage/index.hpp", "<cereal/cereal.hpp>"),
                ("storage/index.hpp", "<spdlog/spdlog.h>"),
                ("storage/index.cpp", "<unistd.h>"),
                ("storage/index.cpp", "<sys/stat.h>"),
                ("protocol/status.hpp", '"storage/limits.hpp"'),
                ("protocol/status.hpp", '"actors/shard.hpp"'),
                ("protocol/status.hpp", "<caf/all.hpp>"),
                ("protocol/status.hpp", "<cereal/cereal.hpp>"),
                ("protocol/native/frame.cpp", "<boost/asio/post.hpp>"),
                ("protocol/resp/codec.cpp", "<cereal/cereal.hpp>"),
                ("protocol/client.cpp", "<cereal/cereal.hpp>"),
                ("actors/shard.cpp", "<boost/asio/post.hpp>"),
                ("actors/shard.cpp", "<cereal/cereal.hpp>"),
                ("actors/shard.cpp", '"apps/node/options.hpp"'),
                ("actors/shard.cpp", '"tests/support/memory_disk.hpp"'),
                ("apps/kvs_node.cpp", "<cereal/cereal.hpp>"),
                ("apps/kvs_node.cpp", '"tests/support/memory_disk.hpp"'),
                ("apps/client/bench.cpp", "<caf/all.hpp>"),
                ("apps/client/bench.cpp", '"storage/limits.hpp"'),
                ("common/util.hpp", "<vector>")):
            with self.subTest(path=path, line=line):
                self.assertEqual(self.refused(path, line), 1)
                self.assertEqual(
                    self.refused(path, line.replace("<", "  <")), 1)

    def test_allowed_includes(self):
        for path, line in (
                ("storage/index.hpp", "<vector>"),
                ("storage/index.hpp", '"storage/limits.hpp"'),
                ("storage/key_hash.cpp", "<xxhash.h>"),
                ("storage/posix_file_system.cpp", "<sys/uio.h>"),
                ("protocol/native/codec.cpp", "<cereal/cereal.hpp>"),
                ("protocol/client_connection.cpp", "<boost/asio/post.hpp>"),
                ("actors/acceptor.cpp", "<boost/asio/ip/tcp.hpp>"),
                ("actors/shard.cpp", '"storage/index.hpp"'),
                ("apps/kvs_node.cpp", '"actors/store.hpp"'),
                ("tests/protocol/twin.hpp", "<cereal/cereal.hpp>")):
            with self.subTest(path=path, line=line):
                self.assertEqual(self.refused(path, line), 0)


class SharedStateTest(unittest.TestCase):
    def found(self, text, path="actors/shard.cpp"):
        return [finding.rule for finding in rules.shared_state(path, text)]

    def test_banned_words(self):
        for rule, text in (
                ("lock", "std::mutex m_;"),
                ("lock", "std::shared_mutex m_;"),
                ("lock", "const std::lock_guard guard{m};"),
                ("condition", "std::condition_variable ready_;"),
                ("thread", "auto t = std::thread{work};"),
                ("thread", "std::jthread worker_;"),
                ("detach", "worker.detach();"),
                ("sleep", "std::this_thread::sleep_for(1ms);"),
                ("sleep", "usleep(10);"),
                ("atomic", "std::atomic<int> count_;"),
                ("atomic", "std::atomic_flag stop_;"),
                ("thread-local", "thread_local buffer scratch;")):
            with self.subTest(text=text):
                inside = "void f() {\n  " + text + "\n}\n"
                self.assertEqual(self.found(inside), [rule])
                self.assertEqual(self.found(inside, "apps/node/a.cpp"), [])

    def test_mutable_globals(self):
        for text in ("int counter = 0;", "std::string name;",
                     "inline int counter{1};", "std::vector<int> all = {1};",
                     "namespace kvs { namespace { int hits; } }",
                     "namespace kvs {\nvoid f() {}\nstd::map<int, int> m;\n}",
                     "void f() { static int calls = 0; }",
                     "struct s { static int calls; };",
                     "static std::string cache;"):
            with self.subTest(text=text):
                self.assertEqual(self.found(text), ["global"])

    def test_what_is_no_mutable_global(self):
        for text in ("constexpr int limit = 3;",
                     "inline constexpr std::array a{1, 2};",
                     "const std::string name = f();",
                     "void f();", "int f(int a = 3);", "class shard;",
                     "struct s {\n  int member = 0;\n  static void f();\n};",
                     "enum class e { a, b };", "using x = std::vector<int>;",
                     "template <class T>\nstruct t {};",
                     "void f() { static const int a = g(); int local = 1; }",
                     "static void helper(int a) { int b = a; }",
                     "namespace kvs { auto f() -> int { return 1; } }",
                     "static_assert(sizeof(int) == 4);",
                     "#define M(a) int a##_;\nvoid f();",
                     "KVS_MESSAGE(kvs::actors::a)\nKVS_MESSAGE(kvs::b)",
                     "bool operator==(const a&, const a&) = default;",
                     "shard::shard(int a) : a_{a}, b_{2}, c_{3} {\n}",
                     "static_assert(std::uint64_t{1} << 32 > 1, \"a\");",
                     "int s::f() const {\n  return 1;\n}"):
            with self.subTest(text=text):
                self.assertEqual(self.found(text), [])

    def test_comments_and_literals_are_no_code(self):
        self.assertEqual(self.found('// std::mutex\nvoid f() '
                                    '{ g("std::mutex"); }\n/* sleep */'), [])

    def test_exceptions_are_needed(self):
        # An exception that nothing uses any more is removed.
        texts = dict(rules.read_tree(ROOT))
        for place, rule, _ in rules.EXCEPTIONS:
            with self.subTest(place=place, rule=rule):
                self.assertTrue(any(
                    rules.re.search(rules.BANNED[rule],
                                    rules.without_comments(text))
                    for path, text in texts.items()
                    if rules.re.fullmatch(place, path)))


class OtherRulesTest(unittest.TestCase):
    def count(self, rule, *arguments):
        return len(list(rule(*arguments)))

    def test_caf_versions(self):
        text = "#if CAF_VERSION >= 10000\n#endif\n#if KVS_CAF_1X\n#endif\n"
        self.assertEqual(self.count(rules.caf_versions, "actors/a.cpp", text),
                         2)
        self.assertEqual(self.count(rules.caf_versions,
                                    "actors/caf_compat.hpp", text), 0)

    def test_todos(self):
        for text, count in (("// TODO: later", 1), ("// FIXME", 1),
                            ("// TODO(12): later", 0), ("int TODOs;", 0)):
            self.assertEqual(self.count(rules.bare_todos, "a.cpp", text),
                             count, text)

    def test_loose_comments(self):
        for text, count in (("/// What.\n\nint f();", 1),
                            ("  /// What.\n  \n  int f();", 1),
                            ("/// What.\nint f();", 0),
                            ("// Why.\n\nint f();", 0)):
            self.assertEqual(self.count(rules.loose_comments, "a.hpp", text),
                             count, text)

    def test_sizes(self):
        self.assertEqual(self.count(rules.sizes, "a.cpp", "\n" * 401), 1)
        self.assertEqual(self.count(rules.sizes, "a.cpp", "\n" * 400), 0)
        self.assertEqual(self.count(rules.sizes, "a.cpp", "a" * 81), 1)
        self.assertEqual(self.count(rules.sizes, "a.cpp", "ü" * 80), 0)

    def test_unbuilt_sources(self):
        files = {"storage/CMakeLists.txt":
                     "add_library(s a.cpp\n  ../apps/b.cpp sub/c.cpp "
                     "${CMAKE_CURRENT_SOURCE_DIR}/d.cpp "
                     "${PROJECT_SOURCE_DIR}/apps/e.cpp)",
                 "storage/a.cpp": "", "apps/b.cpp": "",
                 "storage/sub/c.cpp": "", "storage/d.cpp": "",
                 "apps/e.cpp": ""}
        self.assertEqual(self.count(rules.unbuilt_sources, files), 0)
        files["storage/b.cpp"] = ""
        self.assertEqual(self.count(rules.unbuilt_sources, files), 1)

    def test_missing_readmes(self):
        files = {f"{folder}/README.md": "" for folder in rules.FOLDERS}
        files["README.md"] = files["CMakeLists.txt"] = ""
        self.assertEqual(self.count(rules.missing_readmes, files), 0)
        files["tests/e2e/CMakeLists.txt"] = ""
        self.assertEqual(self.count(rules.missing_readmes, files), 1)
        del files["docs/README.md"]
        self.assertEqual(self.count(rules.missing_readmes, files), 2)

    def test_undocumented_names(self):
        files = {"docs/operations.md": "`--dir PATH`, `node.stopped`",
                 "actors/a.cpp": 'logging::info("node.stopped")',
                 "apps/node/options.cpp": 'app.add_option("--dir", d)'}
        self.assertEqual(self.count(rules.undocumented_names, files), 0)
        files["docs/operations.md"] = ""
        self.assertEqual(self.count(rules.undocumented_names, files), 2)

    def test_dead_links(self):
        files = {"docs/a.md": "[x](b.md#there) [y](../README.md) "
                              "[z](https://example.org/) `[w](no.md)`"}
        there = {"docs/b.md", "README.md"}
        self.assertEqual(self.count(rules.dead_links, files,
                                    there.__contains__), 0)
        there.clear()
        self.assertEqual(self.count(rules.dead_links, files,
                                    there.__contains__), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
