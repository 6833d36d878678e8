// Goal: what INFO commandstats says adds up over clients, and since a reset.

#include "actors/resp/command_counters.hpp"

#include <gtest/gtest.h>

namespace kvs::actors::resp {
namespace {

using namespace std::chrono_literals;
using protocol::resp::find_command;

TEST(CommandCountersTest, AddUpAndForgetWhatWasBefore) {
  const auto& get = *find_command("get");
  const auto& set = *find_command("set");
  command_counters one;
  one.of(get).calls = 2;
  one.of(set) = {5, 30us, 1, 2};
  one.of(get).took = 7us;
  command_counters sum;
  sum.of(set).calls = 1;
  sum.add(one);
  EXPECT_EQ(sum.all().size(), 2u);
  EXPECT_EQ(sum.of(set).calls, 6u);
  EXPECT_EQ(sum.of(set).took, 30us);
  EXPECT_EQ(sum.of(set).rejected, 1u);
  EXPECT_EQ(sum.of(set).failed, 2u);
  EXPECT_EQ(sum.of(get).calls, 2u);
  EXPECT_EQ(sum.of(get).took, 7us);
  auto since = sum;
  since.of(get).calls = 10;
  since.subtract(sum);
  ASSERT_EQ(since.all().size(), 1u) << "nothing of the other is left";
  EXPECT_EQ(since.of(get).calls, 8u);
  EXPECT_EQ(since.of(get).took, 0us);
}

} // namespace
} // namespace kvs::actors::resp
