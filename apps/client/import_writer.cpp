// Pipelined puts.

#include "apps/client/import_writer.hpp"

#include "apps/client/output.hpp"

namespace kvs::apps {

using namespace kvs::protocol;

namespace {

// Enough to keep the node busy during a round trip and its group commits; the
// second bound keeps large values from filling the memory of both sides.
constexpr std::size_t window_requests = 1024;
constexpr std::size_t window_bytes = 16 << 20;

// What a frame with a put holds besides key and value, rounded up.
constexpr std::uint64_t put_overhead_bytes = 64;

std::string too_long(const char* what, std::uint64_t size_bytes,
                     std::uint64_t limit_bytes) {
  return std::string{what} + " of " + std::to_string(size_bytes)
         + " bytes exceeds the limit of the node, "
         + std::to_string(limit_bytes) + " bytes; not imported";
}

std::string name_of(std::string_view key, std::uint64_t line_number) {
  return line_number != 0 ? "line " + std::to_string(line_number)
                          : "key " + in_quotes(key);
}

} // namespace

bool import_writer::begin() {
  const auto answer = node_.ask(hello{1, 0, "kvs-client"});
  if (!answer)
    return false;
  key_bytes_max_ = answer->message.key_bytes_max;
  value_bytes_max_ = answer->message.value_bytes_max;
  frame_bytes_max_ = answer->message.frame_bytes_max;
  return true;
}

// A frame that is too large would cost the connection, not only the key.
std::string import_writer::find_excess(std::string_view key,
                                       std::uint64_t value_bytes) const {
  if (key.size() > key_bytes_max_)
    return too_long("a key", key.size(), key_bytes_max_);
  if (value_bytes > value_bytes_max_)
    return too_long("a value", value_bytes, value_bytes_max_);
  const std::uint64_t frame_bytes
    = key.size() + value_bytes + put_overhead_bytes;
  if (frame_bytes > frame_bytes_max_)
    return too_long("a request", frame_bytes, frame_bytes_max_);
  return {};
}

bool import_writer::fits(std::string_view key, std::uint64_t value_bytes,
                         std::uint64_t line_number) {
  const std::string excess = find_excess(key, value_bytes);
  if (!excess.empty())
    complain(name_of(key, line_number), excess);
  return excess.empty();
}

void import_writer::put(std::string_view key, std::string_view value,
                        std::int64_t expiry_ms, std::uint64_t line_number) {
  if (!fits(key, value.size(), line_number))
    return;
  while (waiting_.size() >= window_requests
         || (waiting_bytes_ >= window_bytes && !waiting_.empty()))
    finish_oldest();
  // A lost connection is found out by a put that waits.
  if (lost_)
    return;
  const std::size_t size_bytes = key.size() + value.size();
  waiting_bytes_ += size_bytes;
  waiting_.push_back(
    {std::string{key}, line_number, size_bytes,
     node_.node()->start(protocol::put{key, {}, 0, expiry_ms, value})});
}

void import_writer::finish_oldest() {
  waiting_put oldest = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= oldest.size_bytes;
  const auto outcome = oldest.answer.get();
  if (outcome) {
    ++imported_;
    return;
  }
  // After a lost connection the first put says enough; all the others have
  // the same fate.
  if (!lost_)
    complain(name_of(oldest.key, oldest.line_number), outcome.error().message);
  else
    ++failed_;
  lost_ = lost_ || outcome.error().code != client_errc::refused;
}

void import_writer::complain(const std::string& what, const std::string& why) {
  ++failed_;
  progress_.hide();
  print_error(what + ": " + why);
}

void import_writer::finish() {
  while (!waiting_.empty())
    finish_oldest();
  progress_.finish(imported_);
}

} // namespace kvs::apps
