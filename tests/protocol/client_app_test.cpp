// The parts of kvs-client that can be tested without a node.

#include "apps/client/bench_frames.hpp"
#include "apps/client/json_line.hpp"
#include "apps/client/latency_histogram.hpp"
#include "apps/client/output.hpp"
#include "apps/client/repl.hpp"
#include "apps/client/session.hpp"
#include "apps/client/text_encoding.hpp"
#include "protocol/native/codec.hpp"

#include <gtest/gtest.h>

namespace kvs::apps {
namespace {

using namespace std::string_literals;
using words = std::vector<std::string>;

TEST(TextEncodingTest, KnowsUtf8) {
  for (const char* text : {"", "plain", "\xC3\xBC", "\xE2\x82\xAC",
                           "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"})
    EXPECT_TRUE(is_utf8(text)) << text;
  // Cut, overlong, surrogate, too large, stray continuation.
  for (const char* text :
       {"\xC3", "\xC0\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
        "\x80", "\xFF", "\xC3(", "\xE2\x82("})
    EXPECT_FALSE(is_utf8(text)) << text;
}

TEST(TextEncodingTest, Base64SurvivesBothWays) {
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("f"), "Zg==");
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
}

TEST(TextEncodingTest, RefusesWhatIsNoBase64) {
  for (const char* text :
       {"Zg", "Zg=", "Zh==", "Z===", "====", "Zm9v\n", "Zg=g"})
    EXPECT_FALSE(from_base64(text)) << text;
}

TEST(JsonLineTest, ReadsWhatAnExportWrites) {
  const std::string odd_key = "\xFF\0k"s;
  const std::string text = to_json_line(odd_key, {true, 1, 1500, "line\nline"});
  const auto line = std::get<json_line>(parse_json_line(text, false));
  EXPECT_EQ(line.key, odd_key);
  EXPECT_EQ(line.value, "line\nline");
  EXPECT_EQ(line.expiry_ms, 1500);
}

TEST(JsonLineTest, SaysWhatIsWrong) {
  for (const char* text :
       {"", "x", "[]", "{}", R"({"key":"k"})", R"({"key":1,"value":"v"})",
        R"({"key_base64":"?","value":"v"})",
        R"({"key":"k","value":"v","ttl_ms":0})",
        R"({"key":"k","value":"v","ttl_ms":1.5})",
        R"({"key":"k","value":"v","ttl_ms":99999999999999999999})"}) {
    const auto parsed = parse_json_line(text, false);
    ASSERT_TRUE(std::holds_alternative<std::string>(parsed)) << text;
    EXPECT_FALSE(std::get<std::string>(parsed).empty());
  }
}

TEST(JsonLineTest, OnlyBatchesHaveOperations) {
  const char* text = R"({"op":"erase","key":"k"})";
  EXPECT_TRUE(
    std::holds_alternative<std::string>(parse_json_line(text, false)));
  const auto line = std::get<json_line>(parse_json_line(text, true));
  EXPECT_EQ(line.kind, protocol::operation_kind::erase);
}

TEST(SessionTest, ReadsAddresses) {
  const auto plain = parse_endpoint("localhost:4000");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "localhost");
  EXPECT_EQ(plain->port, 4000);
  EXPECT_EQ(parse_endpoint("[::1]:1")->host, "::1");
  for (const char* wrong : {"", "host", ":4000", "host:", "host:0", "host:x",
                            "host:65536", "host:-1", "::1:4000", "[]:1"})
    EXPECT_FALSE(parse_endpoint(wrong)) << wrong;
}

TEST(SplitWordsTest, KnowsQuotesAndEscapes) {
  EXPECT_EQ(split_words("  set a  1 "), (words{"set", "a", "1"}));
  EXPECT_EQ(split_words("set '' \"\""), (words{"set", "", ""}));
  EXPECT_EQ(split_words(R"(a"b c"'d\n' "\x41\n\"\\")"),
            (words{"ab cd\\n", "A\n\"\\"}));
  EXPECT_EQ(split_words(R"("\0")"), (words{"\0"s}));
  EXPECT_EQ(split_words(""), words{});
  EXPECT_FALSE(split_words("'open"));
  EXPECT_FALSE(split_words("\"open\\\""));
}

TEST(LatencyHistogramTest, PercentilesAreRightToAFewPercent) {
  latency_histogram latencies;
  for (std::uint64_t ns = 1; ns <= 1'000'000; ++ns)
    latencies.add(ns, 1);
  for (const double share : {0.001, 0.5, 0.99, 1.0})
    EXPECT_NEAR(static_cast<double>(latencies.percentile(share)), share * 1e6,
                share * 1e6 * 0.04);
  latencies.add(UINT64_MAX, 1);
  EXPECT_EQ(latencies.max(), UINT64_MAX);
  EXPECT_EQ(latency_histogram{}.percentile(0.5), 0u);
}

// Goal: patched frames are still what the node understands.
TEST(BenchFramesTest, ChosenKeysLieInTheKeyspace) {
  bench_frames frames{bench_kind::set, 4, 10};
  std::uint64_t random_state = 1;
  frames.choose_keys(random_state, 7);
  const std::size_t frame_bytes = frames.size_bytes(1);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::span<const std::byte> frame{frames.data() + i * frame_bytes,
                                           frame_bytes};
    const auto header = std::get<protocol::native::frame_header>(
      protocol::native::parse_header(frame, 1 << 20));
    const auto decoded = protocol::native::decode_request(
      header, frame.subspan(protocol::native::header_bytes), {});
    const auto& message
      = std::get<protocol::put>(std::get<protocol::request>(decoded));
    EXPECT_EQ(message.value, "xxxxxxxxxx");
    EXPECT_EQ(message.key.substr(0, 15), "key:00000000000");
    EXPECT_LT(message.key.back(), '7');
  }
}

// Goal: no key can write control sequences to a terminal or fill it.
TEST(OutputTest, QuotesAnyBytes) {
  EXPECT_EQ(in_quotes("user:1"), "'user:1'");
  EXPECT_EQ(in_quotes("\xC3\xBC\x1B["), "'\xC3\xBC\\x1b['");
  EXPECT_EQ(in_quotes("\xFF\0"s), "'\\xff\\x00'");
  EXPECT_EQ(in_quotes(std::string(2000, 'a')),
            "'" + std::string(100, 'a') + "'... (2,000 bytes)");
}

TEST(OutputTest, NumbersAreReadable) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(readable_bytes(1023), "1023 B");
  EXPECT_EQ(readable_bytes(1536), "1.5 KiB");
}

} // namespace
} // namespace kvs::apps
