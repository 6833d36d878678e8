// Goal: CONFIG SET is all or nothing, and a node that cannot change something
// says so instead of pretending.

#include "actors/resp/parameters.hpp"

#include <gtest/gtest.h>

namespace kvs::actors::resp {
namespace {

settings with_parameters() {
  settings made;
  made.parameters = {{"maxmemory", "0"},
                     {"notify-keyspace-events", ""},
                     {"slowlog-max-len", "128"},
                     {"timeout", "0"}};
  return made;
}

TEST(ParametersTest, SetsWhatCanBeSet) {
  auto all = with_parameters();
  EXPECT_EQ(set_parameters(all, {{"timeout", "30"}, {"slowlog-max-len", "7"}}),
            "");
  EXPECT_EQ(all.idle_timeout, std::chrono::seconds{30});
  EXPECT_EQ(all.slowlog_length_max, 7);
  EXPECT_EQ(all.parameters.at("timeout"), "30");
}

TEST(ParametersTest, TakesWhatItIsAndRefusesWhatItCannotBe) {
  auto all = with_parameters();
  EXPECT_EQ(set_parameters(all, {{"maxmemory", "0gb"}}), "");
  EXPECT_EQ(set_parameters(all, {{"maxmemory", "1gb"}}),
            "ERR CONFIG SET failed (possibly related to argument 'maxmemory') "
            "- can't set immutable config");
  EXPECT_EQ(all.parameters.at("maxmemory"), "0");
}

TEST(ParametersTest, ShowsTheLettersOfNotificationsAsRedisDoes) {
  for (const auto& [given, shown] :
       {std::pair{"An", "A"}, {"Km", "Km"}, {"nK", "nK"}, {"mEK$", "$KEm"}}) {
    auto all = with_parameters();
    EXPECT_EQ(set_parameters(all, {{"notify-keyspace-events", given}}), "");
    EXPECT_EQ(all.parameters.at("notify-keyspace-events"), shown) << given;
  }
}

} // namespace
} // namespace kvs::actors::resp
