// Requests for the load generator.

#include "apps/client/bench_frames.hpp"

#include "protocol/native/codec.hpp"

#include <string>

namespace kvs::apps {

namespace native = protocol::native;

namespace {

constexpr std::size_t key_digits = 12;

// Every body with a key begins with the mark and the length of the key.
constexpr std::size_t key_offset
  = native::header_bytes + sizeof(std::uint8_t) + sizeof(std::uint64_t);

std::string key_prefix(bench_kind kind) {
  // Counters live apart: an increment of a value of bytes is an error.
  return kind == bench_kind::incr ? "cnt:" : "key:";
}

protocol::request request_of(bench_kind kind, std::string_view key,
                             std::string_view value) {
  switch (kind) {
    case bench_kind::set:
      return protocol::put{key, {}, 0, 0, value};
    case bench_kind::get:
      return protocol::get{key};
    case bench_kind::incr:
      return protocol::increment{key, 1};
  }
  return protocol::ping{};
}

void write_digits(std::byte* out, std::uint64_t number) {
  for (std::size_t place = key_digits; place-- > 0; number /= 10)
    out[place] = static_cast<std::byte>('0' + number % 10);
}

// splitmix64: one multiplication chain per key, good enough to spread load.
std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15;
  std::uint64_t mixed = state;
  mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
  return mixed ^ mixed >> 31;
}

} // namespace

bench_frames::bench_frames(bench_kind kind, std::uint32_t pipeline,
                           std::uint32_t value_bytes)
  : pipeline_(pipeline) {
  const std::string key = key_prefix(kind) + std::string(key_digits, '0');
  const std::string value(value_bytes, 'x');
  for (std::uint32_t i = 0; i < pipeline; ++i)
    native::encode_request(frames_, native::request_id{i},
                           request_of(kind, key, value));
  frame_bytes_ = frames_.size() / pipeline;
}

void bench_frames::choose_keys(std::uint64_t& random_state,
                               std::uint64_t keyspace) {
  constexpr std::size_t prefix_bytes = 4;
  std::byte* digits = frames_.data() + key_offset + prefix_bytes;
  for (std::uint32_t i = 0; i < pipeline_; ++i, digits += frame_bytes_)
    write_digits(digits, next_random(random_state) % keyspace);
}

} // namespace kvs::apps
