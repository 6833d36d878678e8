// The table of commands: what is found, and what is refused how.

#include "protocol/resp/commands.hpp"
#include "protocol/resp/syntax.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace kvs::protocol::resp {
namespace {

using words = std::vector<std::string_view>;

TEST(CommandTableTest, FindsEveryCommandInAnyCase) {
  std::set<std::string_view> names;
  for (const auto& each : all_commands()) {
    EXPECT_EQ(find_command(each.name), &each);
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
    for (const auto& below : each.subcommands) {
      EXPECT_EQ(find_command(below.name), &below);
      EXPECT_TRUE(below.name.starts_with(std::string{each.name} + '|'));
    }
  }
  EXPECT_EQ(find_command("GeT")->name, "get");
  EXPECT_EQ(find_command("CLIENT|Id")->name, "client|id");
  for (const auto* each : {"", "ge", "gett", "client|", "client|id|x", "get|x"})
    EXPECT_EQ(find_command(each), nullptr) << each;
  EXPECT_EQ(find_command(std::string(1000, 'x')), nullptr);
}

TEST(CommandTableTest, EverySyntaxIsUnderstoodToItsEnd) {
  const auto check = [](const command_spec& spec) {
    const auto arguments = parse_syntax(spec.docs.syntax);
    EXPECT_EQ(arguments.empty(), spec.docs.syntax.empty()) << spec.name;
    for (const auto& each : arguments)
      EXPECT_FALSE(each.name.empty()) << spec.name;
    EXPECT_FALSE(spec.docs.summary.empty()) << spec.name;
    EXPECT_FALSE(spec.docs.since.empty()) << spec.name;
  };
  for (const auto& each : all_commands()) {
    check(each);
    for (const auto& below : each.subcommands)
      check(below);
  }
}

struct refused_case {
  words args;
  std::string error;
};

TEST(CommandTableTest, RefusesWithTheWordsOfRedis) {
  const std::string long_word(200, 'x');
  const std::string shown(128, 'x');
  const refused_case cases[] = {
    {{"foo"}, "ERR unknown command 'foo', with args beginning with: "},
    {{"FOO", "a", "b"},
     "ERR unknown command 'FOO', with args beginning with: 'a' 'b' "},
    {{long_word, long_word, "z"},
     "ERR unknown command '" + shown + "', with args beginning with: '" + shown
       + "' "},
    {{"get"}, "ERR wrong number of arguments for 'get' command"},
    {{"GET", "a", "b"}, "ERR wrong number of arguments for 'get' command"},
    {{"client"}, "ERR wrong number of arguments for 'client' command"},
    {{"client", "id", "x"},
     "ERR wrong number of arguments for 'client|id' command"},
    {{"config", "Foo"}, "ERR unknown subcommand 'Foo'. Try CONFIG HELP."},
  };
  for (const auto& each : cases) {
    const auto resolved = resolve(each.args);
    EXPECT_EQ(resolved.spec, nullptr);
    EXPECT_EQ(resolved.error, each.error);
  }
  EXPECT_EQ(resolve(words{"Client", "ID"}).spec->name, "client|id");
  EXPECT_EQ(resolve(words{"command"}).spec->name, "command");
}

struct key_case {
  words args;
  words keys;
};

TEST(CommandTableTest, KnowsWhichArgumentsAreKeys) {
  const key_case cases[] = {
    {{"get", "a"}, {"a"}},
    {{"mset", "a", "1", "b", "2"}, {"a", "b"}},
    {{"mset", "a", "1", "b"}, {"a", "b"}},
    {{"del", "a", "b", "c"}, {"a", "b", "c"}},
    {{"bitop", "and", "a", "b", "c"}, {"a", "b", "c"}},
    {{"rename", "a", "b"}, {"a", "b"}},
    {{"lcs", "a", "b", "len"}, {"a", "b"}},
    {{"object", "encoding", "a"}, {"a"}},
    {{"ping", "a"}, {}},
  };
  for (const auto& each : cases)
    EXPECT_EQ(keys_of(*resolve(each.args).spec, each.args), each.keys);
}

TEST(CommandTableTest, CategoriesFollowFromFlags) {
  const auto& set = *find_command("set");
  EXPECT_TRUE(set.is(acl_category::write));
  EXPECT_TRUE(set.is(acl_category::string));
  EXPECT_TRUE(set.is(acl_category::slow));
  EXPECT_FALSE(set.is(acl_category::fast));
  EXPECT_TRUE(find_command("shutdown")->is(acl_category::dangerous));
}

TEST(SyntaxTest, UsageIsForPeople) {
  EXPECT_EQ(usage_of(parse_syntax(find_command("set")->docs.syntax)),
            "<key> <value> [NX|XX] [GET] [EX <seconds>|PX <milliseconds>|EXAT "
            "<unix-time-seconds>|PXAT <unix-time-milliseconds>|KEEPTTL]");
  EXPECT_EQ(usage_of(parse_syntax("key... x=(A|B) [GET type]..+")),
            "<key> [<key> ...] (A|B) [GET <type>]");
}

} // namespace
} // namespace kvs::protocol::resp
