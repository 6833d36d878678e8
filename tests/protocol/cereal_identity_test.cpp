// The codec writes what cereal writes and reads what cereal reads.

#include "tests/protocol/support/cereal_twin.hpp"
#include "tests/protocol/support/sample_messages.hpp"

#include <gtest/gtest.h>

namespace kvs::protocol::test {
namespace {

template <class Variant, class Make>
void expect_identical(const Variant& message, const Make& make_frame) {
  const std::string frame = make_frame(message);
  const std::string body = frame.substr(native::header_bytes);
  std::visit(
    [&](const auto& m) {
      using type = std::remove_cvref_t<decltype(m)>;
      EXPECT_EQ(body, cereal_bytes(m));
      const auto reread = from_cereal_bytes<type>(body);
      EXPECT_EQ(frame, make_frame(Variant{reread}));
    },
    message);
}

// Goal: a client may use cereal itself and no line of ours.
// Method: cereal writes the same body, and reads ours back into the message
// whose frame is the first one again.
TEST(CerealIdentityTest, EveryRequestIsTheSameBothWays) {
  for (const request& message : sample_requests()) {
    SCOPED_TRACE(message.index());
    expect_identical(message, [](const request& m) { return frame_of(m); });
  }
}

TEST(CerealIdentityTest, EveryReplyIsTheSameBothWays) {
  for (const sample_reply& sample : sample_replies()) {
    SCOPED_TRACE(static_cast<int>(sample.to));
    expect_identical(sample.message, [&](const reply& m) {
      return frame_of(sample_reply{sample.to, m});
    });
  }
}

// Goal: the samples above leave no type out.
TEST(CerealIdentityTest, SamplesCoverEveryType) {
  std::vector<bool> seen(request_type_count + 1U);
  for (const request& message : sample_requests())
    seen[static_cast<std::size_t>(type_of(message))] = true;
  for (std::size_t type = 1; type <= request_type_count; ++type)
    EXPECT_TRUE(seen[type]) << type;
  std::vector<bool> answered(request_type_count + 1U);
  std::vector<bool> reply_kinds(std::variant_size_v<reply>);
  for (const sample_reply& sample : sample_replies()) {
    answered[static_cast<std::size_t>(sample.to)] = true;
    reply_kinds[sample.message.index()] = true;
  }
  for (std::size_t type = 1; type <= request_type_count; ++type)
    EXPECT_TRUE(answered[type]) << type;
  for (std::size_t kind = 0; kind < reply_kinds.size(); ++kind)
    EXPECT_TRUE(reply_kinds[kind]) << kind;
}

} // namespace
} // namespace kvs::protocol::test
