// What COMMAND tells of the commands. The expected replies are those of Redis
// 7.0, except for the texts for people.

#include "tests/protocol/resp/support/resp_session.hpp"

#include <gtest/gtest.h>

namespace kvs::protocol::resp {
namespace {

struct exchange {
  std::string_view command;
  std::string reply;
};

TEST(CommandRepliesTest, DescribesCommands) {
  test::resp_session session{3};
  EXPECT_EQ(
    session.run("COMMAND INFO object|freq nope"),
    "*2\r\n*10\r\n$11\r\nobject|freq\r\n:3\r\n~1\r\n+readonly\r\n:2\r\n:2\r\n"
    ":1\r\n~3\r\n+@keyspace\r\n+@read\r\n+@slow\r\n~1\r\n"
    "$23\r\nnondeterministic_output\r\n~1\r\n%3\r\n$5\r\nflags\r\n~1\r\n+RO\r\n"
    "$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n"
    "%1\r\n$5\r\nindex\r\n:2\r\n$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n"
    "$5\r\nrange\r\n$4\r\nspec\r\n%3\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep"
    "\r\n:1\r\n$5\r\nlimit\r\n:0\r\n~0\r\n_\r\n");
}

TEST(CommandRepliesTest, DocumentsArguments) {
  test::resp_session session;
  const std::string reply = session.run("COMMAND DOCS getrange nope");
  EXPECT_TRUE(reply.starts_with("*2\r\n$8\r\ngetrange\r\n*10\r\n"));
  EXPECT_TRUE(reply.ends_with(
    "$9\r\narguments\r\n*3\r\n*6\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n"
    "$3\r\nkey\r\n$14\r\nkey_spec_index\r\n:0\r\n*4\r\n$4\r\nname\r\n"
    "$5\r\nstart\r\n$4\r\ntype\r\n$7\r\ninteger\r\n*4\r\n$4\r\nname\r\n"
    "$3\r\nend\r\n$4\r\ntype\r\n$7\r\ninteger\r\n"));
}

TEST(CommandRepliesTest, AnswersLists) {
  const std::string count = std::to_string(all_commands().size());
  const exchange exchanges[] = {
    {"COMMAND COUNT", std::string{":"}.append(count).append("\r\n")},
    {"COMMAND LIST FILTERBY PATTERN OBJECT|E*", "*1\r\n$15\r\nobject|encoding"
                                                "\r\n"},
    {"COMMAND LIST FILTERBY ACLCAT nope", "*0\r\n"},
    {"COMMAND LIST FILTERBY MODULE m", "*0\r\n"},
    {"COMMAND LIST FILTERBY x y", "-ERR syntax error\r\n"},
    {"COMMAND LIST x", "-ERR syntax error\r\n"},
    {"COMMAND NOPE", "-ERR unknown subcommand 'NOPE'. Try COMMAND HELP.\r\n"},
  };
  test::resp_session session;
  for (const auto& each : exchanges)
    EXPECT_EQ(session.run(each.command), each.reply) << each.command;
}

TEST(CommandRepliesTest, FindsTheKeysOfACall) {
  const std::string_view getkeys = "COMMAND GETKEYS ";
  const exchange exchanges[] = {
    {"mset a 1 b 2", "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
    {"object encoding a", "*1\r\n$1\r\na\r\n"},
    {"client id", "-ERR The command has no key arguments\r\n"},
    {"get a b", "-ERR Invalid number of arguments specified for command\r\n"},
    {"nope a", "-ERR Invalid command specified\r\n"},
    {"client nope", "-ERR Invalid command specified\r\n"},
  };
  test::resp_session session;
  for (const auto& each : exchanges)
    EXPECT_EQ(session.run(std::string{getkeys}.append(each.command)),
              each.reply)
      << each.command;
}

TEST(CommandRepliesTest, TellsHowACallUsesItsKeys) {
  const exchange exchanges[] = {
    {"set a b", "*1\r\n*2\r\n$1\r\na\r\n*2\r\n+OW\r\n+update\r\n"},
    {"set a b get",
     "*1\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+update\r\n"},
    {"bitfield a get u8 0", "*1\r\n*2\r\n$1\r\na\r\n*2\r\n+RO\r\n+access\r\n"},
    {"bitfield a set u8 0 1",
     "*1\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+update\r\n"},
    {"rename a b", "*2\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+delete\r\n"
                   "*2\r\n$1\r\nb\r\n*2\r\n+OW\r\n+update\r\n"},
  };
  test::resp_session session;
  for (const auto& each : exchanges)
    EXPECT_EQ(
      session.run("COMMAND GETKEYSANDFLAGS " + std::string{each.command}),
      each.reply)
      << each.command;
}

TEST(CommandRepliesTest, HelpNamesEverySubcommand) {
  test::resp_session session;
  EXPECT_EQ(session.run("MEMORY HELP"),
            "*5\r\n+MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands "
            "are:\r\n+USAGE <key> [SAMPLES <count>]\r\n"
            "+    Estimates the memory of a key and its value.\r\n"
            "+HELP\r\n+    Prints this help.\r\n");
}

} // namespace
} // namespace kvs::protocol::resp
