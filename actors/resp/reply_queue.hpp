/// The replies of one RESP client, which leave in the order of its requests
/// whatever order they are known in.
#pragma once

#include "actors/operation.hpp"
#include "actors/resp/calls.hpp"
#include "protocol/byte_buffer.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace kvs::actors::resp {

/// How the answer to a single operation becomes a reply.
enum class answer_form : std::uint8_t {
  /// The value, or null.
  value,
  /// OK.
  ok,
  /// 1 where the condition held.
  applied,
  /// 1 where there was such a key.
  existed,
  /// The number.
  number,
  /// The command is run on what was read.
  read,
  /// The shard has run the command.
  result,
};

/// Ownership: one session. A ring, so that a steady stream allocates nothing.
class reply_queue {
public:
  /// A reply, or the place that is kept for one.
  struct entry {
    enum class kind : std::uint8_t {
      waiting,
      /// `text` is a whole reply and lives for ever.
      text,
      /// The same, but `memory` keeps it alive.
      shared_text,
      integer,
      null,
      /// A bulk string that `memory` keeps alive.
      value,
      /// `bytes` are whole replies.
      bytes,
      /// Nothing is replied.
      silent,
    };
    kind what = kind::waiting;
    /// The version of RESP it is written in.
    std::uint8_t version = 2;
    /// CLIENT REPLY said that nobody wants it.
    bool is_unwanted = false;
    /// How to make a reply of the store's answer.
    answer_form form = answer_form::value;
    std::int64_t number = 0;
    std::string_view text;
    memory_owners memory;
    protocol::byte_buffer bytes;
    /// When the store was asked, and on behalf of which command, if its words
    /// are needed once more.
    std::chrono::steady_clock::time_point began;
    std::unique_ptr<call> asked;
    /// What is counted as called when this leaves; nullptr: no command was run.
    const command_spec* counted = nullptr;
    std::chrono::steady_clock::time_point read_at;

    /// Whether the reply is an error.
    bool is_error() const noexcept {
      if (what == kind::bytes)
        return bytes.size() > 0 && bytes.bytes().front() == std::byte{'-'};
      return (what == kind::text || what == kind::shared_text)
             && text.starts_with('-');
    }
  };

  /// Keeps the next place; its number stays the same.
  std::uint64_t open(int version, bool is_unwanted) {
    if (size_ == ring_.size())
      grow();
    auto& fresh = ring_[(begin_ + size_) & (ring_.size() - 1)];
    fresh.version = static_cast<std::uint8_t>(version);
    fresh.is_unwanted = is_unwanted;
    fresh.counted = nullptr;
    return first_ + size_++;
  }

  entry& at(std::uint64_t number) {
    return ring_[(begin_ + (number - first_)) & (ring_.size() - 1)];
  }

  void set_text(std::uint64_t number, std::string_view whole) {
    auto& place = at(number);
    place.what = entry::kind::text;
    place.text = whole;
  }
  void set_shared(std::uint64_t number, std::string_view whole,
                  const memory_owner& memory) {
    auto& place = at(number);
    place.what = entry::kind::shared_text;
    place.text = whole;
    place.memory.add(memory);
  }
  void set_integer(std::uint64_t number, std::int64_t value) {
    auto& place = at(number);
    place.what = entry::kind::integer;
    place.number = value;
  }
  void set_null(std::uint64_t number) {
    at(number).what = entry::kind::null;
  }
  void set_value(std::uint64_t number, std::string_view value,
                 memory_owners memory) {
    auto& place = at(number);
    place.what = entry::kind::value;
    place.text = value;
    place.memory = std::move(memory);
  }
  void set_bytes(std::uint64_t number, protocol::byte_buffer bytes) {
    auto& place = at(number);
    place.what = entry::kind::bytes;
    place.bytes = std::move(bytes);
  }
  void set_silent(std::uint64_t number) {
    at(number).what = entry::kind::silent;
  }

  /// Gives what is known at the front to `note`, in order, and to `take` if
  /// somebody wants it.
  template <class Note, class Take>
  void drain(Note note, Take take) {
    while (size_ > 0 && ring_[begin_].what != entry::kind::waiting) {
      auto& first = ring_[begin_];
      note(first);
      if (!first.is_unwanted)
        take(first);
      // Only these own anything; the next to open it sets the rest.
      if (first.what == entry::kind::value
          || first.what == entry::kind::shared_text)
        first.memory = {};
      else if (first.what == entry::kind::bytes)
        first.bytes.release();
      first.what = entry::kind::waiting;
      begin_ = (begin_ + 1) & (ring_.size() - 1);
      ++first_;
      --size_;
    }
  }

  std::size_t size() const noexcept {
    return size_;
  }

private:
  void grow() {
    std::vector<entry> larger(ring_.empty() ? 4 : 2 * ring_.size());
    for (std::size_t i = 0; i < size_; ++i)
      larger[i] = std::move(ring_[(begin_ + i) & (ring_.size() - 1)]);
    ring_ = std::move(larger);
    begin_ = 0;
  }

  /// Its size is a power of two.
  std::vector<entry> ring_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
  /// The number of the entry at `begin_`.
  std::uint64_t first_ = 0;
};

} // namespace kvs::actors::resp
